"""First of a tick: turns what providers told about mails into facts and decisions. What became of a mail is a pure function of
everything told about it (bot.rules.fates), so any order and any repetition of the same events ends in the same state.
Machines are heard and never count. A late event never brings back the data of a person who was erased."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select, update

from bot.failpoints import Place, pass_by
from bot.intake.tracking.taking_in import take_in_tracked
from bot.pipeline.content_views import Click, Heard, note_content
from bot.pipeline.heeding import heed
from bot.pipeline.incoming import BY_ADDRESS, take_in_posts
from bot.pipeline.published import Published
from bot.rules.catalogue import Catalogue
from bot.rules.fates import STAMPS, Fate, Told, fate_of, scanner_clicks
from storage.bulk import update_rows
from storage.database import Database
from storage.dialects import among, among_given
from storage.enrollments import wake_walks_of_messages
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.marks import mark_changed
from storage.outbox import EVIDENCE, UNABSORBED, DeliveryEvent, MessageState
from storage.outbox_moves import ATTEMPT, MESSAGE, lock_messages, write_moves

DELIVERY_EVENT: Table = DeliveryEvent.__table__  # type: ignore[attr-defined]

BATCH = 1000
COLUMNS = (*STAMPS, "delivery")
#: How an event found its mail, where that does not prove that this very mail was accepted: by the address alone, or by what
#: one of ours says.
NO_PROOF = (BY_ADDRESS, "word")
#: Things that happened to a mail which tell that it did not arrive.
NOT_ARRIVED = ("bounced_at", "dropped_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A mail, with what we knew of its fate before these events and what we know now."""

    message: Row[Any]
    before: Fate
    after: Fate


#: As the index says it.
_NEW = select(DELIVERY_EVENT.c.message_id).where(UNABSORBED).order_by(DELIVERY_EVENT.c.id).limit(BATCH)


_LOCKED = select(MESSAGE).where(among_given(MESSAGE.c.id)).order_by(MESSAGE.c.id).with_for_update()
_TOLD_OF = ("id", "key", "message_id", "kind", "at", "is_machine", "details", "is_new")
_TOLD = (
    select(*(DELIVERY_EVENT.c[name] for name in _TOLD_OF))
    .where(among_given(DELIVERY_EVENT.c.message_id))
    .order_by(DELIVERY_EVENT.c.id)
)
_HEARING = update(DELIVERY_EVENT).where(among_given(DELIVERY_EVENT.c.id)).values(is_new=False)


def absorb(database: Database, published: Published, now: datetime, *, installation: str = "") -> int:
    """Take in all posts and new delivery events; returns how many events."""
    take_in_posts(database, published, now, installation)
    take_in_tracked(database, now, published.settings.timezone)
    taken = 0
    while True:
        with database.write() as connection:
            ids = set(connection.scalars(_NEW))
            if not ids:
                return taken
            number = _take_in(connection, ids, now, published.company.catalogue)
            pass_by(Place.ABSORB_COMMIT)
        pass_by(Place.ABSORBED)
        taken += number


def _take_in(connection: Connection, ids: set[int], now: datetime, catalogue: Catalogue) -> int:
    """Everything new about these mails, at once: each is worked out once, however much was told about it."""
    messages = {row.id: row for row in connection.execute(_LOCKED, {"keys": list(ids)})}
    told = _everything_told(connection, ids)  # read behind the locks: another worker may have taken it in meanwhile
    events = [row for rows in told.values() for row in rows if row.is_new]
    _accept_by_evidence(connection, [event for event in events if event.details.get("matched") not in NO_PROOF], now)
    changes = [
        Change(message=row, before=_stored(row), after=fate_of([told_of(event) for event in told[row.id]]))
        for row in messages.values()
    ]
    moved = [change for change in changes if change.before != change.after]
    rows = [(change.message.id, *(getattr(change.after, name) for name in COLUMNS)) for change in moved]
    update_rows(connection, MESSAGE, COLUMNS, rows)
    write_entries(connection, [entry for change in moved for entry in _entries(change)])
    has_consequences = heed(connection, messages, events, now)
    customers = {change.message.customer_id for change in moved}
    mark_changed(connection, customers, *(() if has_consequences else (MESSAGE,)))
    connection.execute(_HEARING, {"keys": [event.id for event in events]})
    if catalogue.items:
        note_content(connection, catalogue, [_heard(change, told[change.message.id]) for change in changes], now)
    return len(events)


