"""Events of a file: one row, one event. A row without an id is identified by its content, so an identical row is the same
event; a known id with other content is a problem, and what stands is never overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from bot.intake.columns import EXTRA, SHEETS, Kind
from bot.intake.directory import contact_of, contacts_of, with_customers
from bot.intake.events import EventRow, record_events
from bot.intake.job import Job
from bot.intake.rows import Record
from bot.intake.seen import digest_of

START = len(EXTRA)
FIELDS = frozenset(SHEETS[Kind.EVENTS].columns)


def write_events(connection: Connection, records: Sequence[Record], job: Job) -> None:
    pairs = with_customers(connection, records, job.directory, job.tally)
    contacts = contacts_of(connection, pairs, job.directory)
    rows = []
    for record, ref in pairs:
        values = record.values
        contact = contact_of(record, ref, contacts, job.tally) if values.get("contact") else None
        properties = {name[START:]: cell for name, cell in values.items() if name not in FIELDS and cell is not None}
        key = values.get("id") or _content_key(values, ref.key)
        rows.append(
            EventRow(ref.id, values["event"], values["at"], job.source, key, contact, values.get("value"), properties)
        )
    zones = {ref.id: ref.zone for _, ref in pairs}
    recorded = record_events(connection, rows, job.now, default_zone=job.zone, zones=zones)
    job.tally.changed += recorded.stored
    job.tally.unchanged += recorded.known
    for place in recorded.conflicts:
        message = f"the event `{rows[place].key}` stands already with other values; it stays as it is"
        hint = "give each event its own id"
        job.tally.reject(pairs[place][0].line, "id", rows[place].key, message, hint, rule="event id given twice")


def _content_key(values: dict[str, Any], customer: str) -> str:
    content = {name: cell for name, cell in values.items() if cell is not None and name not in ("id", "customer")}
    return "row:" + digest_of(customer, sorted(content.items()))
