"""Everything we hold on a customer or on one contact, table by table, as plain data for a JSON file: what the law calls
access and portability. Which rows are theirs is storage/erasures.py, so what is exported is what an erasure would blank.
Read-only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, func, select

from bot.errors import UsageError
from bot.insight.customer_keys import customer_id_of
from bot.insight.listings import dated
from storage.accounts import Contact, ImportedRow, Suppression
from storage.erasures import FATES, Scope, belongs_to
from storage.mail_texts import WITH_SKELETON, whole
from storage.outbox_moves import CONTENT
from storage.tables import metadata

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
IMPORTED: Table = ImportedRow.__table__  # type: ignore[attr-defined]
SUPPRESSION: Table = Suppression.__table__  # type: ignore[attr-defined]

#: Marks of the machine, no facts about anybody.
LEFT_OUT = frozenset({"customer_change", "fuse", "fuse_release"})


def export_person(connection: Connection, customer: str, contact: str | None = None) -> dict[str, Any]:
    """Table → its rows, those with nothing left out. Raises: UsageError for an unknown key."""
    customer_id = customer_id_of(connection, customer)
    mine = CONTACT.c.customer_id == customer_id
    if contact is not None:
        mine = mine & (CONTACT.c.key == contact)
    people = connection.execute(select(CONTACT.c.id, CONTACT.c.key, CONTACT.c.email).where(mine)).all()
    if contact is not None and not people:
        raise UsageError(f"`{customer}` has no contact `{contact}`", hint=f"see `journeybot customers show {customer}`")
    scope = Scope(customer_ids=[customer_id]) if contact is None else Scope(contact_ids=[people[0].id])
    found = {
        name: rows
        for name in reversed(list(FATES))
        if name not in LEFT_OUT and (rows := _rows(connection, metadata.tables[name], scope))
    }
    addresses = [person.email.lower() for person in people if person.email]
    stopped = select(SUPPRESSION).where(func.lower(SUPPRESSION.c.address).in_(addresses)).order_by(SUPPRESSION.c.id)
    found["suppression"] = [dated(dict(row)) for row in connection.execute(stopped).mappings()]
    return {"customer_key": customer, **({"contact_key": contact} if contact else {}), "tables": found}


def _rows(connection: Connection, table: Table, scope: Scope) -> list[dict[str, Any]]:
    theirs = belongs_to(table, scope)
    if theirs is None:
        return []
    statement = select(table).where(theirs).order_by(*table.primary_key.columns)
    if table is CONTENT:
        together, shared = WITH_SKELETON
        return [dated(whole(row)) for row in connection.execute(statement.add_columns(shared).select_from(together))]
    return [dated(dict(row)) for row in connection.execute(statement).mappings()]
