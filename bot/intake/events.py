"""Stores events, each exactly once, and what follows from them in the same transaction: the daily rollup on the customer's
local day, the freshness of feeds, the contact's last sign of life, the mark for detect. Every event goes through
`record_events`, from files, the tracking API and the machine itself; enroll offers it to playbooks afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, delete, exists, select, update

from bot.rules.zones import is_zone, local_date, start_of_day
from storage.accounts import Contact, Customer
from storage.bulk import insert_rows
from storage.dialects import among, json_text
from storage.erasures import was_scrubbed
from storage.facts import UNHEARD, DailyUsage, Event, Feed
from storage.given import given, is_given
from storage.marks import mark_customers
from storage.upserts import hold_alone, raise_instants, upsert_rows

EVENT: Table = Event.__table__  # type: ignore[attr-defined]
USAGE: Table = DailyUsage.__table__  # type: ignore[attr-defined]
FEED: Table = Feed.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]

#: `source` of what the machine tells of itself. Such events are news, not use of the product: they are not rolled up.
BUILT_IN = "journeybot"
ROLLED_UP = "events"
USAGE_FEED = "usage"
#: What a customer's new events are marked to be about.
TOLD_OF_EVENTS = (EVENT, USAGE, CONTACT)
#: Older events are stored as looked at: no `within:` of a playbook reaches back a year, and a million of them are not news.
HISTORY = timedelta(days=366)

IDENTITY = ("customer_id", "contact_id", "name", "at", "value", "properties")
COLUMNS = (*IDENTITY, "source", "key", "received_at", "is_new")


class EventRow(NamedTuple):
    """An event to be stored, once per (source, key). A NamedTuple, because one is made per row of a file."""

    customer_id: int
    name: str
    at: datetime
    source: str
    key: str
    contact_id: int | None = None
    value: float | None = None
    properties: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of the rows: how many are new, how many stood already, and those whose key stands with other content
    (never overwritten), by their place in the rows given."""

    stored: int
    known: int
    conflicts: tuple[int, ...]


Group = tuple[int, str, date]
LocalDay = tuple[date, str]


def record_events(
    connection: Connection,
    rows: Sequence[EventRow],
    now: datetime,
    *,
    default_zone: str = "UTC",
    zones: Mapping[int, str] | None = None,
) -> Recorded:
    """Store what is new. Call it last in a transaction: on PostgreSQL it holds the right to write events until the commit,
    so that counts stay exact. `zones`: customer's id → zone, where the caller knows them."""
    if not rows:
        return Recorded(stored=0, known=0, conflicts=())
    hold_alone(connection, "events")
    fresh, conflicts = _sift(connection, rows)
    if fresh:
        tracked = [row for row in fresh if row.source != BUILT_IN]
        days = _days(connection, tracked, zones, default_zone)
        users = _new_users(connection, tracked, days)
        oldest_news = now - HISTORY
        insert_rows(connection, EVENT, COLUMNS, [_stored(row, now, oldest_news) for row in fresh])
        _roll_up(connection, tracked, days, users)
        raise_feeds(connection, _latest_per_feed(fresh), now)
        _note_signs_of_life(connection, tracked, now)
        mark_customers(connection, {row.customer_id for row in fresh}, *TOLD_OF_EVENTS)
    return Recorded(stored=len(fresh), known=len(rows) - len(fresh) - len(conflicts), conflicts=tuple(conflicts))


def attribute_events(
    connection: Connection, customer_id: int, contact_id: int, marked: tuple[str, str], zone: str
) -> None:
    """The customer's events of nobody with this property were this contact's: they get the contact, their days the user."""
    hold_alone(connection, "events")
    is_theirs = json_text(EVENT.c.properties, marked[0]) == marked[1]
    nobodys = (EVENT.c.customer_id == customer_id, EVENT.c.contact_id.is_(None), is_theirs)
    columns = [EVENT.c[name] for name in ("id", "name", "at", "source", "key")]
    found = connection.execute(select(*columns).where(*nobodys)).all()
    rows = [EventRow(customer_id, row.name, row.at, row.source, row.key, contact_id) for row in found]
    days = _days(connection, rows, {customer_id: zone}, zone)
    users = _new_users(connection, rows, days)
    connection.execute(update(EVENT).where(among(EVENT.c.id, [row.id for row in found])).values(contact_id=contact_id))
    columns_of_usage = ("customer_id", "event", "day", "source", "count", "total", "users")
    more = [(*group, ROLLED_UP, 0, 0.0, number) for group, number in users.items()]
    upsert_rows(connection, USAGE, columns_of_usage, more, {"users": "add"})


def withdraw_events(connection: Connection, keys: Iterable[str], now: datetime) -> None:
    """Forget events of the machine that lie ahead and that nobody has looked at: what they tell of was called off."""
    asked = is_given(connection, [EVENT.c.key], [(key,) for key in keys])
    connection.execute(delete(EVENT).where(EVENT.c.source == BUILT_IN, EVENT.c.at > now, UNHEARD, asked))


def raise_feeds(connection: Connection, latest: Mapping[str, datetime], now: datetime) -> None:
    """Note how fresh feeds are; what lies ahead of now does not make one fresher."""
    rows = [(name, min(at, now)) for name, at in latest.items()]
    upsert_rows(connection, FEED, ("name", "latest_at"), rows, {"latest_at": "raise"})


