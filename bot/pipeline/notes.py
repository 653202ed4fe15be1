"""A note of a person on a customer's timeline, from Slack or the console: stored once by its key, and told to whoever asks
about notes (`last_note_days`). In the caller's transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Table, select

from storage.bulk import insert_new_rows
from storage.enrollments import mark_changed
from storage.facts import Note

NOTE: Table = Note.__table__  # type: ignore[attr-defined]
LONGEST = 10_000


def write_note(
    connection: Connection, customer_id: int, text: str, *, by: str, at: datetime, source: str, key: str
) -> bool:
    """False: this note stands already (the same `source` and `key`)."""
    mine = (NOTE.c.source == source, NOTE.c.key == key)
    if connection.scalar(select(NOTE.c.id).where(*mine)) is not None:
        return False
    columns = ("customer_id", "by", "at", "text", "source", "key")
    insert_new_rows(connection, NOTE, columns, [(customer_id, by, at, text[:LONGEST], source, key)])
    mark_changed(connection, [customer_id])
    return True
