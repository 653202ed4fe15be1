"""Marks customers as changed, for detect. One waiting mark per customer is enough, however many batches an import has;
written in the same transaction as the facts they tell of."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, Table, select

from storage.accounts import CustomerChange
from storage.bulk import insert_rows
from storage.dialects import among

CHANGE: Table = CustomerChange.__table__  # type: ignore[attr-defined]


def mark_customers(connection: Connection, customer_ids: Collection[int]) -> None:
    """Tell detect that facts about these customers changed."""
    ids = sorted(set(customer_ids))
    if not ids:
        return
    # A mark that waits is held until we commit: detect could otherwise take it now and look before our facts are there.
    waiting = (
        select(CHANGE.c.customer_id)
        .where(CHANGE.c.taken_by.is_(None), among(CHANGE.c.customer_id, ids))
        .with_for_update(read=True, skip_locked=True)
    )
    marked = set(connection.execute(waiting).scalars())
    insert_rows(connection, CHANGE, ("customer_id",), [(found,) for found in ids if found not in marked])
