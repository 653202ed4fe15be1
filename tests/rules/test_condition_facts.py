"""What the names of a condition mean over stored facts, on both databases. The clock stands at Monday noon in Tokyo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from bot.rules.condition_scope import LocalDays, table_of
from bot.rules.conditions import compile_value, leaves, parse_condition, parse_value
from bot.rules.open_days import stored_open_days
from storage.database import Database
from storage.facts import Feed
from tests.rules import facts
from tests.rules.facts import CONTACT, CUSTOMER, ENROLLMENT, NOW, TODAY, scope


@pytest.fixture
def world(database: Database) -> Iterator[Connection]:
    with database.write() as connection:
        yield connection


def ask(
    world: Connection, text: str, customer: int, *, walk: int | None = None, contact: int | None = None, **changes: Any
) -> Any:
    """The value of an expression for one customer (and its walk, and its contact)."""
    rows: Any = CUSTOMER
    where = [CUSTOMER.c.id == customer]
    if walk is not None:
        rows = rows.join(ENROLLMENT, ENROLLMENT.c.customer_id == CUSTOMER.c.id)
        where.append(ENROLLMENT.c.id == walk)
        changes = {"enrollment": ENROLLMENT, "event": ENROLLMENT.c.event, **changes}
    if contact is not None:
        rows = rows.join(CONTACT, CONTACT.c.customer_id == CUSTOMER.c.id)
        where.append(CONTACT.c.id == contact)
        changes = {"contact": CONTACT, **changes}
    value = compile_value(parse_value(text), scope(**changes))
    return world.execute(select(value).select_from(rows).where(*where)).scalar_one()


def days_ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def at(days: float) -> datetime:
    """An instant so many days ago."""
    return NOW - timedelta(days=days)


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


# --- usage


def test_a_window_is_today_and_the_days_before_and_sources_add_up(world: Connection) -> None:
    customer = facts.add_customer(world)
    facts.add_usage(world, customer, "login", TODAY, count=1)
    facts.add_usage(world, customer, "login", days_ago(6), count=2)
    facts.add_usage(world, customer, "login", days_ago(6), count=4, source="csv", total=40.0)
    facts.add_usage(world, customer, "login", days_ago(7), count=8)
    facts.add_usage(world, customer, "login", days_ago(-1), count=16)
    assert ask(world, 'count("login", days=7)', customer) == 7
    assert ask(world, 'total("login", days=7)', customer) == 43


def test_users_are_people_or_the_best_imported_day(world: Connection) -> None:
    customer = facts.add_customer(world)
    one, two = facts.add_contact(world, customer), facts.add_contact(world, customer)
    for contact, days in ((one, 0), (one, 2), (two, 3), (two, 9)):
        facts.add_event(world, customer, "login", at(days), contact_id=contact)
    assert ask(world, 'users("login", days=3)', customer) == 1
    assert ask(world, 'users("login", days=7)', customer) == 2
    facts.add_usage(world, customer, "login", days_ago(2), source="csv", users=30)
    assert ask(world, 'users("login", days=7)', customer) == 30


def test_breadth_counts_events_used_often_enough(world: Connection) -> None:
    customer = facts.add_customer(world)
    for event, count in (("a", 3), ("b", 2), ("c", 1)):
        facts.add_usage(world, customer, event, days_ago(2), count=count)
    facts.add_usage(world, customer, "b", days_ago(3), count=1)
    assert ask(world, "breadth(days=14)", customer) == 3
    assert ask(world, "breadth(days=14, at_least=3)", customer) == 2


def test_the_first_days_count_from_the_start(world: Connection) -> None:
    customer = facts.add_customer(world, started_on=days_ago(100))
    for days in (101, 100, 71, 70, 5):
        facts.add_usage(world, customer, "scouts_sent", days_ago(days))
    assert ask(world, 'in_first_days("scouts_sent", days=30)', customer) == 2


def test_falling_and_rising_compare_complete_weeks(world: Connection) -> None:
    facts.add_feed(world, "login")
    falling = facts.add_customer(world, started_on=days_ago(90))
    rising = facts.add_customer(world, started_on=days_ago(90))
    for week, count in enumerate((1, 5, 9)):
        facts.add_usage(world, falling, "login", days_ago(7 * week + 1), count=count)
        facts.add_usage(world, rising, "login", days_ago(7 * week + 7), count=10 - count)
    facts.add_usage(world, falling, "login", TODAY, count=99)
    assert ask(world, 'falling("login", weeks=3)', falling)
    assert not ask(world, 'rising("login", weeks=2)', falling)
    assert ask(world, 'rising("login", weeks=3)', rising)
    assert not ask(world, 'falling("login", weeks=3)', rising)
    assert ask(world, 'change("login", days=7)', falling) == pytest.approx(-0.8)


def test_days_since_an_event(world: Connection) -> None:
    facts.add_feed(world, "login")
    customer = facts.add_customer(world)
    assert ask(world, 'days_since_event("login") is none', customer)
    facts.add_usage(world, customer, "login", days_ago(4))
    facts.add_usage(world, customer, "login", days_ago(2), count=0)
    assert ask(world, 'days_since_event("login")', customer) == 4


# --- support, people, commerce, contacts


def test_tickets_by_kind_priority_status_and_age(world: Connection) -> None:
    customer = facts.add_customer(world, touch="high", limits={"own": 2})
    facts.add_ticket(world, customer, at(40), kind="bug", priority="high")
    facts.add_ticket(world, customer, at(10), kind="bug", priority="urgent", status="closed", closed_at=at(1))
    facts.add_ticket(world, customer, at(8), kind="question", priority="low")
    facts.add_ticket(world, customer, at(-1), kind="bug")
    assert ask(world, "tickets()", customer) == 3
    assert ask(world, 'tickets(kind="bug", priority=["high", "urgent"])', customer) == 2
    assert ask(world, 'tickets(status="open")', customer) == 2
    assert ask(world, "tickets(days=30)", customer) == 2
    assert ask(world, 'tickets(status="open", older_than_days=30)', customer) == 1
    limits = {"days": [('touch == "high"', 7), (None, 14)], "own": [(None, 100)]}
    assert ask(world, 'tickets(status="open", older_than_days=limit("days"))', customer, limits=limits) == 2
    assert ask(world, 'limit("own")', customer, limits=limits) == 2
    assert ask(world, 'limit("unknown")', customer, limits=limits) is None
    assert ask(world, 'tickets(days=30) >= limit("own")', customer, limits=limits)


def test_meetings_held_and_planned(world: Connection) -> None:
    customer = facts.add_customer(world)
    boss, user = facts.add_contact(world, customer, "decision_maker"), facts.add_contact(world, customer, "user")
    facts.add_meeting(world, customer, at(80), boss, kind="ebr")
    facts.add_meeting(world, customer, at(5), user, kind="sync")
    facts.add_meeting(world, customer, at(-9), boss, kind="ebr")
    facts.add_meeting(world, customer, at(-2), user, kind="sync")
    assert ask(world, "met()", customer) == 2
    assert ask(world, 'met("decision_maker", kind="ebr", days=90)', customer) == 1
    assert ask(world, 'met("decision_maker", days=80)', customer) == 0
    assert str(ask(world, 'next_meeting("ebr")', customer)) == "2027-05-12"
    assert ask(world, 'days_until(next_meeting("sync"))', customer) == 2
    assert ask(world, 'next_meeting("demo") is none', customer)


def test_a_product_is_owned_while_its_subscription_runs(world: Connection) -> None:
    customer = facts.add_customer(world)
    facts.add_subscription(world, customer, product="core", started_on=days_ago(9), ended_on=TODAY)
    facts.add_subscription(world, customer, product="old", started_on=days_ago(9), ended_on=days_ago(1))
    facts.add_subscription(world, customer, product="next", started_on=days_ago(-1))
    assert [ask(world, f'owns("{product}")', customer) for product in ("core", "old", "next")] == [True, False, False]


def test_tags_roles_and_the_contacts_own_fields(world: Connection) -> None:
    customer = facts.add_customer(world, tags=["vip", "日本"])
    admin = facts.add_contact(world, customer, "admin", locale="ja", last_seen=at(3), attributes={"team": "営業"})
    gone = facts.add_contact(world, customer, "champion", gone_at=NOW)
    assert ask(world, 'has_tag("vip") and has_tag("日本") and not has_tag("v")', customer)
    assert ask(world, 'has_role("admin") and not has_role("champion")', customer)
    assert ask(world, 'contact.has_role("admin") and contact.locale == "ja"', customer, contact=admin)
    assert ask(world, 'contact.attributes.team == "営業"', customer, contact=admin)
    assert ask(world, "days_since(contact.last_seen)", customer, contact=admin) == 3
    assert not ask(world, 'contact.has_role("admin")', customer, contact=gone)


def test_the_event_is_readable_for_the_whole_walk(world: Connection) -> None:
    customer = facts.add_customer(world)
    walk = facts.add_walk(world, customer, event={"kind": "nps", "score": 9, "on": "2027-02-31"})
    assert ask(world, 'event.kind == "nps" and event.score >= 9', customer, walk=walk)
    assert ask(world, "days_since(event.on) is none", customer, walk=walk)
    assert ask(world, "event.score >= 9", customer) is None


def test_every_leaf_shows_its_value_and_its_verdict(world: Connection) -> None:
    customer = facts.add_customer(world, stage="adoption", arr=5.0)
    facts.add_usage(world, customer, "login", TODAY, count=3)
    condition = parse_condition(
        'stage == "onboarding" and (count("login", days=7) > 1 or not 10 < arr) and arr <= limit("x")'
    )
    parts = leaves(condition, scope(limits={"x": [(None, 7)]}))
    assert [part.text for part in parts] == [
        'stage == "onboarding"',
        'count("login", days=7) > 1',
        "10 < arr",
        'arr <= limit("x")',
    ]
    columns = [column for part in parts for column in (part.value, part.holds)]
    row = list(world.execute(select(*columns).where(CUSTOMER.c.id == customer)).one())
    assert row == ["adoption", False, 3, True, 5.0, False, 5.0, True]
    assert parts[3].bound is not None
    assert world.execute(select(parts[3].bound).where(CUSTOMER.c.id == customer)).scalar_one() == 7
