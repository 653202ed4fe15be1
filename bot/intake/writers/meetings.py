"""Meetings held and to come, with their attendees. Detect tells of a meeting when its time has passed; one that was long
over when it was imported is marked as told (S4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, Table, delete, select

from bot.intake.directory import CustomerRef, with_customers
from bot.intake.events import raise_feeds
from bot.intake.job import Job
from bot.intake.rows import Record
from bot.intake.seen import digest_of
from bot.intake.writers.keyed_facts import Wanted, Written, standing_facts, write_facts
from storage.bulk import insert_rows
from storage.facts import Meeting, MeetingAttendee
from storage.given import is_given
from storage.marks import mark_customers

MEETING: Table = Meeting.__table__  # type: ignore[attr-defined]
ATTENDEE: Table = MeetingAttendee.__table__  # type: ignore[attr-defined]
FIELDS = ("kind", "starts_at", "summary")
DEFAULTS = {"customer_id": 0, **dict.fromkeys(FIELDS), "is_told": False}
IS_OLD_AFTER = timedelta(hours=24)


def write_meetings(connection: Connection, records: Sequence[Record], job: Job) -> None:
    firsts = job.first_of([(_key(record), record) for record in records], "the meeting")
    keys = {id(record): key for key, record in firsts}
    pairs = with_customers(connection, [record for _, record in firsts], job.directory, job.tally)
    standing = standing_facts(connection, MEETING, job.source, list(keys.values()))
    wanted = []
    for record, ref in pairs:
        key = keys[id(record)]
        fields = {name: record.values[name] for name in FIELDS if name in record.values}
        before = standing.get(key)
        if before is None or before["starts_at"] != fields["starts_at"]:
            fields["is_told"] = fields["starts_at"] <= job.now - IS_OLD_AFTER
        wanted.append(Wanted(key=key, record=record, customer=ref, fields={"customer_id": ref.id, **fields}))
    written = write_facts(connection, MEETING, wanted, job, DEFAULTS)
    moved = _write_attendees(connection, wanted, job)
    _count(written, moved, job)
    if wanted:
        raise_feeds(connection, {"meetings": max(fact.fields["starts_at"] for fact in wanted)}, job.now)
    customers = {fact.after["customer_id"] for fact in written} | {fact.customer.id for fact in moved}
    mark_customers(connection, customers, MEETING, ATTENDEE)


def _key(record: Record) -> str:
    values = record.values
    if values.get("meeting"):
        return str(values["meeting"])
    return "row:" + digest_of(values["customer"], values.get("kind"), values["starts_at"].isoformat())


def _write_attendees(connection: Connection, wanted: Sequence[Wanted], job: Job) -> list[Wanted]:
    """Make the attendees of each meeting those that its row names; returns the meetings where that changed something."""
    named = [fact for fact in wanted if "contact" in fact.record.values]
    if not named:
        return []
    ids = {
        key: row["id"] for key, row in standing_facts(connection, MEETING, job.source, [f.key for f in named]).items()
    }
    pairs = {(fact.customer.id, contact) for fact in named for contact in fact.record.values["contact"] or []}
    contacts = job.directory.contacts(connection, pairs)
    before = _attendees(connection, list(ids.values()))
    moved: list[Wanted] = []
    new: list[tuple[int, int]] = []
    for fact in named:
        meeting = ids[fact.key]
        attendees = {
            contacts[pair] for pair in _pairs(fact.record, fact.customer) if _is_known(pair, contacts, fact, job)
        }
        if attendees != before.get(meeting, set()):
            moved.append(fact)
            new.extend((meeting, contact) for contact in sorted(attendees))
    if moved:
        asked = is_given(connection, [ATTENDEE.c.meeting_id], [(ids[fact.key],) for fact in moved])
        connection.execute(delete(ATTENDEE).where(asked))
        insert_rows(connection, ATTENDEE, ("meeting_id", "contact_id"), new)
    return moved


def _pairs(record: Record, customer: CustomerRef) -> list[tuple[int, str]]:
    return [(customer.id, contact) for contact in record.values["contact"] or []]


def _is_known(pair: tuple[int, str], contacts: dict[tuple[int, str], int], fact: Wanted, job: Job) -> bool:
    if pair in contacts:
        return True
    job.tally.remark("name a contact that is not known; kept without the contact", fact.record.line, pair[1])
    return False


def _attendees(connection: Connection, meetings: Sequence[int]) -> dict[int, set[int]]:
    asked = is_given(connection, [ATTENDEE.c.meeting_id], [(meeting,) for meeting in meetings])
    rows = connection.execute(select(ATTENDEE.c.meeting_id, ATTENDEE.c.contact_id).where(asked))
    found: dict[int, set[int]] = {}
    for meeting, contact in rows:
        found.setdefault(meeting, set()).add(contact)
    return found


def _count(written: Sequence[Written], moved: Sequence[Wanted], job: Job) -> None:
    """A meeting of which only the attendees changed was counted as unchanged."""
    counted = {fact.wanted.key for fact in written}
    only_moved = sum(1 for fact in moved if fact.key not in counted)
    job.tally.changed += only_moved
    job.tally.unchanged -= only_moved