def _heard(change: Change, told: list[Row[Any]]) -> Heard:
    """What content_views wants to know of a mail."""
    clicks = [event for event in told if event.kind == "clicked" and event.details.get("page")]
    scanned = scanner_clicks([told_of(event) for event in told]) if clicks else frozenset()
    return Heard(
        message=change.message,
        opened_at=change.after.opened_at if change.before.opened_at is None else None,
        clicks=tuple(
            Click(at=event.at, page=event.details["page"], is_persons=not event.is_machine and event.id not in scanned)
            for event in clicks
        ),
    )


def _accept_by_evidence(connection: Connection, events: Iterable[Row[Any]], now: datetime) -> None:
    """Any event that carries our id proves that the provider accepted the mail, whatever became of it here since (delivery.md,
    rule b): unknown, or waiting to be sent again, or skipped; or handed over after the backup from which this database was
    restored, so that nothing here tells of it."""
    provider_ids: dict[int, str | None] = {}
    told_at: dict[int, datetime] = {}
    for event in events:
        provider_ids[event.message_id] = event.details.get("provider_message_id")
        told_at[event.message_id] = min(event.at, told_at.get(event.message_id, event.at))
    rows = lock_messages(connection, provider_ids, MESSAGE.c.state != MessageState.ACCEPTED.value)
    if not rows:
        return
    handed_over = told_at | _handed_over(connection, rows)
    moves = [
        (
            row,
            row.to(
                MessageState.ACCEPTED,
                now,
                reason=EVIDENCE,
                accepted_at=row.over_at or handed_over[row.id],
                provider_message_id=row.provider_message_id or provider_ids[row.id],
            ),
        )
        for row in rows.values()
    ]
    write_moves(connection, moves)
    columns = ("id", "customer_id", "contact_id", "playbook", "enrollment_id", "step")
    found = connection.execute(select(*(MESSAGE.c[name] for name in columns)).where(among(MESSAGE.c.id, rows)))
    write_entries(connection, [_entry(row, EVIDENCE, now, Verdict.SENT) for row in found])
    wake_walks_of_messages(connection, [row.enrollment_id for row in rows.values()], now)


def _handed_over(connection: Connection, ids: Iterable[int]) -> dict[int, datetime]:
    """When each was handed over last: its acceptance must not take the time of whichever event came first."""
    started = func.max(ATTEMPT.c.started_at).label("at")
    statement = (
        select(ATTEMPT.c.message_id, started).where(among(ATTEMPT.c.message_id, ids)).group_by(ATTEMPT.c.message_id)
    )
    return {row.message_id: row.at for row in connection.execute(statement)}


def _everything_told(connection: Connection, ids: Iterable[int]) -> dict[int, list[Row[Any]]]:
    told: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(_TOLD, {"keys": list(ids)}):
        told.setdefault(row.message_id, []).append(row)
    return told


def told_of(row: Row[Any]) -> Told:
    """A delivery event as fates.py wants it."""
    return Told(id=row.id, kind=row.kind, at=row.at, is_machine=row.is_machine, link=row.details.get("link"))


def _stored(row: Row[Any]) -> Fate:
    return Fate(**{name: getattr(row, name) for name in COLUMNS})


def _entries(change: Change) -> Iterable[Entry]:
    """One decision for each thing that is known now and was not; a click that turns out to be a scanner's is taken back."""
    for name in STAMPS:
        before, after = getattr(change.before, name), getattr(change.after, name)
        if before is None and after is not None:
            verdict = Verdict.NOT_SENT if name in NOT_ARRIVED else Verdict.DID
            yield _entry(change.message, f"mail_{name.removesuffix('_at')}", after, verdict)
        elif before is not None and after is None:
            yield _entry(change.message, f"mail_{name.removesuffix('_at')}_by_machine", before, Verdict.DID)


def _entry(message: Row[Any], reason: str, at: datetime, verdict: Verdict) -> Entry:
    return Entry(
        at=at,
        verdict=verdict,
        reason=reason,
        customer_id=message.customer_id,
        contact_id=message.contact_id,
        playbook=message.playbook,
        enrollment_id=message.enrollment_id,
        message_id=message.id,
        step=message.step,
    )
