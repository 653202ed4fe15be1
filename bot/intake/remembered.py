"""What a source last said about each record (semantics.md S17): an import applies a value only where it differs from that,
so a nightly file does not undo what a playbook or a person set. Read and written in the transaction that applies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Table, and_, select

from storage.accounts import ImportedRow
from storage.erasures import was_scrubbed
from storage.given import is_given
from storage.upserts import upsert_rows

IMPORTED: Table = ImportedRow.__table__  # type: ignore[attr-defined]

Content = dict[str, Any]


def name_of_contact(customer: str, contact: str) -> str:
    """The key under which a contact is remembered."""
    return orjson.dumps([customer, contact]).decode()


def last_said(connection: Connection, source: str, kind: str, keys: Iterable[str]) -> dict[str, Content]:
    """Key → the values that this source gave last; without those it never gave."""
    asked = is_given(connection, [IMPORTED.c.key], [(key,) for key in keys])
    of_source = and_(IMPORTED.c.source == source, IMPORTED.c.kind == kind, asked)
    rows = connection.execute(select(IMPORTED.c.key, IMPORTED.c.content).where(of_source))
    return {row.key: row.content for row in rows}


def remember(connection: Connection, source: str, kind: str, said: Mapping[str, Content]) -> None:
    rows = [(source, kind, key, content) for key, content in said.items()]
    upsert_rows(connection, IMPORTED, ("source", "kind", "key", "content"), rows, {"content": "set"})


def what_changed(values: Mapping[str, Any], last: Content | None) -> Mapping[str, Any]:
    """The values to apply: those that differ from the last ones. An empty cell clears only what this source gave."""
    last = last or {}
    return {
        name: value
        for name, value in values.items()
        if (name in last if value is None else name not in last or last[name] != as_said(value))
        and not was_scrubbed(last.get(name))
    }


def said_now(values: Mapping[str, Any], last: Content | None) -> Content:
    """What the source has said altogether; columns that the file does not have keep their last value."""
    kept = {name: value for name, value in (last or {}).items() if was_scrubbed(value)}
    merged = {**(last or {}), **{name: as_said(value) for name, value in values.items()}, **kept}
    return {name: value for name, value in merged.items() if value is not None}


def as_said(value: Any) -> Any:
    """A value as a document holds it."""
    return value.isoformat() if isinstance(value, date | datetime) else value
