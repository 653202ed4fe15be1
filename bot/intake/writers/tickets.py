"""Support tickets, and the events ticket.opened and ticket.closed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Table

from bot.intake.directory import CustomerRef, contact_of, contacts_of, with_customers
from bot.intake.events import BUILT_IN, EventRow, raise_feeds, record_events
from bot.intake.job import Job
from bot.intake.rows import Record
from bot.intake.writers.keyed_facts import Wanted, Written, write_facts
from storage.facts import Ticket
from storage.marks import mark_customers

TICKET: Table = Ticket.__table__  # type: ignore[attr-defined]
DEFAULTS = {
    "customer_id": 0,
    "contact_id": None,
    "title": None,
    "url": None,
    "kind": None,
    "priority": None,
    "status": "open",
    "opened_at": None,
    "closed_at": None,
}
#: What help desks call the two states of a ticket.
STATUSES = {
    **dict.fromkeys(("open", "new", "pending", "on hold", "hold", "in progress", "waiting", "reopened"), "open"),
    **dict.fromkeys(("closed", "solved", "resolved", "done", "cancelled", "canceled"), "closed"),
}


def write_tickets(connection: Connection, records: Sequence[Record], job: Job) -> None:
    firsts = job.first_of([(record.values["ticket"], record) for record in records], "the ticket")
    pairs = with_customers(connection, [record for _, record in firsts], job.directory, job.tally)
    contacts = contacts_of(connection, pairs, job.directory)
    wanted = []
    for record, ref in pairs:
        fields = _fields(record, ref, job)
        if fields is not None:
            if "contact" in record.values:
                fields["contact_id"] = contact_of(record, ref, contacts, job.tally)
            wanted.append(Wanted(key=record.values["ticket"], record=record, customer=ref, fields=fields))
    written = write_facts(connection, TICKET, wanted, job, DEFAULTS)
    latest = [at for fact in wanted for at in (fact.fields["opened_at"], fact.fields.get("closed_at")) if at]
    if latest:
        raise_feeds(connection, {"tickets": max(latest)}, job.now)
    mark_customers(connection, {fact.after["customer_id"] for fact in written}, TICKET)
    events = [event for fact in written for event in _events(fact, job)]
    record_events(connection, events, job.now, default_zone=job.zone)


def _fields(record: Record, ref: CustomerRef, job: Job) -> dict[str, Any] | None:
    """The ticket's fields; None when the row contradicts itself."""
    values = record.values
    fields: dict[str, Any] = {
        name: values[name] for name in ("title", "url", "kind", "priority", "opened_at") if name in values
    }
    fields["customer_id"] = ref.id
    status = STATUSES.get(
        " ".join((values.get("status") or "open").casefold().replace("_", " ").replace("-", " ").split())
    )
    closed_at = values.get("closed_at")
    complaint = ("", "", "")
    if status is None:
        complaint = (
            "status",
            f"`{values['status']}` is no status",
            f"write open or closed (or one of: {', '.join(STATUSES)})",
        )
    elif closed_at is not None and closed_at < values["opened_at"]:
        complaint = ("closed_at", "the ticket is closed before it is opened", "are the two columns swapped?")
    elif closed_at is not None and status == "open" and values.get("status"):
        complaint = ("status", "the ticket is open and has a closed_at", "empty closed_at when a ticket is open again")
    if complaint[1]:
        column, message, hint = complaint
        job.tally.reject(
            record.line, column, values.get(column), message, hint, rule=message if column != "status" else ""
        )
        return None
    if "closed_at" in values:
        fields["closed_at"] = closed_at
    if "status" in values or "closed_at" in values:
        fields["status"] = "closed" if closed_at is not None else status
    return fields


def _events(fact: Written, job: Job) -> Iterable[EventRow]:
    after, key = fact.after, fact.wanted.key
    properties = {name: after[name] for name in ("kind", "priority", "title") if after[name] is not None}
    properties["ticket"] = key
    if fact.is_new:
        yield _event(fact, "ticket.opened", after["opened_at"], properties, f"{job.source}:{key}")
    if after["status"] == "closed" and fact.before.get("status") != "closed":
        closed_at = after["closed_at"] or job.now
        yield _event(fact, "ticket.closed", closed_at, properties, f"{job.source}:{key}:{closed_at.isoformat()}")


def _event(fact: Written, name: str, at: Any, properties: dict[str, Any], key: str) -> EventRow:
    return EventRow(
        fact.after["customer_id"], name, at, BUILT_IN, f"{name}:{key}", fact.after["contact_id"], properties=properties
    )
