"""Finds customers, contacts and subscriptions by the keys that rows give: one query per batch for all keys it has not met,
with a bounded memory of those it has. Rows that name nobody are rejected here. Serves the writers of every kind."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import Column, Connection, Table, func, select

from bot.intake.report import Tally
from bot.intake.rows import Record
from bot.rules.zones import is_zone
from storage.accounts import Contact, Customer
from storage.erasures import Tombstones
from storage.facts import Subscription
from storage.given import is_given

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
SUBSCRIPTION: Table = Subscription.__table__  # type: ignore[attr-defined]
KEPT = 25_000

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class CustomerRef(NamedTuple):
    """What a fact needs to know of its customer. `zone` is the customer's, or the default where it has none."""

    id: int
    key: str
    zone: str


class _Memory(Generic[K, V]):
    """The latest things found, at most KEPT of them."""

    def __init__(self) -> None:
        self._found: dict[K, V] = {}

    def pick(self, keys: Collection[K]) -> dict[K, V]:
        found = self._found
        return {key: found[key] for key in keys if key in found}

    def keep(self, new: dict[K, V]) -> None:
        if len(self._found) + len(new) > KEPT:
            self._found.clear()
        self._found.update(new)


class Directory:
    """Keys → ids. Only for keys of rows that are committed: a directory lives no longer than one file's import."""

    def __init__(self, source: str, default_zone: str) -> None:
        self._source = source
        self._default_zone = default_zone
        self._customers: _Memory[str, CustomerRef] = _Memory()
        self._contacts: _Memory[tuple[int, str], int] = _Memory()
        self._subscriptions: _Memory[str, CustomerRef] = _Memory()

    def erased(self, connection: Connection) -> Tombstones:
        """Who must not come back. Asked anew for each batch: somebody may be erased while a long file is imported."""
        return Tombstones(connection)

    def customers(self, connection: Connection, keys: Iterable[str]) -> dict[str, CustomerRef]:
        wanted = set(keys)
        found = self._customers.pick(wanted)
        missing = [(key,) for key in wanted - found.keys()]
        if missing:
            asked = is_given(connection, [CUSTOMER.c.key], missing)
            rows = connection.execute(select(CUSTOMER.c.id, CUSTOMER.c.key, CUSTOMER.c.timezone).where(asked))
            new = {row.key: CustomerRef(row.id, row.key, self._zone(row.timezone)) for row in rows}
            self._customers.keep(new)
            found |= new
        return found

    def contacts(self, connection: Connection, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
        """(customer's id, contact's key or e-mail address) → contact's id."""
        wanted = set(keys)
        found = self._contacts.pick(wanted)
        missing = [pair for pair in wanted if pair not in found]
        if missing:
            new = _contacts_by(connection, CONTACT.c.key, missing)
            addresses = [pair for pair in missing if pair not in new and "@" in pair[1]]
            if addresses:
                new |= _contacts_by(connection, CONTACT.c.email, addresses)
            self._contacts.keep(new)
            found |= new
        return found

    def subscribers(self, connection: Connection, keys: Iterable[str]) -> dict[str, CustomerRef]:
        """A subscription's key (of this source) → its customer."""
        wanted = set(keys)
        found = self._subscriptions.pick(wanted)
        missing = [(key,) for key in wanted - found.keys()]
        if missing:
            asked = is_given(connection, [SUBSCRIPTION.c.key], missing)
            rows = connection.execute(
                select(SUBSCRIPTION.c.key, CUSTOMER.c.id, CUSTOMER.c.key.label("customer"), CUSTOMER.c.timezone)
                .join(CUSTOMER, CUSTOMER.c.id == SUBSCRIPTION.c.customer_id)
                .where(SUBSCRIPTION.c.source == self._source, asked)
            )
            new = {row.key: CustomerRef(row.id, row.customer, self._zone(row.timezone)) for row in rows}
            self._subscriptions.keep(new)
            found |= new
        return found

    def _zone(self, timezone: str | None) -> str:
        return timezone if timezone and is_zone(timezone) else self._default_zone


def _contacts_by(
    connection: Connection, column: Column[Any], pairs: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], int]:
    asked = is_given(connection, [CONTACT.c.customer_id, column], pairs)
    rows = connection.execute(
        select(CONTACT.c.customer_id, column, func.min(CONTACT.c.id))
        .where(asked)
        .group_by(CONTACT.c.customer_id, column)
    )
    return {(customer, key): contact for customer, key, contact in rows}


def with_customers(
    connection: Connection, records: Sequence[Record], directory: Directory, tally: Tally
) -> list[tuple[Record, CustomerRef]]:
    """Each record with its customer, found by the customer's key or by a subscription's; the others are rejected."""
    found = directory.customers(connection, {key for record in records if (key := record.values.get("customer"))})
    others = {key for record in records if not record.values.get("customer") and (key := _subscription(record))}
    subscribers = directory.subscribers(connection, others) if others else {}
    erased = directory.erased(connection)
    pairs = []
    for record in records:
        key = record.values.get("customer")
        ref = found.get(key) if key else subscribers.get(_subscription(record) or "")
        if erased and names_erased(record, ref, erased):
            tally.pass_by_erased(record.line)
        elif ref is not None:
            pairs.append((record, ref))
        else:
            _reject(record, tally)
    return pairs


def names_erased(record: Record, ref: CustomerRef | None, erased: Tombstones) -> bool:
    """Whether the row is of an erased customer, or of nobody but erased contacts (a meeting may have had others)."""
    values = record.values
    if erased.has_customer(values.get("customer")):
        return True
    if ref is None:
        return False
    named = values.get("contact")
    contacts = named if isinstance(named, list) else [named] if named else []
    is_gone = bool(contacts) and all(erased.has_contact(ref.id, contact) for contact in contacts)
    return is_gone or erased.has_address(values.get("email"))


def _reject(record: Record, tally: Tally) -> None:
    customer = record.values.get("customer")
    what, key = ("customer", customer) if customer else ("subscription", _subscription(record))
    if key:
        tally.reject_stranger(record.line, what, key)
    else:
        tally.reject(record.line, "customer", "", "`customer` is empty", "every row needs one")


def _subscription(record: Record) -> str | None:
    return record.values.get("subscription")


def contact_of(record: Record, ref: CustomerRef, contacts: dict[tuple[int, str], int], tally: Tally) -> int | None:
    """The contact that a row names. An unknown one is remarked and the fact kept: it still is the customer's."""
    key = record.values.get("contact")
    if not key:
        return None
    found = contacts.get((ref.id, key))
    if found is None:
        tally.remark("name a contact that is not known; kept without the contact", record.line, key)
    return found


def contacts_of(
    connection: Connection, pairs: Sequence[tuple[Record, CustomerRef]], directory: Directory
) -> dict[tuple[int, str], int]:
    """All contacts that these records name."""
    return directory.contacts(
        connection, {(ref.id, key) for record, ref in pairs if (key := record.values.get("contact"))}
    )
