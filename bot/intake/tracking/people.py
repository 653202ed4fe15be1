"""Who a call is about: user id → customer and contact, by what group, identify and alias calls said, else by the keys and
addresses of the contacts that an import brought. One look per round for all ids. Part of rounds.py."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, func, select

from bot.intake.directory import CONTACT, CUSTOMER, CustomerRef, Directory
from storage.given import is_given
from storage.tracking import PERSON, anonymous_name, release_calls, user_name
from storage.upserts import upsert_rows

COLUMNS = ("person", "alias_of", "customer_id", "contact_id")


class Known(NamedTuple):
    """What stands about a user id or anonymous id: who it turned out to be, its customer, its contact there."""

    alias_of: str | None = None
    customer_id: int | None = None
    contact_id: int | None = None


NOBODY = Known()


class People:
    """The persons of one round, and the customers that its calls name."""

    def __init__(self, connection: Connection, directory: Directory) -> None:
        self.customers: dict[str, CustomerRef] = {}
        self.by_id: dict[int, CustomerRef] = {}
        self._connection = connection
        self._directory = directory
        self._known: dict[str, Known] = {}
        self._learnt: dict[str, Known] = {}
        self._contacts: dict[tuple[int, str], int] = {}
        self._keys: dict[int, str] = {}
        self._by_user: dict[str, list[int]] = {}
        self._by_address: dict[str, list[tuple[int, int]]] = {}

    # Looking up

    def look(self, users: Collection[str], anonymous: Collection[str], groups: Collection[str]) -> None:
        """Everything that stands about them, in a handful of statements."""
        names = {*map(user_name, users), *map(anonymous_name, anonymous)}
        self._look_persons(names)
        aliases = {known.alias_of for name in names if (known := self.known(name)).alias_of}
        self._look_persons({user_name(user) for user in aliases if user} - names)
        self._keep(self._directory.customers(self._connection, groups).values())
        unknown = [user for user in {*users, *aliases} if user and not self.known(user_name(user)).contact_id]
        self._look_contacts(unknown)
        self._look_customers({known.customer_id for known in self._known.values() if known.customer_id})

    def look_pairs(self, pairs: Collection[tuple[int, str]]) -> None:
        """Whether these users are contacts of these customers."""
        missing = [pair for pair in pairs if pair not in self._contacts]
        if missing:
            self._keep_contacts(_contacts(is_given(self._connection, [CONTACT.c.customer_id, CONTACT.c.key], missing)))

    def look_addresses(self, addresses: Collection[str]) -> None:
        if not addresses:
            return
        address = func.lower(CONTACT.c.email)
        found = select(address, CONTACT.c.customer_id, CONTACT.c.id, CONTACT.c.key)
        rows = self._connection.execute(found.where(address.in_(sorted(addresses))).order_by(CONTACT.c.id)).all()
        for mail, customer, contact, key in rows:
            self._by_address.setdefault(mail, []).append((customer, contact))
            self._keys[contact] = key
        self._look_customers({row.customer_id for row in rows})

    def known(self, name: str) -> Known:
        return self._known.get(name, NOBODY)

    def user_of(self, user: str | None, anonymous: str | None) -> str | None:
        """The user behind both ids."""
        if user is not None:
            return self.known(user_name(user)).alias_of or user
        return None if anonymous is None else self.known(anonymous_name(anonymous)).alias_of

    def contact_at(self, customer_id: int, user: str) -> int | None:
        """The user's contact at this customer."""
        known = self.known(user_name(user))
        if known.customer_id == customer_id and known.contact_id is not None:
            return known.contact_id
        return self._contacts.get((customer_id, user))

    def customers_of(self, user: str, address: str | None) -> set[int]:
        """Where a contact has this key, or (asked only if none has) this address."""
        found = self._by_user.get(user)
        return set(found) if found else {customer for customer, _ in self._by_address.get(address or "", ())}

    def key_of(self, contact_id: int) -> str | None:
        return self._keys.get(contact_id)

    def key_by_address(self, customer_id: int, address: str | None) -> str | None:
        """The key of the customer's contact with this address."""
        pairs = self._by_address.get(address or "", ())
        return next((self._keys[contact] for customer, contact in pairs if customer == customer_id), None)

    # Learning

    def learn(self, name: str, known: Known) -> None:
        if self._known.get(name) != known:
            self._known[name] = self._learnt[name] = known

    def note_contact(self, customer_id: int, user: str, contact_id: int) -> None:
        self._contacts[customer_id, user] = contact_id

    def write(self) -> None:
        """Store what was learnt; calls that waited for these persons are ready."""
        rows = [(name, *known) for name, known in self._learnt.items()]
        upsert_rows(
            self._connection, PERSON, COLUMNS, rows, {"alias_of": "set", "customer_id": "set", "contact_id": "set"}
        )
        if self._learnt:
            release_calls(self._connection, persons=self._learnt)
        self._learnt = {}

    # How

    def _look_persons(self, names: Collection[str]) -> None:
        if not names:
            return
        asked = is_given(self._connection, [PERSON.c.person], [(name,) for name in names])
        found = select(*(PERSON.c[name] for name in COLUMNS), CONTACT.c.key)
        joined = PERSON.outerjoin(CONTACT, CONTACT.c.id == PERSON.c.contact_id)
        for row in self._connection.execute(found.select_from(joined).where(asked)):
            self._known[row.person] = Known(row.alias_of, row.customer_id, row.contact_id)
            if row.contact_id is not None:
                self._keys[row.contact_id] = row.key

    def _look_contacts(self, users: Collection[str]) -> None:
        """By key, or by address where the id is one."""
        if not users:
            return
        self._keep_contacts(_contacts(is_given(self._connection, [CONTACT.c.key], [(user,) for user in users])))
        addresses = [(user,) for user in users if "@" in user and user not in self._by_user]
        if addresses:
            self._keep_contacts(_contacts(is_given(self._connection, [CONTACT.c.email], addresses)), by_address=True)

    def _keep_contacts(self, found: Select[Any], *, by_address: bool = False) -> None:
        rows = self._connection.execute(found).all()
        for customer, key, contact, email in rows:
            user = email if by_address else key
            self._contacts.setdefault((customer, user), contact)
            self._by_user.setdefault(user, []).append(customer)
            self._keys[contact] = key
        self._look_customers({row[0] for row in rows})

    def _look_customers(self, ids: Collection[int]) -> None:
        missing = set(ids) - self.by_id.keys()
        if missing:
            asked = is_given(self._connection, [CUSTOMER.c.id], [(found,) for found in missing])
            keys = list(self._connection.scalars(select(CUSTOMER.c.key).where(asked)))
            self._keep(self._directory.customers(self._connection, keys).values(), is_named=False)

    def _keep(self, refs: Iterable[CustomerRef], *, is_named: bool = True) -> None:
        for ref in refs:
            self.by_id[ref.id] = ref
            if is_named:
                self.customers[ref.key] = ref


def _contacts(where: ColumnElement[bool]) -> Select[Any]:
    columns = (CONTACT.c.customer_id, CONTACT.c.key, CONTACT.c.id, CONTACT.c.email)
    return select(*columns).where(where).order_by(CONTACT.c.id)
