"""Facts → metrics → signals, in one tick (semantics.md S31): each sees what stands before it, playbooks see them all."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import Table, select

from storage.health import DerivedItem, MetricValue, SignalEpisode
from tests.cast import customer, going_quiet, healthy, used
from tests.world import World

VALUE: Table = MetricValue.__table__  # type: ignore[attr-defined]
EPISODE: Table = SignalEpisode.__table__  # type: ignore[attr-defined]
ITEM: Table = DerivedItem.__table__  # type: ignore[attr-defined]

METRICS = """
login_rate:
  title: {en: Login rate, ja: ログイン率}
  value: total("login", days=7) / licenses_purchased
"""
SIGNALS = """
low_use:
  title: {en: Low use, ja: 利用が少ない}
  when: metric("login_rate") < 1
"""


def rows(world: World, table: Table, *columns: str) -> list[Any]:
    with world.database.read() as connection:
        found = connection.execute(select(*(table.c[name] for name in columns)).order_by(*table.primary_key))
        return [tuple(row) for row in found]


def test_a_metric_is_kept_from_the_day_on_which_it_changed(world: World) -> None:
    world.deploy({"playbooks/metrics.yml": METRICS})
    member = healthy(world.database, world.now, licenses_purchased=10)
    world.tick()
    assert rows(world, VALUE, "customer_id", "metric", "day", "value") == [
        (member.id, "login_rate", date(2027, 3, 1), 1.8)
    ]
    used(world.database, member.key, "login", world.now, count=12)
    world.tick()
    assert rows(world, VALUE, "day", "value") == [(date(2027, 3, 1), 3.0)]
    world.time_passes(days=1)
    assert rows(world, VALUE, "day", "value") == [(date(2027, 3, 1), 3.0), (date(2027, 3, 2), 2.7)]
    world.tick()
    assert len(rows(world, VALUE, "day")) == 2


def test_s2_a_metric_keeps_its_last_value_while_its_feed_is_silent(world: World) -> None:
    world.deploy({"playbooks/metrics.yml": METRICS})
    healthy(world.database, world.now, licenses_purchased=10)
    world.time_passes(days=12)
    assert rows(world, VALUE, "value") == [(1.8,)]


def test_s31_a_signal_sees_the_metric_and_a_playbook_the_signal_in_the_same_tick(world: World) -> None:
    world.playbook(
        "help",
        """
        title: Help
        state: live
        walks: customer
        enter: {when: signal("low_use") and metric("login_rate") < 1}
        steps: [{handoff: Help them}]
        """,
    )
    world.deploy({"playbooks/metrics.yml": METRICS, "playbooks/signals.yml": SIGNALS})
    healthy(world.database, world.now, licenses_purchased=1)
    going_quiet(world.database, world.now, licenses_purchased=1)
    world.tick()
    assert [walk.customer for walk in world.walks] == ["going_quiet"]
    ((evidence, opened_at),) = rows(world, EPISODE, "evidence", "opened_at")
    assert opened_at == world.now
    assert evidence == [{"text": 'metric("login_rate") < 1', "value": 0.0, "holds": True, "bound": None}]


def test_s4_who_matches_at_the_deployment_has_an_episode_that_is_marked_as_existing(world: World) -> None:
    world.deploy()
    member = going_quiet(world.database, world.now, licenses_purchased=1)
    used(world.database, member.key, "login", world.now - timedelta(days=1), count=0)
    world.tick()
    world.deploy({"playbooks/metrics.yml": METRICS, "playbooks/signals.yml": SIGNALS})
    assert rows(world, EPISODE, "is_existing") == [(True,)]


def test_s31_a_ring_reads_the_previous_tick_and_comes_to_rest(world: World) -> None:
    ring = """
    a: {title: A, when: 'arr > 0 and not signal("b")'}
    b: {title: B, when: 'signal("a")'}
    """
    world.deploy({"playbooks/signals.yml": ring})
    customer(world.database, "c", world.now, arr=1.0)
    seen = []
    for _ in range(4):
        report = world.tick()
        assert report.rounds <= 2
        running = "SELECT signal FROM signal_episode WHERE closed_at IS NULL ORDER BY signal"
        with world.database.read() as connection:
            seen.append("".join(connection.exec_driver_sql(running).scalars()))
        world.jump(minutes=1)
    assert seen == ["a", "b", "a", "b"]


def test_what_breaks_is_undone_alone_named_and_looked_at_again(world: World, monkeypatch: Any) -> None:
    world.deploy({"playbooks/metrics.yml": METRICS, "playbooks/signals.yml": "on: {title: On, when: arr > 0}"})
    customer(world.database, "c", world.now, arr=1.0)
    with world.database.write() as connection:
        connection.execute(ITEM.update().where(ITEM.c.kind == "metric").values(digest="other"))
        connection.exec_driver_sql("ALTER TABLE metric_value RENAME TO metric_value_gone")
    world.tick()
    assert [(kind, fault is not None) for kind, fault in rows(world, ITEM, "kind", "fault")] == [
        ("metric", True),
        ("signal", False),
    ]
    assert rows(world, EPISODE, "signal") == [("on",)]
    assert [took.reason for took in world.decisions if took.verdict == "fault"] == ["derivation_fault"]
    with world.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE metric_value_gone RENAME TO metric_value")
    world.tick()
    assert rows(world, ITEM, "kind", "fault") == [("metric", None), ("signal", None)]
    world.assert_explained()


def test_s31_a_new_metric_is_worked_out_in_retrospect_so_that_its_trend_is_known_from_the_first_day(
    world: World,
) -> None:
    falling = "falling: {title: Falling, when: 'falling(\"login_rate\", weeks=3)', open_after: at once}"
    world.deploy()
    fading, young = (
        customer(world.database, key, world.now, licenses_purchased=10, started_on=(world.now - age).date())
        for key, age in (("fading", timedelta(days=200)), ("young", timedelta(days=10)))
    )
    for days_ago in range(1, 60):
        at = world.now - timedelta(days=days_ago)
        used(world.database, "fading", "login", at, count=1 + days_ago // 7)
        if days_ago < 10:
            used(world.database, "young", "login", at, count=1 + days_ago // 7)
    world.deploy({"playbooks/metrics.yml": METRICS, "playbooks/signals.yml": falling})
    kept = rows(world, VALUE, "customer_id", "day", "value")
    # 22 and 15 days ago: the seven days up to then, for ten licences
    assert [
        (day, value) for who, day, value in kept if who == fading and day in (date(2027, 2, 7), date(2027, 2, 14))
    ] == [
        (date(2027, 2, 7), 2.9),
        (date(2027, 2, 14), 2.2),
    ]
    assert [day for who, day, _ in kept if who == young] == [date(2027, 2, 21), date(2027, 2, 28), date(2027, 3, 1)]
    assert rows(world, EPISODE, "customer_id", "is_existing") == [(fading, True)]
