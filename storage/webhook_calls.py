"""Calls of other systems, owed by webhook steps: one row each, claimed with a lease and a fencing token, tried until its answer says
yes or 24 hours are over (semantics.md S22). At least once: a lease that ends is tried again, with the same id, by which the
other side knows it. Written by the step and by the pipeline's calling; sends nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Row,
    Table,
    UniqueConstraint,
    and_,
    func,
    or_,
    select,
    text,
    update,
)
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, Document, UtcDateTime, partial_index, state_column
from storage.dialects import among

LEASE = timedelta(seconds=90)
GIVES_UP_AFTER = timedelta(hours=24)


class CallState(StrEnum):
    """Where a call stands."""

    PENDING = "pending"  #: owed; waits for its time
    CLAIMED = "claimed"  #: a worker has it, until its lease ends
    DELIVERED = "delivered"  #: the other side said yes
    FAILED = "failed"  #: given up


class WebhookCall(SQLModel, table=True):
    """One call. `body` is what the other side gets as `data`; `fault` what the last try said, without the answer's words."""

    __tablename__ = "webhook_call"
    __table_args__ = (
        UniqueConstraint("enrollment_id", "step"),
        partial_index("ix_webhook_call_open", "not_before", where="state IN ('pending', 'claimed')"),
        Index("ix_webhook_call_customer", "customer_id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    enrollment_id: int = Field(sa_column=Column(BigKey, ForeignKey("enrollment.id"), nullable=False))
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False))
    contact_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("contact.id")))
    playbook: str
    step: str
    url: str
    body: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Document, nullable=False))
    state: str = Field(default=CallState.PENDING, sa_column=state_column(CallState.PENDING))
    fault: str | None = None
    attempts: int = 0
    token: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime)
    not_before: datetime = Field(sa_type=UtcDateTime)
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    over_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


CALL: Table = WebhookCall.__table__  # type: ignore[attr-defined]
#: Written as its partial index says it.
_OPEN: ColumnElement[bool] = text("state IN ('pending', 'claimed')")  # type: ignore[assignment]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMove:
    """What became of a try: the new state, and when to try again."""

    id: int
    token: int
    state: CallState
    fault: str | None
    not_before: datetime


def claim_calls(connection: Connection, may_go: ColumnElement[bool], now: datetime, limit: int) -> list[Row[Any]]:
    """The calls that are due, oldest first, each with a new token; a lease that ended counts as not tried."""
    due = or_(
        and_(CALL.c.state == CallState.PENDING, CALL.c.not_before <= now),
        and_(CALL.c.state == CallState.CLAIMED, CALL.c.lease_until <= now),
    )
    wanted = (
        select(CALL.c.id).where(_OPEN, due, may_go).order_by(CALL.c.not_before, CALL.c.id).limit(limit)
    ).with_for_update(skip_locked=True)
    ids = list(connection.scalars(wanted))
    if not ids:
        return []
    lease = {"state": CallState.CLAIMED.value, "token": CALL.c.token + 1, "lease_until": now + LEASE}
    connection.execute(update(CALL).where(among(CALL.c.id, ids)).values(**lease, attempts=CALL.c.attempts + 1))
    return list(connection.execute(select(CALL).where(among(CALL.c.id, ids)).order_by(CALL.c.id)))


def move_calls(connection: Connection, moves: Sequence[CallMove], now: datetime) -> list[CallMove]:
    """Writes what became of tries whose claim still stands; returns those."""
    written = []
    for move in moves:
        is_over = move.state in (CallState.DELIVERED, CallState.FAILED)
        found = connection.execute(
            update(CALL)
            .where(CALL.c.id == move.id, CALL.c.token == move.token, CALL.c.state == CallState.CLAIMED)
            .values(
                state=move.state.value,
                fault=move.fault,
                not_before=move.not_before,
                lease_until=None,
                over_at=now if is_over else None,
            )
        )
        if found.rowcount:
            written.append(move)
    return written


def open_calls(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(CALL).where(_OPEN)) or 0
