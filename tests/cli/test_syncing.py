"""`journeybot sync` as a person calls it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, call

SOURCES = """
warehouse:
  type: sql
  url_from: WAREHOUSE_URL
  pulls: [{into: customers, query: customers.sql, columns: {customer: id, name: title}, rest: ignore}]
"""


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    assert call(["init", str(tmp_path / "ws")]).code == 0
    found = Cli(folder=tmp_path / "ws")
    with sqlite3.connect(tmp_path / "warehouse.db") as warehouse:
        warehouse.execute("CREATE TABLE account (id TEXT, title TEXT)")
        warehouse.execute("INSERT INTO account VALUES ('a1', 'Hanabi')")
    warehouse.close()
    found.write("playbooks/sources.yml", SOURCES)
    found.write("playbooks/queries/customers.sql", "SELECT id, title FROM account")
    found.write(".env", f"WAREHOUSE_URL=sqlite:///{tmp_path / 'warehouse.db'}\n")
    return found


def test_sources_are_pulled_and_shown(cli: Cli) -> None:
    assert cli.run("sync").out.split() == [
        *("source", "pull", "rows", "changed", "unchanged", "rejected", "gone", "written_back"),
        *("warehouse", "customers", "1", "1", "0", "0", "0", "0"),
    ]
    (report,) = cli.json("sync", "warehouse")
    assert (report["changed"], report["unchanged"], report["failure"]) == (0, 1, "")
    assert [row["customer"] for row in cli.json("customers", "list")] == ["a1"]
    assert cli.json("check") == []


def test_what_is_wrong_is_said_and_ends_with_one(cli: Cli) -> None:
    assert "did you mean warehouse?" in cli.run("sync", "warehose", code=2).err
    cli.write("playbooks/queries/customers.sql", "SELECT id, title FROM acount")
    assert "no such table: acount" in cli.run("sync", code=1).out
    cli.write("playbooks/sources.yml", SOURCES.replace("sql\n", "sqll\n"))
    (finding,) = cli.json("check", code=1)
    assert (finding["file"], finding["line"], finding["rule"]) == ("playbooks/sources.yml", 3, "sources")
