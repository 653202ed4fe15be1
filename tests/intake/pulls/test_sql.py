"""`journeybot sync` from a database of the team's own: a query per kind, resumed by watermark, nothing lost and nothing doubled."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import ImportRefused
from bot.insight.doctor_sync import sync_complaints
from bot.intake.pulls.base import Mark, Pull, Row
from bot.intake.pulls.sources_file import load_sources
from bot.intake.pulls.sql import SqlPuller
from bot.pipeline.erasing import erase
from storage.accounts import Contact, Customer
from storage.database import Database
from storage.facts import Ticket
from storage.sync import SyncRow, SyncState, SyncStranger
from tests.intake.house import NOW, stored
from tests.intake.pulls.scene import Scene

CUSTOMER, CONTACT = Customer.__table__, Contact.__table__  # type: ignore[attr-defined]
TICKET, STATE = Ticket.__table__, SyncState.__table__  # type: ignore[attr-defined]
SYNC_ROW = SyncRow.__table__  # type: ignore[attr-defined]
STRANGER = SyncStranger.__table__  # type: ignore[attr-defined]
SOURCES = """
warehouse:
  type: sql
  url_from: WAREHOUSE_URL
  pulls:
    - {into: tickets, query: tickets.sql, watermark: updated_at, columns: {ticket: number, customer: account}, rest: keep}
    - into: customers
      query: customers.sql
      watermark: updated_at
      columns: {customer: id, name: title, arr: yearly}
      rest: ignore
    - {into: contacts, query: contacts.sql, columns: {customer: account, contact: id, email: mail}, rest: ignore}
"""
QUERIES = {
    "customers": "SELECT * FROM account WHERE :watermark IS NULL OR updated_at >= :watermark ORDER BY updated_at",
    "tickets": "SELECT number, account, opened_at, priority, updated_at FROM ticket "
    "WHERE :watermark IS NULL OR updated_at >= :watermark ORDER BY updated_at;",
    "contacts": "SELECT * FROM person",
}


class Warehouse:
    """The team's own database."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run(
            "CREATE TABLE account (id TEXT, title TEXT, yearly NUMERIC, updated_at TEXT)",
            "CREATE TABLE person (id TEXT, account TEXT, mail TEXT)",
            "CREATE TABLE ticket (number INTEGER, account TEXT, opened_at TEXT, priority TEXT, updated_at TEXT)",
        )
        self.account("a1", "Hanabi", 1200, "2027-02-01 09:00:00")
        self.account("a2", "Kite", 300, "2027-02-02 09:00:00")
        self.run(*(f"INSERT INTO person VALUES ('p{n}', 'a1', 'p{n}@hanabi.example')" for n in range(3)))
        self.run("INSERT INTO ticket VALUES (7, 'a1', '2027-02-03 08:00', 'high', '2027-02-03 08:00:00')")

    def run(self, *statements: str) -> None:
        with sqlite3.connect(self.path) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    def account(self, key: str, title: str, yearly: int, at: str) -> None:
        self.run(f"INSERT INTO account VALUES ('{key}', '{title}', {yearly}, '{at}')")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.db")


@pytest.fixture
def scene(tmp_path: Path, database: Database, warehouse: Warehouse) -> Scene:
    found = Scene(
        folder=tmp_path / "ws", database=database, environment={"WAREHOUSE_URL": f"sqlite:///{warehouse.path}"}
    )
    found.sources(SOURCES, **QUERIES)
    return found


def test_every_kind_is_pulled_in_the_order_in_which_they_depend(scene: Scene) -> None:
    reports = scene.sync()
    assert [(name, report.changed, report.failure) for name, report in reports.items()] == [
        ("customers", 2, ""),
        ("contacts", 3, ""),
        ("tickets", 1, ""),
    ]
    assert [(row["key"], row["name"], row["arr"]) for row in stored(scene.database, CUSTOMER)] == [
        ("a1", "Hanabi", 1200),
        ("a2", "Kite", 300),
    ]
    assert stored(scene.database, TICKET)[0]["source"] == "warehouse"


def test_the_next_run_reads_only_what_changed_and_changes_nothing_twice(scene: Scene, warehouse: Warehouse) -> None:
    scene.sync()
    again = scene.sync()
    assert (again["customers"].rows, again["customers"].changed) == (1, 0)  # the newest one, read again for its ties
    warehouse.account("a3", "Mori", 50, "2027-02-09 09:00:00")
    later = scene.sync()
    assert (later["customers"].rows, later["customers"].changed) == (2, 1)
    assert len(stored(scene.database, CUSTOMER)) == 3
    assert scene.sync(fresh=True)["customers"].rows == 3


