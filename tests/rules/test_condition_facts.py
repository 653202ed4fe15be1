"""What the names of a condition mean over stored facts, on both databases. The clock stands at Monday noon in Tokyo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from bot.rules.condition_scope import LocalDays, table_of
from bot.rules.open_days import stored_open_days
from storage.database import Database
from storage.facts import Feed
from tests.rules import facts
from tests.rules.asking import ask, at, days_ago
from tests.rules.facts import TODAY


@pytest.fixture
def world(database: Database) -> Iterator[Connection]:
    with database.write() as connection:
        yield connection


# --- S1: empty values


def test_s1_a_customer_without_a_stage_is_not_churned(world: Connection) -> None:
    customer = facts.add_customer(world, stage=None)
    assert ask(world, 'stage != "churned"', customer)
    assert not ask(world, 'stage == "churned"', customer)
    assert ask(world, 'not (stage == "churned")', customer)
    assert ask(world, 'stage not in ["churned"]', customer)
    assert ask(world, "stage in [none]", customer)


def test_s1_one_who_never_answered_is_neither_detractor_nor_its_opposite(world: Connection) -> None:
    customer = facts.add_customer(world)
    assert ask(world, "nps <= 6", customer) is None
    assert ask(world, "not (nps <= 6)", customer) is None
    assert ask(world, "nps is none or nps > 6", customer)


def test_s1_unset_is_not_false(world: Connection) -> None:
    customer = facts.add_customer(world, attributes={"was_paid": True, "old": "no"})
    assert ask(world, "attributes.usage_talk_ok != false", customer)
    assert ask(world, "attributes.was_paid == true", customer)
    assert ask(world, "attributes.was_paid", customer)
    assert not ask(world, "attributes.old != false", customer)


def test_division_by_zero_is_unknown_and_division_is_exact(world: Connection) -> None:
    customer = facts.add_customer(world, licenses_purchased=0, licenses_active=1)
    assert ask(world, "license_use", customer) is None
    assert ask(world, "1 / licenses_purchased", customer) is None
    assert ask(world, "licenses_active / 4", customer) == 0.25


# --- S2: a silent feed


def test_s2_on_a_fresh_installation_nothing_is_known_to_have_stopped(world: Connection) -> None:
    customer = facts.add_customer(world)
    assert ask(world, 'count("login", days=14) == 0', customer) is None
    assert not ask(world, 'count("login", days=14) > 0', customer)
    assert ask(world, 'not (count("login", days=14) > 0)', customer) is None
    assert ask(world, 'tickets(status="open") == 0', customer) is None


@pytest.mark.parametrize(
    "text",
    [
        'count("login", days=14) == 0',
        'count("login", days=14) < 3',
        'count("login", days=14) != 5',
        'not (count("login", days=14) >= 1)',
        'count("login", days=14) in [0, 1]',
        'total("login", days=14) / 10 < 5',
        'active_days("login", days=14) <= 2',
        'users("login", days=14) == 0',
        'in_first_days("login", days=900) < 4',
        'missed_days("login", days=14) >= 10',
        'missed_days("login", days=14) != 0',
        'days_since_event("login") is none',
        'change("login", days=7) is none',
        'falling("login", weeks=2) == false',
        'not falling("login", weeks=2)',
        '(count("login", days=3) > 0) + (count("login", days=9) > 0) < 1',
        "breadth(days=14) < 2",
    ],
)
def test_s2_silence_is_believed_only_while_its_feed_speaks(world: Connection, text: str) -> None:
    customer = facts.add_customer(world, started_on=date(2026, 1, 1))
    facts.add_feed(world, "login", at(4))
    assert ask(world, text, customer) is None
    assert ask(world, text, customer, feeds={"login": timedelta(days=5)}) is not None or "breadth" in text
    world.execute(update(table_of(Feed)).values(latest_at=at(1)))
    assert ask(world, text, customer)


def test_s2_what_did_happen_is_true_whatever_the_feed_says(world: Connection) -> None:
    customer = facts.add_customer(world)
    facts.add_usage(world, customer, "login", days_ago(3), count=2)
    assert ask(world, 'count("login", days=14) > 0', customer)
    assert ask(world, 'count("login", days=14) == 2', customer)
    assert ask(world, 'count("login", days=14) == 0', customer) is False


def test_s2_a_fresh_import_of_daily_totals_speaks_for_every_event_it_ever_told_of(world: Connection) -> None:
    customer = facts.add_customer(world)
    facts.add_feed(world, "login", at(40))
    facts.add_feed(world, "usage", at(1))
    assert ask(world, 'count("login", days=14) == 0', customer)
    assert ask(world, 'count("lgoin", days=14) == 0', customer) is None
    assert ask(world, 'count("login", days=14) == 0', customer, feeds={"login": timedelta(days=1)}) is None


def test_s2_two_counts_against_each_other_need_both_feeds(world: Connection) -> None:
    customer = facts.add_customer(world)
    facts.add_feed(world, "a")
    facts.add_usage(world, customer, "a", TODAY)
    assert ask(world, 'count("a", days=3) > count("b", days=3)', customer) is None
    facts.add_feed(world, "b")
    assert ask(world, 'count("a", days=3) > count("b", days=3)', customer)


# --- S3: young customers


def test_s3_windows_begin_when_the_customer_did(world: Connection) -> None:
    customer = facts.add_customer(world, started_on=days_ago(3))
    for days in (2, 3, 4):
        facts.add_usage(world, customer, "login", days_ago(days))
    assert ask(world, 'count("login", days=30)', customer) == 2


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ('met("decision_maker", days=90) == 0', 90),
        ('missed_days("login", days=10) >= 1', 10),
        ('not falling("login", weeks=3)', 21),
        ('change("login", days=10) is none', 20),
    ],
)
def test_s3_nothing_is_said_of_one_younger_than_the_window(world: Connection, text: str, days: int) -> None:
    facts.add_feed(world, "login")
    facts.add_feed(world, "meetings")
    young = facts.add_customer(world, started_on=days_ago(days - 1))
    grown = facts.add_customer(world, started_on=days_ago(days))
    unknown_start = facts.add_customer(world, started_on=None, created_at=at(days - 1))
    assert ask(world, text, young) is None
    assert ask(world, text, unknown_start) is None
    assert ask(world, text, grown)


# --- S6: renewed


def test_s6_a_date_moved_by_four_weeks_is_a_renewal_and_a_smaller_move_is_none(world: Connection) -> None:
    customer = facts.add_customer(world, renewal_date=date(2028, 3, 31))
    moved = facts.add_walk(world, customer, renewal_date_at_entry=date(2028, 3, 3))
    shifted = facts.add_walk(world, customer, playbook="other", renewal_date_at_entry=date(2028, 3, 4))
    assert ask(world, "renewed", customer, walk=moved)
    assert ask(world, "not renewed", customer, walk=shifted)


def test_s6_a_newly_running_subscription_is_a_renewal(world: Connection) -> None:
    customer = facts.add_customer(world, renewal_date=None)
    walk = facts.add_walk(world, customer)
    facts.add_subscription(world, customer, started_on=days_ago(400), ended_on=days_ago(2))
    assert not ask(world, "renewed", customer, walk=walk)
    assert not ask(world, "renewed", customer)
    facts.add_subscription(world, customer, started_on=days_ago(1))
    assert ask(world, "renewed", customer, walk=walk)
    assert ask(world, "renewed", customer)


# --- S16: this walk's own steps


def test_s16_mail_names_ask_about_this_walk_only(world: Connection) -> None:
    customer = facts.add_customer(world)
    walk, other = facts.add_walk(world, customer), facts.add_walk(world, customer, playbook="other")
    facts.add_message(world, walk, customer, "notice", accepted_at=at(2), clicked_at=at(1))
    facts.add_message(world, walk, customer, "held", state="held")
    assert ask(world, 'sent("notice") and clicked("notice")', customer, walk=walk)
    assert not ask(world, 'opened("notice") or replied("notice") or sent("held")', customer, walk=walk)
    assert not ask(world, 'sent("notice")', customer, walk=other)
    assert not ask(world, 'sent("notice")', customer)


def test_s16_hand_offs_answer_with_their_outcome(world: Connection) -> None:
    customer = facts.add_customer(world)
    walk = facts.add_walk(world, customer)
    facts.add_handoff(world, walk, customer, "call", state="done", outcome="trouble", kind="risk")
    facts.add_handoff(world, walk, customer, "later", kind="risk")
    assert ask(world, 'done("call") and outcome("call") == "trouble"', customer, walk=walk)
    assert not ask(world, 'done("later")', customer, walk=walk)
    assert ask(world, 'outcome("later") is none', customer, walk=walk)
    assert ask(world, 'open_handoffs(kind="risk")', customer) == 1
    assert ask(world, "open_handoffs()", customer) == 1


def test_s21_the_outcome_of_an_enrolled_playbook_can_be_asked(world: Connection) -> None:
    customer = facts.add_customer(world)
    walk = facts.add_walk(world, customer)
    facts.add_walk(world, customer, playbook="child", status="ended", outcome="goal", entered_at=at(1))
    assert ask(world, 'outcome("child") == "goal"', customer, walk=walk)


def test_s11_since_counts_from_when_the_step_was_over(world: Connection) -> None:
    customer = facts.add_customer(world)
    walk = facts.add_walk(world, customer)
    facts.add_message(world, walk, customer, "notice", accepted_at=at(3))
    for days, key in ((4, "old"), (2, "new"), (1, "newer")):
        facts.add_event(world, customer, "login", at(days), key=key, value=5.0)
    facts.add_usage(world, customer, "login", days_ago(3), count=100, source="csv")
    facts.add_usage(world, customer, "login", days_ago(2), count=10, source="csv")
    facts.add_usage(world, customer, "login", days_ago(2), count=1000)
    assert ask(world, 'count("login", since="notice")', customer, walk=walk) == 12
    assert ask(world, 'total("login", since="notice")', customer, walk=walk) == 20
    assert ask(world, 'count("login", since="never")', customer, walk=walk) == 0
    facts.add_decision(world, walk, "pause", at(1.5))
    assert ask(world, 'count("login", since="pause")', customer, walk=walk) == 1
    facts.add_answer(world, customer, 3, at(2))
    assert ask(world, 'answered("nps", since="notice")', customer, walk=walk)
    assert not ask(world, 'answered("nps", since="pause")', customer, walk=walk)


# --- S18, S19, S30


def test_s18_only_the_customers_opening_days_are_missed(world: Connection) -> None:
    facts.add_feed(world, "login")
    common: dict[str, Any] = {"started_on": date(2026, 1, 1)}
    office = facts.add_customer(world, **common)
    shop = facts.add_customer(world, open_days="sat;sun", **common)
    daily = facts.add_customer(world, open_days="every day", **common)
    ranged = facts.add_customer(world, open_days="mon-fri", **common)
    for customer in (office, shop, daily, ranged):
        facts.add_usage(world, customer, "login", days_ago(1))  # Sunday
        facts.add_usage(world, customer, "login", days_ago(3))  # Friday
    missed = [ask(world, 'missed_days("login", days=10)', customer) for customer in (office, shop, daily, ranged)]
    assert missed == [5, 3, 8, 5]
    active = [ask(world, 'active_days("login", days=10)', customer) for customer in (office, shop, daily, ranged)]
    assert active == [1, 1, 2, 1]
    assert ask(world, 'missed_days("login", days=1)', daily) == 0
    assert ask(world, 'missed_days("login", days=1)', office) == 0


def test_s18_stored_opening_days_are_spelled_out() -> None:
    assert stored_open_days("saturday to monday") == "mon;sat;sun"


def test_s18_days_are_those_of_the_customers_zone(world: Connection) -> None:
    late = datetime(2027, 5, 3, 22, 0, tzinfo=UTC)
    days = LocalDays.at(late, "Asia/Tokyo", ["America/New_York", "Asia/Tokyo", "Mars/Base", None])
    tokyo = facts.add_customer(world, stage_since=datetime(2027, 5, 3, 16, 0, tzinfo=UTC))
    york = facts.add_customer(world, timezone="America/New_York", stage_since=datetime(2027, 5, 3, 3, 0, tzinfo=UTC))
    mars = facts.add_customer(world, timezone="Mars/Base", stage_since=datetime(2027, 5, 3, 16, 0, tzinfo=UTC))
    found = [
        (ask(world, "today", each, days=days), ask(world, "days_in_stage", each, days=days))
        for each in (tokyo, york, mars)
    ]
    assert [row[1] for row in found] == [0, 1, 0]
    assert [str(row[0]) for row in found] == ["2027-05-04", "2027-05-03", "2027-05-04"]


def test_s19_only_people_make_notes(world: Connection) -> None:
    customer = facts.add_customer(world, started_on=days_ago(50))
    walk = facts.add_walk(world, customer)
    facts.add_message(world, walk, customer, "notice", accepted_at=at(1))
    facts.add_handoff(world, walk, customer, "gone", state="withdrawn", closed_at=at(1))
    assert ask(world, "last_note_days", customer) == 50
    facts.add_meeting(world, customer, at(-3))
    facts.add_note(world, customer, at(30))
    assert ask(world, "last_note_days", customer) == 30
    facts.add_meeting(world, customer, at(20))
    assert ask(world, "last_note_days", customer) == 20
    facts.add_handoff(world, walk, customer, "call", state="done", closed_at=at(9))
    assert ask(world, "last_note_days", customer) == 9


def test_s30_nps_is_the_customers_mean_or_the_contacts_own(world: Connection) -> None:
    customer = facts.add_customer(world)
    keen, cross, old = (facts.add_contact(world, customer) for _ in range(3))
    facts.add_answer(world, customer, 2, at(9), contact_id=keen)
    facts.add_answer(world, customer, 10, at(5), contact_id=keen)
    facts.add_answer(world, customer, 5, at(7), contact_id=cross)
    facts.add_answer(world, customer, 0, at(200), contact_id=old)
    facts.add_answer(world, customer, 1, at(-2), contact_id=cross)
    assert ask(world, "nps", customer) == 7.5
    assert ask(world, "nps", customer, contact=cross) == 5
    assert ask(world, "nps", customer, contact=old) == 0
    assert ask(world, "nps_days_ago", customer) == 5
    assert ask(world, "nps_days_ago", customer, contact=old) == 200
    assert ask(world, 'answered("nps", days=6)', customer)
    assert not ask(world, 'answered("nps", days=6)', customer, contact=cross)
    assert ask(world, "csat", customer) is None
