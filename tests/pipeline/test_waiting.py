"""Waits in all their forms (semantics.md S11, S18)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.cast import change, csm, happened
from tests.pipeline.scenes import (
    company,
    journey,
    outcomes,
    settings,
    titles,
    took,
    utc,
    walk,
)
from tests.world import World


def waits(world: World, wait: str, **customer: Any) -> None:
    journey(world, "p", f"- wait: {wait}\n- log: Over")
    world.deploy()
    company(world, **customer)


# Lengths and moments (S18)


@pytest.mark.parametrize(
    ("wait", "over"),
    [
        ("2 hours", "2027-03-01 02:00"),
        ("5 days", "2027-03-06 00:00"),
        ("1 week", "2027-03-08 00:00"),
        ("1 month", "2027-04-01 00:00"),
        ("4 business days", "2027-03-05 00:00"),
        ("5 business days", "2027-03-08 00:00"),
        ("18:00 next business day", "2027-03-01 09:00"),
        ("08:00 next business day", "2027-03-01 23:00"),
        ("{until: 2027-03-03 15:00}", "2027-03-03 06:00"),
        ("{until: renewal_date - 10 days}", "2027-03-04 15:00"),
        ("{until: renewal_date}", "2027-03-14 15:00"),
    ],
)
def test_s18_a_wait_counts_as_people_do_where_the_customer_is(world: World, wait: str, over: str) -> None:
    waits(world, wait, timezone="Asia/Tokyo", renewal_date=date(2027, 3, 15))
    world.tick()
    assert walk(world).due_at == utc(over)
    world.clock.move_to(utc(over) - timedelta(seconds=1))
    world.tick()
    assert outcomes(world) == [None]
    world.clock.move_to(utc(over))
    world.tick()
    assert outcomes(world) == ["completed"]


def test_s18_business_days_skip_the_holidays_of_the_customers_country(world: World) -> None:
    settings(world, "calendar: {holidays: [JP public, US]}")
    journey(world, "p", "- wait: 1 business day\n- log: Over", enter='when: tier == "pro"')
    world.deploy()
    company(world, "tokyo", region="JP", timezone="UTC")
    company(world, "boston", region="US", timezone="UTC")
    world.clock.move_to(utc("2027-04-28 09:00"))  # 29 April is Showa Day in Japan
    for key in ("tokyo", "boston"):
        change(world.database, key, tier="pro")
    world.tick()
    assert walk(world, "tokyo").due_at == utc("2027-04-30 09:00")
    assert walk(world, "boston").due_at == utc("2027-04-29 09:00")


def test_s18_the_zone_is_the_contacts_then_the_customers_then_the_csms_then_the_workspaces(world: World) -> None:
    journey(world, "p", "- wait: 09:00 next business day", walks="contact")
    journey(world, "q", "- wait: 09:00 next business day")
    world.deploy()
    company(world, "a", timezone="America/New_York")
    company(world, "b")
    csm(world.database, "smith", timezone="America/Chicago")
    company(world, "c", csm="smith")
    with world.database.write() as connection:
        connection.exec_driver_sql("UPDATE contact SET timezone = 'Europe/Paris' WHERE customer_id = 2")
    world.tick()
    assert walk(world, "a", "p").due_at == utc("2027-03-01 08:00")  # Paris
    assert walk(world, "a", "q").due_at == utc("2027-03-01 14:00")  # New York, where it is still Sunday
    assert walk(world, "b", "q").due_at == utc("2027-03-02 00:00")  # Tokyo, by its CSM and by the workspace
    assert walk(world, "c", "q").due_at == utc("2027-03-01 15:00")  # Chicago, where the CSM is


def test_s18_days_keep_the_local_time_over_a_change_of_clocks_and_hours_do_not(world: World) -> None:
    journey(world, "days", "- wait: 14 days", enter='when: tier == "pro"')
    journey(world, "hours", "- wait: 336 hours", enter='when: tier == "pro"')
    world.deploy()
    company(world, timezone="America/New_York")  # clocks go forward on 14 March 2027
    world.clock.move_to(utc("2027-03-05 15:00"))
    change(world.database, "sakura", tier="pro")
    world.tick()
    assert walk(world, playbook="days").due_at == utc("2027-03-19 14:00")
    assert walk(world, playbook="hours").due_at == utc("2027-03-19 15:00")


def test_s18_a_wait_into_the_missing_hour_and_the_doubled_hour_ends_once(world: World) -> None:
    journey(world, "gap", "- wait: 1 day\n- log: Over", enter='when: tier == "gap"')
    journey(world, "fold", "- wait: 1 day\n- log: Over", enter='when: tier == "fold"')
    world.deploy()
    company(world, timezone="America/New_York")
    for tier, start in (("gap", "2027-03-13 07:30"), ("fold", "2027-11-06 05:30")):  # 02:30 and 01:30 local
        world.clock.move_to(utc(start))
        change(world.database, "sakura", tier=tier)
        world.tick()
        world.time_passes(hours=30, every=timedelta(minutes=30))
    assert outcomes(world, playbook="gap") == outcomes(world, playbook="fold") == ["completed"]
    assert len(took(world, "logged")) == 2


def test_s11_a_wait_for_a_date_nobody_knows_is_no_reason_to_wait(world: World) -> None:
    waits(world, "{until: renewal_date - 10 days}", renewal_date=None)
    world.tick()
    assert outcomes(world) == ["completed"]


def test_s11_a_moved_date_moves_the_wait_for_it(world: World) -> None:
    waits(world, "{until: renewal_date - 10 days}", renewal_date=date(2027, 4, 1))
    world.tick()
    change(world.database, "sakura", renewal_date=date(2027, 3, 20))
    world.tick()
    assert walk(world).due_at == utc("2027-03-09 15:00")
    change(world.database, "sakura", renewal_date=date(2027, 5, 1))
    world.tick()
    assert walk(world).due_at == utc("2027-04-20 15:00")


# Logical time


def test_s11_waits_count_from_when_the_step_before_was_due_not_from_our_tick(world: World) -> None:
    journey(world, "p", "- wait: 1 day\n- log: One\n- wait: 1 day\n- log: Two\n- wait: 1 day\n- log: Three")
    world.deploy()
    company(world)
    world.tick()
    world.time_passes(days=3, every=timedelta(hours=7))  # ticks come up to seven hours late
    assert said(world) == ["One", "Two", "Three"]
    assert walk(world).due_at is None


def test_s11_three_days_of_downtime_do_not_delay_what_was_due_in_them(world: World) -> None:
    journey(
        world, "p", "- wait: 1 day\n- handoff: One\n- wait: 1 day\n- handoff: Two\n- wait: 2 days\n- handoff: Three"
    )
    world.deploy()
    company(world)
    world.tick()
    world.jump(days=3)
    world.tick()
    assert titles(world) == ["One", "Two"]
    assert walk(world).due_at == utc("2027-03-05 00:00")


# Conditions (S11)


ASK = """
- wait:
    until: count("login", since="start") >= 1
    at_most: 3 days
  then:
    - log: Came
  else:
    - log: Stayed away
