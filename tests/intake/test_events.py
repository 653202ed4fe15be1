"""record_events: each event once, the daily rollup exact in any order and any cutting into batches, feeds, signs of life."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from bot.intake.events import CUSTOMER, EVENT, FEED, USAGE, EventRow, record_events, withdraw_events
from bot.intake.writers.contacts import CONTACT
from bot.rules.zones import local_date
from storage.database import Database
from storage.marks import CHANGE
from tests.intake.house import CONTACTS, CUSTOMERS, NOW, bring, bring_files, stored

EVENTS = "customer,contact,event,at,value,id,plan\n"


def ids(database: Database) -> tuple[int, int]:
    """c-1 in Tokyo with its contact."""
    return stored(database, CUSTOMER, key="c-1")[0]["id"], stored(database, CONTACT, key="tanaka")[0]["id"]


def record(database: Database, rows: list[EventRow], now: datetime = NOW) -> Any:
    with database.write() as connection:
        return record_events(connection, rows, now)


def test_an_event_counts_on_its_customers_local_day(database: Database, tmp_path: Path) -> None:
    rows = "c-1,tanaka,login,2027-02-20T16:00:00Z,2,e-1,pro\nc-2,mori,login,2027-02-20T16:00:00Z,,e-2,\n"
    bring_files(database, tmp_path, customers=CUSTOMERS, contacts=CONTACTS, events=EVENTS + rows)
    found = {row["customer_id"]: row for row in stored(database, USAGE)}
    tokyo, new_york = (stored(database, CUSTOMER, key=key)[0]["id"] for key in ("c-1", "c-2"))
    assert (found[tokyo]["day"].day, found[tokyo]["count"], found[tokyo]["total"], found[tokyo]["users"]) == (
        21,
        1,
        2,
        1,
    )
    assert (found[new_york]["day"].day, found[new_york]["total"]) == (20, 0)
    assert {row["source"] for row in found.values()} == {"events"}
    event = stored(database, EVENT, key="e-1")[0]
    assert (event["properties"], event["value"], event["received_at"]) == ({"plan": "pro"}, 2, NOW)


def test_the_same_events_again_count_once(database: Database, tmp_path: Path) -> None:
    rows = "c-1,tanaka,login,2027-02-20T16:00:00Z,2,,pro\n" * 3
    report = bring_files(database, tmp_path, customers=CUSTOMERS, contacts=CONTACTS, events=EVENTS + rows)["events"]
    assert (report.changed, report.unchanged) == (1, 2)
    assert bring(database, tmp_path).changed == 0
    assert [row["count"] for row in stored(database, USAGE)] == [1]


def test_an_id_that_stands_with_other_values_is_a_problem_and_stays(database: Database, tmp_path: Path) -> None:
    rows = "c-1,tanaka,login,2027-02-20T16:00:00Z,2,e-1,pro\nc-1,tanaka,logout,2027-02-20T16:00:00Z,2,e-1,pro\n"
    report = bring_files(database, tmp_path, customers=CUSTOMERS, contacts=CONTACTS, events=EVENTS + rows)["events"]
    assert (report.changed, report.rejected) == (1, 1)
    assert report.problems[0].row == 3
    assert stored(database, EVENT, key="e-1")[0]["name"] == "login"
    assert bring(database, tmp_path).rejected == 1


def test_an_event_of_an_unknown_contact_is_kept_and_remarked(database: Database, tmp_path: Path) -> None:
    rows = "c-1,u-77,login,2027-02-20T16:00:00Z,,e-1,\n"
    report = bring_files(database, tmp_path, customers=CUSTOMERS, events=EVENTS + rows)["events"]
    assert report.warnings == (
        "1 row(s) name a contact that is not known; kept without the contact (first: line 2, `u-77`)",
    )
    assert stored(database, EVENT, key="e-1")[0]["contact_id"] is None


def test_a_contact_may_be_named_by_its_address(database: Database, tmp_path: Path) -> None:
    rows = "c-1,tanaka@hanabi.example,login,2027-02-20T16:00:00Z,,e-1,\n"
    bring_files(database, tmp_path, customers=CUSTOMERS, contacts=CONTACTS, events=EVENTS + rows)
    assert stored(database, EVENT, key="e-1")[0]["contact_id"] == ids(database)[1]
    assert stored(database, CONTACT, key="tanaka")[0]["last_seen"] == datetime(2027, 2, 20, 16, tzinfo=UTC)


def test_events_of_more_than_a_year_ago_are_stored_as_looked_at(database: Database, tmp_path: Path) -> None:
    rows = "c-1,,login,2025-02-20T16:00:00Z,,old,\nc-1,,login,2027-02-20T16:00:00Z,,new,\n"
    bring_files(database, tmp_path, customers=CUSTOMERS, events=EVENTS + rows)
    assert [stored(database, EVENT, key=key)[0]["is_new"] for key in ("old", "new")] == [False, True]


def test_what_the_machine_tells_of_is_no_use_of_the_product(database: Database, tmp_path: Path) -> None:
    bring_files(database, tmp_path, customers=CUSTOMERS)
    assert stored(database, EVENT, name="customer.created")
    assert stored(database, USAGE) == []


def test_feeds_rise_and_never_fall(database: Database, tmp_path: Path) -> None:
    bring_files(database, tmp_path, customers=CUSTOMERS, contacts=CONTACTS)
    customer, _ = ids(database)
    for day, key in ((5, "a"), (3, "b")):
        record(database, [EventRow(customer, "login", NOW - timedelta(days=10 - day), "api", key)])
    feeds = {row["name"]: row["latest_at"] for row in stored(database, FEED)}
    assert feeds["login"] == feeds["usage"] == NOW - timedelta(days=5)


def test_an_event_marks_its_customer_and_a_known_one_does_not(database: Database, tmp_path: Path) -> None:
    bring_files(database, tmp_path, customers=CUSTOMERS, contacts=CONTACTS)
    customer, _ = ids(database)
    rows = [EventRow(customer, "login", NOW, "api", "a")]
    for expected, about in (((1, 0), {"event", "daily_usage", "contact"}), ((0, 1), set())):
        with database.write() as connection:
            connection.execute(update(CHANGE).values(taken_by="a tick"))
        recorded = record(database, rows)
        assert (recorded.stored, recorded.known) == expected
        assert {mark["about"] for mark in stored(database, CHANGE, taken_by=None)} == about


def test_only_news_of_the_machine_that_lie_ahead_are_withdrawn(database: Database, tmp_path: Path) -> None:
    bring_files(database, tmp_path, customers=CUSTOMERS, contacts=CONTACTS)
    customer, _ = ids(database)
    ahead, past = NOW + timedelta(days=1), NOW - timedelta(days=1)
    record(
        database,
        [
            EventRow(customer, "x", ahead, "journeybot", "ahead"),
            EventRow(customer, "x", past, "journeybot", "past"),
            EventRow(customer, "x", ahead, "api", "theirs"),
        ],
    )
    with database.write() as connection:
        withdraw_events(connection, ["ahead", "past", "theirs"], NOW)
    assert [row["key"] for row in stored(database, EVENT, name="x")] == ["past", "theirs"]


MOMENTS = st.integers(0, 4 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))
EVENT_ROWS = st.lists(
    st.tuples(
        st.integers(0, 20),
        st.sampled_from(["login", "export"]),
        MOMENTS,
        st.booleans(),
        st.sampled_from([None, 0.5, 3.0]),
    ),
    max_size=30,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENT_ROWS, cuts=st.lists(st.integers(0, 30), max_size=4))
def test_the_rollup_is_what_the_stored_events_say_however_they_arrive(
    database: Database, tmp_path: Path, events: list[Any], cuts: list[int]
) -> None:
    """Repeats, any order, any cutting into batches: counts, totals and users of each day are those of the events that stand."""
    if not stored(database, CUSTOMER):
        bring_files(database, tmp_path, customers=CUSTOMERS, contacts=CONTACTS)
    with database.write() as connection:
        connection.execute(delete(EVENT))
        connection.execute(delete(USAGE))
    customer, contact = ids(database)
    rows = [
        EventRow(customer, name, at, "api", str(key), contact if is_known else None, value)
        for key, name, at, is_known, value in events
    ]
    edges = [0, *sorted(cut for cut in cuts if cut < len(rows)), len(rows)]
    for start, end in pairwise(edges):
        record(database, rows[start:end])
    first: dict[str, EventRow] = {}
    for row in rows:
        first.setdefault(row.key, row)
    groups = {(row.name, local_date(row.at, "Asia/Tokyo")) for row in first.values()}
    of_day = {
        group: [row for row in first.values() if (row.name, local_date(row.at, "Asia/Tokyo")) == group]
        for group in groups
    }
    expected = {
        group: (len(some), sum(row.value or 0 for row in some), len({row.contact_id for row in some} - {None}))
        for group, some in of_day.items()
    }
    found = {(row["event"], row["day"]): (row["count"], row["total"], row["users"]) for row in stored(database, USAGE)}
    assert found == expected
    assert sorted(row["key"] for row in stored(database, EVENT)) == sorted(first)
