"""What people are shown of a customer's health: where it stands, where it came from, what moved it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from storage.database import Database
from storage.health_views import colour_changes, health_of
from storage.scores import Score, ScoreState
from tests.cast import cast

NOW = datetime(2027, 3, 1, tzinfo=UTC)
TODAY = date(2027, 3, 1)
SCORE = Score.__table__  # type: ignore[attr-defined]


def note(
    connection: Connection, customer: int, name: str, ago: int, value: float | None, band: str | None, **more: Any
) -> None:
    day = TODAY - timedelta(days=ago)
    row = {"card": "health", "band_since": day, "noted_at": NOW, "confidence": 1.0, **more}
    connection.execute(insert(SCORE).values(customer_id=customer, name=name, day=day, value=value, band=band, **row))


def test_a_fall_names_the_measures_and_the_facts_behind_it(database: Database) -> None:
    customer, *_ = cast(database, NOW)
    with database.write() as connection:
        note(connection, customer.id, "health", 60, 80.0, "green")
        note(connection, customer.id, "adoption", 60, 90.0, "green", facts={"breadth(days=30)": 6})
        note(connection, customer.id, "roi", 60, 70.0, "yellow")
        note(connection, customer.id, "deployment", 60, None, None, state=ScoreState.OFF)
        note(connection, customer.id, "adoption", 3, 30.0, "red", facts={"breadth(days=30)": 2})
        note(connection, customer.id, "health", 3, 48.5, "yellow", confidence=0.8)
    with database.read() as connection:
        found = health_of(connection, customer.id, NOW)
        assert health_of(connection, customer.id, NOW, card="habit") is None
        assert health_of(connection, customer.id, NOW - timedelta(days=90)) is None
    assert found is not None
    assert (found.card.value, found.card.was, found.card.change, found.card.trend) == (48.5, 80.0, -31.5, "down")
    assert (found.card.band, found.card.was_band, found.confidence) == ("yellow", "green", 0.8)
    assert [each.name for each in found.measures] == ["adoption", "roi"]
    (moved,) = found.moved
    assert (moved.name, moved.change, moved.trend) == ("adoption", -60.0, "down")
    assert (moved.was_facts, moved.facts) == ({"breadth(days=30)": 6}, {"breadth(days=30)": 2})


def test_colour_changes_are_told_once_per_customer_with_where_they_came_from(database: Database) -> None:
    fell, rose, stayed = cast(database, NOW)
    with database.write() as connection:
        for customer, before, after in ((fell, "green", "red"), (rose, "red", "yellow"), (stayed, "green", "green")):
            note(connection, customer.id, "health", 40, 50.0, before)
            note(connection, customer.id, "health", 4, 49.0, after)
        note(connection, stayed.id, "health", 3, 40.0, "yellow")
        note(connection, stayed.id, "health", 2, 80.0, "green")
    with database.read() as connection:
        found = colour_changes(connection, TODAY - timedelta(days=7))
        assert [each.customer for each in colour_changes(connection, TODAY - timedelta(days=7), csm="sato")] == [
            each.customer for each in found
        ]
        assert colour_changes(connection, TODAY - timedelta(days=7), csm="suzuki") == []
        assert colour_changes(connection, TODAY - timedelta(days=1)) == []
    told = {each.customer: (each.old, each.new, each.is_worse) for each in found}
    assert told == {fell.key: ("green", "red", True), rose.key: ("red", "yellow", False)}
    assert {each.on for each in found} == {TODAY - timedelta(days=4)}
