"""The only writer of message states. Every move locks its rows, checks them against outbox.TRANSITIONS and the fencing
token, and writes them in bulk inside the caller's transaction. It decides nothing: advance and deliver decide."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from storage.asking import NOW, from_now
from storage.bulk import update_rows, update_rows_but_for
from storage.claim_order import pick_due
from storage.columns import UtcDateTime
from storage.dialects import among, among_given
from storage.outbox import BY_HANDOFF, OVER, TRANSITIONS, Attempt, Message, MessageContent, MessageState

MESSAGE: Table = Message.__table__  # type: ignore[attr-defined]
CONTENT: Table = MessageContent.__table__  # type: ignore[attr-defined]
ATTEMPT: Table = Attempt.__table__  # type: ignore[attr-defined]

#: Written into the statement, because SQLite takes a partial index only for a constant it can see.
PENDING: ColumnElement[str] = literal_column(f"'{MessageState.PENDING.value}'")
LEASED: tuple[ColumnElement[str], ...] = tuple(
    literal_column(f"'{state.value}'") for state in (MessageState.CLAIMED, MessageState.SUBMITTING)
)

LEASE = timedelta(seconds=90)
#: No lease is that long: it was given by a clock that has been set back since, and would bind the message for as long.
UNBELIEVABLE_LEASE = 2 * LEASE
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
    "reviewed_by",
    "provider",
    "provider_message_id",
    "accepted_at",
    "over_at",
)

_HOLDING_A_LEASE = (MessageState.CLAIMED, MessageState.SUBMITTING)
#: What acceptance writes besides the provider's id and the time.
_ACCEPTED = {"state": MessageState.ACCEPTED.value, "reason": "accepted", "claimed_by": None, "lease_until": None}
_LEASE_AFTER: dict[MessageState, tuple[tuple[str, None], ...]] = {
    state: () if state in _HOLDING_A_LEASE else (("lease_until", None), ("claimed_by", None)) for state in MessageState
}


class MessageRow(NamedTuple):
    """The part of a message that moves, as it stands in the database. A tuple, because thousands are made a second."""

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
    created_at: datetime

    def to(self, state: MessageState, at: datetime, **changes: Any) -> MessageRow:
        """The row after a move. Leaving a claim ends its lease; the first state that is over stamps `over_at`."""
        after: list[Any] = list(self)
        after[_PLACES["over_at"]] = self.over_at or at if state in OVER else None
        for name, value in (*_LEASE_AFTER[state], *changes.items()):
            after[_PLACES[name]] = value
        after[_PLACES["state"]] = state.value
        return MessageRow._make(after)


_PLACES = {name: place for place, name in enumerate(MessageRow._fields)}
COLUMNS = [MESSAGE.c[name] for name in MessageRow._fields]
_LEASE_IS_OVER = and_(
    MESSAGE.c.state.in_(LEASED),
    or_(MESSAGE.c.lease_until <= NOW, MESSAGE.c.lease_until > from_now(UNBELIEVABLE_LEASE)),
)
_HAS_NO_EVIDENCE = and_(
    MESSAGE.c.state == MessageState.UNKNOWN.value, MESSAGE.c.over_at <= from_now(-NO_EVIDENCE_AFTER)
)
_IS_HELD_TOO_LONG = and_(MESSAGE.c.state == MessageState.HELD.value, MESSAGE.c.expires_at <= NOW)
#: Whether time alone moves any mail (storage.asking).
OVERTAKEN = {
    "leases": select(MESSAGE.c.id).where(_LEASE_IS_OVER),
    "unknown": select(MESSAGE.c.id).where(_HAS_NO_EVIDENCE),
    "held": select(MESSAGE.c.id).where(_IS_HELD_TOO_LONG),
}


class IllegalMove(RuntimeError):
    """A programming error: a move that outbox.TRANSITIONS does not know."""


def lock_messages(connection: Connection, ids: Iterable[int], *where: Any) -> dict[int, MessageRow]:
    """The rows by id, locked until the transaction ends. Rows that another worker holds are waited for."""
    statement = select(*COLUMNS).where(among(MESSAGE.c.id, ids), *where).with_for_update()
    return {row.id: MessageRow._make(row) for row in connection.execute(statement).all()}


def _check(before: str, after: str) -> None:
    if before != after and MessageState(after) not in TRANSITIONS[MessageState(before)]:
        raise IllegalMove(f"{before} → {after}")


def write_moves(connection: Connection, moves: Sequence[tuple[MessageRow, MessageRow]]) -> None:
    """Store (before, after) pairs. Raises: IllegalMove for a transition that is not declared."""
    for before, after in {(before.state, after.state) for before, after in moves}:
        _check(before, after)
    rows = [(after.id, *(getattr(after, name) for name in MOVING)) for _, after in moves]
    update_rows(connection, MESSAGE, MOVING, rows)


#: Kept, because each batch asks for them: to put them together anew would take longer than to run them.
_STANDING = (
    select(MESSAGE.c.id, MESSAGE.c.token)
    .where(among_given(MESSAGE.c.id), MESSAGE.c.state == bindparam("standing"))
    .with_for_update()
)
_CLAIMING = (
    update(MESSAGE)
    .where(among_given(MESSAGE.c.id))
    .values(
        state=MessageState.CLAIMED.value,
        token=MESSAGE.c.token + 1,
        claims=MESSAGE.c.claims + 1,
        claimed_by=bindparam("worker"),
        lease_until=bindparam("until", type_=UtcDateTime()),
    )
)
_SUBMITTING = (
    update(MESSAGE)
    .where(among_given(MESSAGE.c.id))
    .values(
        state=MessageState.SUBMITTING.value,
        attempts=MESSAGE.c.attempts + 1,
        provider=bindparam("through"),
        lease_until=bindparam("until", type_=UtcDateTime()),
    )
)
_BEGUN = insert(ATTEMPT).from_select(
    ["message_id", "number", "token", "started_at"],
    select(MESSAGE.c.id, MESSAGE.c.attempts, MESSAGE.c.token, bindparam("at", type_=UtcDateTime())).where(
        among_given(MESSAGE.c.id)
    ),
)
_NEWEST_ATTEMPT = select(MESSAGE.c.attempts).where(MESSAGE.c.id == ATTEMPT.c.message_id).scalar_subquery()
_ACCEPTED_ATTEMPTS = (
    update(ATTEMPT)
    .where(among_given(ATTEMPT.c.message_id), ATTEMPT.c.number == _NEWEST_ATTEMPT)
    .values(
        ended_at=bindparam("at", type_=UtcDateTime()),
        outcome=MessageState.ACCEPTED.value,
        status=bindparam("code"),
        reason=MessageState.ACCEPTED.value,
    )
)


def claim_due_messages(
    connection: Connection,
    now: datetime,
    worker: str,
    limit: int,
    *where: Any,
    slots: Callable[[int], int] | None = None,
) -> list[MessageRow]:
    """Take up to `limit` due messages under a lease; each claim raises the fencing token. `slots` says for how many of those
    that are due the pace has room."""
    before = [MessageRow._make(row) for row in pick_due(connection, COLUMNS, now, limit, *where)]
    if slots is not None and before:
        before = before[: slots(len(before))]
    lease: dict[str, Any] = {"claimed_by": worker, "lease_until": now + LEASE}
    if before:
        _check(MessageState.PENDING, MessageState.CLAIMED)
        asked = {"keys": [row.id for row in before], "worker": worker, "until": lease["lease_until"]}
        connection.execute(_CLAIMING, asked)
    return [row.to(MessageState.CLAIMED, now, token=row.token + 1, claims=row.claims + 1, **lease) for row in before]


def still_claimed(connection: Connection, claimed: Sequence[MessageRow]) -> list[MessageRow]:
    """Those of the claimed rows that no other worker took since and nobody cancelled, locked until the transaction ends.
    Nobody else changes a claimed row without ending the claim, so they stand as they were claimed."""
    asked = {"keys": [row.id for row in claimed], "standing": MessageState.CLAIMED.value}
    mine = {tuple(found) for found in connection.execute(_STANDING, asked)}
    return [row for row in claimed if (row.id, row.token) in mine]


def reap_expired_leases(connection: Connection, now: datetime) -> list[MessageRow]:
    """End leases that ran out: a claim goes back to pending (the third time into quarantine), a submission becomes unknown."""
    statement = select(*COLUMNS).where(_LEASE_IS_OVER).with_for_update(skip_locked=True)
    moves = []
    for row in connection.execute(statement, {"now": now}):
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
    statement = select(*COLUMNS).where(_HAS_NO_EVIDENCE).with_for_update(skip_locked=True)
    moves = []
    for row in connection.execute(statement, {"now": now}):
        before = MessageRow(*row)
        moves.append((before, before.to(MessageState.UNCONFIRMED, now, reason="no_evidence")))
    write_moves(connection, moves)
    return [after for _, after in moves]


def expire_waiting(connection: Connection, now: datetime, *where: Any) -> list[MessageRow]:
    """Held mails past their time become expired, so that the walk goes on."""
    statement = select(*COLUMNS).where(_IS_HELD_TOO_LONG, *where).with_for_update(skip_locked=True)
    moves = []
    for row in connection.execute(statement, {"now": now}):
        before = MessageRow(*row)
        moves.append((before, before.to(MessageState.EXPIRED, now, reason=f"{before.reason}_expired")))
    write_moves(connection, moves)
    return [after for _, after in moves]


def cancel_for_walks(
    connection: Connection, enrollment_ids: Collection[int], now: datetime, reason: str
) -> list[MessageRow]:
    """Leaving a playbook cancels its pending and held mails (S13), and those that a worker has claimed but not handed over:
    it finds them no longer its own. What a person sent from a hand-off is the person's, and goes."""
    states = (MessageState.PENDING.value, MessageState.HELD.value, MessageState.CLAIMED.value)
    of_steps = MESSAGE.c.occurrence.not_like(f"{BY_HANDOFF}%")
    mine = and_(among(MESSAGE.c.enrollment_id, enrollment_ids), MESSAGE.c.state.in_(states), of_steps)
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
    if not rows:
        return []
    ids = [row.id for row in rows]
    move: dict[str, Any] = {"provider": provider, "lease_until": now + LEASE}
    _check(MessageState.CLAIMED, MessageState.SUBMITTING)
    connection.execute(_SUBMITTING, {"keys": ids, "through": provider, "until": move["lease_until"]})
    connection.execute(_BEGUN, {"keys": ids, "at": now})
    return [row.to(MessageState.SUBMITTING, now, attempts=row.attempts + 1, **move) for row in rows]


def store_acceptances(
    connection: Connection, accepted: Mapping[tuple[int, int], str | None], now: datetime, status: int | None
) -> set[tuple[int, int]]:
    """(message, token) → the provider's id, for what it took: submitting → accepted, with the attempt closed. Returns those
    that stood as expected and are locked now; the others are left for the caller to look at one by one."""
    _check(MessageState.SUBMITTING, MessageState.ACCEPTED)
    asked = {"keys": [found for found, _ in accepted], "standing": MessageState.SUBMITTING.value}
    standing = connection.execute(_STANDING, asked)
    mine = {found for row in standing if (found := (row.id, row.token)) in accepted}
    if not mine:
        return mine
    known_as = [(found[0], accepted[found]) for found in mine]
    same = {**_ACCEPTED, "accepted_at": now, "over_at": now}
    update_rows_but_for(connection, MESSAGE, ("provider_message_id",), known_as, same)
    connection.execute(_ACCEPTED_ATTEMPTS, {"keys": [found for found, _ in mine], "at": now, "code": status})
    return mine
