"""`import` as people and programs see it; what an import does is tested in tests/intake."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Table, select

from storage.database import Database
from storage.facts import Ticket
from tests.cli.conftest import Cli

TICKET: Table = Ticket.__table__  # type: ignore[attr-defined]

GOOD = "customer,name,stage\nacme,Acme,new\nbeta,Beta,new\n"
BAD = "customer,name,arr\nacme,Acme,1200\nbeta,Beta,a lot\n,Nobody,1\n"


def test_a_clean_import_is_a_table_and_0(cli: Cli) -> None:
    ran = cli.run("import", str(cli.write("in/customers.csv", GOOD)))
    assert ran.out.splitlines()[1].split() == ["customers.csv", "customers", "2", "2", "0", "0", "0"]


def test_the_same_file_again_changes_nothing(cli: Cli) -> None:
    path = str(cli.write("in/customers.csv", GOOD))
    cli.run("import", path)
    assert cli.json("import", path)["files"][0]["unchanged"] == 2


def test_bad_rows_are_named_with_line_and_column_and_it_ends_with_1(cli: Cli) -> None:
    ran = cli.run("import", str(cli.write("in/customers.csv", BAD)), code=1)
    assert "customers.csv:3 (arr)" in ran.out
    assert "customers.csv:4 (customer)" in ran.out
    assert [row["customer"] for row in cli.json("customers", "list")] == ["acme"]


def test_a_dry_run_says_the_same_and_stores_nothing(cli: Cli) -> None:
    ran = cli.run("import", str(cli.write("in/customers.csv", GOOD)), "--dry-run")
    assert "Dry run: nothing was stored." in ran.out
    assert cli.json("customers", "list") == []


def test_the_json_of_an_import_names_files_and_problems(cli: Cli) -> None:
    told = cli.json("import", str(cli.write("in/customers.csv", BAD)), code=1)
    assert set(told) == {"files", "is_dry_run", "warnings"}
    problem = told["files"][0]["problems"][0]
    assert {"file", "row", "column", "value", "message", "hint"} == set(problem)


def test_a_file_whose_name_tells_nothing_needs_its_kind(cli: Cli) -> None:
    path = str(cli.write("in/export.csv", GOOD))
    assert "--kind" in cli.run("import", path, code=1).err
    cli.run("import", path, "--kind", "customers")


def test_a_kind_that_does_not_exist_is_answered_with_the_nearest(cli: Cli) -> None:
    ran = cli.run("import", str(cli.write("in/x.csv", GOOD)), "--kind", "customer", code=2)
    assert "customers" in ran.err


def test_a_missing_file_or_map_is_a_mistake_of_the_call_not_of_the_data(cli: Cli) -> None:
    assert "no such file" in cli.run("import", str(cli.folder / "none.csv"), code=2).err
    assert "ravenstack" in cli.run("import", str(cli.folder), "--map", "ravenstak", code=2).err


def test_ambiguous_dates_are_asked_for(cli: Cli) -> None:
    path = str(cli.write("in/customers.csv", "customer,name,renewal_date\nacme,Acme,03/04/2027\n"))
    assert "--day-first" in cli.run("import", path, code=1).err
    cli.run("import", path, "--day-first")
    assert cli.json("customers", "list")[0]["renewal_date"] == "2027-04-03"


@pytest.mark.parametrize(("words", "hour"), [((), 0), (("--zone", "America/New_York"), 14)])
def test_times_that_name_no_zone_are_the_workspaces_or_those_of_zone(
    cli: Cli, words: tuple[str, ...], hour: int
) -> None:
    cli.run("import", str(cli.write("in/customers.csv", GOOD)), "--at", "2027-03-02T09:00")
    tickets = "customer,ticket,title,opened_at\nacme,t1,Slow,2027-03-01 09:00\nacme,t2,Slow,2027-03-01T09:00+00:00\n"
    ran = cli.run("import", str(cli.write("in/tickets.csv", tickets)), *words, "--at", "2027-03-02T09:00")
    database = Database(f"sqlite:///{cli.folder / '.journeybot' / 'journeybot.db'}")
    with database.read() as connection:
        opened = {row.key: row.opened_at for row in connection.execute(select(TICKET.c.key, TICKET.c.opened_at))}
    database.dispose()
    assert opened == {"t1": datetime(2027, 3, 1, hour, tzinfo=UTC), "t2": datetime(2027, 3, 1, 9, tzinfo=UTC)}
    assert f"times without a zone are read as {words[-1] if words else 'Asia/Tokyo'}" in ran.out


def test_a_zone_that_is_none_is_a_usage_error(cli: Cli) -> None:
    ran = cli.run("import", str(cli.write("in/customers.csv", GOOD)), "--zone", "Tokyo/Asia", code=2)
    assert "`Tokyo/Asia` is not a time zone" in ran.err
