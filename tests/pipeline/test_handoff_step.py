"""What the hand-off step opens: for whom, by when, and what happens when nobody takes it (semantics.md S18, S25, S27, S45)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from storage import handoff_moves
from storage.accounts import Csm
from storage.handoff_views import HandoffRecord
from storage.handoffs import HandoffState
from tests.cast import csm
from tests.pipeline.scenes import company, journey, outcomes, settings, took, utc
from tests.world import World


def opened(world: World, lines: str = "", **customer: Any) -> HandoffRecord:
    """The hand-off of a playbook with these further keys."""
    extra = "\n".join(f"  {line}" for line in lines.splitlines())
    journey(world, "p", f"- handoff: {{en: Call, ja: 電話}}\n  id: call\n{extra}")
    world.deploy()
    company(world, **customer)
    world.tick()
    return current(world)


def current(world: World) -> HandoffRecord:
    return next(handoff for handoff in world.handoffs if handoff.customer == "sakura")


def people(world: World, **fields: object) -> None:
    """Sato with these fields, Ito, and the boss of both."""
    with world.database.write() as connection:
        connection.execute(update(Csm).where(Csm.__table__.c.key == "sato").values(**fields))  # type: ignore[attr-defined]


def test_s45_the_owner_is_the_csm_else_the_default(world: World) -> None:
    journey(world, "p", "- handoff: Call")
    settings(world, "owners: {default: ito}")
    world.deploy()
    company(world, "a")
    company(world, "b", csm=None)
    company(world, "c", csm="nobody_known")
    csm(world.database, "ito")
    world.tick()
    owners = {found.customer: found.owner for found in world.handoffs}
    assert (owners["a"], owners["b"], owners["c"]) == ("sato", "ito", "ito")


def test_s25_the_csms_manager_else_the_default(world: World) -> None:
    journey(world, "p", "- handoff: Call\n  owner: csm.manager")
    settings(world, "owners: {default: ito}")
    world.deploy()
    csm(world.database, "ito")
    csm(world.database, "boss")
    csm(world.database, "mori", manager="boss")
    company(world, "a", csm="mori")
    company(world, "b")
    world.tick()
    owners = {found.customer: found.owner for found in world.handoffs}
    assert (owners["a"], owners["b"]) == ("boss", "ito")


def test_s25_a_role_a_person_or_a_turn_in_a_team(world: World) -> None:
    steps = "- handoff: One\n  owner: ae\n- handoff: Two\n  owner: ito\n- handoff: Three\n  owner: round_robin(support)"
    journey(world, "p", steps, enter='when: tier == "pro"')
    world.deploy()
    csm(world.database, "ito")
    csm(world.database, "abe", team="support")
    csm(world.database, "baba", team="support")
    for key in ("a", "b"):
        company(world, key, tier="pro", owners={"ae": "ito"})
    world.tick()
    owners = {(found.title[""], found.owner) for found in world.handoffs if found.customer in "ab"}
    assert owners >= {("One", "ito"), ("Two", "ito"), ("Three", "abe"), ("Three", "baba")}


def test_s25_an_absent_owner_is_covered_while_away(world: World) -> None:
    settings(world, "owners: {default: sato, cover: {sato: {from: 2027-03-01, to: 2027-03-02, by: ito}}}")
    journey(world, "p", "- handoff: One\n- wait: 2 days\n- handoff: Two")
    world.deploy()
    company(world)
    csm(world.database, "ito")
    world.tick()
    world.time_passes(days=2)
    assert [(found.title[""], found.owner) for found in world.handoffs if found.customer == "sakura"] == [
        ("One", "ito"),
        ("Two", "sato"),
    ]


@pytest.mark.parametrize(
    ("due", "at"),
    [
        ("3 business days", "2027-03-04 00:00"),
        ("1 business day", "2027-03-02 00:00"),
        ("4 business hours", "2027-03-01 04:00"),
        ("today 17:00", "2027-03-01 08:00"),
        ("2 days", "2027-03-03 00:00"),
    ],
)
def test_s18_due_counts_the_owners_working_time(world: World, due: str, at: str) -> None:
    assert opened(world, f"due: {due}", timezone="America/New_York").due_at == utc(at)


def test_s18_due_skips_the_hours_and_days_the_owner_does_not_work(world: World) -> None:
    journey(world, "p", "- handoff: Call\n  due: 4 business hours\n  acknowledge_within: 2 business hours")
    world.deploy()
    company(world)
    people(world, working_hours="tue-thu 10:00-14:00", timezone="Asia/Tokyo")
    world.tick()  # Monday: it counts from Tuesday
    found = current(world)
    assert (found.due_at, found.acknowledge_by) == (utc("2027-03-02 05:00"), utc("2027-03-02 03:00"))


def test_a_hand_off_does_not_hold_up_the_walk(world: World) -> None:
    journey(world, "p", "- handoff: Call\n- log: At once")
    world.deploy()
    company(world)
    world.tick()
    assert outcomes(world) == ["completed"]
    assert took(world, "logged")


def test_a_hand_off_carries_what_the_step_says(world: World) -> None:
    found = opened(
        world, "kind: risk\nurgency: high\noutcomes: [saved, lost]\ntasks: [Read, Call]\nbrief: [usage]\nnotify: ['#x']"
    )
    assert (found.kind, found.urgency, list(found.outcomes)) == ("risk", "high", ["saved", "lost"])
    assert found.title == {"en": "Call", "ja": "電話"}


def test_done_and_outcome_are_seen_by_the_walk(world: World) -> None:
    steps = """
