"""Who enters, when, and who does not (semantics.md S4, S5, S7, S12, S14, S30)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.cast import change, happened
from tests.pipeline.scenes import (
    company,
    enroll,
    in_days,
    journey,
    leave,
    mails,
    outcomes,
    settings,
    titles,
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


# Going live (S4)


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


# Dates (S5, S7)


def test_s7_a_date_lets_in_at_midnight_where_the_customer_is_and_mails_in_the_next_window(world: World) -> None:
    settings(world, 'windows: [{days: every day, hours: "09:00-18:00"}]')
    hello(world, enter="at: renewal_date - 90 days")
    world.deploy()
    company(world, "tokyo", renewal_date=date(2027, 5, 31), timezone="Asia/Tokyo")
    company(world, "lima", renewal_date=date(2027, 5, 31), timezone="America/Lima")
    world.time_passes(days=2, every=timedelta(hours=1))
    entered = {found.customer: found.entered_at for found in world.walks if found.customer != "opted_out"}
    assert entered == {"tokyo": utc("2027-03-01 15:00"), "lima": utc("2027-03-02 05:00")}
    assert {mail.customer: mail.accepted_at for mail in world.sent} == {
        "tokyo": utc("2027-03-02 00:00"),
        "lima": utc("2027-03-02 14:00"),
    }


@pytest.mark.parametrize(("late", "enters"), [(0, True), (3, True), (4, False)])
def test_s7_within_three_days_an_imported_customer_still_enters(world: World, late: int, enters: bool) -> None:
    hello(world, enter="at: renewal_date - 90 days")
    world.deploy()
    company(world, renewal_date=in_days(world, 90 - late))
    world.tick()
    assert bool(mails(world)) is enters


@pytest.mark.parametrize(("late", "enters"), [(75, True), (76, False)])
def test_s7_within_can_be_as_long_as_the_playbook_wants(world: World, late: int, enters: bool) -> None:
    hello(world, enter="at: renewal_date - 90 days\nwithin: 75 days")
    world.deploy()
    company(world, renewal_date=in_days(world, 90 - late))
    world.tick()
    assert bool(mails(world)) is enters


def test_s7_who_is_inside_the_time_when_the_playbook_goes_live_enters_too(world: World) -> None:
    company(world, renewal_date=in_days(world, 89))
    hello(world, enter="at: renewal_date - 90 days")
    world.deploy()
    world.tick()
    assert mails(world) == ["hello"]


def test_s7_month_offsets_clamp_to_the_end_of_the_month(world: World) -> None:
    hello(world, enter="at: renewal_date - 3 months")
    world.deploy()
    company(world, renewal_date=date(2027, 6, 30))  # 30 March
    company(world, "leap", renewal_date=date(2027, 7, 31))  # 30 April
    world.time_passes(days=62, every=timedelta(hours=12))
    entered = {found.customer: found.entered_at + timedelta(hours=9) for found in world.walks}
    assert (entered["sakura"].date(), entered["leap"].date()) == (date(2027, 3, 30), date(2027, 4, 30))


def test_s7_a_date_after_an_anchor_and_business_days_before_it(world: World) -> None:
    hello(world, enter="at: started_on + 30 days")
    journey(world, "soon", HELLO.replace("hello", "hello\n  id: soon"), enter="at: renewal_date - 5 business days")
    world.deploy()
    company(world, started_on=date(2027, 2, 4), renewal_date=date(2027, 3, 15))  # 6 March; Monday 8 March
    world.time_passes(days=10, every=timedelta(hours=3))
    entered = {found.playbook: (found.entered_at + timedelta(hours=9)).date() for found in walks(world)}
    assert entered == {"hello": date(2027, 3, 6), "soon": date(2027, 3, 8)}


def test_s7_a_date_of_the_teams_own_is_an_anchor_too_and_a_text_is_none(world: World) -> None:
    hello(
        world,
        "- email: hello\n- wait: {until: attributes.go_live - 1 day}\n- log: Live",
        enter="at: attributes.go_live - 2 days",
    )
    world.deploy()
    company(world, attributes={"go_live": "2027-03-05"})
    company(world, "vague", attributes={"go_live": "soon"})
    world.time_passes(days=2, hours=12)
    assert (mails(world), walks(world, "vague")) == (["hello"], [])
    assert walk(world).due_at == utc("2027-03-03 15:00")


def test_s5_a_moved_date_re_times_the_running_walk_and_starts_no_second_one(world: World) -> None:
    hello(
        world,
        "- email: hello\n- wait: {until: renewal_date - 10 days}\n- handoff: Call",
        enter="at: renewal_date - 90 days\nwithin: 75 days",
    )
    world.deploy()
    company(world, renewal_date=in_days(world, 80))
    world.tick()
    change(world.database, "sakura", renewal_date=in_days(world, 100))
    world.time_passes(days=72, every=timedelta(days=2))
    assert (titles(world), len(walks(world))) == ([], 1)
    world.time_passes(days=19, every=timedelta(days=2))
    assert mails(world) == ["hello"]
    assert (titles(world), len(walks(world))) == (["Call"], 1)


def test_s5_a_date_moved_after_the_walk_gives_no_second_notice_within_the_offset(world: World) -> None:
    hello(world, enter="at: renewal_date - 90 days\nwithin: 75 days")
    world.deploy()
    company(world, renewal_date=date(2027, 3, 31))
    world.tick()
    world.time_passes(days=5)
    change(world.database, "sakura", renewal_date=date(2027, 4, 30))
    world.time_passes(days=5)
    assert mails(world) == ["hello"]
    assert len(took(world, "date_moved")) == 1


def test_s5_the_next_years_date_starts_the_next_walk(world: World) -> None:
    hello(world, enter="at: renewal_date - 90 days")
    world.deploy()
    company(world, renewal_date=in_days(world, 90))
    world.tick()
    change(world.database, "sakura", renewal_date=in_days(world, 90 + 365))
    world.jump(days=364)
    world.time_passes(days=3)
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


# Exclusive groups (S14)


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
    assert len(took(world, "exclusive_taken")) == 1


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
