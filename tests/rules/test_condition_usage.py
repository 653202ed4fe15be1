"""What counts of usage, support, people and commerce mean in a condition, on both databases.
The clock stands at Monday noon in Tokyo."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select

from bot.rules.conditions import leaves, parse_condition
from storage.database import Database
from tests.rules import facts
from tests.rules.asking import ask, at, days_ago
from tests.rules.facts import CUSTOMER, NOW, TODAY, scope


@pytest.fixture
def world(database: Database) -> Iterator[Connection]:
    with database.write() as connection:
        yield connection


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
