"""Standing still and going on (semantics.md S37)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.errors import UsageError
from bot.pipeline.resuming import PauseKind
from tests.cast import change, happened
from tests.pipeline.scenes import (
    change_contact,
    company,
    enroll,
    goes_on,
    journey,
    leave,
    mails,
    outcomes,
    stands_still,
    states,
    titles,
    took,
    utc,
    walk,
    walks,
)
from tests.world import World

DAYS = "- wait: 2 days\n- handoff: Call\n- wait: 2 days\n- email: hello"


def inside(world: World, more: str = "") -> None:
    world.mail("hello")
    journey(world, "p", DAYS, more=more)
    world.deploy()
    company(world)
    world.tick()


def pause_for(world: World, kind: PauseKind, key: str, days: float) -> None:
    stands_still(world, kind, key)
    world.time_passes(days=days)
    goes_on(world, kind, key)


@pytest.mark.parametrize(("kind", "key"), [("all", ""), ("playbook", "p"), ("customer", "sakura")])
def test_s37_what_stands_still_neither_steps_nor_sends(world: World, kind: PauseKind, key: str) -> None:
    inside(world)
    stands_still(world, kind, key)
    world.time_passes(days=6)
    assert (titles(world), mails(world)) == ([], [])


def test_s37_a_paused_customer_stops_nobody_else(world: World) -> None:
    inside(world)
    company(world, "other")
    world.tick()
    stands_still(world, "customer", "sakura")
    world.time_passes(days=5)
    assert (titles(world), titles(world, "other")) == ([], ["Call"])
    assert (mails(world), mails(world, "other")) == ([], ["hello"])


def test_s37_a_paused_contact_is_not_mailed_and_its_walk_stands_still(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- wait: 1 day\n- email: hello", walks="contact")
    world.deploy()
    company(world)
    world.tick()
    stands_still(world, "contact", "tanaka")
    world.time_passes(days=3)
    assert mails(world) == []
    goes_on(world, "contact", "tanaka")
    world.time_passes(days=2)
    assert mails(world) == ["hello"]


def test_s37_a_paused_contact_is_not_mailed_by_a_customers_walk_either(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello")
    world.deploy()
    company(world)
    stands_still(world, "contact", "tanaka")
    world.time_passes(days=1)
    assert (mails(world), states(world)) == ([], [("hello", "pending")])


@pytest.mark.parametrize(("kind", "key"), [("all", ""), ("playbook", "p"), ("customer", "sakura")])
def test_s37_shift_moves_due_times_by_the_pause(world: World, kind: PauseKind, key: str) -> None:
    inside(world)
    world.time_passes(days=1)
    pause_for(world, kind, key, 5)
    world.tick()
    assert walk(world).due_at == utc("2027-03-08 00:00")
    world.time_passes(days=1)
    assert titles(world) == ["Call"]
    world.time_passes(days=2)
    assert mails(world) == ["hello"]


def test_s37_shift_keeps_the_deadline_of_a_wait_for_a_condition(world: World) -> None:
    journey(world, "p", '- wait: {until: tier == "pro", at_most: 3 days}\n- log: Over')
    world.deploy()
    company(world)
    world.tick()
    world.time_passes(days=1)
    pause_for(world, "playbook", "p", 10)
    world.time_passes(days=1, hours=21)
    assert outcomes(world) == [None]
    world.time_passes(hours=3)
    assert outcomes(world) == ["completed"]


def test_s37_two_pauses_at_once_shift_once(world: World) -> None:
    inside(world)
    world.time_passes(days=1)
    stands_still(world, "playbook", "p")
    stands_still(world, "customer", "sakura")
    world.time_passes(days=5)
    goes_on(world, "playbook", "p")
    world.tick()
    goes_on(world, "customer", "sakura")
    world.tick()
    assert walk(world).due_at == utc("2027-03-08 00:00")


def test_s37_catch_up_does_at_once_what_fell_due_and_its_mail_is_not_late(world: World) -> None:
    inside(world, "on_resume: catch_up")
    world.time_passes(days=3)
    assert titles(world) == ["Call"]
    pause_for(world, "playbook", "p", 9)
    world.tick()
    assert (mails(world), took(world, "late")) == (["hello"], [])


def test_s37_catch_up_sends_a_mail_that_was_owed_before_the_pause(world: World) -> None:
    world.mail("hello")
    journey(world, "p", '- email: hello\n  window: "20:00-23:00"', more="on_resume: catch_up")
    world.deploy()
    company(world)
    world.tick()
    pause_for(world, "playbook", "p", 9)
    world.time_passes(days=1)
    assert mails(world) == ["hello"]


def test_s37_shift_does_not_count_the_pause_as_lateness(world: World) -> None:
    world.mail("hello")
    journey(world, "p", '- email: hello\n  window: "20:00-23:00"')
    world.deploy()
    company(world)
    world.tick()
    pause_for(world, "playbook", "p", 9)
    world.time_passes(days=1)
    assert mails(world) == ["hello"]


def test_s37_expire_drops_the_mail_that_was_owed_and_the_walk_goes_on(world: World) -> None:
    world.mail("hello")
    journey(world, "p", '- email: hello\n  window: "20:00-23:00"\n- log: Over', more="on_resume: expire")
    world.deploy()
    company(world)
    world.tick()
    pause_for(world, "playbook", "p", 2)
    world.tick()
    assert (states(world), outcomes(world)) == ([("hello", "cancelled")], ["completed"])


@pytest.mark.parametrize("hours", [6, 60])
def test_s37_expire_does_not_send_what_fell_due_in_the_pause(world: World, hours: int) -> None:
    world.mail("hello", "next")
    journey(world, "p", "- wait: 2 days\n- email: hello\n- wait: 3 days\n- email: next", more="on_resume: expire")
    world.deploy()
    company(world)
    world.tick()
    world.time_passes(days=1, hours=23)
    stands_still(world, "playbook", "p")
    world.time_passes(hours=hours)
    goes_on(world, "playbook", "p")
    world.tick()
    assert mails(world) == []
    world.time_passes(days=4)
    assert mails(world) == ["next"]


def test_s37_expire_keeps_what_is_not_due_yet(world: World) -> None:
    inside(world, "on_resume: expire")
    world.time_passes(days=2, hours=1)
    pause_for(world, "playbook", "p", 1)
    world.time_passes(days=1)
    assert mails(world) == ["hello"]


@pytest.mark.parametrize(("kind", "key"), [("all", ""), ("playbook", "p"), ("customer", "sakura")])
def test_s37_newcomers_wait_for_the_end_of_the_pause_and_enter_if_it_still_holds(
    world: World, kind: PauseKind, key: str
) -> None:
    journey(world, "p", "- log: Hello")
    world.deploy()
    company(world, stage="adoption")
    world.tick()
    stands_still(world, kind, key)
    change(world.database, "sakura", stage="onboarding")
    world.time_passes(days=1)
    assert walks(world) == []
    assert len(took(world, "paused")) >= 1
    goes_on(world, kind, key)
    world.tick()
    assert outcomes(world) == ["completed"]


def test_s37_who_stopped_matching_during_the_pause_does_not_enter(world: World) -> None:
    journey(world, "p", "- log: Hello")
    world.deploy()
    company(world, stage="adoption")
    stands_still(world, "playbook", "p")
    for stage in ("onboarding", "adoption"):
        change(world.database, "sakura", stage=stage)
        world.time_passes(hours=4)
    goes_on(world, "playbook", "p")
    world.tick()
    assert walks(world) == []


def test_s37_state_paused_in_the_file_is_the_same_pause(world: World) -> None:
    world.mail("hello")
    journey(world, "p", DAYS)
    journey(world, "q", "- log: Heard", enter="on: asked\nwithin: 7 days")
    world.deploy()
    company(world)
    world.tick()
    journey(world, "p", DAYS, state="paused")
    journey(world, "q", "- log: Heard", enter="on: asked\nwithin: 7 days", state="paused")
    world.deploy()
    happened(world.database, "sakura", "asked", world.now)
    company(world, "newcomer")
    world.time_passes(days=3)
    assert (titles(world), walks(world, "newcomer"), walks(world, playbook="q")) == ([], [], [])
    journey(world, "p", DAYS)
    journey(world, "q", "- log: Heard", enter="on: asked\nwithin: 7 days")
    world.deploy()
    world.tick()
    assert len(walks(world, "newcomer")) == 1
    assert outcomes(world, playbook="q") == ["completed"]
    world.time_passes(days=2)
    assert titles(world) == ["Call"]


def test_s37_a_schedule_that_was_deployed_paused_works_once_it_is_live(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello", enter="every: monday 10:00", state="paused")
    world.deploy()
    company(world)
    world.time_passes(days=1)
    journey(world, "p", "- email: hello", enter="every: monday 10:00")
    world.deploy()
    world.time_passes(days=5)
    assert mails(world) == []
    world.time_passes(days=2)
    assert mails(world) == ["hello"]


def test_s37_ending_by_hand_works_in_a_pause(world: World) -> None:
    inside(world)
    stands_still(world, "playbook", "p")
    assert leave(world, "p", customer="sakura") == 1
    assert outcomes(world) == ["exited"]


def test_s37_entering_by_hand_in_a_pause_waits(world: World) -> None:
    journey(world, "p", "- log: Hello", enter="manual: true")
    world.deploy()
    company(world)
    stands_still(world, "customer", "sakura")
    enroll(world, "p", customer="sakura")
    world.time_passes(hours=5)
    assert walks(world) == []
    goes_on(world, "customer", "sakura")
    world.tick()
    assert outcomes(world) == ["completed"]


def test_s37_a_pause_between_judging_and_sending_stops_the_mail(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello")
    world.deploy()
    company(world)
    stands_still(world, "all")
    world.tick()
    assert world.channel.offered == []


def test_pausing_somebody_unknown_is_refused(world: World) -> None:
    with pytest.raises(UsageError):
        stands_still(world, "customer", "nobody")


def test_a_contact_that_left_during_the_pause_is_not_mailed_afterwards(world: World) -> None:
    world.mail("hello")
    journey(world, "p", '- email: hello\n  window: "20:00-21:00"', walks="contact")
    world.deploy()
    member = company(world)
    world.tick()
    stands_still(world, "all")
    change_contact(world, member.contact_id, gone_at=world.now)
    world.time_passes(hours=9)
    goes_on(world, "all")
    world.time_passes(hours=30, every=timedelta(hours=1))
    assert (mails(world), outcomes(world)) == ([], ["contact_gone"])