def test_a_source_that_fails_half_way_keeps_what_was_stored_and_resumes(
    scene: Scene, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.intake.pulls.sql.PAGE", 1)
    warehouse.account("a3", "Mori", 50, "2027-02-09 09:00:00")
    # The third row breaks the order that the query promises, as a lost connection breaks a page.
    warehouse.run("UPDATE account SET updated_at = NULL WHERE id = 'a3'")
    scene.sources(
        SOURCES, **{**QUERIES, "customers": "SELECT * FROM account ORDER BY :watermark IS NULL, updated_at NULLS LAST"}
    )
    broken = scene.sync()
    assert "is not in the order of `updated_at`" in broken["customers"].failure
    assert broken["contacts"].changed == 3, "one pull never stops the others"
    assert len(stored(scene.database, CUSTOMER)) == 2
    state = next(row for row in stored(scene.database, STATE) if row["pull"] == "customers")
    assert (state["watermark"]["value"], state["whole_at"]) == ("2027-02-02 09:00:00", None)

    warehouse.run("UPDATE account SET updated_at = '2027-02-10 00:00:00' WHERE id = 'a3'")
    scene.sources(SOURCES, **QUERIES)
    assert scene.sync()["customers"].failure == ""
    assert [row["key"] for row in stored(scene.database, CUSTOMER)] == ["a1", "a2", "a3"]


def test_a_contact_that_vanished_is_gone_and_comes_back_when_it_does(scene: Scene, warehouse: Warehouse) -> None:
    scene.sync()
    warehouse.run("DELETE FROM person WHERE id = 'p1'")
    assert scene.sync(now=NOW + timedelta(hours=1))["contacts"].gone == 1
    gone = {row["key"]: row["gone_at"] for row in stored(scene.database, CONTACT)}
    assert [key for key, at in gone.items() if at] == ["p1"]
    warehouse.run("INSERT INTO person VALUES ('p1', 'a1', 'p1@hanabi.example')")
    scene.sync(now=NOW + timedelta(hours=2))
    assert [row["gone_at"] for row in stored(scene.database, CONTACT)] == [None] * 3


def test_a_source_that_is_suddenly_empty_is_not_believed(scene: Scene, warehouse: Warehouse) -> None:
    warehouse.run(*(f"INSERT INTO person VALUES ('q{n}', 'a2', 'q{n}@kite.example')" for n in range(30)))
    scene.sync()
    warehouse.run("DELETE FROM person")
    report = scene.sync(now=NOW + timedelta(hours=1))["contacts"]
    assert "33 of 33 contacts are missing at the source at once" in report.failure
    assert {row["gone_at"] for row in stored(scene.database, CONTACT)} == {None}
    assert scene.sync(now=NOW + timedelta(hours=2), believes_gone=True)["contacts"].gone == 33


class OddPuller(SqlPuller):
    """Breaks over contacts in a way that nobody thought of."""

    def pages(self, pull: Pull, since: Mark | None) -> Iterator[Sequence[Row]]:
        if pull.name == "contacts":
            raise KeyError("an odd row")
        yield from super().pages(pull, since)


def test_a_fault_of_ours_in_one_pull_is_told_and_stops_no_other(scene: Scene) -> None:
    reports = scene.sync(opens=lambda source: OddPuller(source.name, scene.environment["WAREHOUSE_URL"]))
    assert "a fault of journeybot (KeyError)" in reports["contacts"].failure
    assert (reports["customers"].changed, reports["tickets"].changed) == (2, 1)
    assert scene.sync()["contacts"].changed == 3


def test_the_team_s_database_is_only_read(scene: Scene) -> None:
    scene.sources(SOURCES, **{**QUERIES, "contacts": "DELETE FROM person RETURNING *"})
    assert "readonly" in scene.sync()["contacts"].failure


def test_a_row_that_cannot_be_read_is_named_and_the_others_stay(scene: Scene, warehouse: Warehouse) -> None:
    warehouse.run("INSERT INTO ticket VALUES (8, 'nobody', '2027-02-03 08:00', 'high', '2027-02-04 08:00:00')")
    warehouse.run("INSERT INTO ticket VALUES (9, 'a1', 'someday', 'high', '2027-02-05 08:00:00')")
    report = scene.sync()["tickets"]
    assert (report.changed, report.rejected) == (1, 2)
    assert report.file is not None
    assert {problem.column for problem in report.file.problems} == {"customer", "opened_at"}


def test_a_row_whose_customer_comes_later_is_stored_then_in_its_latest_words(
    scene: Scene, warehouse: Warehouse
) -> None:
    for number, priority in ((8, "low"), (9, "high")):
        warehouse.run(
            f"INSERT INTO ticket VALUES ({number}, 'late', '2027-02-03 08:00', '{priority}', '2027-02-04 0{number}:00:00')"
        )
    assert scene.sync()["tickets"].rejected == 2
    warehouse.run("UPDATE ticket SET priority = 'urgent', updated_at = '2027-02-05 09:00:00' WHERE number = 8")
    scene.sync()
    with scene.database.read() as connection:
        (waiting,) = [told for told in sync_complaints(connection, NOW) if told.name == "sync_waiting"]
    assert (waiting.count, waiting.examples) == (2, ("late",))

    warehouse.account("late", "Late & Co", 10, "2027-02-06 09:00:00")
    again = scene.sync()["tickets"]
    assert (again.changed, again.rejected) == (2, 0)
    assert {row["key"]: row["priority"] for row in stored(scene.database, TICKET)} == {
        "7": "high",
        "8": "urgent",
        "9": "high",
    }
    assert stored(scene.database, STRANGER) == []


@pytest.mark.parametrize(
    "environment, sentence",
    [({}, "WAREHOUSE_URL is not set"), ({"WAREHOUSE_URL": "nonsense"}, "the URL cannot be used")],
)
def test_a_source_without_a_way_in_says_what_to_set(
    tmp_path: Path, database: Database, environment: dict[str, str], sentence: str
) -> None:
    scene = Scene(folder=tmp_path / "ws", database=database, environment=environment)
    scene.sources(SOURCES, **QUERIES)
    reports = scene.sync()
    assert all(sentence in report.failure for report in reports.values())
    assert "nonsense" not in "".join(report.failure for report in reports.values())


@pytest.mark.parametrize(
    "text, line, sentence",
    [
        ("w: {type: mongo, pulls: []}", 1, "`mongo` is no type of source"),
        ("w: {type: sql, pulls: []}", 1, "`w` pulls nothing"),
        ("w:\n  type: sql\n  url_from: sqlite:///secret\n  pulls: [{into: customers, query: customers.sql}]", 3, "names a variable"),
        ("w:\n  type: sql\n  url_from: W\n  pulls:\n    - {into: customers, query: ../workspace.yml}", 5, "There is no file"),
        ("w:\n  type: sql\n  url_from: W\n  pulls:\n    - {into: customers, object: Account}", 5, "does not say `query`"),
        ("w:\n  type: salesforce\n  pulls: [{into: customers, object: A}]\n  write_back: {stage: S}", 4, "which record a customer is"),
        ("w:\n  type: salesforce\n  pulls:\n    - {into: custmers, object: A}", 4, "did you mean customers?"),
        ("w:\n  type: hubspot\n  wat: 1\n  pulls: []", 3, "`wat` is no key here"),
    ],
)  # fmt: skip
def test_a_mistake_in_sources_yml_is_named_with_its_line(tmp_path: Path, text: str, line: int, sentence: str) -> None:
    folder = tmp_path / "playbooks"
    (folder / "queries").mkdir(parents=True)
    (folder / "queries" / "customers.sql").write_text("SELECT 1", encoding="utf-8")
    (folder / "sources.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ImportRefused) as refusal:
        load_sources(tmp_path)
    assert sentence in str(refusal.value)
    assert refusal.value.where == f"playbooks/sources.yml:{line}"
    assert "secret" not in str(refusal.value)


def test_doctor_counts_what_failed_and_what_vanished(scene: Scene, warehouse: Warehouse) -> None:
    scene.sync()
    warehouse.run("DELETE FROM person WHERE id = 'p1'", "DROP TABLE ticket")
    scene.sync(now=NOW + timedelta(hours=1))
    with scene.database.read() as connection:
        told = {found.name: found.sentence for found in sync_complaints(connection, NOW + timedelta(days=3))}
    assert "warehouse/tickets failed" in told["sync_failed"]
    assert "no such table" in told["sync_failed"]
    assert told["sync_vanished"] == "1 row(s) of warehouse/contacts are no longer at the source"
    assert "did not run since 2027-03-01 04:00 UTC" in told["sync_stale"]


def test_who_was_erased_is_forgotten_here_too_and_the_next_pull_brings_nobody_back(scene: Scene) -> None:
    scene.sync()
    with scene.database.write() as connection:
        erase(connection, None, None, "a1", None, NOW, by="sato")
    assert {row["key"] for row in stored(scene.database, SYNC_ROW)} == {"a2"}
    again = scene.sync(now=NOW + timedelta(hours=1), fresh=True)
    assert (again["customers"].changed, again["contacts"].changed, again["tickets"].changed) == (0, 0, 0)
    assert {row["name"] for row in stored(scene.database, CUSTOMER)} & {"Hanabi"} == set()
