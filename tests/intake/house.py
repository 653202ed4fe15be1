"""What the tests of intake share: files written in a line, an import in a call, tables read as dictionaries."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select

from bot.intake.events import EVENT
from bot.intake.importer import import_paths
from bot.intake.report import FileReport, ImportReport
from storage.database import Database

NOW = datetime(2027, 3, 1, 3, 0, tzinfo=UTC)

CUSTOMERS = """customer,name,stage,timezone,started_on
c-1,Hanabi Cloud,onboarding,Asia/Tokyo,2027-02-26
c-2,Kite & Co,adoption,America/New_York,2025-06-01
"""
CONTACTS = """customer,contact,email,roles
c-1,tanaka,tanaka@hanabi.example,decision_maker*;champion
c-2,mori,mori@kite.example,admin
"""


def write(folder: Path, **files: str) -> Path:
    """Files by kind (`tickets="…"`) in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for stem, content in files.items():
        (folder / f"{stem}.csv").write_text(content, encoding="utf-8", newline="")
    return folder


def bring(database: Database, path: Path, *, now: datetime = NOW, **more: Any) -> ImportReport:
    return import_paths(database, [path], now=now, **more)


def bring_files(
    database: Database, folder: Path, *, now: datetime = NOW, more: dict[str, Any] | None = None, **files: str
) -> dict[str, FileReport]:
    """Write the files into a fresh folder and import it; reports by kind."""
    for old in folder.glob("*.csv"):
        old.unlink()
    report = bring(database, write(folder, **files), now=now, **(more or {}))
    return {file.kind: file for file in report.files}


def stored(database: Database, table: Table, **where: Any) -> list[dict[str, Any]]:
    """A table's rows, in the order of its primary key; `where` compares columns."""
    query = select(table).where(*(table.c[name] == value for name, value in where.items()))
    with database.read() as connection:
        return [dict(row) for row in connection.execute(query.order_by(*table.primary_key)).mappings()]


def names(database: Database) -> dict[str, int]:
    """How many events of each name there are."""
    return dict(Counter(row["name"] for row in stored(database, EVENT)))
