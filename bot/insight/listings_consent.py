"""Suppressions as a list, with how many contacts have the address. Read-only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, func, select

from bot.insight.listings import LIMIT, dated
from storage.accounts import Contact, Suppression
from storage.consent import EVERYTHING, OPTIONAL

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
SUPPRESSION: Table = Suppression.__table__  # type: ignore[attr-defined]

WORDS = {EVERYTHING: "everything", OPTIONAL: "optional"}


def list_suppressions(
    connection: Connection, *, address: str | None = None, reason: str | None = None, limit: int | None = LIMIT
) -> list[dict[str, Any]]:
    """The newest first."""
    having = select(func.count()).where(func.lower(CONTACT.c.email) == SUPPRESSION.c.address).scalar_subquery()
    statement = select(SUPPRESSION, having.label("contacts"))
    if address is not None:
        statement = statement.where(SUPPRESSION.c.address == address.strip().lower())
    if reason is not None:
        statement = statement.where(SUPPRESSION.c.reason == reason)
    rows = connection.execute(statement.order_by(SUPPRESSION.c.at.desc(), SUPPRESSION.c.id.desc()).limit(limit))
    return [
        dated(
            {
                "address": row.address,
                "category": WORDS.get(row.category, row.category),
                "reason": row.reason,
                "at": row.at,
                "contacts": row.contacts,
            }
        )
        for row in rows
    ]
