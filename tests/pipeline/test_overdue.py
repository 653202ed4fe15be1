"""S27: past due, a reminder that day and one step up after one business day, each once."""

from __future__ import annotations

from datetime import datetime

from storage import handoff_moves
from storage.handoff_views import HandoffRecord
from storage.handoffs import HandoffState
from tests.cast import csm
from tests.pipeline.scenes import company, journey, settings, took, utc
from tests.world import World


def opened(world: World, lines: str = "") -> HandoffRecord:
    """Sato's, due on Monday at 13:00 in Tokyo."""
    settings(world, "owners: {default: chief}")
    csm(world.database, "boss")
    csm(world.database, "chief")
    journey(world, "p", f"- handoff: Call\n  due: 4 business hours\n{lines}")
    world.deploy()
    company(world)
    world.tick()
    return current(world)


def current(world: World) -> HandoffRecord:
    return next(found for found in world.handoffs if found.customer == "sakura")


def at(world: World, moment: datetime) -> HandoffRecord:
    world.clock.move_to(moment)
    world.tick()
    return current(world)


def test_s27_past_due_it_is_called_again_once_and_goes_up_after_a_business_day(world: World) -> None:
    due = opened(world, "  escalate_to: boss").due_at
    assert due == utc("2027-03-01 04:00")
    assert (at(world, utc("2027-03-01 03:59")).owner, took(world, "handoff_reminded")) == ("sato", [])
    assert at(world, utc("2027-03-01 04:00")).owner == "sato"
    assert at(world, utc("2027-03-02 03:59")).owner == "sato"
    assert len(took(world, "handoff_reminded")) == 1
    assert at(world, utc("2027-03-02 04:00")).owner == "boss"
    assert at(world, utc("2027-03-05 04:00")).owner == "boss"
    assert len(took(world, "handoff_late")) == 1


def test_s27_what_somebody_is_on_goes_up_too_and_is_open_again(world: World) -> None:
    it = opened(world)
    with world.database.write() as connection:
        handoff_moves.acknowledge(connection, it.id, by="sato", at=world.now, key="k")
    assert at(world, utc("2027-03-01 05:00")).state is HandoffState.ACKNOWLEDGED
    found = at(world, utc("2027-03-02 05:00"))
    assert (found.owner, found.state, found.acknowledged_by) == ("chief", HandoffState.OPEN, None)


def test_s27_what_is_done_in_time_is_left_alone(world: World) -> None:
    it = opened(world)
    with world.database.write() as connection:
        handoff_moves.done(connection, it.id, by="sato", at=world.now, key="k")
    at(world, utc("2027-03-04 05:00"))
    assert took(world, "handoff_reminded") + took(world, "handoff_late") == []


def test_s27_a_day_off_does_not_count(world: World) -> None:
    journey(world, "p", "- handoff: Call\n  due: 4 business hours\n  escalate_to: boss")
    csm(world.database, "boss")
    world.deploy()
    world.clock.move_to(utc("2027-03-05 02:00"))  # Friday
    company(world)
    world.tick()
    assert at(world, utc("2027-03-07 12:00")).owner == "sato"
    assert at(world, utc("2027-03-08 12:00")).owner == "boss"
