"""What the names of a condition mean over content, curricula and products (S30, S40), on both databases. Monday noon in Tokyo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from bot.authoring.company import CONTENT, PRODUCTS, read_company
from bot.rules.catalogue import NOTICED, VIEWED
from bot.rules.condition_scope import table_of
from storage.curricula import CurriculumAssignment
from storage.database import Database
from tests.rules import facts
from tests.rules.asking import ask as ask_scope
from tests.rules.asking import at, days_ago
from tests.rules.facts import NOW

FILES = {
    CONTENT: """
items:
  setup_video: {title: Set up, kind: video, url: "https://help.example/setup", minutes: 6, stage: onboarding}
  shop_case: {title: A shop, kind: case_study, url: "https://help.example/shop", minutes: 5, for: industry == "retail"}
  any_case: {title: Anybody, kind: case_study, url: "https://help.example/any", minutes: 4, for: 'count("login", days=7) > 0'}
  reports: {title: Reports, kind: guide, url: "https://help.example/reports", feature: reports}
curricula:
  basics:
    - {item: setup_video, within: 3 days}
    - {item: reports, within: 2 weeks}
""",
    PRODUCTS: """
core: {title: Core}
analytics: {title: Analytics, for: licenses_purchased >= 50}
""",
}
COMPANY, FINDINGS = read_company(FILES)
assert not FINDINGS, FINDINGS


@pytest.fixture
def world(database: Database) -> Iterator[Connection]:
    with database.write() as connection:
        yield connection


def ask(world: Connection, text: str, customer: int, **more: Any) -> Any:
    return ask_scope(world, text, customer, catalogue=COMPANY.catalogue, products=COMPANY.products, **more)


def viewed(world: Connection, customer: int, item: str, days: float = 0, **more: Any) -> None:
    properties = {"content": item} | ({"minutes": more.pop("minutes")} if "minutes" in more else {})
    name = more.pop("name", VIEWED)
    facts.add_event(world, customer, name, at(days), properties=properties, **more)


def assigned(world: Connection, customer: int, contact: int, day: date) -> None:
    row = {"curriculum": "basics", "assigned_on": day, "assigned_at": NOW, "playbook": "p"}
    world.execute(insert(table_of(CurriculumAssignment)).values(customer_id=customer, contact_id=contact, **row))


def test_s40_viewed_is_a_view_and_aware_is_a_view_or_a_mail_that_was_opened(world: Connection) -> None:
    customer = facts.add_customer(world)
    viewed(world, customer, "setup_video")
    viewed(world, customer, "reports", name=NOTICED)
    viewed(world, customer, "shop_case", days=-1)
    assert [ask(world, f'viewed("{item}")', customer) for item in ("setup_video", "reports", "shop_case")] == [1, 0, 0]
    assert [ask(world, f'aware("{item}")', customer) for item in ("setup_video", "reports", "shop_case")] == [1, 1, 0]


def test_s30_views_are_the_contacts_in_a_contact_walk_and_any_contacts_in_a_customer_walk(world: Connection) -> None:
    customer = facts.add_customer(world)
    reader, other = facts.add_contact(world, customer), facts.add_contact(world, customer)
    viewed(world, customer, "reports", contact_id=reader)
    assert ask(world, 'viewed("reports")', customer)
    assert ask(world, 'viewed("reports")', customer, contact=reader)
    assert not ask(world, 'viewed("reports")', customer, contact=other)
    assert ask(world, 'curriculum("basics")', customer, contact=reader) == 0.5
    assert ask(world, 'curriculum("basics")', customer, contact=other) == 0
    assert ask(world, "view_minutes(days=30)", customer, contact=other) == 0


def test_minutes_are_those_a_view_says_else_the_items_once_a_day(world: Connection) -> None:
    facts.add_feed(world, VIEWED)
    customer = facts.add_customer(world, started_on=date(2026, 1, 1))
    viewed(world, customer, "setup_video", 1, minutes=2)
    viewed(world, customer, "setup_video", 1.1, minutes="1.5")
    viewed(world, customer, "setup_video", 1.2)  # a click beside them
    viewed(world, customer, "shop_case", 2)
    viewed(world, customer, "shop_case", 2.1)
    viewed(world, customer, "shop_case", 4)
    viewed(world, customer, "setup_video", 5, minutes=90_000)
    viewed(world, customer, "unknown", 5)
    viewed(world, customer, "any_case", 31)
    assert ask(world, "view_minutes(days=30)", customer) == 2 + 1.5 + 5 + 5 + 6


def test_s2_few_minutes_are_not_believed_while_nobody_told_of_views(world: Connection) -> None:
    customer = facts.add_customer(world, started_on=date(2026, 1, 1))
    assert ask(world, "view_minutes(days=30) < 10", customer) is None
    facts.add_feed(world, VIEWED)
    assert ask(world, "view_minutes(days=30) < 10", customer)
    young = facts.add_customer(world, started_on=days_ago(10))
    assert ask(world, "view_minutes(days=30) < 10", young) is None


def test_a_curriculum_is_as_far_as_the_contact_who_is_furthest(world: Connection) -> None:
    customer = facts.add_customer(world)
    half, other = facts.add_contact(world, customer), facts.add_contact(world, customer)
    assert ask(world, 'curriculum("basics")', customer) == 0
    for contact, item in ((half, "reports"), (other, "setup_video"), (other, "setup_video"), (other, "shop_case")):
        viewed(world, customer, item, contact_id=contact)
    assert ask(world, 'curriculum("basics")', customer) == 0.5
    viewed(world, customer, "reports", contact_id=other)
    assert ask(world, 'curriculum("basics") >= 1', customer)
    assert ask(world, 'curriculum("unknown")', customer) is None


def test_lessons_are_overdue_on_the_day_after_their_last(world: Connection) -> None:
    customer = facts.add_customer(world)
    early, late = facts.add_contact(world, customer), facts.add_contact(world, customer)
    assert ask(world, 'overdue("basics")', customer) == 0
    assigned(world, customer, early, days_ago(3))
    assert ask(world, 'overdue("basics")', customer, contact=early) == 0
    assigned(world, customer, late, days_ago(15))
    assert ask(world, 'overdue("basics")', customer, contact=late) == 2
    assert ask(world, 'overdue("basics")', customer) == 2
    viewed(world, customer, "setup_video", contact_id=late)
    assert ask(world, 'overdue("basics")', customer, contact=late) == 1
    assert ask(world, 'overdue("basics")', customer, contact=early) == 0


def test_content_that_fits_is_the_first_that_was_not_viewed(world: Connection) -> None:
    shop = facts.add_customer(world, stage="onboarding", industry="retail")
    office = facts.add_customer(world, stage="adoption", industry="office")
    nowhere = facts.add_customer(world, stage=None)
    assert ask(world, "content()", shop) == "setup_video"
    assert ask(world, "content(place=2)", shop) == "shop_case"
    assert [ask(world, 'content(kind="case_study")', each) for each in (shop, office)] == ["shop_case", None]
    assert ask(world, "content()", nowhere) == "reports"
    assert ask(world, 'content(feature="reports")', office) == "reports"
    assert ask(world, "content(feature=weakest_feature) is none", office)
    facts.add_usage(world, shop, "login", days_ago(1))
    viewed(world, shop, "shop_case")
    assert ask(world, 'content(kind=["case_study", "guide"])', shop) == "any_case"
    assert ask(world, 'content("shop_case")', shop) == "shop_case"
    assert ask(world, 'content("unknown")', shop) is None


def test_unseen_is_what_fits_and_is_not_known(world: Connection) -> None:
    shop = facts.add_customer(world, stage="onboarding", industry="retail")
    assert ask(world, "unseen_content()", shop) == 3
    viewed(world, shop, "setup_video")
    viewed(world, shop, "reports", name=NOTICED)
    viewed(world, shop, "any_case")  # known, and not for them
    assert ask(world, "unseen_content()", shop) == 1


def test_a_product_could_be_owned_by_whom_it_is_for_and_who_has_not_got_it(world: Connection) -> None:
    large = facts.add_customer(world, licenses_purchased=80)
    small = facts.add_customer(world, licenses_purchased=8)
    unknown = facts.add_customer(world)
    facts.add_subscription(world, small, product="core", started_on=days_ago(90))
    facts.add_subscription(world, large, product="analytics", started_on=days_ago(900), ended_on=days_ago(1))
    asked = ('could_own("core")', 'could_own("analytics")', 'could_own("nothing")')
    verdicts = [[ask(world, text, each) for text in asked] for each in (large, small, unknown)]
    assert verdicts == [[True, True, False], [False, False, False], [True, None, False]]
