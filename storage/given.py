"""A list of Python rows as a FROM clause, so that thousands of keys are looked up in one statement with two or three
parameters: json_each on SQLite, unnest on PostgreSQL. Everything around it stays ordinary, portable SQLAlchemy.
Look keys up with `is_given` (an IN), not with a join: SQLite may take a joined list as inner loop and parse it per row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    FromClause,
    String,
    Text,
    bindparam,
    cast,
    func,
    select,
    tuple_,
    type_coerce,
)

from storage.bulk import Row, plain_type
from storage.columns import UtcDateTime, sqlite_instant


def given(connection: Connection, name: str, columns: Sequence[Column[Any]], rows: Sequence[Row]) -> FromClause:
    """A clause called `name` whose columns are called and typed as `columns`, with one row for each of `rows`."""
    if connection.dialect.name == "sqlite":
        return _from_json(name, columns, rows)
    lists = [list(values) for values in zip(*rows, strict=True)] or [[] for _ in columns]
    unnested = func.unnest(
        *(
            cast(bindparam(f"{name}_{column.name}", values, type_=ARRAY(column.type)), ARRAY(column.type))
            for column, values in zip(columns, lists, strict=True)
        )
    ).table_valued(*(Column(column.name, column.type) for column in columns), name=name)
    return unnested.render_derived()


def is_given(connection: Connection, columns: Sequence[Column[Any]], rows: Sequence[Row]) -> ColumnElement[bool]:
    """Whether the values of `columns` are among `rows`."""
    wanted = given(connection, "wanted", columns, rows)
    # SQLite looks at the types of the first pair alone: led by a number, it takes no other column from the index, and reads
    # all that a customer ever did for the rows of one day.
    led = sorted(columns, key=lambda column: not isinstance(plain_type(column), String))
    asked = select(*(wanted.c[column.name] for column in led))
    return led[0].in_(asked) if len(led) == 1 else tuple_(*led).in_(asked)


def _from_json(name: str, columns: Sequence[Column[Any]], rows: Sequence[Row]) -> FromClause:
    instants = [place for place, column in enumerate(columns) if isinstance(column.type, UtcDateTime)]
    plain = _with_texts(rows, instants) if instants else rows
    document = bindparam(f"{name}_rows", orjson.dumps(plain).decode(), type_=Text())
    each = func.json_each(document).table_valued("value", name=f"{name}_each")
    cells = (_cell(each.c.value, place, column).label(column.name) for place, column in enumerate(columns))
    return select(*cells).subquery(name)


def _cell(row: ColumnElement[Any], place: int, column: Column[Any]) -> ColumnElement[Any]:
    """What JSON holds has no type; a text needs one, or SQLite would not look it up in an index beside others."""
    found = func.json_extract(row, f"$[{place}]")
    return cast(found, Text()) if isinstance(plain_type(column), String) else type_coerce(found, column.type)


def _with_texts(rows: Sequence[Row], places: Sequence[int]) -> list[list[Any]]:
    """The rows with their instants as SQLite holds them; the same few instants tend to occur in all rows."""
    texts: dict[datetime, str] = {}
    plain = []
    for row in rows:
        values = list(row)
        for place in places:
            instant = values[place]
            values[place] = texts.get(instant) or texts.setdefault(instant, sqlite_instant(instant))
        plain.append(values)
    return plain
