"""What stays of customers and revenue, and whether journeys reach their goal more often than the holdout."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import Table, insert

from bot.insight.report_playbooks import report_playbooks
from bot.insight.report_retention import report_retention
from storage.database import Database
from storage.facts import Subscription
from tests.cast import customer
from tests.demo.stage import add_customer, add_walk

HELD: Table = Subscription.__table__  # type: ignore[attr-defined]
NOW = datetime(2027, 3, 20, tzinfo=UTC)


def held(owner: int, key: str, mrr: float, began: date, ended: date | None = None) -> dict[str, object]:
    return {"customer_id": owner, "source": "test", "key": key, "mrr": mrr, "started_on": began, "ended_on": ended}


def test_a_month_counts_what_is_lost_shrinks_and_grows(database: Database) -> None:
    began, last = date(2026, 1, 1), date(2027, 1, 31)
    stays, grows, shrinks, goes, free, new = (customer(database, key, NOW) for key in "abcdef")
    rows = [held(stays, "a", 100, began), held(grows, "b1", 100, began, last), held(grows, "b2", 150, date(2027, 2, 1))]
    rows += [held(shrinks, "c1", 100, began, last), held(shrinks, "c2", 60, date(2027, 2, 1))]
    rows += [
        held(goes, "d", 100, began, date(2027, 2, 15)),
        held(free, "e1", 100, began, last),
        held(free, "e2", 0, date(2027, 2, 1)),
    ]
    rows += [held(new, "f", 500, date(2027, 2, 10))]
    with database.write() as connection:
        connection.execute(insert(HELD), rows)
    with database.read() as connection:
        march, february, *_ = report_retention(connection, NOW)
    assert (february["month"], february["customers"], february["mrr"]) == ("2027-02", 5, 500)
    assert (february["customers_lost"], february["customer_churn"]) == (2, 0.4)
    assert february["grr"] == 0.52  # 100 + 100 + 60 of 500
    assert february["nrr"] == 0.62  # the one that grew counts with 150
    assert february["revenue_churn"] == 0.48
    assert (march["customers"], march["customers_lost"], march["grr"], march["nrr"]) == (4, 0, 1, 1)
    assert february["ltv"] is not None


def test_a_journey_is_measured_against_its_holdout_when_there_are_enough(database: Database) -> None:
    with database.write() as connection:
        for number in range(55):
            walker = add_customer(connection, f"c{number}")
            add_walk(connection, walker, "welcome", outcome="goal" if number < 33 else "completed")
            add_walk(connection, walker, "rare", outcome="goal")
        for number in range(50):
            silent = add_customer(connection, f"h{number}")
            add_walk(connection, silent, "welcome", outcome="goal" if number < 10 else "completed", is_holdout=True)
        add_walk(connection, add_customer(connection, "one"), "rare", outcome="goal", is_holdout=True)
    with database.read() as connection:
        welcome, rare = report_playbooks(connection, NOW)
    assert (welcome["entered"], welcome["goal"], welcome["goal_rate"]) == (55, 33, 0.6)
    assert (welcome["held_out"], welcome["goal_rate_held_out"], welcome["lift"]) == (50, 0.2, 0.4)
    assert (rare["goal_rate"], rare["lift"]) == (1.0, "too few to tell")
