"""Notes: what our people wrote about a customer."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table

from bot.intake.directory import with_customers
from bot.intake.job import Job
from bot.intake.rows import Record
from bot.intake.seen import digest_of
from bot.intake.writers.keyed_facts import Wanted, write_facts
from storage.facts import Note
from storage.marks import mark_customers

NOTE: Table = Note.__table__  # type: ignore[attr-defined]
FIELDS = ("by", "at", "text")
DEFAULTS = {"customer_id": 0, **dict.fromkeys(FIELDS)}


def write_notes(connection: Connection, records: Sequence[Record], job: Job) -> None:
    firsts = job.first_of([(_key(record), record) for record in records], "the note")
    keys = {id(record): key for key, record in firsts}
    pairs = with_customers(connection, [record for _, record in firsts], job.directory, job.tally)
    wanted = [
        Wanted(
            key=keys[id(record)],
            record=record,
            customer=ref,
            fields={"customer_id": ref.id, **{name: record.values[name] for name in FIELDS if name in record.values}},
        )
        for record, ref in pairs
    ]
    written = write_facts(connection, NOTE, wanted, job, DEFAULTS)
    mark_customers(connection, {fact.after["customer_id"] for fact in written}, NOTE)


def _key(record: Record) -> str:
    values = record.values
    if values.get("id"):
        return str(values["id"])
    return "row:" + digest_of(values["customer"], values["at"].isoformat(), values.get("by"), values["text"])