- log: Afterwards
"""
START = "- log: Start\n  id: start"
TIER = """
- wait: {until: tier == "pro", at_most: 3 days}
  then:
    - log: Yes
  else:
    - log: No
- log: Afterwards
"""


def said(world: World, key: str = "sakura") -> list[str]:
    return [str(found.details["text"][""]) for found in took(world, "logged", key)]


def test_s11_a_condition_that_holds_on_arrival_goes_to_then_and_falls_through(world: World) -> None:
    journey(world, "p", TIER)
    world.deploy()
    company(world, tier="pro")
    world.tick()
    assert said(world) == ["Yes", "Afterwards"]


def test_s11_a_condition_is_looked_at_with_each_change(world: World) -> None:
    journey(world, "p", TIER)
    world.deploy()
    company(world)
    world.time_passes(days=1)
    assert said(world) == []
    change(world.database, "sakura", tier="pro")
    world.tick()
    assert said(world) == ["Yes", "Afterwards"]


def test_s11_at_the_deadline_else_is_walked_and_falls_through(world: World) -> None:
    journey(world, "p", TIER)
    world.deploy()
    company(world)
    world.tick()
    world.time_passes(days=3)
    assert said(world) == ["No", "Afterwards"]


def test_s11_one_last_look_at_the_deadline(world: World) -> None:
    journey(world, "p", TIER)
    world.deploy()
    company(world)
    world.tick()
    world.jump(days=5)
    change(world.database, "sakura", tier="pro")
    world.tick()
    assert said(world) == ["Yes", "Afterwards"]


def test_s11_after_the_deadline_the_next_wait_counts_from_it(world: World) -> None:
    journey(world, "p", TIER + "- wait: 1 day\n- log: Much later")
    world.deploy()
    company(world)
    world.tick()
    world.jump(days=5)
    world.tick()
    assert said(world) == ["No", "Afterwards", "Much later"]


def test_s11_facts_before_the_wait_count_unless_since_asks_for_new_ones(world: World) -> None:
    journey(world, "old", START + ASK.replace('since="start"', "days=7").replace("Came", "Was there"))
    journey(world, "new", START + ASK)
    world.deploy()
    member = company(world)
    happened(world.database, member.key, "login", world.now - timedelta(hours=1))
    world.tick()
    assert (outcomes(world, playbook="old"), outcomes(world, playbook="new")) == (["completed"], [None])
    world.time_passes(hours=1)
    happened(world.database, member.key, "login", world.now)
    world.time_passes(hours=1)
    assert outcomes(world, playbook="new") == ["completed"]
    assert said(world) == ["Start", "Start", "Was there", "Afterwards", "Came", "Afterwards"]


def test_s11_empty_arms_go_on_with_the_next_step(world: World) -> None:
    journey(world, "p", '- wait: {until: tier == "pro", at_most: 1 day}\n- log: Next')
    world.deploy()
    company(world, "a", tier="pro")
    company(world, "b")
    world.tick()
    assert (said(world, "a"), said(world, "b")) == (["Next"], [])
    world.time_passes(days=1)
    assert said(world, "b") == ["Next"]


def test_s11_end_ends_the_walk_at_any_depth(world: World) -> None:
    steps = """
