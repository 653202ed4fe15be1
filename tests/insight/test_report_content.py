"""What the reports and the briefs say about content, products, features and reasons to leave."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from bot.insight.handoff_brief import Reader, read_brief
from bot.insight.report_churn_reasons import links_of, report_churn_reasons
from bot.insight.report_content import report_content
from bot.insight.report_features import report_features
from bot.insight.report_whitespace import customers_of, report_whitespace
from storage.facts import Subscription
from storage.handoff_views import get, list_open
from tests.cast import change, customer, happened
from tests.pipeline.scenes import company, enroll, journey
from tests.world import World

FILES = {
    "playbooks/content.yml": """
target: {characters: 10000}
items:
  setup: {title: {en: Set up, ja: 設定}, kind: guide, url: "https://help.example/setup", minutes: 6, characters: 2000}
  shops: {title: Shops, kind: case_study, url: "https://help.example/shops", minutes: 5, characters: 3000, for: industry == "retail"}
curricula:
  basics: [{item: setup, within: 3 days}, {item: shops, within: 5 days}]
""",
    "playbooks/products.yml": """
core: {title: Core}
analytics: {title: {en: Analytics, ja: アナリティクス}, for: licenses_purchased >= 50}
""",
    "playbooks/features.yml": """
board: {title: {en: Board, ja: ボード}, value: 'total("board_viewed", days=30)', green: ">= 4", yellow: ">= 1"}
""",
    "playbooks/churn.yml": """
value_chain: [sales, product]
reasons:
  price: {title: {en: Price, ja: 価格}, link: sales, words: [高い]}
  bugs: {title: Bugs, link: product}
""",
}


@pytest.fixture
def told(world: World) -> World:
    """Sakura is a shop with 80 licences that viewed the set-up; Momiji is an office that heard of it."""
    for path, text in FILES.items():
        world.write(path, text)
    steps = "- assign: basics\n  to: anyone\n- handoff: Talk\n  brief: [content, whitespace, features]"
    journey(world, "p", steps, enter="manual: true")
    world.deploy()
    member = company(world, industry="retail", licenses_purchased=80, arr=1000.0, renewal_date=date(2027, 6, 1))
    customer(world.database, "momiji", world.now, industry="office", licenses_purchased=8, arr=500.0)
    for hours in (1, 2):
        at = world.now - timedelta(hours=hours)
        happened(
            world.database, "sakura", "content_viewed", at, contact_id=member.contact_id, content="setup", minutes=4
        )
    happened(world.database, "momiji", "content.noticed", world.now, content="setup")
    for _ in range(4):
        happened(world.database, "sakura", "board_viewed", world.now - timedelta(days=1))
    enroll(world, "p", customer="sakura")
    world.tick()
    return world


def rows(world: World, report: Any) -> list[dict[str, Any]]:
    with world.database.read() as connection:
        found: list[dict[str, Any]] = report(connection, world.now)
    return found


def brief(world: World, locale: str) -> list[str]:
    reader = Reader(locale=locale, timezone="Asia/Tokyo", now=world.now)
    with world.database.read() as connection:
        (handoff,) = list_open(connection, customer="sakura", limit=5)
        found = get(connection, handoff.id)
        assert found is not None
        return [
            line for part in read_brief(connection, found, reader) for line in (part.label, *part.text.splitlines())
        ]


def test_content_is_known_and_viewed_by_customers_whom_it_fits(told: World) -> None:
    found = rows(told, report_content)
    columns = ("item", "customers", "aware", "aware_share", "viewed", "minutes_in_30_days", "characters", "target")
    # The opted-out customer of the cast is a shop like Sakura.
    assert [tuple(row[column] for column in columns) for row in found] == [
        ("all", 5, 2, 0.4, 1, 8.0, 5000, 10000),
        ("setup", 3, 2, 0.67, 1, 8.0, 2000, None),
        ("shops", 2, 0, 0.0, 0, 0, 3000, None),
    ]


def test_white_space_is_who_could_have_it_and_has_not(told: World) -> None:
    held = {"source": "test", "key": "s", "product": "core", "started_on": date(2026, 1, 1)}
    with told.database.write() as connection:
        connection.execute(insert(Subscription).values(customer_id=1, **held))
    found = rows(told, report_whitespace)
    assert [(row["product"], row["own"], row["could_own"], row["arr"]) for row in found] == [
        ("core", 1, 2, 1500.0),
        ("analytics", 0, 2, 2000.0),
    ]
    assert [each["customer"] for each in found[0]["customers"]] == ["sakura", "momiji"]
    assert "analytics → sakura: sato, 1,000, renews 2027-06-01" in list(customers_of(found))


def test_features_are_counted_by_band(told: World) -> None:
    (found,) = rows(told, report_features)
    assert (found["green"], found["yellow"], found["red"], found["unknown"]) == (1, 0, 2, 0)
    assert found["green_share"] == 0.33


def test_reasons_belong_to_links_of_the_value_chain_with_their_revenue(told: World) -> None:
    def left(key: str, mrr: float, reason: str | None, **more: Any) -> None:
        found = customer(told.database, key, told.now, arr=9.0)
        ended = {"product": "core", "mrr": mrr, "ended_on": date(2027, 2, 1), "reason": reason, **more}
        with told.database.write() as connection:
            connection.execute(insert(Subscription).values(customer_id=found, source="test", key=key, **ended))

    left("a", 10, "少し高いので")
    left("b", 20, "Bugs")
    left("c", 5, "moved abroad")
    left("d", 5, None)
    left("long_ago", 500, "price", ended_on=date(2025, 1, 1))
    left("asked", 60, "price")
    change(told.database, "asked", attributes={"churn_reason": "bugs"})
    change(told.database, "momiji", attributes={"churn_reason": "price"})  # went to the free plan; nothing ended
    found = rows(told, report_churn_reasons)
    assert [(row["link"], row["reason"], row["customers"], row["arr"]) for row in found] == [
        ("product", "bugs", 2, 960.0),
        ("sales", "price", 2, 620.0),
        ("none", "other", 1, 60.0),
        ("none", "unknown", 1, 60.0),
    ]
    assert [row["revenue_share"] for row in found] == [0.56, 0.36, 0.04, 0.04]
    assert list(links_of(found))[:2] == [
        "product: 2 customers, 56% of the revenue lost",
        "sales: 2 customers, 36% of the revenue lost",
    ]
    assert list(links_of(found))[-1] == "no reason of churn.yml: “moved abroad” 1 (add a word to one)"


def test_s44_the_brief_says_what_they_viewed_what_fits_and_what_they_could_buy(told: World) -> None:
    assert brief(told, "en") == [
        "Content",
        "8 minutes in 30 days",
        "Set up, Mar 1, 2027",
        "basics: 50%",
        "To offer: Shops https://help.example/shops",
        "Could also use",
        "Core, Analytics",
        "Features",
        "Board: green (since Mar 1, 2027)",
    ]
    assert {"直近30日の視聴 8分", "Core, アナリティクス", "ボード: 緑 (2027/03/01から)"} <= set(brief(told, "ja"))
