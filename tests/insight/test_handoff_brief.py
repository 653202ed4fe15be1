"""The brief of a hand-off (S44): what each item says, in both languages, and that unknown items are left out."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import insert, update

from bot.insight.handoff_brief import BriefLine, Reader, read_brief
from storage.accounts import ContactRole, Customer
from storage.database import Database
from storage.facts import DailyUsage, Meeting, Note, StageChange, Ticket
from storage.handoff_views import get
from storage.scores import Score
from storage.stages import StageCheck
from tests.storage.handoff_rows import NOW, handoff

ENGLISH = Reader(locale="en", timezone="Asia/Tokyo", now=NOW)
JAPANESE = Reader(locale="ja-JP", timezone="Asia/Tokyo", now=NOW)


def brief(database: Database, it: int, reader: Reader = ENGLISH) -> tuple[BriefLine, ...]:
    with database.read() as connection:
        found = get(connection, it)
        assert found is not None
        return read_brief(connection, found, reader)


def add(database: Database, model: Any, **values: Any) -> None:
    with database.write() as connection:
        connection.execute(insert(model).values(**values))


def test_s44_items_without_facts_in_this_version_are_left_out(database: Database) -> None:
    it = handoff(
        database, brief=["health", "plan", "whitespace", "features", "content", "stage_checks", "signal", "usage"]
    )
    assert brief(database, it) == ()


def test_s44_usage_compares_the_last_thirty_days_with_the_thirty_before(database: Database) -> None:
    it = handoff(database, brief=["usage"])
    for day, number in (("2027-03-02", 3), ("2027-02-01", 2), ("2027-01-10", 20), ("2026-12-01", 500)):
        values = {"customer_id": 1, "event": "login", "source": "events", "total": 0.0, "users": 1}
        add(database, DailyUsage, day=date.fromisoformat(day), count=number, **values)
    assert brief(database, it)[0].text == "login: 5 (20, -75%)"


def test_s44_open_tickets_are_named_and_counted(database: Database) -> None:
    it = handoff(database, brief=["open_tickets"])
    assert brief(database, it)[0].text == "none"
    for number in range(5):
        common = {"customer_id": 1, "source": "s", "status": "open" if number else "closed", "priority": "high"}
        add(database, Ticket, key=f"t{number}", title=f"Bug {number}", opened_at=NOW - timedelta(days=number), **common)
    lines = brief(database, it)[0].text.splitlines()
    assert lines == [
        "Bug 1 (high), Mar 2, 2027",
        "Bug 2 (high), Mar 1, 2027",
        "Bug 3 (high), Feb 28, 2027",
        "and 1 more",
    ]


def test_s44_contacts_renewal_event_and_other_handoffs(database: Database) -> None:
    event = {"name": "survey.answered", "id": 7, "properties": {"score": 3, "comment": "slow"}}
    it = handoff(database, brief=["contacts", "renewal", "event", "open_handoffs"], event=event)
    handoff(database, title={"en": "Call", "ja": "電話"}, owner=None)
    add(database, ContactRole, contact_id=1, role="champion", is_primary=True)
    with database.write() as connection:
        seats = {"licenses_active": 5, "licenses_purchased": 10}
        connection.execute(update(Customer).values(renewal_date=date(2027, 3, 13), **seats))
    contacts, renewal, event_line, others = brief(database, it)
    assert contacts.text == "Tanaka · champion"
    assert renewal.text.splitlines() == ["Mar 13, 2027 (in 10 days)", "$1,200.00", "5 of 10 licences in use"]
    assert event_line.text.splitlines() == ["name: survey.answered", "score: 3", "comment: slow"]
    assert others.text == "Call · nobody"
    japanese = brief(database, it, JAPANESE)
    assert (japanese[1].label, japanese[1].text.splitlines()[0]) == ("契約更新", "2027/03/13 (あと10日)")
    assert japanese[3].text == "電話 · 担当者なし"


def test_s44_last_activities_are_the_newest_of_all_kinds(database: Database) -> None:
    it = handoff(database, brief=["last_activities"])
    common = {"customer_id": 1, "source": "s"}
    add(database, Note, by="sato", at=NOW - timedelta(days=1), text="called\nthem", key="n", **common)
    add(database, Meeting, starts_at=NOW - timedelta(days=2), kind="ebr", summary=None, key="m", is_told=True, **common)
    add(database, Meeting, starts_at=NOW + timedelta(days=2), kind="next", key="m2", is_told=False, **common)
    add(database, StageChange, customer_id=1, old="trial", new="adoption", at=NOW - timedelta(days=3), cause="import")
    closed = {"state": "done", "closed_by": "sato", "closed_at": NOW - timedelta(days=4), "outcome": "won"}
    handoff(database, **closed)
    assert brief(database, it)[0].text.splitlines() == [
        "Mar 2, 2027 note: called them",
        "Mar 1, 2027 meeting: ebr",
        "Feb 28, 2027 stage: trial → adoption",
        "Feb 27, 2027 hand-off done: Call (won)",
    ]


def test_s44_health_says_where_it_stands_and_what_moved_it(database: Database) -> None:
    it = handoff(database, brief=["health"])
    card = {"customer_id": 1, "card": "health", "noted_at": NOW, "state": "fresh"}
    for day, name, value, band, more in (
        ("2027-01-01", "health", 80.0, "green", {"confidence": 1.0}),
        ("2027-01-01", "adoption", 90.0, "green", {}),
        ("2027-01-01", "roi", 70.0, "yellow", {}),
        ("2027-02-20", "health", 48.5, "yellow", {"confidence": 0.5}),
        ("2027-02-20", "adoption", 30.0, "red", {"facts": {"breadth(days=30)": 2.0}}),
    ):
        add(database, Score, **card, day=date.fromisoformat(day), name=name, value=value, band=band, **more)
    (found,) = brief(database, it)
    assert found.label == "Health"
    assert found.text.splitlines() == [
        "48.5 🟡 yellow (-31.5 in 30 days), confidence 50%",
        "adoption: 30 🔴 red (-60 in 30 days) [breadth(days=30) = 2]",
    ]
    japanese = brief(database, it, JAPANESE)[0].text.splitlines()
    assert japanese[0] == "48.5 🟡 黄（30日で-31.5）・確度50%"


def test_s44_stage_checks_name_what_still_fails_first(database: Database) -> None:
    it = handoff(database, brief=["stage_checks"])
    with database.write() as connection:
        connection.execute(update(Customer).values(stage="onboarding"))
    answers = {"adoption": True, "deployment": False, "roi": None}
    for name, holds in answers.items():
        add(database, StageCheck, customer_id=1, stage="onboarding", name=name, holds=holds, since=date(2027, 3, 1))
    add(database, StageCheck, customer_id=1, stage="handover", name="plan", holds=False, since=date(2027, 1, 1))
    assert brief(database, it)[0].text.splitlines() == ["✗ deployment", "? roi", "✓ adoption"]
