"""Insert-or-change in bulk, beside bulk.py: one statement per batch that sets, adds to or raises the row that stands.
For rows whose identity is a natural key (daily usage, feeds, imported rows, CSMs)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Insert, Table, or_, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from storage.bulk import Row, _converted, _converters, _cursor, _names
from storage.columns import sqlite_instant
from storage.given import given

How = Literal["set", "add", "raise"]


def upsert_rows(
    connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row], changes: Mapping[str, How]
) -> None:
    """Insert `rows`; where the primary key stands already, `set` a column to the new value, `add` to it, or `raise` it
    to the greater of both. Rows must differ in their primary key."""
    if not rows:
        return
    dialect = connection.dialect.name
    keys = [column.name for column in table.primary_key]
    # Sorted, so that two writers on PostgreSQL lock the same rows in the same order.
    places = [columns.index(key) for key in keys]
    ordered = sorted(rows, key=lambda row: [row[place] for place in places])
    greatest = "max" if dialect == "sqlite" else "greatest"
    sets = ", ".join(_change(table.name, column, how, greatest) for column, how in changes.items())
    mark = "?" if dialect == "sqlite" else "%s"
    marks = ", ".join([mark] * len(columns))
    conflict = ", ".join(f'"{key}"' for key in keys)
    statement = (
        f'INSERT INTO "{table.name}" ({_names(columns)}) VALUES ({marks}) ON CONFLICT ({conflict}) DO UPDATE SET {sets}'
    )
    values = list(_converted(ordered, _converters(table, columns, dialect)))
    if dialect == "sqlite":
        connection.connection.cursor().executemany(statement, values)
        return
    with _cursor(connection) as cursor:
        cursor.executemany(statement, values)


def _change(table: str, column: str, how: How, greatest: str) -> str:
    match how:
        case "set":
            return f'"{column}" = excluded."{column}"'
        case "add":
            return f'"{column}" = "{table}"."{column}" + excluded."{column}"'
        case "raise":
            return f'"{column}" = {greatest}("{table}"."{column}", excluded."{column}")'


def raise_instants(connection: Connection, table: Table, column: str, rows: Sequence[tuple[int, datetime]]) -> None:
    """Set an instant of the rows with these ids where it is empty or earlier."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        statement = f'UPDATE "{table.name}" SET "{column}" = ? WHERE id = ? AND ("{column}" IS NULL OR "{column}" < ?)'
        texts = [(sqlite_instant(at), key) for key, at in rows]
        connection.connection.cursor().executemany(statement, [(at, key, at) for at, key in texts])
        return
    later = given(connection, "later", [table.c.id, table.c[column]], rows)
    is_later = or_(table.c[column].is_(None), table.c[column] < later.c[column])
    found = update(table).where(table.c.id == later.c.id, is_later)
    connection.execute(found.values({column: later.c[column]}))


def hold_alone(connection: Connection, what: str) -> None:
    """Until this transaction ends, nobody else gets past here with the same word. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:what))"), {"what": f"journeybot.{what}"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueWhere:
    """A partial unique index: its columns, and its condition as the index says it."""

    columns: tuple[str, ...]
    where: str


def put_selected(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Any,
    *,
    changes: Sequence[str],
    key: UniqueWhere | None = None,
) -> Insert:
    """INSERT … SELECT that sets the columns of `changes` where the primary key (or `key`) stands already. `rows` needs a
    WHERE, or SQLite takes its ON CONFLICT for a join's."""
    keys = list(key.columns) if key else [column.name for column in table.primary_key]
    where = text(key.where) if key else None
    if connection.dialect.name == "sqlite":
        lite = sqlite_insert(table).from_select(list(columns), rows)
        sets = {name: lite.excluded[name] for name in changes}
        return lite.on_conflict_do_update(index_elements=keys, index_where=where, set_=sets)
    big = postgresql_insert(table).from_select(list(columns), rows)
    sets = {name: big.excluded[name] for name in changes}
    return big.on_conflict_do_update(index_elements=keys, index_where=where, set_=sets)
