"""The only writer of message states. Every move locks its rows, checks them against outbox.TRANSITIONS and the fencing
token, and writes them in bulk inside the caller's transaction. It decides nothing: advance and deliver decide."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, literal_column, select

from storage.bulk import insert_rows, update_rows
from storage.dialects import among
from storage.outbox import OVER, TRANSITIONS, Attempt, Message, MessageContent, MessageState

MESSAGE: Table = Message.__table__  # type: ignore[attr-defined]
CONTENT: Table = MessageContent.__table__  # type: ignore[attr-defined]
ATTEMPT: Table = Attempt.__table__  # type: ignore[attr-defined]

#: Written into the statement, because SQLite takes a partial index only for a constant it can see.
PENDING: ColumnElement[str] = literal_column(f"'{MessageState.PENDING.value}'")
LEASED: tuple[ColumnElement[str], ...] = tuple(
    literal_column(f"'{state.value}'") for state in (MessageState.CLAIMED, MessageState.SUBMITTING)
)

LEASE = timedelta(seconds=90)
CLAIMS_BEFORE_QUARANTINE = 3
NO_EVIDENCE_AFTER = timedelta(hours=25)

MOVING = (
    "state",
    "reason",
    "not_before",
    "expires_at",
    "token",
    "claimed_by",
    "lease_until",
    "claims",
    "attempts",
    "contact_id",
    "reviewed_by",
    "provider",
    "provider_message_id",
    "accepted_at",
    "over_at",
)
CONTENT_COLUMNS = tuple(column.name for column in CONTENT.columns)


@dataclass(frozen=True, slots=True)
class MessageRow:
    """The part of a message that moves, as it stands in the database."""

    id: int
    enrollment_id: int | None
    customer_id: int
    state: str
    reason: str | None
    not_before: datetime
    expires_at: datetime | None
    token: int
    claimed_by: str | None
    lease_until: datetime | None
    claims: int
    attempts: int
    contact_id: int | None
    reviewed_by: str | None
    provider: str | None
    provider_message_id: str | None
    accepted_at: datetime | None
    over_at: datetime | None

    def to(self, state: MessageState, at: datetime, **changes: Any) -> MessageRow:
        """The row after a move. Leaving a claim ends its lease; the first state that is over stamps `over_at`."""
        over_at = self.over_at or at if state in OVER else None
        ends_lease = state not in (MessageState.CLAIMED, MessageState.SUBMITTING)
        lease = {"lease_until": None, "claimed_by": None} if ends_lease else {}
        return replace(self, state=state.value, over_at=over_at, **{**lease, **changes})


COLUMNS = [MESSAGE.c[name] for name in MessageRow.__dataclass_fields__]


class IllegalMove(RuntimeError):
    """A programming error: a move that outbox.TRANSITIONS does not know."""


def lock_messages(connection: Connection, ids: Iterable[int], *where: Any) -> dict[int, MessageRow]:
    """The rows by id, locked until the transaction ends. Rows that another worker holds are waited for."""
    statement = select(*COLUMNS).where(among(MESSAGE.c.id, ids), *where).with_for_update()
    return {row.id: MessageRow(*row) for row in connection.execute(statement).all()}


def write_moves(connection: Connection, moves: Sequence[tuple[MessageRow, MessageRow]]) -> None:
    """Store (before, after) pairs. Raises: IllegalMove for a transition that is not declared."""
    for before, after in moves:
        if before.state != after.state and MessageState(after.state) not in TRANSITIONS[MessageState(before.state)]:
            raise IllegalMove(f"message {before.id}: {before.state} → {after.state}")
    rows = [(after.id, *(getattr(after, name) for name in MOVING)) for _, after in moves]
    update_rows(connection, MESSAGE, MOVING, rows)


def due_messages(now: datetime, limit: int, *where: Any) -> Select[Any]:
    """The pending messages whose time has come, most important first."""
    return (
        select(*COLUMNS)
        .where(MESSAGE.c.state == PENDING, MESSAGE.c.not_before <= now, *where)
        .order_by(MESSAGE.c.priority.desc(), MESSAGE.c.not_before, MESSAGE.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def claim_due_messages(connection: Connection, now: datetime, worker: str, limit: int, *where: Any) -> list[MessageRow]:
    """Take up to `limit` due messages under a lease; each claim raises the fencing token."""
    before = [MessageRow(*row) for row in connection.execute(due_messages(now, limit, *where)).all()]
    after = [
        row.to(
            MessageState.CLAIMED,
            now,
            token=row.token + 1,
            claimed_by=worker,
            claims=row.claims + 1,
            lease_until=now + LEASE,
        )
        for row in before
    ]
    write_moves(connection, list(zip(before, after, strict=True)))
    return after


def reap_expired_leases(connection: Connection, now: datetime) -> list[MessageRow]:
    """End leases that ran out: a claim goes back to pending (the third time into quarantine), a submission becomes unknown."""
    statement = (
        select(*COLUMNS)
        .where(
            MESSAGE.c.state.in_(LEASED),
            MESSAGE.c.lease_until <= now,
        )
        .with_for_update(skip_locked=True)
    )
    moves = []
    for row in connection.execute(statement):
        before = MessageRow(*row)
        moves.append((before, _reaped(before, now)))
    write_moves(connection, moves)
    return [after for _, after in moves]


def _reaped(row: MessageRow, now: datetime) -> MessageRow:
    if row.state == MessageState.SUBMITTING:
        return row.to(MessageState.UNKNOWN, now, reason="worker_lost")
    if row.claims >= CLAIMS_BEFORE_QUARANTINE:
        return row.to(MessageState.QUARANTINED, now, reason="killed_its_worker")
    return row.to(MessageState.PENDING, now, reason="worker_lost", not_before=now)


def give_up_on_unknown(connection: Connection, now: datetime) -> list[MessageRow]:
    """Messages without evidence for 25 hours become unconfirmed: a person decides."""
    statement = (
        select(*COLUMNS)
        .where(MESSAGE.c.state == MessageState.UNKNOWN.value, MESSAGE.c.over_at <= now - NO_EVIDENCE_AFTER)
        .with_for_update(skip_locked=True)
    )
    moves = []
    for row in connection.execute(statement):
        before = MessageRow(*row)
        moves.append((before, before.to(MessageState.UNCONFIRMED, now, reason="no_evidence")))
    write_moves(connection, moves)
    return [after for _, after in moves]


def expire_waiting(connection: Connection, now: datetime) -> list[MessageRow]:
    """Held mails past their time become expired, so that the walk goes on."""
    statement = (
        select(*COLUMNS)
        .where(and_(MESSAGE.c.state == MessageState.HELD.value, MESSAGE.c.expires_at <= now))
        .with_for_update(skip_locked=True)
    )
    moves = []
    for row in connection.execute(statement):
        before = MessageRow(*row)
        moves.append((before, before.to(MessageState.EXPIRED, now, reason=f"{before.reason}_expired")))
    write_moves(connection, moves)
    return [after for _, after in moves]


def cancel_for_walks(
    connection: Connection, enrollment_ids: Collection[int], now: datetime, reason: str
) -> list[MessageRow]:
    """Leaving a playbook cancels its pending and held mails (S13), and those that a worker has claimed but not handed over:
    it finds them no longer its own."""
    states = (MessageState.PENDING.value, MessageState.HELD.value, MessageState.CLAIMED.value)
    mine = and_(among(MESSAGE.c.enrollment_id, enrollment_ids), MESSAGE.c.state.in_(states))
    return cancel_messages(connection, mine, now, reason)


def cancel_messages(connection: Connection, where: ColumnElement[bool], now: datetime, reason: str) -> list[MessageRow]:
    """Cancel the messages that `where` picks; it must pick none that may not be cancelled."""
    before = [MessageRow(*row) for row in connection.execute(select(*COLUMNS).where(where).with_for_update())]
    after = [row.to(MessageState.CANCELLED, now, reason=reason) for row in before]
    write_moves(connection, list(zip(before, after, strict=True)))
    return after


def store_intent(connection: Connection, rows: Sequence[MessageRow], now: datetime, provider: str) -> list[MessageRow]:
    """The intent to send: claimed → submitting with one more attempt, in the caller's transaction, which also holds the
    rendered snapshot. `rows` are the claimed rows as just locked."""
    after = [
        row.to(MessageState.SUBMITTING, now, attempts=row.attempts + 1, provider=provider, lease_until=now + LEASE)
        for row in rows
    ]
    write_moves(connection, list(zip(rows, after, strict=True)))
    attempts = [(row.id, row.attempts, row.token, now) for row in after]
    insert_rows(connection, ATTEMPT, ("message_id", "number", "token", "started_at"), attempts)
    return after


def store_contents(connection: Connection, contents: Sequence[tuple[Any, ...]]) -> None:
    """The rendered mails, in the order of CONTENT_COLUMNS."""
    insert_rows(connection, CONTENT, CONTENT_COLUMNS, contents)


def contents_of(connection: Connection, ids: Iterable[int]) -> dict[int, Row[Any]]:
    """Message id → what was rendered (or edited) for it before: an approved or retried mail keeps its text (S35)."""
    found = connection.execute(select(CONTENT).where(among(CONTENT.c.message_id, ids)))
    return {row.message_id: row for row in found}
