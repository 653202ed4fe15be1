"""Who gets a mail (semantics.md S24): the first role that has somebody who can be mailed; the role's primary contact,
else the oldest; `all(role)` everybody; `anyone`; `contact` the walker. One query per batch; picking is pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, select

from bot.pipeline.scopes import CONTACT, is_mailable
from storage.accounts import ContactRole
from storage.dialects import among

ROLE: Table = ContactRole.__table__  # type: ignore[attr-defined]
ALL_OF = re.compile(r"all\(\s*([\w-]+)\s*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A contact that may be mailed, with one of its roles (None: has none)."""

    contact_id: int
    role: str | None
    is_primary: bool


def mailable_people(
    connection: Connection, customer_ids: set[int], category: str, default_consent: tuple[str, ...]
) -> dict[int, list[Person]]:
    """Customer id → its contacts that may be mailed in this category, oldest first, once per role."""
    statement = (
        select(CONTACT.c.customer_id, CONTACT.c.id, ROLE.c.role, ROLE.c.is_primary)
        .select_from(CONTACT.outerjoin(ROLE, ROLE.c.contact_id == CONTACT.c.id))
        .where(among(CONTACT.c.customer_id, customer_ids), is_mailable(category, default_consent))
        .order_by(CONTACT.c.customer_id, CONTACT.c.id)
    )
    people: dict[int, list[Person]] = {}
    for customer_id, contact_id, role, is_primary in connection.execute(statement).all():
        person = Person(contact_id=contact_id, role=role, is_primary=bool(is_primary))
        people.setdefault(customer_id, []).append(person)
    return people


def pick_recipients(to: Sequence[str], people: Sequence[Person], walker: int | None) -> list[int]:
    """Contact ids for a step's `to`, in the order of `people`; empty: nobody can be written to."""
    for wish in to:
        if wish == "contact":
            found = [walker] if walker is not None and any(person.contact_id == walker for person in people) else []
        elif wish == "anyone":
            found = [person.contact_id for person in people[:1]]
        elif match := ALL_OF.fullmatch(wish):
            found = sorted({person.contact_id for person in people if person.role == match[1]})
        else:
            found = _one_of(wish, people)
        if found:
            return found
    return []


def _one_of(role: str, people: Sequence[Person]) -> list[int]:
    having = [person for person in people if person.role == role]
    primary = [person for person in having if person.is_primary]
    return [person.contact_id for person in (primary or having)[:1]]
