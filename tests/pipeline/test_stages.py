"""Stages: named checks, completing, moving on, who leads. The world begins on Monday, 1 March 2027."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, select, update

from bot.pipeline.fuse_acts import drop, find_fuse, release
from storage.accounts import Customer
from storage.facts import Event, StageChange
from storage.marks import mark_changed
from storage.stage_views import checks_of
from tests.cast import customer
from tests.world import World

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CHANGE: Table = StageChange.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]
STAGES = """
- stage: onboarding
  title: {en: Onboarding, ja: オンボーディング}
  expected: 10 days
  complete_when:
    pilot: license_use >= 0.1
    documented: attributes.instance_documented == true
  next: adoption
- stage: adoption
  title: Adoption
  next:
    - {to: renewal, when: days_until(renewal_date) <= 90}
- stage: renewal
  title: Renewal
  next:
    - {to: adoption, when: days_until(renewal_date) > 90}
- {stage: churned, title: Churned, final: true}
"""
IVM = """
title: Initial value moment
state: live
walks: customer
enter: {on: stage.completed, when: event.stage == "onboarding"}
steps: [{handoff: The CSM takes over, kind: handover}]
"""


def change(world: World, customer_id: int, **values: Any) -> None:
    with world.database.write() as connection:
        connection.execute(update(CUSTOMER).where(CUSTOMER.c.id == customer_id).values(**values))
        mark_changed(connection, [customer_id])


def stage_of(world: World, customer_id: int) -> str | None:
    with world.database.read() as connection:
        return connection.scalar(select(CUSTOMER.c.stage).where(CUSTOMER.c.id == customer_id))


def events(world: World, name: str) -> list[dict[str, Any]]:
    with world.database.read() as connection:
        return list(connection.scalars(select(EVENT.c.properties).where(EVENT.c.name == name).order_by(EVENT.c.id)))


def newcomer(world: World, key: str = "c", **values: Any) -> int:
    given = {"stage": "onboarding", "stage_since": world.now, "licenses_purchased": 200, "licenses_active": 10}
    return customer(world.database, key, world.now, **{**given, **values})


def test_who_completes_a_stage_moves_on_and_the_csm_takes_over(world: World) -> None:
    world.playbook("initial_value_moment", IVM)
    world.deploy({"playbooks/stages.yml": STAGES})
    c = newcomer(world)
    world.tick()
    with world.database.read() as connection:
        assert [(check.name, check.holds) for check in checks_of(connection, c)] == [
            ("documented", False),
            ("pilot", False),
        ]
    change(world, c, licenses_active=20)
    world.time_passes(days=1)
    assert stage_of(world, c) == "onboarding"
    change(world, c, attributes={"instance_documented": True})
    world.time_passes(days=1)
    assert stage_of(world, c) == "adoption"
    with world.database.read() as connection:
        assert checks_of(connection, c) == []
        moves = connection.execute(select(CHANGE.c.old, CHANGE.c.new, CHANGE.c.cause)).all()
    assert [tuple(move) for move in moves] == [("onboarding", "adoption", "stages.yml")]
    assert events(world, "stage.completed") == [{"stage": "onboarding", "checks": ["pilot", "documented"]}]
    assert events(world, "stage.changed") == [{"old": "onboarding", "new": "adoption"}]
    assert [handoff.kind for handoff in world.handoffs] == ["handover"]
    completed = next(took for took in world.decisions if took.reason == "stage_completed")
    assert completed.details["checks"] == ["pilot", "documented"]
    world.assert_explained()


def test_s17_where_the_crm_leads_the_stage_only_the_checks_are_kept(world: World) -> None:
    world.write(
        "playbooks/workspace.yml", (world.folder / "playbooks/workspace.yml").read_text() + "stage_from: import\n"
    )
    world.deploy({"playbooks/stages.yml": STAGES})
    c = newcomer(world, licenses_active=100, attributes={"instance_documented": True})
    world.tick()
    assert stage_of(world, c) == "onboarding"
    with world.database.read() as connection:
        assert {check.name: check.holds for check in checks_of(connection, c)} == {"documented": True, "pilot": True}
    assert events(world, "stage.completed") == []


def test_time_alone_moves_a_customer_on_and_a_playbook_sees_it_in_the_same_tick(world: World) -> None:
    world.playbook(
        "renewing",
        """
        title: Renewing
        state: live
        walks: customer
        enter: {when: stage == "renewal"}
        steps: [{handoff: Prepare the renewal}]
        """,
    )
    world.deploy({"playbooks/stages.yml": STAGES})
    c = newcomer(world, stage="adoption", renewal_date=(world.now.replace(month=6, day=3)).date())
    world.time_passes(days=3)
    assert (stage_of(world, c), world.handoffs) == ("adoption", [])
    world.clock.move_to(world.now.replace(hour=20))
    world.tick()
    assert stage_of(world, c) == "renewal"
    assert len(world.handoffs) == 1


def test_two_ways_that_both_hold_send_nobody_to_and_fro(world: World) -> None:
    both = """
    - {stage: adoption, title: A, next: [{to: renewal, when: arr > 0}]}
    - {stage: renewal, title: R, next: [{to: adoption, when: arr > 0}]}
    """
    world.deploy({"playbooks/stages.yml": both})
    c = newcomer(world, stage="adoption", arr=5.0)
    world.time_passes(hours=9)
    assert stage_of(world, c) == "renewal"
    assert len(events(world, "stage.changed")) == 1


def test_a_stage_that_takes_too_long_is_overdue(world: World) -> None:
    world.playbook(
        "late",
        """
        title: Late
        state: live
        walks: customer
        enter: {when: stage_overdue}
        steps: [{handoff: The stage takes too long, brief: [stage_checks]}]
        """,
    )
    world.deploy({"playbooks/stages.yml": STAGES})
    newcomer(world)
    world.time_passes(days=10)
    assert world.handoffs == []
    world.time_passes(days=2)
    assert len(world.handoffs) == 1


JUMP = (
    "- {stage: onboarding, title: O, complete_when: {pilot: arr > 0}, next: adoption}\n- {stage: adoption, title: A}\n"
)


def crowd(world: World, *, moving: int) -> None:
    """Sixty customers in onboarding, so many of them complete."""
    for number in range(60):
        newcomer(world, f"c{number:02}", arr=5.0 if number < moving else 0.0)


def moved_on(world: World) -> int:
    with world.database.read() as connection:
        return len(list(connection.scalars(select(CUSTOMER.c.id).where(CUSTOMER.c.stage == "adoption"))))


def test_s38_when_stages_would_move_far_too_many_on_at_once_nobody_moves_until_a_person_says_so(world: World) -> None:
    crowd(world, moving=20)
    world.deploy({"playbooks/stages.yml": JUMP})
    assert moved_on(world) == 0
    assert events(world, "stage.completed") == []
    (card,) = world.handoffs
    assert "20 customers would move on from the stage onboarding" in card.title["en"]
    change(world, 60, arr=5.0)
    world.tick()
    assert moved_on(world) == 0, "whoever comes meanwhile waits as well"
    assert [complaint.name for complaint in world.doctor() if complaint.name == "fuse_blown"] == ["fuse_blown"]

    answer(world, release, some=5)
    world.tick()
    assert moved_on(world) == 5
    answer(world, release)
    world.tick()
    assert (moved_on(world), len(events(world, "stage.completed"))) == (21, 21)
    assert world.reasons("c00") == ["stage_fuse", "stage_completed", "stage_advanced"]
    change(world, 59, arr=5.0)
    world.tick()
    assert moved_on(world) == 22, "what was released does not count against the day's others"
    world.assert_explained()


def test_s38_who_was_dropped_stays_until_the_stage_is_defined_otherwise(world: World) -> None:
    crowd(world, moving=20)
    world.deploy({"playbooks/stages.yml": JUMP})
    answer(world, drop)
    change(world, 1, arr=6.0)
    change(world, 60, arr=5.0)
    world.tick()
    assert moved_on(world) == 1, "the newcomer alone"
    world.deploy({"playbooks/stages.yml": JUMP.replace("arr > 0", "arr > 5")})
    assert moved_on(world) == 2
    assert world.reasons("c00") == ["stage_fuse", "stage_move_dropped", "stage_completed", "stage_advanced"]


def answer(world: World, act: Any, **more: Any) -> None:
    with world.database.write() as connection:
        act(
            connection,
            world.app.require_published(),
            find_fuse(connection, "onboarding"),
            by="sato",
            at=world.now,
            **more,
        )
