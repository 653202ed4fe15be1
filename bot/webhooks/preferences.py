"""Which mails somebody gets, as their own page shows it, and what they decide there. The token of one of their mails is all
they need; acting is storage/consent.py. Before it: the page's routes; after it: deliver, which asks once more for each mail."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select

from bot.rules.mail_categories import MAIL_CATEGORIES
from bot.rules.references import MailName
from storage.accounts import Contact, Customer
from storage.consent import (
    EVERYTHING,
    OPTIONAL,
    TRANSACTIONAL,
    Suppressed,
    Told,
    Why,
    allow_categories,
    contacts_at,
    forbidding,
    lift,
    suppress,
    suppressions_of,
)
from storage.outbox_moves import CONTENT, MESSAGE

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]

#: Categories from which one can unsubscribe, in the order of the page.
CHOOSABLE = tuple(category for category in MAIL_CATEGORIES if category != TRANSACTIONAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whom a mail went to. `addresses`: the one it went to first, then the contact's present one; none after an erasure.
    `consent`: the categories allowed; None is the workspace's default."""

    mail: MailName
    category: str
    addresses: tuple[str, ...]
    locale: str | None
    consent: tuple[str, ...] | None
    has_bounced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One category as it stands. `is_locked`: we stopped it ourselves, so the reader cannot turn it on here."""

    category: str
    is_on: bool
    is_locked: bool


def reader_of(connection: Connection, name: MailName) -> Reader | None:
    """None: there is no such mail."""
    row = connection.execute(
        select(
            MESSAGE.c.id,
            CONTENT.c.category,
            CONTENT.c.to_email,
            CONTACT.c.email,
            func.coalesce(CONTACT.c.locale, CUSTOMER.c.locale).label("locale"),
            CONTACT.c.consent,
            CONTACT.c.bounced_at,
        )
        .select_from(
            MESSAGE.join(CUSTOMER, CUSTOMER.c.id == MESSAGE.c.customer_id)
            .outerjoin(CONTACT, CONTACT.c.id == MESSAGE.c.contact_id)
            .outerjoin(CONTENT, CONTENT.c.message_id == MESSAGE.c.id)
        )
        .where(MESSAGE.c.id == name.number, MESSAGE.c.created_at == name.made_at)
    ).one_or_none()
    if row is None:
        return None
    return Reader(
        mail=name,
        category=row.category or OPTIONAL,
        addresses=tuple(dict.fromkeys(email.lower() for email in (row.to_email, row.email) if email)),
        locale=row.locale,
        consent=None if row.consent is None else tuple(row.consent),
        has_bounced=row.bounced_at is not None,
    )


def choices_of(
    connection: Connection, reader: Reader, default_consent: Sequence[str], offered: Collection[str]
) -> tuple[Choice, ...]:
    """The categories that are offered, as they stand for this reader."""
    standing = suppressions_of(connection, reader.addresses)
    consent = default_consent if reader.consent is None else reader.consent
    return tuple(
        _choice(category, category in consent and not reader.has_bounced, reader.has_bounced, standing)
        for category in CHOOSABLE
        if category in offered
    )


def _choice(category: str, is_allowed: bool, is_locked: bool, standing: Sequence[Suppressed]) -> Choice:
    against = [row for row in standing if row.category in forbidding(category)]
    locked = is_locked or any(row.reason != Why.UNSUBSCRIBED for row in against)
    return Choice(category=category, is_on=is_allowed and not against, is_locked=locked)


def unsubscribe_at_once(connection: Connection, reader: Reader, at: datetime) -> None:
    """One click (RFC 8058): no more mails of this mail's category, which is also what its List-Id names."""
    for address in reader.addresses:
        suppress(connection, address, reader.category, Why.UNSUBSCRIBED, at, Told(message_id=reader.mail.number))


def save_choices(
    connection: Connection,
    reader: Reader,
    choices: Sequence[Choice],
    wanted: Collection[str],
    default_consent: Sequence[str],
    at: datetime,
) -> None:
    """What the reader ticked is on, everything else offered is off. Ticking nothing unsubscribes from whatever is not
    transactional, also from what is not offered yet."""
    told = Told(message_id=reader.mail.number)
    on = {choice.category for choice in choices if choice.category in wanted and not choice.is_locked}
    for address in reader.addresses:
        if not on:
            suppress(connection, address, OPTIONAL, Why.UNSUBSCRIBED, at, told)
            continue
        _turn_on(connection, address, on, at, told)
        for choice in choices:
            if choice.category not in on:
                suppress(connection, address, choice.category, Why.UNSUBSCRIBED, at, told)
        for person in contacts_at(connection, address):
            _consent(connection, person, on, default_consent, at, told)


def _turn_on(connection: Connection, address: str, on: Collection[str], at: datetime, told: Told) -> None:
    """A general unsubscription becomes one from each category that stays off."""
    general = lift(connection, address, (EVERYTHING, OPTIONAL), at, told, only=(Why.UNSUBSCRIBED,))
    if general:
        for category in CHOOSABLE:
            if category not in on:
                suppress(connection, address, category, Why.UNSUBSCRIBED, at, told)
    lift(connection, address, on, at, told, only=(Why.UNSUBSCRIBED,))


def _consent(
    connection: Connection, person: Any, on: Collection[str], default_consent: Sequence[str], at: datetime, told: Told
) -> None:
    """Ticking a category that nobody had allowed allows it: the reader's own word is consent."""
    allowed = default_consent if person.consent is None else person.consent
    if not set(on) <= set(allowed):
        together = [category for category in MAIL_CATEGORIES if category in on or category in allowed]
        allow_categories(connection, person, together, [name for name in together if name not in allowed], at, told)
