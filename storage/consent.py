"""Who must not be mailed, and who said so: the only place that adds or lifts a suppression one at a time (files come in
bulk by intake). Each change is told in the journal and marks the customers, in the caller's transaction. It never sends;
deliver asks `forbidding` once more in the transaction that commits the intent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, update

from storage.accounts import Contact, Suppression
from storage.bulk import insert_new_rows
from storage.facts import Event
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.marks import mark_customers

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
SUPPRESSION: Table = Suppression.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]

TRANSACTIONAL = "transactional"
#: Instead of a category: nothing at all, mails that are owed by contract included.
EVERYTHING = ""
#: Instead of a category: nothing but transactional mails. A category that a later version adds is forbidden too.
OPTIONAL = "*"

UNSUBSCRIBED_EVENT = "contact.unsubscribed"


class Why(StrEnum):
    """Why an address must not be mailed; the later one is the stronger word and takes the earlier one's place."""

    UNSUBSCRIBED = "unsubscribed"  #: the reader said so; the reader may take it back
    IMPORT = "import"  #: a list of ours or of another system says so
    HAND = "hand"  #: one of ours said so
    BOUNCE = "bounce"  #: mails to it come back
    COMPLAINT = "complaint"  #: its reader reported us as spam


STRENGTH = {why.value: place for place, why in enumerate(Why)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """One standing suppression; `category` may be EVERYTHING or OPTIONAL."""

    address: str
    category: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Whose word it was: `by` a person of ours or the reader (""), and of which mail it was said."""

    by: str = ""
    message_id: int | None = None


def forbidding(category: str) -> tuple[str, ...]:
    """The categories of suppressions that forbid a mail of this category. Transactional mails go to who unsubscribed from
    the rest, never to who bounced, complained, or is suppressed for everything."""
    return (EVERYTHING, category) if category == TRANSACTIONAL else (EVERYTHING, OPTIONAL, category)


def suppress(
    connection: Connection, address: str, category: str, why: str, at: datetime, told: Told | None = None
) -> bool:
    """Nothing of this category goes to the address from now on; whether that is news. Unsubscribing and suppressing by hand
    leave a decision, unsubscribing also the event `contact.unsubscribed`; a bounce's or a complaint's is absorb's."""
    wanted = address.strip().lower()
    same = (SUPPRESSION.c.address == wanted, SUPPRESSION.c.category == category)
    standing = connection.execute(select(SUPPRESSION.c.reason, SUPPRESSION.c.at).where(*same)).one_or_none()
    if standing is not None:
        if STRENGTH.get(why, 0) > STRENGTH.get(standing.reason, 0):
            connection.execute(update(SUPPRESSION).where(*same).values(reason=why))
        elif why == Why.UNSUBSCRIBED and standing.reason != Why.UNSUBSCRIBED:
            _hear_reader_too(connection, wanted, category, at, told, since=standing.at)
        return False
    insert_new_rows(
        connection, SUPPRESSION, ("address", "category", "reason", "at"), [(wanted, category, str(why), at)]
    )
    people = contacts_at(connection, wanted)
    if why == Why.UNSUBSCRIBED:
        _tell_unsubscribed(connection, people, category, at, told)
    elif why == Why.HAND:
        _decide(connection, people, "suppressed_by_hand", category, at, told)
    mark_customers(connection, {person.customer_id for person in people})
    return True


def lift(
    connection: Connection,
    address: str,
    categories: Collection[str],
    at: datetime,
    told: Told | None = None,
    *,
    only: Collection[str] = tuple(Why),
) -> list[Suppressed]:
    """Takes back what stands for these categories, as far as its reason is among `only` (any other word than those of Why
    counts as an import's). Returns what was lifted."""
    wanted = address.strip().lower()
    standing = [row for row in suppressions_of(connection, [wanted]) if row.category in categories]
    lifted = [row for row in standing if _known(row.reason) in only]
    if not lifted:
        return []
    connection.execute(
        delete(SUPPRESSION).where(
            SUPPRESSION.c.address == wanted, SUPPRESSION.c.category.in_([row.category for row in lifted])
        )
    )
    people = contacts_at(connection, wanted)
    if any(row.reason == Why.BOUNCE for row in lifted):
        connection.execute(
            update(CONTACT).where(CONTACT.c.id.in_([each.id for each in people])).values(bounced_at=None)
        )
    for row in lifted:
        reason = "allowed_by_hand" if told is not None and told.by else f"subscribed_{_word(row.category)}"
        _decide(connection, people, reason, row.category, at, told)
    mark_customers(connection, {person.customer_id for person in people})
    return lifted


def allow_categories(
    connection: Connection, person: Any, consent: Sequence[str], new: Sequence[str], at: datetime, told: Told
) -> None:
    """A contact's consent as its reader just gave it; `person` is one of contacts_at, `new` what was not allowed before."""
    connection.execute(update(CONTACT).where(CONTACT.c.id == person.id).values(consent=list(consent)))
    for category in new:
        _decide(connection, [person], f"subscribed_{_word(category)}", category, at, told)
    mark_customers(connection, {person.customer_id})


def suppressions_of(connection: Connection, addresses: Collection[str]) -> list[Suppressed]:
    """What stands for these addresses, oldest first."""
    wanted = [address.strip().lower() for address in addresses]
    rows = connection.execute(
        select(SUPPRESSION).where(SUPPRESSION.c.address.in_(wanted)).order_by(SUPPRESSION.c.at, SUPPRESSION.c.id)
    )
    return [Suppressed(address=row.address, category=row.category, reason=row.reason, at=row.at) for row in rows]


def contacts_at(connection: Connection, address: str) -> Sequence[Any]:
    """Everybody with this address: one person may be a contact of several customers."""
    columns = (CONTACT.c.id, CONTACT.c.customer_id, CONTACT.c.consent)
    return connection.execute(
        select(*columns).where(func.lower(CONTACT.c.email) == address.strip().lower()).order_by(CONTACT.c.id)
    ).all()


def _known(reason: str) -> str:
    return reason if reason in STRENGTH else Why.IMPORT.value


def _word(category: str) -> str:
    return {EVERYTHING: "everything", OPTIONAL: "optional"}.get(category, category)


def _hear_reader_too(
    connection: Connection, address: str, category: str, at: datetime, told: Told | None, *, since: datetime
) -> None:
    """The reader's word counts once also where a stronger one stands: events arrive in any order and must end the same."""
    people = contacts_at(connection, address)
    told_of = (
        EVENT.c.customer_id.in_([person.customer_id for person in people]),
        EVENT.c.contact_id.in_([person.id for person in people]),
        EVENT.c.name == UNSUBSCRIBED_EVENT,
        EVENT.c.at >= since,
    )
    heard = connection.execute(select(EVENT.c.contact_id, EVENT.c.properties).where(*told_of))
    known = {row.contact_id for row in heard if row.properties.get("category") == _word(category)}
    new = [person for person in people if person.id not in known]
    _tell_unsubscribed(connection, new, category, at, told)
    mark_customers(connection, {person.customer_id for person in new})


def _tell_unsubscribed(
    connection: Connection, people: Sequence[Any], category: str, at: datetime, told: Told | None
) -> None:
    """As a fact, so that playbooks may listen, and as a decision."""
    columns = ("customer_id", "contact_id", "name", "at", "properties", "source", "key", "received_at", "is_new")
    word = _word(category)
    rows = [
        (
            person.customer_id,
            person.id,
            UNSUBSCRIBED_EVENT,
            at,
            {"category": word},
            "journeybot",
            f"unsubscribed-{person.id}-{word}-{at:%Y%m%dT%H%M%S%f}",
            at,
            True,
        )
        for person in people
    ]
    insert_new_rows(connection, EVENT, columns, rows)
    _decide(connection, people, f"unsubscribed_{word}", category, at, told)


def _decide(
    connection: Connection, people: Sequence[Any], reason: str, category: str, at: datetime, told: Told | None
) -> None:
    said = told or Told()
    entries = [
        Entry(
            at=at,
            verdict=Verdict.OPERATED,
            reason=reason,
            customer_id=person.customer_id,
            contact_id=person.id,
            message_id=said.message_id,
            details={"by": said.by, "category": _word(category)},
        )
        for person in people
    ]
    write_entries(connection, entries)
