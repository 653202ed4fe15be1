"""What other systems want to know of a customer: stage, health, when somebody of ours last touched it (S15: an accepted mail, a done
hand-off, a held meeting). Read-only, one statement for many customers; sync writes it back."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select, union_all

from storage.accounts import Customer
from storage.dialects import among
from storage.facts import Meeting
from storage.handoffs import Handoff, HandoffState
from storage.health_views import health_of_many
from storage.outbox import Message, MessageState

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
MEETING: Table = Meeting.__table__  # type: ignore[attr-defined]
MESSAGE: Table = Message.__table__  # type: ignore[attr-defined]


def states_of(connection: Connection, keys: Collection[str], now: datetime) -> dict[str, dict[str, Any]]:
    """By the customer's key; who was erased is left out. `health` is the band of the card `health`, `last_touch` an ISO moment;
    None where there is none."""
    wanted = (CUSTOMER.c.key.in_(keys), CUSTOMER.c.erased_at.is_(None))
    customers = connection.execute(select(CUSTOMER.c.id, CUSTOMER.c.key, CUSTOMER.c.stage).where(*wanted)).all()
    ids = [row.id for row in customers]
    touched, health = _last_touches(connection, ids, now), health_of_many(connection, ids, now)
    return {
        row.key: {
            "stage": row.stage,
            "health": health[row.id].card.band if row.id in health else None,
            "last_touch": at.isoformat() if (at := touched.get(row.id)) else None,
        }
        for row in customers
    }


def _last_touches(connection: Connection, ids: Collection[int], now: datetime) -> dict[int, datetime]:
    mails = select(MESSAGE.c.customer_id, MESSAGE.c.over_at.label("at")).where(
        among(MESSAGE.c.customer_id, ids), MESSAGE.c.state == MessageState.ACCEPTED.value
    )
    handoffs = select(HANDOFF.c.customer_id, HANDOFF.c.closed_at.label("at")).where(
        among(HANDOFF.c.customer_id, ids), HANDOFF.c.state == HandoffState.DONE.value
    )
    meetings = select(MEETING.c.customer_id, MEETING.c.starts_at.label("at")).where(
        among(MEETING.c.customer_id, ids), MEETING.c.starts_at <= now
    )
    touches = union_all(mails, handoffs, meetings).subquery()
    latest = select(touches.c.customer_id, func.max(touches.c.at).label("at")).group_by(touches.c.customer_id)
    return {row.customer_id: row.at for row in connection.execute(latest) if row.at is not None}
