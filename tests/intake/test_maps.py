"""Column maps: renaming, constants, values, choices, rows that do not count, one file into several kinds, derived columns."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bot.errors import ImportRefused, UsageError
from bot.intake.derive import next_anniversary
from bot.intake.events import CUSTOMER, EVENT
from bot.intake.maps import SHIPPED, load_map
from bot.intake.writers.surveys import ANSWER
from bot.intake.writers.tickets import TICKET
from storage.database import Database
from tests.intake.house import CUSTOMERS, bring, bring_files, stored, write

MAP = """
source: crm
files:
  accounts:
    - into: customers
      columns: {customer: Id, name: Title, region: Country, timezone: Country, attributes.plan_name: Plan}
      constants: {currency: EUR}
      values:
        region: {UK: GB}
        timezone: {UK: Europe/London, JP: Asia/Tokyo}
      choose:
        stage:
          - {when: {Trial: "true"}, is: onboarding}
          - {when: {Plan: [gold, silver]}, is: adoption}
          - {is: handover}
      when: {Deleted: "no"}
  tickets:
    - into: tickets
      columns: {customer: account, ticket: id, opened_at: opened}
      rest: ignore
    - into: surveys
      filled: [rating]
      columns: {customer: account, id: id, score: rating, at: opened}
      constants: {kind: csat}
      rest: ignore
"""
ACCOUNTS = """Id,Title,Country,Plan,Trial,Deleted,Note
a,A,UK,gold,false,no,hi
b,B,JP,,TRUE,no,
c,C,JP,tin,false,no,
d,D,JP,tin,false,yes,
"""


@pytest.fixture
def crm(tmp_path: Path) -> str:
    (tmp_path / "crm.yml").write_text(MAP)
    return str(tmp_path / "crm.yml")


def test_a_map_renames_fills_translates_chooses_and_leaves_out(database: Database, tmp_path: Path, crm: str) -> None:
    report = bring(database, write(tmp_path / "in", accounts=ACCOUNTS), map_name=crm).files[0]
    assert (report.rows, report.changed, report.warnings) == (3, 3, ())
    found = {row["key"]: row for row in stored(database, CUSTOMER)}
    assert [(row["stage"], row["region"], row["timezone"], row["currency"]) for row in found.values()] == [
        ("adoption", "GB", "Europe/London", "EUR"),
        ("onboarding", "JP", "Asia/Tokyo", "EUR"),
        ("handover", "JP", "Asia/Tokyo", "EUR"),
    ]
    assert found["a"]["attributes"] == {"plan_name": "gold", "Note": "hi"}


def test_one_file_may_feed_two_kinds_and_the_map_names_the_source(database: Database, tmp_path: Path, crm: str) -> None:
    bring_files(database, tmp_path, customers=CUSTOMERS)
    folder = write(
        tmp_path / "in",
        **{"tickets-2027-02": "id,account,opened,rating,x\n1,c-1,2027-02-20,5,y\n2,c-1,2027-02-21,,y\n"},
    )
    report = bring(database, folder, map_name=crm)
    assert [(file.kind, file.rows, file.changed) for file in report.files] == [("tickets", 2, 2), ("surveys", 1, 1)]
    assert {row["source"] for row in (*stored(database, TICKET), *stored(database, ANSWER))} == {"crm"}
    assert stored(database, EVENT, name="survey.answered")[0]["properties"] == {"kind": "csat", "score": 5}


def test_files_that_the_map_does_not_name_are_read_as_ever(database: Database, tmp_path: Path, crm: str) -> None:
    report = bring(
        database,
        write(tmp_path / "in", accounts=ACCOUNTS, notes="customer,at,text\na,2027-02-20,hello\n"),
        map_name=crm,
    )
    assert [file.kind for file in report.files] == ["customers", "notes"]


@pytest.mark.parametrize(
    ("old", "new", "where", "says", "hint"),
    [
        ("into: customers", "into: customer", ":5", "`customer` is no kind", "did you mean customers?"),
        ("source: crm", "sauce: crm", ":2", "`sauce` is no key here", "did you mean source?"),
        (
            "constants: {kind: csat}",
            "constants: {kinds: csat}",
            ":24",
            "surveys have no column `kinds`",
            "did you mean kind?",
        ),
        ("filled: [rating]", "filled: rating", ":22", "A list belongs here", "[one, two]"),
        ("- {is: handover}", "- {when: {Plan: tin}}", ":15", "The choice does not say `is`", "onboarding"),
        ("rest: ignore", "rest: drop", ":20", "`drop` is no `rest`", "keep, ignore"),
        ("into: tickets\n      columns", "columns", ":18", "The entry does not say `into`", "into: customers"),
        (
            '      when: {Deleted: "no"}',
            '      when: {Removed: "no"}',
            "accounts.csv:1",
            "a column `Removed` that the file does not have",
            "the file has",
        ),
        ("currency: EUR", "arr: much", "", "`much` is no number", "write"),
        ("is: onboarding", "is: [x]", ":13", "One value belongs here", "write one"),
    ],
)
def test_a_wrong_map_says_where_and_what_was_meant(
    database: Database, tmp_path: Path, crm: str, old: str, new: str, where: str, says: str, hint: str
) -> None:
    assert old in MAP
    Path(crm).write_text(MAP.replace(old, new, 1))
    with pytest.raises(ImportRefused) as caught:
        bring(database, write(tmp_path / "in", accounts=ACCOUNTS), map_name=crm)
    assert where in caught.value.where
    assert says in str(caught.value)
    assert hint in caught.value.hint


def test_a_map_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(UsageError, match="no map"):
        load_map("nowhere.yml")


def test_every_shipped_map_loads() -> None:
    assert [load_map(path.stem).source for path in sorted(SHIPPED.glob("*.yml"))] == ["ravenstack"]


@pytest.mark.parametrize(
    ("began", "today", "expected"),
    [
        ("2024-06-01", "2025-01-01", "2025-06-01"),
        ("2024-06-01", "2025-06-01", "2026-06-01"),
        ("2024-12-31", "2025-01-01", "2025-12-31"),
        ("2025-01-01", "2025-01-01", "2026-01-01"),
        ("2024-02-29", "2025-01-01", "2025-02-28"),
        ("2024-02-29", "2027-03-01", "2028-02-29"),
    ],
)
def test_the_next_anniversary_lies_ahead(began: str, today: str, expected: str) -> None:
    found = next_anniversary(date.fromisoformat(began), date.fromisoformat(today))
    assert found == date.fromisoformat(expected)
