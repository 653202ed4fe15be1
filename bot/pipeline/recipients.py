"""Who gets a mail (semantics.md S24): the first role that has somebody who can be mailed; the role's primary contact,
else the oldest; `all(role)` everybody; `anyone`; `contact` the walker. The database picks, in one query per batch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    Table,
    insert,
    literal,
    select,
    union_all,
    update,
)

from bot.pipeline.scopes import CONTACT, Ground, is_mailable
from storage.accounts import ContactRole
from storage.dialects import among_given
from storage.enrollments import ENROLLMENT
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE

ROLE: Table = ContactRole.__table__  # type: ignore[attr-defined]
#: What another reader's copy of a mail does not share with it: nobody is at work on it yet.
OF_ITS_OWN = {
    "state": MessageState.PENDING.value,
    "token": 0,
    "claims": 0,
    "attempts": 0,
}
NOT_COPIED = ("id", "contact_id", "claimed_by", "lease_until", *OF_ITS_OWN)
ALL_OF = re.compile(r"all\(\s*([\w-]+)\s*\)")


def find_recipients(
    connection: Connection, ground: Ground, to: Sequence[str], category: str, walk_ids: Sequence[int]
) -> dict[int, list[int]]:
    """Walk id → ids of the contacts to write to, oldest first, for a step's `to`; who is missing has nobody."""
    if not to:
        return {}
    statement = ground.kept(
        ("recipients", tuple(to), category), partial(_statement, to, category, ground.settings.consent)
    )
    rows = connection.execute(statement, {"walks": walk_ids}).all()
    return (
        _first_wishes(rows) if len(to) > 1 or ALL_OF.fullmatch(to[0]) else {walk: [who] for walk, _, who in rows if who}
    )


def share_out(connection: Connection, message_id: int, contact_ids: Sequence[int]) -> None:
    """Give a mail that had nobody to the first, and owe each of the others one of their own (`all(role)`)."""
    first, *others = contact_ids
    copied = [column.name for column in MESSAGE.columns if column.name not in NOT_COPIED]
    for contact_id in others:
        mine = [MESSAGE.c[name] for name in copied]
        row = select(*mine, literal(contact_id), *(literal(value) for value in OF_ITS_OWN.values()))
        columns = [*copied, "contact_id", *OF_ITS_OWN]
        connection.execute(insert(MESSAGE).from_select(columns, row.where(MESSAGE.c.id == message_id)))
    connection.execute(update(MESSAGE).where(MESSAGE.c.id == message_id).values(contact_id=first))


def somebody_of(
    connection: Connection, customer_id: int, category: str, default_consent: tuple[str, ...]
) -> int | None:
    """The oldest contact of a customer that may be mailed."""
    statement = _anyone(category, default_consent).where(CONTACT.c.customer_id == customer_id)
    found: int | None = connection.scalar(statement)
    return found


def _first_wishes(rows: Iterable[Any]) -> dict[int, list[int]]:
    """Of each walk the contacts of its first wish that found somebody."""
    found: dict[int, list[int]] = {}
    granted: dict[int, int] = {}
    for walk, wish, who in sorted(row for row in rows if row[2] is not None):
        if granted.setdefault(walk, wish) == wish:
            found.setdefault(walk, []).append(who)
    return found


def _statement(to: Sequence[str], category: str, consent: tuple[str, ...]) -> Select[Any] | CompoundSelect[Any]:
    """Rows (walk, place of the wish in `to`, contact or None)."""
    wishes = [_wish(place, wish, category, consent) for place, wish in enumerate(to)]
    return union_all(*wishes) if len(wishes) > 1 else wishes[0]


def _wish(place: int, wish: str, category: str, consent: tuple[str, ...]) -> Select[Any]:
    of_batch: ColumnElement[bool] = among_given(ENROLLMENT.c.id, "walks")
    of_customer = CONTACT.c.customer_id == ENROLLMENT.c.customer_id
    if match := ALL_OF.fullmatch(wish):
        has_role = select(ROLE.c.contact_id).where(ROLE.c.contact_id == CONTACT.c.id, ROLE.c.role == match[1]).exists()
        return (
            select(ENROLLMENT.c.id, literal(place), CONTACT.c.id)
            .join_from(ENROLLMENT, CONTACT, of_customer)
            .where(of_batch, has_role, is_mailable(category, consent))
        )
    if wish == "contact":
        one = select(CONTACT.c.id).where(CONTACT.c.id == ENROLLMENT.c.contact_id, is_mailable(category, consent))
    elif wish == "anyone":
        one = _anyone(category, consent).where(of_customer)
    else:
        one = _of_role(wish, category, consent).where(of_customer)
    return select(ENROLLMENT.c.id, literal(place), one.correlate(ENROLLMENT).scalar_subquery()).where(of_batch)


def _anyone(category: str, consent: tuple[str, ...]) -> Select[Any]:
    return select(CONTACT.c.id).where(is_mailable(category, consent)).order_by(CONTACT.c.id).limit(1)


def _of_role(role: str, category: str, consent: tuple[str, ...]) -> Select[Any]:
    """The role's primary contact, else the oldest."""
    return (
        select(CONTACT.c.id)
        .join(ROLE, ROLE.c.contact_id == CONTACT.c.id)
        .where(ROLE.c.role == role, is_mailable(category, consent))
        .order_by(ROLE.c.is_primary.desc(), CONTACT.c.id)
        .limit(1)
    )
