"""Rows of a customer nobody has brought yet: reported by row, kept aside, and attached by the import that brings the customer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Table

from bot.insight.doctor_sync import sync_complaints
from bot.intake.events import EVENT
from storage.database import Database
from storage.facts import DailyUsage, SurveyAnswer, Ticket
from storage.sync import SyncStranger
from tests.intake.house import CUSTOMERS, NOW, bring_files, stored

TICKET: Table = Ticket.__table__  # type: ignore[attr-defined]
USAGE: Table = DailyUsage.__table__  # type: ignore[attr-defined]
ANSWER: Table = SurveyAnswer.__table__  # type: ignore[attr-defined]
STRANGER: Table = SyncStranger.__table__  # type: ignore[attr-defined]
EARLY: dict[str, Any] = {
    "events": "customer,event,at,value,plan\nc-1,login,2027-02-28T09:00+09:00,1.5,pro\nc-1,login,2027-02-28T10:00+09:00,,\n",
    "usage": "customer,day,event,count\nc-1,2027-02-27,login,4\n",
    "tickets": "customer,ticket,opened_at,status\nc-1,T1,2027-02-28,open\nc-9,T2,2027-02-28,open\n",
    "surveys": "customer,kind,score,at\nc-1,nps,9,2027-02-28\n",
}


def test_rows_of_an_unknown_customer_are_reported_and_attached_once_it_comes(
    database: Database, tmp_path: Path
) -> None:
    for _ in range(2):  # the same files twice: nothing waits twice
        reports = bring_files(database, tmp_path, **EARLY)
        assert {kind: (found.rejected, found.waiting) for kind, found in reports.items()} == {
            "events": (2, 2), "usage": (1, 1), "tickets": (2, 2), "surveys": (1, 1),
        }  # fmt: skip
        assert str(reports["tickets"].problems[0]).startswith("tickets.csv:2 (customer): unknown customer `c-1`")
    assert len(stored(database, STRANGER)) == 6
    with database.read() as connection:
        counts = {found.sentence.split(" wait")[0]: found.count for found in sync_complaints(connection, NOW)}
    assert counts["2 row(s) of import/files:tickets"] == 2
    reports = bring_files(database, tmp_path, customers=CUSTOMERS)
    assert (reports["tickets"].file, reports["tickets"].changed) == ("(kept aside: tickets)", 1)
    assert [row["key"] for row in stored(database, TICKET)] == ["T1"], "c-9 is still nobody"
    assert [row["key"] for row in stored(database, STRANGER)] == ["c-9"]
    first, _ = sorted((row for row in stored(database, EVENT) if row["name"] == "login"), key=lambda row: row["at"])
    assert (first["at"], first["value"], first["properties"]) == (
        datetime(2027, 2, 28, tzinfo=UTC),
        1.5,
        {"plan": "pro"},
    )
    again = bring_files(database, tmp_path, **EARLY)
    assert {kind: (found.changed, found.unchanged) for kind, found in again.items()} == {
        "events": (0, 2), "usage": (0, 1), "tickets": (0, 1), "surveys": (0, 1),
    }  # fmt: skip


def test_what_a_later_file_says_of_the_same_ticket_stands(database: Database, tmp_path: Path) -> None:
    head = "customer,ticket,opened_at,status,closed_at\n"
    bring_files(database, tmp_path, tickets=f"{head}c-1,T1,2027-02-20,open,\n")
    bring_files(database, tmp_path, tickets=f"{head}c-1,T1,2027-02-20,closed,2027-02-21\n")
    assert len(stored(database, STRANGER)) == 1, "the later word replaces what waits"
    later = f"{head}c-1,T1,2027-02-20,closed,2027-02-25\n"
    bring_files(database, tmp_path, now=NOW + timedelta(days=1), customers=CUSTOMERS, tickets=later)
    (ticket,) = stored(database, TICKET)
    assert (ticket["status"], ticket["closed_at"].day) == ("closed", 25)
    assert stored(database, STRANGER) == []


def test_a_dry_run_keeps_nothing_aside(database: Database, tmp_path: Path) -> None:
    bring_files(database, tmp_path, more={"dry_run": True}, **EARLY)
    assert stored(database, STRANGER) == []
