"""Signals open and close (semantics.md S2, S3, S32) and start playbooks, once for each episode (S4, S5, S14)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Table, select, update

from bot.insight.listings_customers import show_customer
from bot.insight.report_signals import report_signals
from storage.accounts import Customer
from storage.database import Database
from storage.health import SignalEpisode
from storage.marks import mark_changed
from tests.cast import customer, going_quiet, healthy, used
from tests.world import World

EPISODE: Table = SignalEpisode.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
RICH = "rich: {title: Rich, when: arr >= 100}"
TALK = """
title: Talk
state: live
walks: customer
enter: {signal: rich}
steps:
  - handoff: Talk to them
  - wait: 30 days
"""


def change(database: Database, customer_id: int, **values: Any) -> None:
    with database.write() as connection:
        connection.execute(update(CUSTOMER).where(CUSTOMER.c.id == customer_id).values(**values))
        mark_changed(connection, [customer_id])


def episodes(world: World) -> list[tuple[Any, Any]]:
    """When each opened and closed."""
    with world.database.read() as connection:
        rows = connection.execute(select(EPISODE.c.opened_at, EPISODE.c.closed_at).order_by(EPISODE.c.id)).all()
    return [(row.opened_at, row.closed_at) for row in rows]


def is_open(world: World) -> bool:
    with world.database.read() as connection:
        found = select(EPISODE.c.id).where(EPISODE.c.opened_at.is_not(None), EPISODE.c.closed_at.is_(None))
        return connection.scalar(found) is not None


def test_s5_a_signal_starts_a_playbook_once_for_each_time_it_opens_and_its_closing_is_the_goal(world: World) -> None:
    world.playbook("talk", TALK)
    world.deploy({"playbooks/signals.yml": RICH})
    member = customer(world.database, "c", world.now, arr=100.0)
    world.time_passes(days=2)
    assert [walk.outcome for walk in world.walks] == [None]
    change(world.database, member, arr=10.0)
    world.tick()
    assert [walk.outcome for walk in world.walks] == ["goal"]
    change(world.database, member, arr=200.0)
    world.tick()
    assert [walk.outcome for walk in world.walks] == ["goal", None]
    assert [walk.outcome for walk in world.walks if walk.status == "active"] == [None]
    world.assert_explained()
    assert not [complaint for complaint in world.doctor() if complaint.severity == "error"]


def test_s4_who_matched_before_a_playbook_went_live_does_not_enter_unless_it_says_so(world: World) -> None:
    world.deploy({"playbooks/signals.yml": RICH})
    customer(world.database, "c", world.now, arr=100.0)
    world.tick()
    world.playbook("skips", TALK)
    world.playbook("enters", TALK.replace("{signal: rich}", "{signal: rich, existing: enter}"))
    world.deploy()
    world.time_passes(hours=6)
    assert [walk.playbook for walk in world.walks] == ["enters"]
    (line,) = [line for line in world.explain("c", "skips").lines if line.playbook == "skips"][-1:]
    assert line.reason == "existing"


def test_s4_a_signal_that_is_new_with_its_playbook_takes_nobody_who_matches_already(world: World) -> None:
    world.deploy()
    customer(world.database, "c", world.now, arr=100.0)
    world.tick()
    world.playbook("talk", TALK)
    world.deploy({"playbooks/signals.yml": RICH})
    world.time_passes(hours=6)
    assert not world.walks
    late = customer(world.database, "d", world.now, arr=100.0)
    world.tick()
    assert [walk.customer for walk in world.walks] == ["d"]
    assert late


def test_s32_a_signal_of_absence_waits_a_day_to_open_and_a_day_to_close(world: World) -> None:
    world.deploy({"playbooks/signals.yml": "quiet: {title: Quiet, when: 'missed_days(\"login\", days=1) >= 1'}"})
    healthy(world.database, world.now)
    member = going_quiet(world.database, world.now - timedelta(days=3), open_days="every day")
    used(world.database, "healthy", "login", world.now, count=1)
    world.tick()
    assert not is_open(world)
    used(world.database, "healthy", "login", world.now + timedelta(hours=23), count=1)
    world.jump(hours=23)
    world.tick()
    assert not is_open(world)
    world.jump(hours=1)
    world.tick()
    assert is_open(world)
    used(world.database, member.key, "login", world.now - timedelta(days=1), count=1)
    world.tick()
    assert is_open(world)
    used(world.database, member.key, "login", world.now + timedelta(hours=20), count=1)
    world.jump(hours=24)
    world.tick()
    assert not is_open(world)


def test_s32_what_does_not_last_never_opens_and_what_returns_does_not_close(world: World) -> None:
    slow = "rich: {title: Rich, when: arr >= 100, open_after: 2 days, close_after: 2 days}"
    world.deploy({"playbooks/signals.yml": slow})
    member = customer(world.database, "c", world.now, arr=100.0)
    world.time_passes(days=1)
    change(world.database, member, arr=1.0)
    world.tick()
    assert episodes(world) == []
    change(world.database, member, arr=100.0)
    world.time_passes(days=3)
    change(world.database, member, arr=1.0)
    world.time_passes(days=1)
    change(world.database, member, arr=100.0)
    world.time_passes(days=4)
    assert [closed for _, closed in episodes(world)] == [None]
    change(world.database, member, arr=1.0)
    world.time_passes(days=3)
    assert [closed is not None for _, closed in episodes(world)] == [True]


def test_s2_a_silent_feed_neither_opens_nor_closes_a_signal(world: World) -> None:
    world.deploy(
        {"playbooks/signals.yml": "idle: {title: Idle, when: 'count(\"login\", days=7) == 0', open_after: at once}"}
    )
    healthy(world.database, world.now)
    going_quiet(world.database, world.now)
    world.tick()
    assert len(episodes(world)) == 1
    world.time_passes(days=12)  # nobody logs in any more: the import broke
    assert [closed for _, closed in episodes(world)] == [None]


def test_s14_a_newcomer_that_waits_for_its_group_is_let_go_when_the_signal_closes(world: World) -> None:
    world.playbook("first", TALK.replace("enter: {signal: rich}", "enter: {when: arr > 0}\nexclusive: money"))
    world.playbook("talk", TALK.replace("enter:", "exclusive: money\nenter:"))
    world.deploy({"playbooks/signals.yml": RICH})
    member = customer(world.database, "c", world.now, arr=1.0)
    world.tick()
    change(world.database, member, arr=100.0)
    world.tick()
    assert world.reasons("c", "talk") == ["exclusive_taken"]
    change(world.database, member, arr=1.0)
    world.tick()
    assert world.reasons("c", "talk") == ["exclusive_taken", "closed_before_entry"]


def test_two_signals_of_one_playbook_that_open_together_start_one_walk(world: World) -> None:
    world.playbook("talk", TALK.replace("{signal: rich}", "{signal: [rich, early]}"))
    world.deploy({"playbooks/signals.yml": RICH + "\nearly: {title: Early, when: arr >= 50}"})
    customer(world.database, "c", world.now, arr=100.0)
    world.time_passes(hours=6)
    assert [walk.status for walk in world.walks] == ["active"]
    world.assert_explained()


def test_a_signal_that_is_taken_out_closes_and_its_walks_reach_their_goal(world: World) -> None:
    world.playbook("talk", TALK)
    world.deploy({"playbooks/signals.yml": RICH + "\nother: {title: Other, when: arr >= 1}"})
    customer(world.database, "c", world.now, arr=100.0)
    world.tick()
    world.playbook("talk", TALK.replace("signal: rich", "signal: other"))
    world.deploy({"playbooks/signals.yml": "other: {title: Other, when: arr >= 1}"})
    world.tick()
    with world.database.read() as connection:
        rows = connection.execute(select(EPISODE.c.signal, EPISODE.c.closed_at.is_(None)).order_by(EPISODE.c.signal))
        assert [tuple(row) for row in rows] == [("other", True), ("rich", False)]


def test_s3_a_metric_falls_week_by_week_once_it_was_kept_so_long(world: World) -> None:
    """The last day of each week counts; before the metric was kept nobody knows."""
    falling = "falling: {title: Falling, when: 'falling(\"seats\", weeks=3)', open_after: at once}"
    metrics = "seats: {title: Seats, value: licenses_active / licenses_purchased}"
    world.deploy({"playbooks/metrics.yml": metrics, "playbooks/signals.yml": falling})
    member = healthy(world.database, world.now, licenses_active=10, licenses_purchased=10)
    for active in (9, 8):
        world.time_passes(days=7)
        assert not is_open(world)
        change(world.database, member.id, licenses_active=active)
        world.tick()
    world.time_passes(days=2)
    assert is_open(world)


def test_an_open_signal_is_shown_with_since_and_evidence(world: World) -> None:
    world.deploy({"playbooks/signals.yml": RICH})
    customer(world.database, "c", world.now, arr=100.0)
    world.tick()
    (line,) = [line for line in world.explain("c").lines if line.verdict == "signal"]
    assert (line.reason, line.since, [(leaf.text, leaf.value, leaf.holds) for leaf in line.leaves]) == (
        "signal_open",
        world.now,
        [("arr >= 100", 100.0, True)],
    )
    with world.database.read() as connection:
        (shown,) = show_customer(connection, "c", world.now)["signals"]
        (row,) = report_signals(connection, world.now)
    assert (shown["signal"], shown["evidence"][0]["text"]) == ("rich", "arr >= 100")
    assert (row["signal"], row["open"], row["opened_in_7_days"], row["arr"]) == ("rich", 1, 1, 100.0)
