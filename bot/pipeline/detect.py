"""First pass: what is new since we last looked? Takes the marks of changed customers, notices where a new local day
began, and tells of meetings and subscription ends whose time has come. Decides nothing; enroll and wake look at what it found."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    false,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    text,
    update,
)

from bot.rules.conditions import Condition, LocalDays
from bot.rules.zones import is_zone, local_date
from storage.accounts import Customer, CustomerChange
from storage.facts import UNHEARD, UNTOLD, Event, Feed, Meeting, MeetingAttendee
from storage.journeys import Occasion, OccasionState, ZoneDay
from storage.outbox import UNABSORBED, DeliveryEvent

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CHANGE: Table = CustomerChange.__table__  # type: ignore[attr-defined]
ZONE_DAY: Table = ZoneDay.__table__  # type: ignore[attr-defined]
MEETING: Table = Meeting.__table__  # type: ignore[attr-defined]
ATTENDEE: Table = MeetingAttendee.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]
OCCASION: Table = Occasion.__table__  # type: ignore[attr-defined]
DELIVERY_EVENT: Table = DeliveryEvent.__table__  # type: ignore[attr-defined]
FEED: Table = Feed.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What to look at in this tick: customers under `token` in customer_change, and all of the zones with a new day."""

    now: datetime
    token: str
    changed: int
    days: LocalDays
    today: Mapping[str, date]
    new_days: frozenset[str]
    all_zones: frozenset[str]
    woken_feeds: frozenset[str]

    @property
    def is_quiet(self) -> bool:
        return not self.changed and not self.new_days and not self.woken_feeds

    def concerns_everybody(self, condition: Condition) -> bool:
        """A feed of its woke up: silence can be believed again, also of customers who told nothing (S2)."""
        any_usage = "*" in condition.feeds and bool(self.woken_feeds)
        return (
            any_usage
            or not self.woken_feeds.isdisjoint(condition.feeds)
            or ("usage" in self.woken_feeds and bool(condition.feeds))
        )

    @property
    def shape(self) -> tuple[Any, ...]:
        """What `covers` looks like: the same shape is the same expression, whatever the token."""
        return bool(self.changed), self.new_days == self.all_zones, tuple(sorted(self.new_days))

    def changed_customers(self, customer_id: ColumnElement[int], marks: ColumnElement[str]) -> ColumnElement[bool]:
        """Whether facts about this customer changed. `marks`: this tick's token, as Ground binds it."""
        if not self.changed:
            return false()
        return customer_id.in_(select(CHANGE.c.customer_id).where(CHANGE.c.taken_by == marks))

    def covers(self, customer: Table, marks: ColumnElement[str]) -> ColumnElement[bool]:
        """Whether anything about this customer may have changed: a fact, or its day."""
        if self.new_days == self.all_zones:
            return literal(True)
        if not self.new_days:
            return self.changed_customers(customer.c.id, marks)
        in_zone = func.coalesce(customer.c.timezone, "").in_(sorted(self.new_days))
        return or_(in_zone, self.changed_customers(customer.c.id, marks))


def detect(connection: Connection, now: datetime, default_zone: str) -> News:
    """Take what is new; `settle` forgets it in the same transaction once everybody has looked."""
    token = uuid.uuid4().hex
    _tell_of_meetings(connection, now)
    taken = connection.execute(update(CHANGE).where(CHANGE.c.taken_by.is_(None)).values(taken_by=token))
    zones = _zones_in_use(connection)
    today = {zone: local_date(now, zone if is_zone(zone) else default_zone) for zone in zones}
    seen = {zone: day for zone, day in connection.execute(select(ZONE_DAY.c.timezone, ZONE_DAY.c.day))}
    new_days = frozenset(zone for zone, day in today.items() if seen.get(zone) != day)
    return News(
        now=now,
        token=token,
        changed=taken.rowcount,
        days=LocalDays.at(now, default_zone, zones),
        today=today,
        new_days=new_days,
        all_zones=frozenset(zones),
        woken_feeds=_woken_feeds(connection),
    )


