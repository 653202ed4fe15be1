"""What readers do with the content that mails name (semantics.md S40): a click on an item's address is a view of it, an opened mail
that has the address makes the item known. Told as events: a view once per mail, item and day. A click that turns out to be a
scanner's is taken back. Part of absorb. Who was erased has no contact here any more, so nothing is written of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, select

from bot.intake.events import BUILT_IN, EventRow, record_events
from bot.rules.catalogue import NOTICED, VIEWED, Catalogue
from storage.accounts import Contact
from storage.dialects import among
from storage.facts import Event
from storage.given import is_given
from storage.outbox_moves import CONTENT

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """A click on a link; `page` is the digest of its address, `is_persons` False for machines."""

    at: datetime
    page: str
    is_persons: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A mail, when it was opened if that is news, and all its clicks."""

    message: Row[Any]
    opened_at: datetime | None
    clicks: tuple[Click, ...]


def note_content(connection: Connection, catalogue: Catalogue, heard: Iterable[Heard], now: datetime) -> None:
    """Call it last in a transaction, as `record_events`."""
    known = [each for each in heard if each.message.contact_id is not None and (each.opened_at or each.clicks)]
    if not known or not catalogue.items:
        return
    living = _living(connection, {each.message.contact_id for each in known})
    known = [each for each in known if each.message.contact_id in living]
    pages = catalogue.pages()
    wanted = [*_views(known, pages), *_noticed(connection, known, catalogue)]
    _take_back(connection, known, pages, {event.key for event in wanted})
    record_events(connection, wanted, now)


def _living(connection: Connection, contacts: Iterable[int]) -> set[int]:
    found = select(CONTACT.c.id).where(among(CONTACT.c.id, contacts), CONTACT.c.erased_at.is_(None))
    return set(connection.scalars(found))


def _views(heard: Sequence[Heard], pages: dict[str, str]) -> Iterator[EventRow]:
    """The first click of each day."""
    found: dict[str, EventRow] = {}
    for each in heard:
        for click in sorted(each.clicks, key=lambda click: click.at):
            if click.is_persons and click.page in pages:
                key = _key(each, click, pages[click.page])
                found.setdefault(key, _event(each, VIEWED, click.at, key, pages[click.page]))
    yield from found.values()


def _noticed(connection: Connection, heard: Sequence[Heard], catalogue: Catalogue) -> Iterator[EventRow]:
    """The items whose address stands in the mail, whichever way it came there."""
    opened = {each.message.id: each for each in heard if each.opened_at is not None}
    texts = select(CONTENT.c.message_id, CONTENT.c.text).where(among(CONTENT.c.message_id, opened))
    for message_id, text in connection.execute(texts) if opened else ():
        each = opened[message_id]
        for item in catalogue.named_in(text):
            assert each.opened_at is not None
            yield _event(each, NOTICED, each.opened_at, f"opened:{message_id}:{item}", item)


def _take_back(connection: Connection, heard: Sequence[Heard], pages: dict[str, str], wanted: set[str]) -> None:
    machines = {
        _key(each, click, pages[click.page])
        for each in heard
        for click in each.clicks
        if not click.is_persons and click.page in pages
    }
    if machines - wanted:
        asked = is_given(connection, [EVENT.c.key], [(key,) for key in sorted(machines - wanted)])
        connection.execute(delete(EVENT).where(EVENT.c.source == BUILT_IN, asked))


def _key(heard: Heard, click: Click, item: str) -> str:
    return f"clicked:{heard.message.id}:{item}:{click.at:%Y-%m-%d}"


def _event(heard: Heard, name: str, at: datetime, key: str, item: str) -> EventRow:
    message = heard.message
    told = {"content": item, "message": message.id}
    return EventRow(message.customer_id, name, at, BUILT_IN, key, message.contact_id, None, told)