def _sift(connection: Connection, rows: Sequence[EventRow]) -> tuple[list[EventRow], list[int]]:
    """The rows whose key is new, and the places of those whose key stands with other content."""
    keys = [(row.source, row.key) for row in rows]
    asked = is_given(connection, [EVENT.c.source, EVENT.c.key], keys)
    columns = [EVENT.c[name] for name in ("source", "key", *IDENTITY)]
    known = {(found[0], found[1]): tuple(found[2:]) for found in connection.execute(select(*columns).where(asked))}
    if not known and len(set(keys)) == len(keys):
        return list(rows), []
    fresh: list[EventRow] = []
    conflicts: list[int] = []
    for place, row in enumerate(rows):
        identity = (row.customer_id, row.contact_id, row.name, row.at, row.value, row.properties)
        before = known.setdefault((row.source, row.key), identity)
        if before is identity:
            fresh.append(row)
        elif before != identity and not was_scrubbed(before[-1]):
            conflicts.append(place)
    return fresh, conflicts


def _stored(row: EventRow, now: datetime, oldest_news: datetime) -> tuple[Any, ...]:
    customer, name, at, source, key, contact, value, properties = row
    return customer, contact, name, at, value, properties, source, key, now, at > oldest_news


def _days(
    connection: Connection, rows: Sequence[EventRow], zones: Mapping[int, str] | None, default_zone: str
) -> list[LocalDay]:
    """The local day of each event."""
    if zones is None:
        zones = _zones_of(connection, {row.customer_id for row in rows})
    days = []
    for row in rows:
        zone = zones.get(row.customer_id, default_zone)
        days.append((row.at.date() if zone == "UTC" else local_date(row.at, zone), zone))
    return days


def _zones_of(connection: Connection, ids: Iterable[int]) -> dict[int, str]:
    asked = is_given(connection, [CUSTOMER.c.id], [(found,) for found in ids])
    with_zone = CUSTOMER.c.timezone.is_not(None)
    found = connection.execute(select(CUSTOMER.c.id, CUSTOMER.c.timezone).where(asked, with_zone))
    return {customer: zone for customer, zone in found if is_zone(zone)}


@lru_cache(maxsize=4096)
def _bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    return start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)


def _new_users(connection: Connection, rows: Sequence[EventRow], days: Sequence[LocalDay]) -> Counter[Group]:
    """How many contacts appear here for the first time per customer, event and day. Asked before the rows are inserted."""
    users = {
        (row.customer_id, row.name, row.contact_id, *day): None
        for row, day in zip(rows, days, strict=True)
        if row.contact_id is not None
    }
    wanted = [
        (place, customer, name, contact, *_bounds(day, zone))
        for place, (customer, name, contact, day, zone) in enumerate(users)
    ]
    if not wanted:
        return Counter()
    columns = [EVENT.c[name] for name in ("id", "customer_id", "name", "contact_id", "at", "received_at")]
    # at and received_at stand for the day's first instant and the next day's.
    day_of = given(connection, "day_of", columns, wanted)
    same = [EVENT.c[name] == day_of.c[name] for name in ("customer_id", "name", "contact_id")]
    known = exists().where(*same, EVENT.c.at >= day_of.c.at, EVENT.c.at < day_of.c.received_at)
    places = set(connection.execute(select(day_of.c.id).where(known)).scalars())
    new = (user for place, user in enumerate(users) if place not in places)
    return Counter((customer, name, day) for customer, name, _, day, _ in new)


def _roll_up(
    connection: Connection, rows: Sequence[EventRow], days: Sequence[LocalDay], users: Mapping[Group, int]
) -> None:
    sums: dict[Group, list[float]] = {}
    for row, (day, _) in zip(rows, days, strict=True):
        group = (row.customer_id, row.name, day)
        found = sums.get(group)
        if found is None:
            sums[group] = [1, row.value or 0.0]
        else:
            found[0] += 1
            found[1] += row.value or 0.0
    columns = ("customer_id", "event", "day", "source", "count", "total", "users")
    totals = [(*group, ROLLED_UP, count, total, users.get(group, 0)) for group, (count, total) in sums.items()]
    upsert_rows(connection, USAGE, columns, totals, {"count": "add", "total": "add", "users": "add"})


def _note_signs_of_life(connection: Connection, rows: Sequence[EventRow], now: datetime) -> None:
    latest: dict[int, datetime] = {}
    for row in rows:
        if row.contact_id is not None and (row.contact_id not in latest or latest[row.contact_id] < row.at):
            latest[row.contact_id] = row.at
    raise_instants(connection, CONTACT, "last_seen", [(contact, min(at, now)) for contact, at in latest.items()])


def _latest_per_feed(rows: Sequence[EventRow]) -> dict[str, datetime]:
    """The latest event of each name; anything tracked also shows that usage arrives at all."""
    latest: dict[str, datetime] = {}
    for row in rows:
        for feed in (row.name,) if row.source == BUILT_IN else (row.name, USAGE_FEED):
            if feed not in latest or latest[feed] < row.at:
                latest[feed] = row.at
    return latest
