"""Notes and meetings that a person writes here, rather than a file or another system. In the caller's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, Table, insert, select

from storage.bulk import insert_new_rows
from storage.facts import Feed, Meeting, MeetingAttendee, Note
from storage.marks import mark_customers
from storage.upserts import upsert_rows

NOTE: Table = Note.__table__  # type: ignore[attr-defined]
MEETING: Table = Meeting.__table__  # type: ignore[attr-defined]
ATTENDEE: Table = MeetingAttendee.__table__  # type: ignore[attr-defined]
FEED: Table = Feed.__table__  # type: ignore[attr-defined]

SOURCE = "people"
LONGEST_NOTE = 10_000


def write_note(
    connection: Connection,
    customer_id: int,
    text: str,
    *,
    by: str,
    at: datetime,
    source: str = SOURCE,
    key: str | None = None,
) -> bool:
    """A person's note on the customer's timeline. False: it stands already, by the same `source` and `key`."""
    named = key or uuid.uuid4().hex
    if connection.scalar(select(NOTE.c.id).where(NOTE.c.source == source, NOTE.c.key == named)) is not None:
        return False
    columns = ("customer_id", "by", "at", "text", "source", "key")
    insert_new_rows(connection, NOTE, columns, [(customer_id, by, at, text[:LONGEST_NOTE], source, named)])
    mark_customers(connection, {customer_id}, NOTE)
    return True


def add_meeting(
    connection: Connection,
    customer_id: int,
    *,
    kind: str | None,
    starts_at: datetime,
    summary: str | None,
    contact_ids: Collection[int],
    now: datetime,
    source: str = SOURCE,
    key: str | None = None,
) -> bool:
    """Held or to come; detect tells of it once its time has passed. False: it stands already, by the same `source` and `key`."""
    named = key or uuid.uuid4().hex
    if connection.scalar(select(MEETING.c.id).where(MEETING.c.source == source, MEETING.c.key == named)) is not None:
        return False
    values = {"kind": kind, "starts_at": starts_at, "summary": summary, "is_told": False}
    statement = insert(MEETING).values(customer_id=customer_id, source=source, key=named, **values)
    meeting = connection.execute(statement.returning(MEETING.c.id)).scalar_one()
    for contact in sorted(set(contact_ids)):
        connection.execute(insert(ATTENDEE).values(meeting_id=meeting, contact_id=contact))
    upsert_rows(connection, FEED, ("name", "latest_at"), [("meetings", min(starts_at, now))], {"latest_at": "raise"})
    mark_customers(connection, {customer_id}, MEETING, ATTENDEE)
    return True
