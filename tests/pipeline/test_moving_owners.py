"""Open hand-offs follow their people, each once and recorded: another CSM, and who is away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from storage import handoff_moves
from storage.accounts import Csm
from storage.handoff_views import HandoffRecord
from storage.handoffs import HandoffState
from tests.cast import change, csm, customer, happened, person
from tests.pipeline.scenes import company, journey, settings, took
from tests.world import World

AWAY = "owners: {default: sato, cover: {sato: {from: 2027-03-02, to: 2027-03-04, by: ito}}}"


def opened(world: World, lines: str = "") -> HandoffRecord:
    """A hand-off of Sato, the CSM."""
    journey(world, "p", f"- handoff: Call\n  id: call\n{lines}")
    world.deploy()
    company(world)
    csm(world.database, "ito")
    world.tick()
    return current(world)


def current(world: World) -> HandoffRecord:
    return next(found for found in world.handoffs if found.customer == "sakura")


def act(world: World, move: Any, **values: Any) -> None:
    with world.database.write() as connection:
        assert move(connection, current(world).id, by="sato", at=world.now, key="k", **values).is_done


def gets_another_csm(world: World, key: str | None) -> None:
    """What an import of customers does."""
    change(world.database, "sakura", csm=key)
    happened(world.database, "sakura", "customer.csm_changed", world.now, old="sato", new=key)
    world.tick()


def test_another_csm_takes_over_what_the_former_one_was_on(world: World) -> None:
    opened(world)
    act(world, handoff_moves.acknowledge)
    world.time_passes(hours=1)
    gets_another_csm(world, "ito")
    found = current(world)
    assert (found.owner, found.state, found.acknowledged_by, found.posting) == (
        "ito",
        HandoffState.OPEN,
        None,
        "mailed",  # nobody here has Slack: the new owner is called by mail
    )
    assert [(told.details["before"], told.details["owner"]) for told in took(world, "handoff_followed")] == [
        ("sato", "ito")
    ]


def test_without_a_new_csm_the_default_owner_takes_over(world: World) -> None:
    settings(world, "owners: {default: ito}")
    opened(world)
    gets_another_csm(world, None)
    assert current(world).owner == "ito"


def test_what_a_person_gave_to_somebody_stays_there(world: World) -> None:
    opened(world)
    csm(world.database, "mori")
    act(world, handoff_moves.reassign, owner="mori")
    gets_another_csm(world, "ito")
    assert current(world).owner == "mori"


def test_it_moves_once_and_may_be_given_back(world: World) -> None:
    opened(world)
    gets_another_csm(world, "ito")
    act(world, handoff_moves.reassign, owner="sato")
    world.time_passes(hours=1)
    assert current(world).owner == "sato"
    assert len(took(world, "handoff_followed")) == 1


def test_s25_what_waits_for_somebody_who_is_away_goes_to_the_cover(world: World) -> None:
    settings(world, AWAY)
    assert opened(world, "  acknowledge_within: 3 business days").owner == "sato"
    world.time_passes(days=1)
    assert current(world).owner == "ito"
    (told,) = took(world, "handoff_covered")
    assert (told.details["before"], told.details["owner"]) == ("sato", "ito")
    world.time_passes(days=1)
    assert len(took(world, "handoff_covered")) == 1


def test_s25_what_somebody_is_on_or_has_snoozed_stays_while_they_are_away(world: World) -> None:
    settings(world, AWAY)
    opened(world)
    act(world, handoff_moves.snooze, until=world.now + timedelta(days=2))
    world.time_passes(days=1)
    assert current(world).owner == "sato"
    world.time_passes(days=1)
    assert current(world).owner == "ito", "its snooze is over"


def test_s27_escalating_to_somebody_who_is_away_reaches_the_cover(world: World) -> None:
    settings(world, "owners: {default: sato, cover: {boss: {from: 2027-03-02, to: 2027-03-09, by: ito}}}")
    csm(world.database, "boss")
    opened(world, "  acknowledge_within: 1 business day\n  escalate_to: boss")
    world.time_passes(days=1)
    assert (current(world).owner, current(world).escalations) == ("ito", 1)


def test_when_somebody_leaves_what_they_had_goes_to_the_new_csm_also_what_they_were_on(world: World) -> None:
    opened(world)
    act(world, handoff_moves.acknowledge)
    change(world.database, "sakura", csm="ito")
    leaves(world, "sato")
    found = current(world)
    assert (found.owner, found.state) == ("ito", HandoffState.OPEN)
    world.time_passes(hours=2)
    assert [(told.details["before"], told.details["owner"]) for told in took(world, "handoff_left")] == [
        ("sato", "ito")
    ]


def test_without_a_new_csm_it_goes_to_the_managers_desk_and_then_to_the_default(world: World) -> None:
    settings(world, "owners: {default: ito}")
    opened(world)
    csm(world.database, "boss")
    with world.database.write() as connection:
        connection.execute(update(Csm).where(Csm.key == "sato").values(manager="boss"))  # type: ignore[arg-type]
    leaves(world, "sato")
    assert current(world).owner == "boss"
    leaves(world, "boss")
    assert current(world).owner == "ito"


def test_with_nobody_left_it_has_no_owner_and_doctor_counts_it(world: World) -> None:
    opened(world)
    for key in ("sato", "ito"):
        leaves(world, key)
    assert current(world).owner is None
    assert {"handoff_unowned", "csm_left"} <= {complaint.name for complaint in world.doctor()}


def test_who_has_left_gets_nothing_new_and_signs_nothing(world: World) -> None:
    settings(world, "owners: {default: ito}")
    csm(world.database, "ito")
    csm(world.database, "sato", active=False)
    journey(world, "p", "- handoff: Call\n- email: hello\n  from: csm\n  to: champion")
    world.mail("hello")
    world.deploy()
    customer(world.database, "sakura", world.now, stage="onboarding", csm="sato")
    person(world.database, "sakura", "tanaka", world.now, roles=("champion",))
    world.tick()
    assert current(world).owner == "ito"
    assert {mail.from_email for mail in world.channel.accepted} == {"hello@us.example"}


def leaves(world: World, key: str) -> None:
    with world.database.write() as connection:
        connection.execute(update(Csm).where(Csm.key == key).values(active=False))  # type: ignore[arg-type]
    world.tick()
