"""At most one walk of a group per customer: who waits, who goes first, who is thrown out (semantics.md S14)."""

from __future__ import annotations

from tests.cast import change, happened
from tests.pipeline.scenes import (
    company,
    in_days,
    journey,
    leave,
    took,
    walks,
)
from tests.world import World

HELLO = "- email: hello"


def groups(world: World, *, high: str = "", low: str = "") -> None:
    world.mail("hello")
    journey(world, "low", "- wait: 5 days", more=f"exclusive: g\npriority: 10\n{low}")
    journey(world, "high", "- wait: 5 days", enter='when: tier == "pro"', more=f"exclusive: g\npriority: 90\n{high}")
    world.deploy()


def test_s14_of_two_newcomers_of_a_group_the_more_important_enters_and_the_other_waits(world: World) -> None:
    groups(world)
    company(world, tier="pro")
    world.time_passes(days=1)
    assert [found.playbook for found in walks(world)] == ["high"]
    (waits,) = took(world, "exclusive_taken")
    assert (waits.playbook, waits.details) == ("low", {"winner": "high"})


def test_s14_the_waiting_newcomer_enters_when_the_group_is_free(world: World) -> None:
    groups(world)
    company(world, tier="pro")
    world.time_passes(days=6)
    assert [(found.playbook, found.status) for found in walks(world)] == [("high", "ended"), ("low", "active")]
    assert len(took(world, "exclusive_taken")) == 1


def test_s14_a_higher_priority_does_not_throw_out_a_running_walk(world: World) -> None:
    groups(world)
    company(world)
    world.tick()
    change(world.database, "sakura", tier="pro")
    world.time_passes(days=1)
    assert [(found.playbook, found.status) for found in walks(world)] == [("low", "active")]


def test_s14_preempt_ends_the_running_walk_as_superseded(world: World) -> None:
    groups(world, high="preempt: true")
    company(world)
    world.tick()
    change(world.database, "sakura", tier="pro")
    world.time_passes(hours=1)
    assert [(found.playbook, found.outcome) for found in walks(world)] == [("low", "superseded"), ("high", None)]
    (left,) = took(world, "superseded")
    assert (left.playbook, left.details) == ("low", {"outcome": "superseded", "winner": "high"})


def test_s14_preempt_does_not_touch_a_walk_of_the_same_or_a_higher_priority(world: World) -> None:
    groups(world, low="preempt: true")
    company(world, tier="pro", stage="adoption")
    world.tick()
    change(world.database, "sakura", stage="onboarding")
    world.time_passes(days=1)
    assert [(found.playbook, found.status) for found in walks(world)] == [("high", "active")]


def test_s14_who_waits_and_stops_matching_does_not_enter(world: World) -> None:
    groups(world)
    company(world, tier="pro")
    world.tick()
    change(world.database, "sakura", stage="adoption")
    world.time_passes(days=6)
    assert [found.playbook for found in walks(world)] == ["high"]
    assert len(took(world, "closed_before_entry")) == 1


def test_s14_a_newcomer_by_date_waits_only_as_long_as_within(world: World) -> None:
    journey(world, "low", "- wait: 10 days", more="exclusive: g")
    journey(world, "notice", "- log: Notice", enter="at: renewal_date - 90 days\nwithin: 4 days", more="exclusive: g")
    world.deploy()
    company(world)
    world.tick()
    change(world.database, "sakura", renewal_date=in_days(world, 91))
    world.time_passes(days=12)
    assert [found.playbook for found in walks(world)] == ["low"]
    assert len(took(world, "exclusive_taken")) == 1
    assert len(took(world, "too_late")) == 1


def test_s14_a_newcomer_by_date_enters_while_within_lasts(world: World) -> None:
    journey(world, "low", "- wait: 3 days", more="exclusive: g")
    journey(world, "notice", "- log: Notice", enter="at: renewal_date - 90 days\nwithin: 4 days", more="exclusive: g")
    world.deploy()
    company(world)
    world.tick()
    change(world.database, "sakura", renewal_date=in_days(world, 91))
    world.time_passes(days=6)
    assert [found.playbook for found in walks(world)] == ["low", "notice"]


def test_s14_a_newcomer_by_date_whose_date_moved_away_while_it_waited_does_not_enter(world: World) -> None:
    journey(world, "low", "- wait: 3 days", more="exclusive: g")
    journey(world, "notice", "- log: Notice", enter="at: renewal_date - 90 days\nwithin: 9 days", more="exclusive: g")
    world.deploy()
    company(world, renewal_date=in_days(world, 90))
    world.tick()
    change(world.database, "sakura", renewal_date=in_days(world, 400))
    world.time_passes(days=6)
    assert [found.playbook for found in walks(world)] == ["low"]


def test_s14_an_event_that_waited_longer_than_within_is_too_late(world: World) -> None:
    journey(world, "low", "- wait: 3 days", more="exclusive: g")
    journey(world, "asked", "- log: Asked", enter="on: asked", more="exclusive: g")
    world.deploy()
    member = company(world)
    world.tick()
    happened(world.database, member.key, "asked", world.now)
    world.time_passes(days=4)
    assert [found.playbook for found in walks(world)] == ["low"]
    assert len(took(world, "too_late")) == 1


def test_s14_the_group_is_free_again_when_a_walk_is_ended_by_hand(world: World) -> None:
    groups(world)
    company(world, tier="pro")
    world.tick()
    assert leave(world, "high", customer="sakura") == 1
    world.tick()
    assert [(found.playbook, found.outcome) for found in walks(world)] == [("high", "exited"), ("low", None)]
