"""Who enters, when, and who does not (semantics.md S5, S12)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.cast import change, happened
from tests.pipeline.scenes import (
    company,
    enroll,
    journey,
    mails,
    outcomes,
    settings,
    took,
    utc,
    walk,
    walks,
)
from tests.world import World

HELLO = "- email: hello"


def hello(world: World, steps: str = HELLO, **options: str) -> None:
    world.mail("hello")
    journey(world, "hello", steps, **options)


# Occurrence keys and again (S5)


def test_s5_a_condition_that_opens_a_second_time_lets_nobody_in_again(world: World) -> None:
    hello(world)
    world.deploy()
    company(world)
    world.tick()
    change(world.database, "sakura", stage="adoption")
    world.time_passes(hours=3)
    change(world.database, "sakura", stage="onboarding")
    world.time_passes(hours=3)
    assert mails(world) == ["hello"]
    assert len(took(world, "walked_before")) == 1


def test_s5_a_condition_that_goes_on_holding_is_one_opening_however_often_it_is_looked_at(world: World) -> None:
    hello(world, more="again: always")
    world.deploy()
    company(world)
    world.time_passes(days=3)
    assert mails(world) == ["hello"]


def test_s5_again_always_lets_the_next_opening_in(world: World) -> None:
    hello(world, more="again: always")
    world.deploy()
    company(world)
    world.tick()
    for stage in ("adoption", "onboarding"):
        change(world.database, "sakura", stage=stage)
        world.time_passes(hours=3)
    assert mails(world) == ["hello", "hello"]


def test_s5_again_at_most_twice_counts_walks(world: World) -> None:
    hello(world, more="again: at most 2 times")
    world.deploy()
    company(world)
    world.tick()
    for stage in ("adoption", "onboarding") * 3:
        change(world.database, "sakura", stage=stage)
        world.time_passes(hours=3)
    assert mails(world) == ["hello", "hello"]
    assert took(world, "walked_often_enough")


def test_s5_again_after_a_time_refuses_until_then(world: World) -> None:
    member = company(world)
    hello(world, enter="on: asked", more="again: after 30 days")
    world.deploy()
    for days in (0, 20, 20):
        world.time_passes(days=days)
        happened(world.database, member.key, "asked", world.now)
        world.tick()
    assert len(mails(world)) == 2
    assert len(took(world, "walked_lately")) == 1


def test_s5_every_event_starts_a_walk_and_the_same_event_only_one(world: World) -> None:
    member = company(world)
    hello(world, enter="on: asked")
    world.deploy()
    for _ in range(3):
        happened(world.database, member.key, "asked", world.now)
        world.time_passes(hours=1)
    world.time_passes(hours=5)
    assert mails(world) == ["hello"] * 3


def test_s5_again_never_narrows_an_event(world: World) -> None:
    member = company(world)
    hello(world, enter="on: asked", more="again: never")
    world.deploy()
    for _ in range(2):
        happened(world.database, member.key, "asked", world.now)
        world.time_passes(hours=1)
    assert mails(world) == ["hello"]


def test_s5_there_is_one_active_walk_per_playbook_and_walker(world: World) -> None:
    member = company(world)
    hello(world, "- email: hello\n- wait: 10 days", enter="on: asked")
    world.deploy()
    for _ in range(2):
        happened(world.database, member.key, "asked", world.now)
        world.time_passes(hours=1)
    assert mails(world) == ["hello"]
    assert len(took(world, "already_walking")) == 1


def test_s5_two_events_at_once_do_not_make_two_walks_at_a_time(world: World) -> None:
    member = company(world)
    hello(world, "- email: hello\n- wait: 3 hours", enter="on: asked\nwithin: 7 days")
    world.deploy()
    happened(world.database, member.key, "asked", world.now)
    happened(world.database, member.key, "asked", world.now)
    world.tick()
    assert len([found for found in walks(world) if found.status == "active"]) == 1


def test_s5_the_filter_beside_an_event_asks_the_event_and_the_customer(world: World) -> None:
    member = company(world)
    hello(world, enter='on: asked\nwhen: event.topic == "price" and stage == "onboarding"')
    world.deploy()
    happened(world.database, member.key, "asked", world.now, topic="weather")
    world.tick()
    assert mails(world) == []
    happened(world.database, member.key, "asked", world.now, topic="price")
    world.tick()
    assert mails(world) == ["hello"]


def test_s5_a_schedule_lets_everybody_in_at_each_of_its_moments(world: World) -> None:
    hello(world, enter='every: monday 10:00\nwhen: stage == "onboarding"')
    world.deploy()
    company(world)
    world.tick()
    assert mails(world) == []  # it is Monday 09:00
    world.time_passes(hours=2)
    assert mails(world) == ["hello"]
    world.time_passes(days=13)
    assert mails(world) == ["hello"] * 2
    assert [mail.accepted_at for mail in world.sent] == [utc("2027-03-01 02:00"), utc("2027-03-08 02:00")]


def test_s5_only_the_latest_missed_moment_is_caught_up(world: World) -> None:
    hello(world, enter="every: monday 10:00")
    world.deploy()
    company(world)
    world.jump(days=23)
    world.tick()
    world.time_passes(hours=3)
    assert mails(world) == ["hello"]


def test_s5_a_moment_missed_for_longer_than_within_is_left_out_and_said_so(world: World) -> None:
    hello(world, enter="every: monday 10:00\nwithin: 1 day")
    world.deploy()
    company(world)
    world.jump(days=9)
    world.tick()
    assert mails(world) == []
    assert [found.reason for found in world.decisions if found.playbook == "hello"].count("moment_missed") == 1


def test_s5_one_moment_happens_once(world: World) -> None:
    hello(world, enter="once: 2027-03-02 10:00")
    world.deploy()
    company(world)
    world.time_passes(days=4)
    assert mails(world) == ["hello"]
    company(world, "too_late")
    world.time_passes(days=1)
    assert mails(world, "too_late") == []


def test_s5_months_from_a_start_are_counted_on_the_calendar(world: World) -> None:
    hello(world, enter="every: 1 month\nfrom: 2027-03-31 09:00")
    world.deploy()
    company(world)
    world.time_passes(days=65, every=timedelta(hours=12))
    days = [mail.accepted_at.date() for mail in world.sent if mail.accepted_at]
    assert days == [date(2027, 3, 31), date(2027, 4, 30)]


def test_s5_another_playbooks_end_lets_its_walker_in(world: World) -> None:
    world.mail("hello")
    journey(world, "first", '- if: stage == "onboarding"\n  then:\n    - end: went_well\n- end: went_badly')
    journey(world, "second", HELLO, enter="after: {playbook: first, outcome: went_well}")
    journey(world, "other", HELLO, enter="after: {playbook: first, outcome: went_badly}")
    world.deploy()
    company(world)
    world.time_passes(hours=1)
    assert [found.playbook for found in walks(world)] == ["first", "second"]
    assert mails(world) == ["hello"]


def test_s5_after_hears_of_walks_that_left_early_too(world: World) -> None:
    journey(world, "first", "- wait: 30 days", more='goal: stage == "adoption"')
    journey(world, "second", "- log: Heard", enter="after: {playbook: first, outcome: goal}")
    world.deploy()
    company(world)
    world.tick()
    change(world.database, "sakura", stage="adoption")
    world.tick()
    assert outcomes(world, playbook="second") == ["completed"]


def test_s5_by_hand_everybody_named_enters_once_for_each_request(world: World) -> None:
    hello(world, enter="manual: true")
    world.deploy()
    company(world)
    assert enroll(world, "hello", customer="sakura") == 1
    world.tick()
    assert enroll(world, "hello", customer="sakura", request="R1") == 1
    assert enroll(world, "hello", customer="sakura", request="R1") == 0
    world.tick()
    assert mails(world) == ["hello"] * 2


# Would leave at once (S12)


def test_s12_who_would_leave_at_once_does_not_enter(world: World) -> None:
    settings(world, 'exit: [{when: stage == "churned", outcome: churned}]')
    hello(world, enter="on: asked", more='goal: has_tag("done")\nexit: [{when: tier == "free", outcome: free}]')
    world.deploy()
    people: dict[str, dict[str, Any]] = {
        "a": {"tags": ["done"]},
        "b": {"tier": "free"},
        "c": {"stage": "churned"},
        "d": {},
    }
    for key, fields in people.items():
        company(world, key, **fields)
        happened(world.database, key, "asked", world.now)
    world.tick()
    assert [key for key in people if took(world, "would_leave_at_once", key)] == ["a", "b", "c"]
    assert [found.customer for found in world.walks] == ["d"]


# States


@pytest.mark.parametrize("state", ["draft", "paused", "retired"])
def test_only_live_playbooks_let_anybody_in(world: World, state: str) -> None:
    hello(world, state=state)
    world.deploy()
    company(world)
    world.time_passes(days=1)
    assert walks(world) == []


def test_entering_says_which_version_and_the_renewal_date_of_the_day(world: World) -> None:
    hello(world)
    world.deploy()
    company(world)
    world.tick()
    assert walk(world).entered_at == world.now
    assert [found.verdict for found in took(world, "enter")] == ["entered"]
