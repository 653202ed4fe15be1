"""Rows for tests of hand-offs: one customer, one contact, two CSMs in Slack and one who is not, and hand-offs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, select

from storage import handoff_moves as moves
from storage.accounts import Contact, Csm, Customer
from storage.database import Database
from storage.handoffs import Handoff, HandoffState

NOW = datetime(2027, 3, 3, 9, 0, tzinfo=UTC)


def handoff(database: Database, **values: Any) -> int:
    """One hand-off of a customer with an owner; returns its id."""
    with database.write() as connection:
        if connection.execute(select(func.count()).select_from(Customer)).scalar() == 0:
            connection.execute(
                insert(Csm).values(
                    key="sato", name="佐藤", slack_user_id="U1", timezone="Asia/Tokyo", urgent_hours="always"
                )
            )
            connection.execute(
                insert(Csm).values(key="suzuki", name="Suzuki", slack_user_id="U2", locale="en", urgent_hours="always")
            )
            connection.execute(insert(Csm).values(key="mori", name="Mori"))
            connection.execute(
                insert(Customer).values(
                    id=1, key="acme", bucket=1, name="Acme", arr=1200.0, currency="USD", stage="adoption",
                    tags=[], owners={}, limits={}, attributes={}, created_at=NOW,
                )
            )  # fmt: skip
            connection.execute(
                insert(Contact).values(id=1, customer_id=1, key="t", name="Tanaka", attributes={}, created_at=NOW)
            )
        number = connection.execute(select(func.count()).select_from(Handoff)).scalar()
        row = {
            "customer_id": 1, "contact_id": 1, "playbook": "renewal", "step": "call", "occurrence": f"n{number}",
            "title": {"en": "Call"}, "kind": "risk", "urgency": "high", "owner": "sato", "state": HandoffState.OPEN,
            "opened_at": NOW, "escalations": 0, "brief": [], "tasks": [], "outcomes": [], "notify": [],
            "posting": "posted", "posted_channel": "D1", "posted_ts": "1.0", "post_attempts": 0, **values,
        }  # fmt: skip
        found = connection.execute(insert(Handoff).values(**row).returning(Handoff.__table__.c.id))  # type: ignore[attr-defined]
        return int(found.scalar_one())


def row_of(database: Database, handoff_id: int) -> moves.HandoffRecord:
    with database.read() as connection:
        found = moves.get(connection, handoff_id)
    assert found is not None
    return found
