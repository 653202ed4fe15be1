"""What becomes of calls of the tracking API: customers, contacts and events, each once, on the customer's own day; who is
unknown waits and is taken in when they appear."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.app import App
from bot.clock import FixedClock
from bot.intake.directory import CONTACT, CUSTOMER
from bot.intake.events import EVENT, USAGE
from bot.intake.tracking.taking_in import take_in_tracked
from bot.settings import Settings
from storage.database import Database
from storage.posts import TRACKING, count_waiting, waiting_posts
from storage.tracking import HELD, count_held, counts_since
from tests.intake.house import CONTACTS, CUSTOMERS, NOW, bring_files, names, stored
from tests.intake.tracked import arrive, call, take_in

TODAY = NOW.date()


def counts(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return counts_since(connection, TODAY)


def held(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return count_held(connection)


def contacts(database: Database) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in stored(database, CONTACT)}


def tracked(database: Database) -> list[dict[str, Any]]:
    return stored(database, EVENT, source="tracking")


def test_a_group_is_a_customer_an_identified_user_its_contact_and_a_track_their_event(database: Database) -> None:
    take_in(
        database,
        call("group", userId="u1", groupId="acme", traits={"name": "Acme", "createdAt": "2026-10-01", "plan": "pro"}),
        call("identify", userId="u1", traits={"email": "ada@acme.example", "firstName": "Ada", "lastName": "L"}),
        call("track", userId="u1", event="Order Completed", properties={"revenue": "12.5", "sku": "x"}),
        call("page", userId="u1", name="Pricing", category="Docs"),
    )
    (customer,) = stored(database, CUSTOMER)
    assert (customer["key"], customer["name"], customer["started_on"]) == ("acme", "Acme", date(2026, 10, 1))
    assert customer["attributes"] == {"createdAt": "2026-10-01", "plan": "pro"}
    ada = contacts(database)["u1"]
    assert (ada["email"], ada["name"], ada["customer_id"]) == ("ada@acme.example", "Ada L", customer["id"])
    order, page = tracked(database)
    assert (order["name"], order["value"], order["contact_id"]) == ("Order Completed", 12.5, ada["id"])
    assert (page["name"], page["properties"]) == ("page_viewed", {"name": "Pricing", "category": "Docs"})
    usage = {row["event"]: row for row in stored(database, USAGE)}
    assert (usage["Order Completed"]["count"], usage["Order Completed"]["total"], usage["page_viewed"]["users"]) == (
        *(1, 12.5),
        1,
    )


def test_replayed_batches_change_nothing_and_are_counted(database: Database) -> None:
    batch = [
        call("group", userId="u1", groupId="acme", traits={"name": "Acme"}),
        call("identify", userId="u1", traits={"title": "CTO"}),
        call("track", userId="u1", event="login"),
    ]
    take_in(database, *batch)
    take_in(database, call("identify", userId="u1", traits={"title": "CEO"}, messageId="later"))
    for later in (1, 2):
        take_in(database, *batch, at=NOW + timedelta(hours=later))
    assert contacts(database)["u1"]["title"] == "CEO"
    assert len(tracked(database)) == 1
    assert [(row["count"], row["users"]) for row in stored(database, USAGE)] == [(1, 1)]
    assert counts(database) == {"replayed": 6}


def test_events_fall_on_the_day_of_the_customer_with_the_clock_of_the_client_corrected(
    database: Database, tmp_path: Path
) -> None:
    bring_files(database, tmp_path, customers=CUSTOMERS, contacts=CONTACTS)
    # The client's clock is two hours slow: 13:30 by it was 15:30 UTC on 27 February, which in Tokyo was the 28th.
    take_in(
        database,
        call("track", userId="tanaka", event="login", timestamp="2027-02-27T13:30:00Z"),
        sent_at=(NOW - timedelta(hours=2)).isoformat(),
    )
    (event,) = tracked(database)
    assert event["at"] == datetime(2027, 2, 27, 15, 30, tzinfo=UTC)
    assert [row["day"] for row in stored(database, USAGE)] == [date(2027, 2, 28)]


def test_calls_of_unknown_customers_wait_and_are_taken_in_when_an_import_brings_them(
    database: Database, tmp_path: Path
) -> None:
    take_in(
        database,
        call("track", userId="tanaka", event="login", context={"groupId": "c-1"}),
        call("track", userId="mori", event="login"),
        call("identify", userId="mori", traits={"title": "Owner"}),
    )
    assert held(database) == {"unknown_customer": 1, "unknown_user": 2}
    assert tracked(database) == []
    bring_files(database, tmp_path, customers=CUSTOMERS, contacts=CONTACTS)
    assert take_in_tracked(database, NOW, "UTC") == 3
    assert held(database) == {}
    assert names(database)["login"] == 2
    assert contacts(database)["mori"]["title"] == "Owner"
    assert len(contacts(database)) == 2


def test_calls_of_an_unknown_user_are_taken_in_by_a_later_group_call(database: Database) -> None:
    take_in(database, call("track", userId="u1", event="login"), call("identify", userId="u1", traits={"name": "Ada"}))
    assert held(database) == {"unknown_user": 2}
    take_in(database, call("group", userId="u1", groupId="acme"), at=NOW + timedelta(minutes=1))
    assert held(database) == {}
    assert (contacts(database)["u1"]["name"], len(tracked(database))) == ("Ada", 1)


def test_an_alias_gives_anonymous_events_their_contact_and_their_days_a_user(database: Database) -> None:
    take_in(
        database,
        call("group", anonymousId="a-9", groupId="acme"),
        call("track", anonymousId="a-9", event="tour", messageId="1"),
        call("track", anonymousId="a-9", event="tour", messageId="2"),
        call("track", anonymousId="stranger", event="tour", messageId="3"),
    )
    assert [event["contact_id"] for event in tracked(database)] == [None, None]
    assert held(database) == {"unknown_user": 1}
    take_in(
        database,
        call("identify", userId="u1", anonymousId="a-9", traits={"name": "Ada"}),
        call("alias", previousId="stranger", userId="u1"),
    )
    ada = contacts(database)["u1"]
    assert [event["contact_id"] for event in tracked(database)] == [ada["id"]] * 3
    assert [(row["count"], row["users"]) for row in stored(database, USAGE)] == [(3, 1)]


def test_a_user_is_the_contact_that_an_import_knows_by_address(database: Database, tmp_path: Path) -> None:
    bring_files(database, tmp_path, customers=CUSTOMERS, contacts=CONTACTS)
    take_in(
        database,
        call("identify", userId="97980", traits={"email": "Tanaka@hanabi.example", "title": "COO"}),
        call("track", userId="97980", event="login"),
        call("track", userId="mori@kite.example", event="login"),
    )
    assert set(contacts(database)) == {"tanaka", "mori"}
    assert contacts(database)["tanaka"]["title"] == "COO"
    people = {contact["id"]: key for key, contact in contacts(database).items()}
    assert [people[event["contact_id"]] for event in tracked(database)] == ["tanaka", "mori"]


def test_a_user_id_at_several_customers_waits_for_a_group(database: Database, tmp_path: Path) -> None:
    two = "customer,contact,email\nc-1,admin,a@hanabi.example\nc-2,admin,b@kite.example\n"
    bring_files(database, tmp_path, customers=CUSTOMERS, contacts=two)
    take_in(database, call("track", userId="admin", event="login"))
    assert held(database) == {"several_customers": 1}
    take_in(database, call("track", userId="admin", event="login", groupId="c-2", messageId="with-group"))
    assert [event["customer_id"] for event in tracked(database)] == [2, 2]
    assert held(database) == {}


def test_a_trait_that_changes_type_or_cannot_be_read_never_loses_the_others(database: Database) -> None:
    group = {"seats": 12, "arr": 1000, "name": "Acme"}
    take_in(database, call("group", userId="u1", groupId="acme", traits=group))
    worse = {"seats": {"paid": 3}, "arr": "12k", "industry": "food"}
    take_in(database, call("group", userId="u1", groupId="acme", traits=worse))
    take_in(database, call("track", userId="u1", event="pay", properties={"value": "a lot"}))
    (customer,) = stored(database, CUSTOMER)
    assert (customer["arr"], customer["industry"], customer["attributes"]) == (1000, "food", {"seats": {"paid": 3}})
    assert tracked(database)[0]["value"] is None
    assert counts(database) == {"trait_changed_type": 1, "unreadable_trait": 1, "value_is_no_number": 1}


def test_refused_calls_are_kept_aside_whole_and_counted(database: Database) -> None:
    bad = [
        call("track", event="login", messageId="nobody"),
        call("track", userId="u1", event="login", timestamp="2027-02-31T00:00:00Z"),
        call("track", userId="u1", event="survey.answered"),
        call("track", userId="u1", event="x", properties={"deep": deep(40)}),
        "no object",
    ]
    take_in(database, *bad, call("group", userId="u1", groupId="acme"), call("track", userId="u1", event="login"))
    take_in(database, *bad[:3])
    reasons = {"no_user": 1, "impossible_date": 1, "reserved_name": 1, "no_object": 1}
    assert held(database) == reasons
    assert {row["reason"]: row["content"] for row in stored(database, HELD)}["no_user"] == bad[0]
    assert counts(database)["refused_no_user"] == 2
    assert counts(database)["refused_too_deep"] == 1
    assert len(tracked(database)) == 1


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def test_a_crash_between_the_two_files_doubles_nothing(database: Database) -> None:
    arrive(database, call("group", userId="u1", groupId="acme"), call("track", userId="u1", event="login"), "odd")
    posts = waiting_posts(database, TRACKING)
    take_in_tracked(database, NOW, "UTC")
    if database.is_sqlite:  # on PostgreSQL both go in one commit
        with database.beside(TRACKING.suffix, HELD.metadata.tables["webhook_post"]).write() as connection:
            rows = [dict(post._mapping) for post in posts]
            connection.execute(HELD.metadata.tables["webhook_post"].insert(), rows)
    take_in_tracked(database, NOW, "UTC")
    assert count_waiting(database)[0] == 0
    assert len(tracked(database)) == 1
    assert counts(database) == {"refused_no_object": 1}


@pytest.fixture
def app(database: Database, tmp_path: Path) -> App:
    return App.open(Settings(workspace=tmp_path), clock=FixedClock(NOW), database=database)


def test_who_was_erased_does_not_come_back_by_any_id(app: App) -> None:
    database = app.database
    take_in(
        database,
        call("group", userId="u1", groupId="acme"),
        call("identify", userId="u1", traits={"email": "ada@acme.example"}),
        call("track", userId="u2", event="seen by ada@acme.example"),
    )
    app.erase("acme", "u1", by="sato")
    take_in(
        database,
        call("identify", userId="u1", traits={"name": "Ada"}, messageId="again"),
        call("track", userId="u1", event="login", groupId="acme"),
        call("identify", userId="u7", traits={"email": "ada@acme.example"}, groupId="acme"),
    )
    assert [(row["email"], row["name"]) for row in stored(database, CONTACT)] == [(None, None)]
    assert tracked(database) == []
    assert "ada@" not in str(stored(database, HELD))