- if: stage == "onboarding"
  then:
    - branch:
        - when: tier == "pro"
          steps:
            - wait: {until: tier == "pro", at_most: 1 day}
              then:
                - end: deep_inside
        - else:
            - log: Not pro
- log: Never for pro
"""
    journey(world, "p", steps)
    world.deploy()
    company(world, "a", tier="pro")
    company(world, "b")
    world.tick()
    assert (outcomes(world, "a"), said(world, "a")) == (["deep_inside"], [])
    assert (outcomes(world, "b"), said(world, "b")) == (["completed"], ["Not pro", "Never for pro"])


def test_s11_a_wait_without_a_deadline_ends_when_time_makes_it_true(world: World) -> None:
    journey(world, "p", "- wait: {until: days_until(renewal_date) <= 5}\n- log: Near")
    world.deploy()
    company(world, renewal_date=date(2027, 3, 10))
    world.time_passes(days=3)
    assert said(world) == []
    world.time_passes(days=2)
    assert said(world) == ["Near"]


def test_s11_a_skipped_wait_does_not_wait(world: World) -> None:
    journey(world, "p", '- wait: 5 days\n  when: tier == "pro"\n- log: At once')
    world.deploy()
    company(world)
    world.tick()
    assert said(world) == ["At once"]


def test_s11_when_is_asked_on_arrival_only(world: World) -> None:
    journey(world, "p", '- wait: 5 days\n  when: stage == "onboarding"\n- log: Over')
    world.deploy()
    company(world)
    world.tick()
    change(world.database, "sakura", stage="adoption")
    world.time_passes(days=4)
    assert said(world) == []
    world.time_passes(days=1)
    assert said(world) == ["Over"]


def test_twenty_steps_a_tick_and_the_rest_at_the_next(world: World) -> None:
    journey(world, "p", "\n".join(f"- log: Line {number}" for number in range(30)))
    world.deploy()
    company(world)
    world.app.tick()
    first = len(said(world))
    world.time_passes(seconds=2)
    assert (first, len(said(world))) == (20, 30)
