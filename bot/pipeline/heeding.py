"""What must not be sent any more after what a provider told: bounces, complaints and unsubscriptions suppress the address the
mail went to, and become facts. Part of absorb. Who was erased has no address here any more, so nothing is written of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, func, or_, select, update

from bot.rules.drops import Cause, cause_of_drop
from storage.accounts import Contact
from storage.bulk import insert_new_rows
from storage.consent import EVERYTHING, Told, Why, suppress
from storage.dialects import among
from storage.facts import Event
from storage.outbox_moves import CONTENT

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]
EVENT_COLUMNS = ("customer_id", "contact_id", "name", "at", "properties", "source", "key", "received_at", "is_new")

CAUSES: Mapping[str, Cause] = {
    "bounced": Cause.BOUNCED,
    "complained": Cause.COMPLAINED,
    "unsubscribed": Cause.UNSUBSCRIBED,
    "group_unsubscribed": Cause.LEFT_GROUP,
}
WHY = {
    Cause.BOUNCED: Why.BOUNCE,
    Cause.COMPLAINED: Why.COMPLAINT,
    # SendGrid itself drops everything to who left by its global link, so sending on would only pretend.
    Cause.UNSUBSCRIBED: Why.UNSUBSCRIBED,
    Cause.LEFT_GROUP: Why.UNSUBSCRIBED,
}
FACTS = {Cause.BOUNCED: "message.bounced", Cause.COMPLAINED: "message.complained"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """One event that forbids something, with the mail and the address it went to."""

    cause: Cause
    at: datetime
    message: Row[Any]
    address: str
    category: str


def heed(connection: Connection, messages: Mapping[int, Row[Any]], events: Sequence[Row[Any]], now: datetime) -> bool:
    """Suppress from now on: the earlier moment at which it happened is told by the event. Returns whether there was any reason to."""
    causes = [(event, cause) for event in events if (cause := _cause_of(event)) is not None]
    if not causes:
        return False
    went_to = _addresses(connection, {event.message_id for event, _ in causes})
    heard = []
    for event, cause in sorted(causes, key=lambda found: (found[0].at, found[0].key)):
        message = messages[event.message_id]
        address, category = went_to.get(event.message_id, ("", ""))
        if address and message.contact_id is not None:
            heard.append(_Heard(cause=cause, at=event.at, message=message, address=address, category=category))
    for one in heard:
        category = one.category if one.cause is Cause.LEFT_GROUP else EVERYTHING
        suppress(connection, one.address, category, WHY[one.cause], now, Told(message_id=one.message.id))
    _mark_bounced(connection, [one for one in heard if one.cause is Cause.BOUNCED])
    _store_facts(connection, [one for one in heard if one.cause in FACTS], now)
    return True


def _cause_of(event: Row[Any]) -> Cause | None:
    if event.kind == "dropped":
        return cause_of_drop(event.details.get("reason", ""))
    return CAUSES.get(event.kind)


def _addresses(connection: Connection, ids: set[int]) -> dict[int, tuple[str, str]]:
    """Where the mails went, and their categories: not where the contact is reached today."""
    columns = (CONTENT.c.message_id, CONTENT.c.to_email, CONTENT.c.category)
    rows = connection.execute(select(*columns).where(among(CONTENT.c.message_id, ids)))
    return {row.message_id: ((row.to_email or "").lower(), row.category) for row in rows}


def _mark_bounced(connection: Connection, heard: Sequence[_Heard]) -> None:
    """The contact, if that is still the address; the earliest time stands."""
    for one in heard:
        later = or_(CONTACT.c.bounced_at.is_(None), CONTACT.c.bounced_at > one.at)
        is_theirs = (CONTACT.c.id == one.message.contact_id, func.lower(CONTACT.c.email) == one.address)
        connection.execute(update(CONTACT).where(*is_theirs, later).values(bounced_at=one.at))


def _store_facts(connection: Connection, heard: Sequence[_Heard], now: datetime) -> None:
    """Once per mail, so that playbooks that listen hear it once."""
    rows = [
        (
            *(one.message.customer_id, one.message.contact_id, FACTS[one.cause], one.at),
            *({"message": one.message.id, "step": one.message.step}, "journeybot"),
            *(f"{one.cause.value}-{one.message.id}", now, True),
        )
        for one in heard
    ]
    insert_new_rows(connection, EVENT, EVENT_COLUMNS, rows)
