"""Marks customers as changed, for detect, and says about which tables, so that only those look again who read one of them. Written
in the same transaction as the facts they tell of: whatever of a customer's facts a transaction writes must be among what it marks."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, select

from storage.accounts import CustomerChange
from storage.bulk import insert_rows, insert_selected
from storage.dialects import among_given

CHANGE: Table = CustomerChange.__table__  # type: ignore[attr-defined]
#: What a mark is about that says no table: everybody looks.
ANYTHING = ""


def mark_customers(connection: Connection, customer_ids: Collection[int], *about: Table) -> None:
    """Tell detect that facts about these customers changed, in these tables (none: in any). One waiting mark per customer and
    table is enough, however many batches an import has."""
    ids = sorted(set(customer_ids))
    if not ids:
        return
    names = _names(about)
    marked = {tuple(row) for row in connection.execute(_WAITING, {"keys": ids, "names": names})}
    rows = [(found, name) for name in names for found in ids if (found, name) not in marked]
    insert_rows(connection, CHANGE, ("customer_id", "about"), rows)


#: A mark that waits is held until we commit: detect could otherwise take it now and look before our facts are there.
_WAITING = (
    select(CHANGE.c.customer_id, CHANGE.c.about)
    .where(
        CHANGE.c.taken_by.is_(None),
        among_given(CHANGE.c.customer_id),
        CHANGE.c.about.in_(bindparam("names", expanding=True)),
    )
    .with_for_update(read=True, skip_locked=True)
)


def mark_changed(connection: Connection, customer_ids: Collection[int], *about: Table) -> None:
    """The same for a transaction that holds locks of walks, mails or hand-offs: it must not hold marks as well, for which detect
    would wait while others wait for detect. So it always adds marks."""
    rows = [(found, name) for name in _names(about) for found in sorted(set(customer_ids))]
    insert_rows(connection, CHANGE, ("customer_id", "about"), rows)


def mark_selected(connection: Connection, customers: Select[Any]) -> None:
    """Tell detect that anything may have changed about the customers whose ids are selected."""
    insert_selected(connection, CHANGE, ["customer_id"], customers)


def _names(about: Collection[Table]) -> list[str]:
    return sorted({table.name for table in about}) or [ANYTHING]
