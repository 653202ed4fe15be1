"""RavenStack by its shipped map: the real tables where they are at hand, and always a small file set of the same shape."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.intake.events import CUSTOMER, EVENT, USAGE
from bot.intake.writers.subscriptions import SUBSCRIPTION
from storage.database import Database
from tests.intake.house import bring, names, stored

NOW = datetime(2025, 1, 1, tzinfo=UTC)
REAL = Path(__file__).parents[3] / "shared/data/ravenstack"
SMALL = Path(__file__).parent / "data/ravenstack"


def test_files_of_that_shape_become_customers_facts_and_events(database: Database) -> None:
    report = bring(database, SMALL, now=NOW, map_name="ravenstack")
    assert [(file.kind, file.rows, file.changed, file.rejected) for file in report.files] == [
        ("customers", 3, 3, 0),
        ("subscriptions", 4, 4, 0),
        ("events", 2, 2, 0),
        ("usage", 5, 4, 1),
        ("tickets", 2, 2, 0),
        ("surveys", 1, 1, 0),
        ("customers", 2, 2, 0),
    ]
    found = {row["key"]: row for row in stored(database, CUSTOMER)}
    assert [(row["stage"], row["region"], row["timezone"], row["licenses_purchased"]) for row in found.values()] == [
        ("adoption", "GB", "Europe/London", 9),
        ("onboarding", "US", "America/New_York", 4),
        ("adoption", "DE", "Europe/Berlin", 20),
    ]
    assert [(row["arr"], row["renewal_date"]) for row in found.values()] == [
        (36000, date(2025, 3, 10)),
        (0, None),
        (None, None),
    ]
    assert found["A-1"]["attributes"] == {"churn_flag": True, "is_trial": False, "referral_source": "event"}
    churned = stored(database, EVENT, name="churned")[0]
    assert (churned["key"], churned["properties"]["reason_code"], churned["properties"]["refund_amount_usd"]) == (
        "C-1",
        "pricing",
        4.03,
    )
    totals = {
        (row["event"], row["day"].isoformat()): row["count"] for row in stored(database, USAGE, source="ravenstack")
    }
    assert totals == {("feature_1", "2024-05-01"): 12, ("feature_2", "2024-05-02"): 3, ("feature_1", "2024-05-03"): 4}


def test_a_renewal_date_that_a_person_corrected_stays_until_the_subscriptions_say_something_new(
    database: Database,
) -> None:
    bring(database, SMALL, now=NOW, map_name="ravenstack")
    with database.write() as connection:
        connection.execute(CUSTOMER.update().where(CUSTOMER.c.key == "A-1").values(renewal_date=date(2025, 9, 9)))
    assert bring(database, SMALL, now=NOW, map_name="ravenstack").changed == 0
    assert stored(database, CUSTOMER, key="A-1")[0]["renewal_date"] == date(2025, 9, 9)
    bring(database, SMALL, now=datetime(2025, 4, 1, tzinfo=UTC), map_name="ravenstack")
    assert stored(database, CUSTOMER, key="A-1")[0]["renewal_date"] == date(2026, 3, 10)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real tables are not part of the repository")
def test_the_real_tables_import_exactly_and_again_without_a_change(database: Database) -> None:
    report = bring(database, REAL, now=NOW, map_name="ravenstack")
    assert {(file.kind, file.rows, file.changed, file.rejected) for file in report.files} == {
        ("customers", 500, 500, 0),
        ("subscriptions", 5000, 5000, 0),
        ("usage", 25000, 24979, 21),
        ("tickets", 2000, 2000, 0),
        ("surveys", 1175, 1175, 0),
        ("events", 600, 600, 0),
    }
    running = stored(database, SUBSCRIPTION, ended_on=None)
    assert (len(running), sum(row["mrr"] for row in running)) == (4514, 10_159_608)
    assert sum(row["arr"] for row in stored(database, CUSTOMER)) == 12 * 10_159_608
    assert all(row["renewal_date"] > NOW.date() for row in stored(database, CUSTOMER))
    before = names(database)
    again = bring(database, REAL, now=NOW, map_name="ravenstack")
    assert (again.changed, again.rejected) == (0, 21)
    assert names(database) == before
