"""How much work lies where, as a few counts over indexes: for metrics and health. Read-only; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, func, literal_column, select

from storage.handoffs import Handoff, HandoffState
from storage.journeys import Enrollment
from storage.outbox import Message, MessageState

ENROLLMENT: Table = Enrollment.__table__  # type: ignore[attr-defined]
HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
MESSAGE: Table = Message.__table__  # type: ignore[attr-defined]
UNFINISHED_HANDOFFS = (HandoffState.OPEN, HandoffState.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """`messages` and `handoffs` by state, zeros included. `oldest_pending_seconds`: how long the message that waits
    longest could have been sent already."""

    messages: dict[str, int]
    handoffs: dict[str, int]
    due_walks: int
    oldest_pending_seconds: float


def count_workload(connection: Connection, now: datetime) -> Workload:
    messages = dict.fromkeys((state.value for state in MessageState), 0)
    for state, number in connection.execute(select(MESSAGE.c.state, func.count()).group_by(MESSAGE.c.state)):
        messages[state] = number
    handoffs = dict.fromkeys((state.value for state in UNFINISHED_HANDOFFS), 0)
    unfinished = select(HANDOFF.c.state, func.count()).where(HANDOFF.c.state.in_(UNFINISHED_HANDOFFS))
    for state, number in connection.execute(unfinished.group_by(HANDOFF.c.state)):
        handoffs[state] = number
    # Literals: a partial index is only used for a predicate that the planner can read.
    is_active = ENROLLMENT.c.status == literal_column("'active'")
    due = select(func.count()).select_from(ENROLLMENT).where(is_active, ENROLLMENT.c.due_at <= now)
    is_pending = MESSAGE.c.state == literal_column("'pending'")
    oldest = connection.scalar(select(func.min(MESSAGE.c.not_before)).where(is_pending))
    return Workload(
        messages=messages,
        handoffs=handoffs,
        due_walks=connection.execute(due).scalar_one(),
        oldest_pending_seconds=max(0.0, (now - oldest).total_seconds()) if oldest else 0.0,
    )