- handoff: Call
  id: call
  outcomes: [good, bad]
- wait: {until: done("call"), at_most: 9 days}
  then:
    - if: outcome("call") == "bad"
      then:
        - end: it_went_badly
"""
    journey(world, "p", steps)
    world.deploy()
    company(world)
    world.tick()
    with world.database.write() as connection:
        handoff_moves.done(connection, current(world).id, by="sato", at=world.now, key="k", outcome="bad")
    world.tick()
    assert outcomes(world) == ["it_went_badly"]


def test_a_finished_hand_off_may_start_another_playbook(world: World) -> None:
    journey(world, "p", "- handoff: Call\n  kind: risk")
    journey(world, "q", "- log: Heard", enter='on: handoff.done\nwhen: event.kind == "risk"')
    world.deploy()
    company(world)
    world.tick()
    with world.database.write() as connection:
        handoff_moves.done(connection, current(world).id, by="sato", at=world.now, key="k")
    world.tick()
    assert outcomes(world, playbook="q") == ["completed"]


# Nobody takes it (S27)

URGENT = "acknowledge_within: 2 business hours\nescalate_to: boss\ndue: 2 business days"


def escalates(world: World) -> HandoffRecord:
    settings(world, "owners: {default: chief}")
    csm(world.database, "boss")
    csm(world.database, "chief")
    return opened(world, URGENT)


def at(world: World, moment: datetime) -> HandoffRecord:
    world.clock.move_to(moment)
    world.tick()
    return current(world)


def test_s27_not_acknowledged_it_goes_up_and_then_to_the_default_and_then_stays(world: World) -> None:
    found = escalates(world)
    assert (found.owner, found.acknowledge_by) == ("sato", utc("2027-03-01 02:00"))
    assert at(world, utc("2027-03-01 01:59")).owner == "sato"
    found = at(world, utc("2027-03-01 02:00"))
    assert (found.owner, found.acknowledge_by) == ("boss", utc("2027-03-01 04:00"))
    assert at(world, utc("2027-03-01 04:00")).owner == "chief"
    found = at(world, utc("2027-03-03 04:00"))
    assert (found.owner, found.state, found.escalations) == ("chief", HandoffState.OPEN, 2)


def test_s27_acknowledged_it_does_not_go_up(world: World) -> None:
    escalates(world)
    with world.database.write() as connection:
        handoff_moves.acknowledge(connection, current(world).id, by="sato", at=world.now, key="k")
    assert at(world, utc("2027-03-01 08:00")).owner == "sato"


def test_s27_a_snooze_at_most_to_due_stops_the_clock(world: World) -> None:
    found = escalates(world)
    with world.database.write() as connection:
        handoff_moves.snooze(
            connection, found.id, by="sato", at=world.now, key="k", until=world.now + timedelta(days=30)
        )
    assert current(world).snoozed_until == found.due_at
    assert at(world, utc("2027-03-02 08:00")).owner == "sato"


def test_s27_reassigning_restarts_the_clock(world: World) -> None:
    found = escalates(world)
    world.clock.move_to(utc("2027-03-01 01:30"))
    with world.database.write() as connection:
        handoff_moves.reassign(connection, found.id, by="sato", at=world.now, key="k", owner="chief")
    assert at(world, utc("2027-03-01 03:00")).owner == "chief"
    assert current(world).escalations == 0
    assert at(world, utc("2027-03-01 03:30")).owner == "boss"


def test_s27_escalation_waits_for_working_hours(world: World) -> None:
    settings(world, "owners: {default: sato}")
    csm(world.database, "boss")
    journey(world, "p", "- handoff: Call\n  acknowledge_within: 2 business hours\n  escalate_to: boss")
    world.deploy()
    company(world)
    people(world, working_hours="mon-fri 09:00-18:00", timezone="Asia/Tokyo")
    world.clock.move_to(utc("2027-03-05 08:00"))  # Friday, 17:00
    world.tick()
    assert current(world).acknowledge_by == utc("2027-03-08 01:00")
