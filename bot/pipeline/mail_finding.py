"""Finds the mail that somebody speaks of without naming it: by the provider's own id, or by the address it went to. Reads
only; whoever asks decides what such a find proves. Used when absorb opens events and answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, Table, and_, func, select

from bot.rules.references import MailName
from storage.accounts import Contact
from storage.dialects import among
from storage.outbox_moves import MESSAGE

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]


def mails_by_name(connection: Connection, names: Collection[MailName]) -> frozenset[MailName]:
    """Those that are here. A number alone would name another mail after a restore."""
    here = select(MESSAGE.c.id, MESSAGE.c.created_at).where(among(MESSAGE.c.id, {name.number for name in names}))
    return frozenset(names) & {MailName(row.id, row.created_at) for row in connection.execute(here)}


def mails_by_provider_id(connection: Connection, provider_ids: set[str]) -> dict[str, int]:
    if not provider_ids:
        return {}
    columns = (MESSAGE.c.provider_message_id, MESSAGE.c.id)
    found = connection.execute(
        select(*columns).where(MESSAGE.c.provider_message_id.in_(sorted(provider_ids))).order_by(MESSAGE.c.id.desc())
    )
    return {row.provider_message_id: row.id for row in found}


def mails_by_address(connection: Connection, addresses: set[str]) -> dict[str, list[tuple[datetime, int]]]:
    """Address → when and which mails were handed over for it, oldest first."""
    if not addresses:
        return {}
    handed_over = func.coalesce(MESSAGE.c.accepted_at, MESSAGE.c.over_at)
    address = func.lower(CONTACT.c.email)
    same = and_(MESSAGE.c.customer_id == CONTACT.c.customer_id, MESSAGE.c.contact_id == CONTACT.c.id)
    statement = (
        select(address.label("address"), handed_over.label("at"), MESSAGE.c.id)
        .select_from(CONTACT.join(MESSAGE, same))
        .where(address.in_(sorted(addresses)), MESSAGE.c.attempts > 0, handed_over.is_not(None))
        .order_by(handed_over, MESSAGE.c.id)
    )
    mails: dict[str, list[tuple[datetime, int]]] = {}
    for row in connection.execute(statement):
        mails.setdefault(row.address, []).append((row.at, row.id))
    return mails


def latest_before(mails: Sequence[tuple[datetime, int]], until: datetime) -> int | None:
    """The mail handed over last until then."""
    return max((mail for mail in mails if mail[0] <= until), default=(until, None))[1]