def has_unseen(connection: Connection) -> bool:
    """Whether anything was stored that nobody looked at: a change, an event, an occasion that waits, a provider's word."""
    questions = (
        select(CHANGE.c.id).where(CHANGE.c.taken_by.is_(None)),
        select(EVENT.c.id).where(UNHEARD),
        select(OCCASION.c.id).where(OCCASION.c.state == literal_column(f"'{OccasionState.WAITING.value}'")),
        select(DELIVERY_EVENT.c.id).where(UNABSORBED),
    )
    return any(connection.scalar(question.limit(1)) is not None for question in questions)


def _woken_feeds(connection: Connection) -> frozenset[str]:
    """Feeds that reached another day since everybody last looked."""
    fresher = or_(FEED.c.looked_at.is_(None), FEED.c.looked_at < FEED.c.latest_at)
    rows = connection.execute(select(FEED.c.name, FEED.c.looked_at, FEED.c.latest_at).where(fresher)).all()
    return frozenset(row.name for row in rows if row.looked_at is None or row.looked_at.date() < row.latest_at.date())


def settle(connection: Connection, news: News) -> None:
    """Forget what was taken: everybody has looked at it."""
    if news.woken_feeds:
        connection.execute(
            update(FEED).where(FEED.c.name.in_(sorted(news.woken_feeds))).values(looked_at=FEED.c.latest_at)
        )
    if news.changed:
        connection.execute(delete(CHANGE).where(CHANGE.c.taken_by == news.token))
    for zone in sorted(news.new_days):
        found = connection.execute(update(ZONE_DAY).where(ZONE_DAY.c.timezone == zone).values(day=news.today[zone]))
        if not found.rowcount:
            connection.execute(insert(ZONE_DAY).values(timezone=zone, day=news.today[zone]))


def local_days(connection: Connection, now: datetime, default_zone: str) -> LocalDays:
    """Today, everywhere our customers are."""
    return LocalDays.at(now, default_zone, _zones_in_use(connection))


#: Every zone of customers and "" for none, by skips through the index: one statement of a few look-ups at any size.
ZONES_IN_USE = text(
    """WITH RECURSIVE used(zone) AS (
        SELECT min(timezone) FROM customer WHERE timezone > ''
        UNION ALL
        SELECT (SELECT min(timezone) FROM customer WHERE timezone > used.zone) FROM used WHERE used.zone IS NOT NULL)
    SELECT '' WHERE EXISTS (SELECT 1 FROM customer WHERE timezone IS NULL)
        OR EXISTS (SELECT 1 FROM customer WHERE timezone = '')
    UNION ALL SELECT zone FROM used WHERE zone IS NOT NULL"""
)


def _zones_in_use(connection: Connection) -> list[str]:
    return list(connection.scalars(ZONES_IN_USE).all())


def _tell_of_meetings(connection: Connection, now: datetime) -> None:
    """A meeting whose time has passed was held: one event, for its first attendee if there is one."""
    held = and_(UNTOLD, MEETING.c.starts_at <= now)
    if connection.scalar(select(MEETING.c.id).where(held).limit(1)) is None:
        return
    attendee = select(func.min(ATTENDEE.c.contact_id)).where(ATTENDEE.c.meeting_id == MEETING.c.id).scalar_subquery()
    rows = connection.execute(
        select(
            MEETING.c.id, MEETING.c.customer_id, MEETING.c.kind, MEETING.c.starts_at, attendee.label("contact_id")
        ).where(held)
    ).all()
    connection.execute(
        EVENT.insert(),
        [
            {
                "customer_id": row.customer_id,
                "contact_id": row.contact_id,
                "name": "meeting.held",
                "at": row.starts_at,
                "properties": {"kind": row.kind, "meeting": row.id},
                "source": "journeybot",
                "key": f"meeting-held-{row.id}",
                "received_at": row.starts_at,  # history is marked as told when it is imported, so this one is news
                "is_new": True,
            }
            for row in rows
        ],
    )
    connection.execute(update(MEETING).where(MEETING.c.id.in_([row.id for row in rows])).values(is_told=True))
    connection.execute(CHANGE.insert(), [{"customer_id": row.customer_id} for row in rows])
