"""One round of calls, in the caller's transaction: first who appears (customers by groups, contacts by groups and identify,
aliases), then what happened. Keeps no state beyond the round. Part of taking_in.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from bot.intake.columns import Kind
from bot.intake.directory import CustomerRef, Directory
from bot.intake.events import EventRow, attribute_events, record_events
from bot.intake.job import Job
from bot.intake.remembered import last_said, name_of_contact
from bot.intake.report import Tally
from bot.intake.rows import Record
from bot.intake.seen import SeenKeys
from bot.intake.tracking.calls import Call
from bot.intake.tracking.people import Known, People
from bot.intake.tracking.traits import changed_types, columns_of
from bot.intake.writers.contacts import write_contacts
from bot.intake.writers.customers import write_customers
from storage.erasures import Tombstones
from storage.tracking import anonymous_name, new_calls, user_name

#: Whose word events and traits are (S17).
SOURCE = "tracking"
ANONYMOUS = "anonymous_id"
WHO = ("identify", "group", "alias")

Pair = tuple[int, str]


class Held(NamedTuple):
    """A call that waits, and for whom."""

    call: Call
    reason: str
    person: str | None
    group: str | None


class Place(NamedTuple):
    """Where a call belongs; without a customer, `reason` says why it waits (or is dropped, for who was erased)."""

    ref: CustomerRef | None
    contact: int | None
    reason: str
    user: str | None


ERASED = "erased"


class Round:
    """Use once: `take`, then store what is held, then `record` last (see record_events)."""

    def __init__(self, connection: Connection, now: datetime, zone: str) -> None:
        self.held: list[Held] = []
        self.counts: Counter[str] = Counter()
        self._connection = connection
        self._now = now
        self._zone = zone
        self._people = People(connection, Directory(SOURCE, zone))
        self._erased = Tombstones(connection)
        self._joined: list[tuple[str, str, int]] = []
        self._rows: list[EventRow] = []

    def take(self, calls: Sequence[Call], *, were_held: bool = False) -> None:
        """`were_held`: they were seen when they came."""
        if not calls:
            return
        who = [call for call in calls if call.kind in WHO]
        who = sorted(who, key=lambda call: call.at) if were_held else self._unseen(who)
        what = [call for call in calls if call.kind not in WHO]
        self._write_customers([call for call in who if call.kind == "group"])
        self._look(who, what)
        self._link_aliases(who, what)
        mails = {call.user: mail for call in who if (mail := _address(call)) is not None}
        acting = {(call.user, call.anonymous, call.group): call for call in what}
        # Groups say where users are; so they come first, whatever the order in which the calls arrived.
        self._write_contacts([*(call for call in who if call.kind == "group"), *acting.values()], mails)
        self._write_contacts([call for call in who if call.kind == "identify"], mails)
        for anonymous, user, customer in self._joined:
            contact = self._people.contact_at(customer, user)
            if contact is not None:
                zone = self._people.by_id[customer].zone
                attribute_events(self._connection, customer, contact, (ANONYMOUS, anonymous), zone)
        self._place_all(what)
        self._people.write()

    def record(self) -> None:
        """The events, with everything that follows from them."""
        zones = {customer: ref.zone for customer, ref in self._people.by_id.items()}
        done = record_events(self._connection, self._rows, self._now, default_zone=self._zone, zones=zones)
        self.counts["replayed"] += done.known + len(done.conflicts)

    # Who

    def _unseen(self, calls: Sequence[Call]) -> list[Call]:
        """Old traits must not come back with a batch that comes again."""
        fresh = new_calls(self._connection, {call.key for call in calls}, self._now) if calls else set()
        found = {call.key: call for call in calls if call.key in fresh}
        self.counts["replayed"] += len(calls) - len(found)
        return sorted(found.values(), key=lambda call: call.at)

    def _write_customers(self, calls: Sequence[Call]) -> None:
        merged: dict[str, dict[str, Any]] = {}
        for call in calls:
            columns = columns_of(Kind.CUSTOMERS, call.content, self._note)
            merged.setdefault(str(call.group), {}).update(columns)
        if merged:
            self._note_types(Kind.CUSTOMERS, merged)
            self._write(Kind.CUSTOMERS, [Record(0, {"customer": key, **values}) for key, values in merged.items()])

    def _look(self, who: Sequence[Call], what: Sequence[Call]) -> None:
        people, calls = self._people, (*who, *what)
        named = {call.name for call in who if call.kind == "alias"}
        anonymous = {call.anonymous for call in calls if call.anonymous is not None} | named
        users = {call.user for call in calls if call.user is not None} | named
        people.look(users, anonymous, {call.group for call in calls if call.group is not None})
        people.look_addresses({mail for call in who if (mail := _address(call)) is not None})
        pairs = {
            (ref.id, call.user)
            for call in calls
            if call.user is not None
            and (ref := people.customers.get(call.group or "")) is not None
            and people.contact_at(ref.id, call.user) is None
        }
        people.look_pairs(pairs)

    def _link_aliases(self, who: Sequence[Call], what: Sequence[Call]) -> None:
        """Explicitly, and by calls that carry both ids."""
        both = {(call.anonymous, call.user) for call in (*who, *what) if call.kind != "alias"}
        for anonymous, user in both:
            if anonymous is not None and user is not None:
                self._alias(anonymous_name(anonymous), user, anonymous)
        for call in who:
            if call.kind == "alias" and call.user is not None and call.name != call.user:
                self._alias(anonymous_name(call.name), call.user, call.name)
                self._alias(user_name(call.name), call.user, None)

    def _alias(self, name: str, user: str, anonymous: str | None) -> None:
        people = self._people
        before = people.known(name)
        if before.alias_of == user or people.user_of(user, None) != user:
            return
        people.learn(name, Known(user, before.customer_id, before.contact_id))
        if anonymous is not None and before.customer_id is not None:
            self._joined.append((anonymous, user, before.customer_id))

    def _write_contacts(self, calls: Sequence[Call], mails: Mapping[str | None, str]) -> None:
        """The contacts that calls speak of: with traits by identify; bare where a user of a known customer did something."""
        wanted: dict[Pair, dict[str, Any]] = {}
        users: dict[Pair, set[tuple[str, bool]]] = {}
        for call in calls:
            place = self._place(call)
            if place.ref is None or place.user is None:
                self._without_contact(call, place)
                continue
            if place.contact is not None:
                self._settle(call, place.user, place.ref.id, place.contact)
                if call.kind != "identify":
                    continue
            pair = (place.ref.id, self._contact_key(place, mails.get(call.user)))
            columns = columns_of(Kind.CONTACTS, call.content, self._note) if call.kind == "identify" else {}
            wanted.setdefault(pair, {}).update(columns)
            users.setdefault(pair, set()).add((place.user, call.kind == "group"))
        if wanted:
            self._create(wanted, users)

    def _contact_key(self, place: Place, address: str | None) -> str:
        """The contact's own key; who is new is first looked for by address, and else has the user id as key."""
        assert place.ref is not None
        assert place.user is not None
        if place.contact is not None:
            return self._people.key_of(place.contact) or place.user
        return self._people.key_by_address(place.ref.id, address) or place.user

    def _create(self, wanted: dict[Pair, dict[str, Any]], users: dict[Pair, set[tuple[str, bool]]]) -> None:
        people = self._people
        named = {(people.by_id[customer].key, key): values for (customer, key), values in wanted.items()}
        self._note_types(Kind.CONTACTS, {name_of_contact(*pair): values for pair, values in named.items()})
        records = [Record(0, {"customer": pair[0], "contact": pair[1], **values}) for pair, values in named.items()]
        self._write(Kind.CONTACTS, records)
        found = Directory(SOURCE, self._zone).contacts(self._connection, wanted)
        for pair, ours in users.items():
            contact = found.get(pair)
            if contact is None:
                continue
            for user, is_group in ours:
                people.note_contact(pair[0], user, contact)
                if is_group or people.known(user_name(user)).contact_id is None:
                    people.learn(user_name(user), Known(None, pair[0], contact))

    def _without_contact(self, call: Call, place: Place) -> None:
        """A group call of an anonymous id: its later calls are of this customer. An identify of nobody known waits."""
        if call.kind == "identify":
            self._wait(call, place)
        elif call.kind == "group" and call.anonymous is not None and place.ref is not None:
            name = anonymous_name(call.anonymous)
            self._people.learn(name, Known(self._people.known(name).alias_of, place.ref.id, None))

    def _settle(self, call: Call, user: str, customer: int, contact: int) -> None:
        """A group call moves the user; any other call only tells where an unknown one is."""
        known = self._people.known(user_name(user))
        if known.contact_id is None or (call.kind == "group" and known.customer_id != customer):
            self._people.learn(user_name(user), Known(None, customer, contact))

    # What

    def _place_all(self, calls: Sequence[Call]) -> None:
        places: dict[tuple[str | None, str | None, str | None], Place] = {}
        rows = self._rows
        for call in calls:
            who = (call.user, call.anonymous, call.group)
            place = places.get(who)
            if place is None:
                place = places[who] = self._place(call)
                if place.ref is not None and place.user is None:
                    self._remember_anonymous(call, place.ref)
            if place.ref is None:
                self._wait(call, place)
                continue
            content = call.content
            if place.user is None:
                content = {**content, ANONYMOUS: call.anonymous}
            rows.append(
                EventRow(place.ref.id, call.name, call.at, SOURCE, call.key, place.contact, call.value, content)
            )

    def _place(self, call: Call) -> Place:
        people = self._people
        user = people.user_of(call.user, call.anonymous)
        if call.group is not None:
            ref, reason = people.customers.get(call.group), "unknown_customer"
        elif user is not None:
            ref, reason = self._home_of(user, call)
        else:
            home = people.known(anonymous_name(call.anonymous or "")).customer_id
            ref, reason = (None if home is None else people.by_id.get(home)), "unknown_user"
        if ref is not None and self._erased and self._is_erased(ref, user):
            return Place(None, None, ERASED, user)
        contact = people.contact_at(ref.id, user) if ref is not None and user is not None else None
        return Place(ref, contact, reason, user)

    def _home_of(self, user: str, call: Call) -> tuple[CustomerRef | None, str]:
        """The customer of the user's last group call; else of the only contact that it can be; else of the time before the
        user was known by name."""
        people = self._people
        home = people.known(user_name(user)).customer_id
        if home is None:
            customers = people.customers_of(user, _address(call))
            if len(customers) > 1:
                return None, "several_customers"
            before = people.known(anonymous_name(call.anonymous or "")).customer_id
            home = next(iter(customers), before)
        return (None if home is None else people.by_id.get(home)), "unknown_user"

    def _remember_anonymous(self, call: Call, ref: CustomerRef) -> None:
        """So that its events find their contact once it has a name."""
        name = anonymous_name(call.anonymous or "")
        known = self._people.known(name)
        if known.customer_id is None:
            self._people.learn(name, Known(known.alias_of, ref.id, None))

    # Both

    def _wait(self, call: Call, place: Place) -> None:
        user, erased = place.user, self._erased
        if erased and (
            erased.has_address(user) or erased.has_address(_address(call)) or erased.has_customer(call.group)
        ):
            place = Place(None, None, ERASED, user)
        self.counts[place.reason] += 1
        if place.reason == ERASED:
            return
        person = user_name(user) if user is not None else anonymous_name(call.anonymous) if call.anonymous else None
        self.held.append(Held(call, place.reason, person, call.group))

    def _is_erased(self, ref: CustomerRef, user: str | None) -> bool:
        return self._erased.has_customer(ref.key) or (user is not None and self._erased.has_contact(ref.id, user))

    def _write(self, kind: Kind, records: Iterable[Record]) -> None:
        seen = SeenKeys()
        job = Job(
            source=SOURCE,
            now=self._now,
            zone=self._zone,
            tally=Tally(file=SOURCE, kind=kind.value),
            directory=Directory(SOURCE, self._zone),
            seen=seen,
        )
        try:
            (write_customers if kind is Kind.CUSTOMERS else write_contacts)(self._connection, list(records), job)
        finally:
            seen.close()

    def _note(self, reason: str) -> None:
        self.counts[reason] += 1

    def _note_types(self, kind: Kind, said: dict[str, dict[str, Any]]) -> None:
        before = last_said(self._connection, SOURCE, kind, said)
        self.counts["trait_changed_type"] += sum(changed_types(before.get(key, {}), said[key]) for key in said)


def _address(call: Call) -> str | None:
    found = call.content.get("email") if call.kind == "identify" else None
    return found.strip().lower() if isinstance(found, str) and "@" in found else None
