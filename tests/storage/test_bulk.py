"""Many rows written at once hold exactly what was given, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Table, insert, select

from storage.accounts import Customer
from storage.bulk import update_rows
from storage.database import Database

NOW = datetime(2026, 1, 5, tzinfo=UTC)
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
COLUMNS = ("name", "tier", "licenses_active", "renewal_date", "erased_at", "arr", "attributes")
ODD = ('it\'s "quoted" \\ and so on', "佐藤 🍣\n\t", "", "null", "1", "[1, 2]")


def _row(number: int) -> tuple[Any, ...]:
    moment: datetime | None = NOW + timedelta(microseconds=number) if number % 2 else None
    day = date(2026, 2, 28) + timedelta(days=number)
    numbers = (number, day, moment, number / 7, {"a": number / 3})
    return (ODD[number % len(ODD)], None if number % 3 else f"t{number}", *numbers)


def test_rows_that_differ_are_each_updated_to_what_was_given(database: Database) -> None:
    given = {number: _row(number) for number in range(1, 41)}
    for columns in (COLUMNS, COLUMNS[:5]):  # with and without what JSON would not carry exactly
        with database.write() as connection:
            connection.execute(CUSTOMER.delete())
            fixed = {
                "bucket": 0,
                "name": "x",
                "tags": [],
                "owners": {},
                "limits": {},
                "attributes": {},
                "created_at": NOW,
            }
            connection.execute(insert(CUSTOMER), [{"id": each, "key": str(each), **fixed} for each in (*given, 41)])
            update_rows(
                connection, CUSTOMER, columns, [(number, *row[: len(columns)]) for number, row in given.items()]
            )
        with database.read() as connection:
            found = connection.execute(select(CUSTOMER.c.id, *(CUSTOMER.c[name] for name in columns))).all()
            rows = {row[0]: tuple(row[1:]) for row in found}
        assert {number: rows[number] for number in given} == {n: row[: len(columns)] for n, row in given.items()}
        assert rows[41][0] == "x"
