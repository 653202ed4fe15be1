"""Messages put straight into the outbox, for tests of its moves alone: each owed to a customer of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from storage.outbox_moves import MESSAGE
from tests.cast import customer, person
from tests.world import World


def owe(world: World, messages: Sequence[Mapping[str, Any]], key: str = "owed") -> list[int]:
    """One message per mapping, which overrides what a freshly owed one holds; returns their ids. `key`: of the new customer
    whose they are."""
    customer_id = customer(world.database, key, world.now)
    contact_id = person(world.database, key, "reader", world.now)
    rows = [
        {
            "customer_id": customer_id,
            "contact_id": contact_id,
            "playbook": "p",
            "step": "hello",
            "occurrence": str(number),
            "template": "hello",
            "sender": "workspace",
            "due_at": world.now,
            "not_before": world.now,
            "expires_at": world.now + timedelta(days=3),
            "created_at": world.now,
            **values,
        }
        for number, values in enumerate(messages)
    ]
    with world.database.write() as connection:
        return [connection.execute(insert(MESSAGE).values(**row).returning(MESSAGE.c.id)).scalar_one() for row in rows]
