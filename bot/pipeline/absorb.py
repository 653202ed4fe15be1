"""Sixth pass: turns what providers told about mails into facts: delivered, opened, clicked, replied, bounced. Machine opens
and scanner clicks are kept but never count. Any order of the same events ends in the same state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, func, insert, select, update

from bot.failpoints import Place, pass_by
from storage.accounts import Contact, Suppression
from storage.bulk import update_rows
from storage.database import Database
from storage.enrollments import mark_changed, wake_walks_of_messages
from storage.facts import Event
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.outbox import DeliveryEvent, MessageState
from storage.outbox_moves import MESSAGE, lock_messages, write_moves

DELIVERY_EVENT: Table = DeliveryEvent.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
SUPPRESSION: Table = Suppression.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]

BATCH = 1000
#: Kinds that stamp a time on the message, the earliest wins.
STAMPS = {
    "delivered": "delivered_at",
    "opened": "opened_at",
    "clicked": "clicked_at",
    "replied": "replied_at",
    "bounced": "bounced_at",
}
#: Kinds after which the address must not be mailed again.
SUPPRESSING = {"bounced": "bounce", "complained": "complaint"}


def absorb(database: Database, now: datetime) -> int:
    """Take in all new delivery events; returns how many."""
    taken = 0
    while True:
        with database.write() as connection:
            events = connection.execute(
                select(DELIVERY_EVENT)
                .where(DELIVERY_EVENT.c.is_new)
                .order_by(DELIVERY_EVENT.c.id)
                .limit(BATCH)
                .with_for_update(skip_locked=True)
            ).all()
            if not events:
                return taken
            _take_in(connection, events, now)
            ids = [event.id for event in events]
            connection.execute(update(DELIVERY_EVENT).where(DELIVERY_EVENT.c.id.in_(ids)).values(is_new=False))
            pass_by(Place.ABSORB_COMMIT)
        pass_by(Place.ABSORBED)
        taken += len(events)


def _take_in(connection: Connection, events: Sequence[Row[Any]], now: datetime) -> None:
    _accept_by_evidence(connection, {event.message_id: event.at for event in events}, now)
    found = connection.execute(
        select(MESSAGE).where(MESSAGE.c.id.in_({event.message_id for event in events})).with_for_update()
    )
    messages = {row.id: dict(row._mapping) for row in found}
    entries: list[Entry] = []
    changed: set[int] = set()
    for event in events:
        message = messages[event.message_id]
        if event.is_machine:
            continue
        if _stamp(message, event):
            changed.add(message["customer_id"])
            entries.append(_entry(message, event, now))
        if event.kind in SUPPRESSING:
            _suppress(connection, message, event, now)
    columns = tuple(STAMPS.values())
    update_rows(
        connection, MESSAGE, columns, [(row["id"], *(row[name] for name in columns)) for row in messages.values()]
    )
    write_entries(connection, entries)
    mark_changed(connection, changed)


def _accept_by_evidence(connection: Connection, evidence: dict[int, datetime], now: datetime) -> None:
    """Any event about a message proves that the provider accepted it, whatever became of it here since (delivery.md, rule
    b): unknown, or waiting to be sent again, or skipped."""
    tried = (MESSAGE.c.state != MessageState.ACCEPTED.value, MESSAGE.c.attempts > 0)
    rows = lock_messages(connection, evidence, *tried)
    moves = [
        (row, row.to(MessageState.ACCEPTED, now, reason="evidence", accepted_at=row.over_at or evidence[row.id]))
        for row in rows.values()
    ]
    write_moves(connection, moves)
    _tell_of_evidence(connection, list(rows), now)
    wake_walks_of_messages(connection, [row.enrollment_id for row in rows.values()], now)


def _tell_of_evidence(connection: Connection, ids: list[int], now: datetime) -> None:
    if not ids:
        return
    columns = ("id", "customer_id", "contact_id", "playbook", "enrollment_id", "step")
    found = connection.execute(select(*(MESSAGE.c[name] for name in columns)).where(MESSAGE.c.id.in_(ids)))
    entries = [
        Entry(
            at=now,
            verdict=Verdict.SENT,
            reason="evidence",
            customer_id=row.customer_id,
            contact_id=row.contact_id,
            playbook=row.playbook,
            enrollment_id=row.enrollment_id,
            message_id=row.id,
            step=row.step,
        )
        for row in found
    ]
    write_entries(connection, entries)


def _stamp(message: dict[str, Any], event: Row[Any]) -> bool:
    """Whether the event tells something new. The earliest time of each kind stands, whatever the order of arrival."""
    column = STAMPS.get(event.kind)
    if column is None:
        return False
    stood = message[column]
    message[column] = event.at if stood is None else min(stood, event.at)
    return stood is None


def _suppress(connection: Connection, message: dict[str, Any], event: Row[Any], now: datetime) -> None:
    contact = connection.execute(
        select(CONTACT.c.id, CONTACT.c.email).where(CONTACT.c.id == message["contact_id"])
    ).one_or_none()
    if contact is None or not contact.email:
        return
    address = contact.email.lower()
    stands = connection.scalar(
        select(func.count())
        .select_from(SUPPRESSION)
        .where(SUPPRESSION.c.address == address, SUPPRESSION.c.category == "")
    )
    if not stands:
        connection.execute(
            insert(SUPPRESSION).values(address=address, category="", reason=SUPPRESSING[event.kind], at=event.at)
        )
    if event.kind == "bounced":
        connection.execute(update(CONTACT).where(CONTACT.c.id == contact.id).values(bounced_at=event.at))
        connection.execute(
            insert(EVENT).values(
                customer_id=message["customer_id"],
                contact_id=contact.id,
                name="message.bounced",
                at=event.at,
                properties={"message": message["id"], "step": message["step"]},
                source="journeybot",
                key=f"bounced-{event.id}",
                received_at=now,
                is_new=True,
            )
        )


def _entry(message: dict[str, Any], event: Row[Any], now: datetime) -> Entry:
    return Entry(
        at=event.at,
        verdict=Verdict.NOT_SENT if event.kind == "bounced" else Verdict.DID,
        reason=f"mail_{event.kind}",
        customer_id=message["customer_id"],
        contact_id=message["contact_id"],
        playbook=message["playbook"],
        enrollment_id=message["enrollment_id"],
        message_id=message["id"],
        step=message["step"],
    )
