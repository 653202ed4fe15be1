"""Who enters when a playbook goes live, and who does not (semantics.md S4)."""

from __future__ import annotations

from datetime import timedelta

from tests.cast import change, happened
from tests.pipeline.scenes import (
    breaks_on,
    company,
    journey,
    mails,
    took,
    walks,
)
from tests.world import World

HELLO = "- email: hello"


def hello(world: World, steps: str = HELLO, **options: str) -> None:
    world.mail("hello")
    journey(world, "hello", steps, **options)


def test_s4_newcomers_after_the_deployment_enter(world: World) -> None:
    hello(world)
    world.deploy()
    company(world)
    world.tick()
    assert mails(world) == ["hello"]


def test_s4_who_matched_before_the_deployment_is_skipped_and_told_so(world: World) -> None:
    company(world)
    hello(world)
    report = world.deploy()
    world.time_passes(days=1)
    assert walks(world) == []
    assert [change.existing for change in report.playbooks] == [2]
    assert world.reasons("sakura") == ["existing"] or world.explain("sakura", "hello").now[0].reason == "existing"


def test_s4_who_matched_before_the_deployment_enters_when_the_playbook_says_so(world: World) -> None:
    company(world)
    hello(world, enter='when: stage == "onboarding"\nexisting: enter')
    world.deploy()
    world.tick()
    assert mails(world) == ["hello"]


def test_s4_an_existing_customer_enters_once_it_stopped_matching_and_matches_again(world: World) -> None:
    company(world)
    hello(world)
    world.deploy()
    world.tick()
    change(world.database, "sakura", stage="adoption")
    world.time_passes(hours=3)
    change(world.database, "sakura", stage="onboarding")
    world.time_passes(hours=3)
    assert mails(world) == ["hello"]


def test_s4_a_playbook_that_leaves_draft_goes_live_like_a_new_one(world: World) -> None:
    hello(world, state="draft")
    world.deploy()
    company(world)
    world.tick()
    assert walks(world) == []
    hello(world)
    world.deploy()
    world.tick()
    assert walks(world) == []
    company(world, "later")
    world.tick()
    assert mails(world, "later") == ["hello"]


def test_s4_a_changed_condition_skips_who_matches_it_already(world: World) -> None:
    hello(world)
    world.deploy()
    company(world, stage="adoption")
    world.tick()
    hello(world, enter='when: stage == "adoption"')
    world.deploy()
    world.time_passes(days=1)
    assert walks(world) == []


def test_s4_an_event_imported_shortly_before_the_deployment_starts_a_walk(world: World) -> None:
    member = company(world)
    happened(world.database, member.key, "trial_ended", world.now - timedelta(hours=2))
    hello(world, enter="on: trial_ended")
    world.deploy()
    world.tick()
    assert mails(world) == ["hello"]


def test_s4_an_event_that_a_tick_has_consumed_starts_what_goes_live_within_a_day(world: World) -> None:
    fresh, stale = company(world), company(world, "stale")
    hello(world, enter="on: other_event")
    world.deploy()
    happened(world.database, stale.key, "trial_ended", world.now - timedelta(hours=25), received_at=world.now)
    happened(world.database, fresh.key, "trial_ended", world.now - timedelta(hours=20), received_at=world.now)
    world.tick()
    world.jump(hours=3)
    journey(world, "late", "- log: Heard of it", enter="on: trial_ended")
    world.deploy()
    world.tick()
    assert [found.playbook for found in walks(world)] == ["late"]
    assert (walks(world, "stale"), took(world, "old", "stale")) == ([], [])
    world.time_passes(hours=12)
    assert len(walks(world)) == 1


def test_s4_a_changed_playbook_does_not_hear_again_what_it_refused(world: World) -> None:
    member = company(world)
    happened(world.database, member.key, "trial_ended", world.now)
    hello(world, enter="on: trial_ended\nwhen: tier == 'pro'")
    world.deploy()
    world.tick()
    hello(world, enter="on: trial_ended\nwhen: tier != 'pro'")
    world.deploy()
    world.time_passes(hours=6)
    assert walks(world) == []


def test_s4_a_new_playbook_that_breaks_at_first_hears_what_it_would_have_heard(world: World) -> None:
    member = company(world)
    hello(world, enter="on: other_event")
    world.deploy()
    happened(world.database, member.key, "trial_ended", world.now - timedelta(hours=20), received_at=world.now)
    world.tick()
    journey(world, "late", "- log: Heard of it", enter='on: trial_ended\nwhen: event.odd_field != "yes"')
    world.deploy()
    with breaks_on(world.database, "odd_field"):
        assert world.tick().faults == ["late"]
    assert walks(world) == []
    world.time_passes(hours=1)
    assert [found.playbook for found in walks(world)] == ["late"]


def test_s4_an_event_that_arrives_a_day_late_starts_nothing_and_is_recorded_once(world: World) -> None:
    member = company(world)
    hello(world, enter="on: trial_ended")
    world.deploy()
    happened(world.database, member.key, "trial_ended", world.now - timedelta(hours=25), received_at=world.now)
    world.time_passes(days=1)
    assert walks(world) == []
    assert len(took(world, "old")) == 1


def test_s4_within_lets_an_old_event_in(world: World) -> None:
    member = company(world)
    hello(world, enter="on: trial_ended\nwithin: 7 days")
    world.deploy()
    happened(world.database, member.key, "trial_ended", world.now - timedelta(days=6), received_at=world.now)
    happened(world.database, "opted_out", "trial_ended", world.now - timedelta(days=8), received_at=world.now)
    world.tick()
    assert mails(world) == ["hello"]
    assert len(took(world, "old", "opted_out")) == 1
