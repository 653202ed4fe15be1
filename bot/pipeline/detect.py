"""First pass: what is new since we last looked? Takes the marks of changed customers, notices where a new local day
began, and tells of meetings and subscription ends whose time has come. Decides nothing; enroll and wake look at what it found."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import (
    Connection,
    String,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from bot.pipeline.news import CHANGE, MARKED_TODAY, NEW_DAY, NEXT_TICK, News, days_in_zones
from bot.pipeline.scopes import CUSTOMER
from bot.rules.condition_feeds import allowed_age
from bot.rules.conditions import LocalDays
from bot.rules.zones import is_zone, local_date, start_of_day
from storage.asking import NOW
from storage.facts import UNHEARD, UNTOLD, Event, Feed, Meeting, MeetingAttendee
from storage.journeys import Occasion, OccasionState, ZoneDay
from storage.marks import mark_changed
from storage.outbox import UNABSORBED, DeliveryEvent

ZONE_DAY: Table = ZoneDay.__table__  # type: ignore[attr-defined]
MEETING: Table = Meeting.__table__  # type: ignore[attr-defined]
ATTENDEE: Table = MeetingAttendee.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]
OCCASION: Table = Occasion.__table__  # type: ignore[attr-defined]
DELIVERY_EVENT: Table = DeliveryEvent.__table__  # type: ignore[attr-defined]
FEED: Table = Feed.__table__  # type: ignore[attr-defined]
#: A feed that all believe is remembered in steps, not at every tick.
WORTH_REMEMBERING = timedelta(hours=1)


#: What was stored and nobody looked at (storage.asking): a change, an event (those that lie ahead wait), an occasion that waits, a
#: provider's word.
UNSEEN = {
    "changes": select(CHANGE.c.id).where(CHANGE.c.taken_by.is_(None)),
    "events": select(EVENT.c.id).where(UNHEARD, EVENT.c.at <= NOW),
    "occasions": select(OCCASION.c.id).where(OCCASION.c.state == literal_column(f"'{OccasionState.WAITING.value}'")),
    "told": select(DELIVERY_EVENT.c.id).where(UNABSORBED),
}
_IS_HELD = and_(UNTOLD, MEETING.c.starts_at <= NOW)
_IS_FRESHER = or_(FEED.c.looked_at.is_(None), FEED.c.looked_at < FEED.c.latest_at)
#: What only the beginning of a tick looks at.
AT_THE_BEGINNING = {
    "left_over": select(CHANGE.c.id).where(CHANGE.c.taken_by == NEXT_TICK),
    "meetings": select(MEETING.c.id).where(_IS_HELD),
}
#: Feeds that reached further than everybody has looked; `woken_and_heard` says whether that concerns anybody.
FRESHER_FEEDS = select(FEED.c.name).where(_IS_FRESHER)


def detect(
    connection: Connection,
    now: datetime,
    default_zone: str,
    *,
    begins: bool = True,
    ages: Mapping[str, timedelta] = MappingProxyType({}),
) -> News:
    """Take what is new; `settle` forgets it in the same transaction once everybody has looked. `begins`: a tick begins, so
    that what waited for the next tick is seen now (S31). `ages`: how old a feed may be (workspace.yml `feeds:`)."""
    token = uuid.uuid4().hex
    _tell_of_meetings(connection, now)
    taken = connection.execute(_TAKING_TOO if begins else _TAKING, {"mine": token})
    today, new_days = days_in_zones(connection, now, default_zone)
    if new_days and len(new_days) < len(today):
        _mark_zones(connection, new_days, token + NEW_DAY)
    woken, heard = woken_and_heard(connection, now, today, default_zone, ages)
    return News(
        now=now,
        token=token,
        changed=taken.rowcount,
        about=frozenset(connection.scalars(_ABOUT, {"mine": token})) if taken.rowcount else frozenset(),
        days=LocalDays.at(now, default_zone, list(today)),
        today=today,
        new_days=new_days,
        all_zones=frozenset(today),
        woken_feeds=woken,
        heard_feeds=heard,
    )


_TAKING = update(CHANGE).where(CHANGE.c.taken_by.is_(None)).values(taken_by=bindparam("mine"))
_TAKING_TOO = (
    update(CHANGE)
    .where(or_(CHANGE.c.taken_by.is_(None), CHANGE.c.taken_by == NEXT_TICK))
    .values(taken_by=bindparam("mine"))
)
_ABOUT = select(CHANGE.c.about).where(CHANGE.c.taken_by == bindparam("mine")).distinct()


def _mark_zones(connection: Connection, zones: frozenset[str], mark: str) -> None:
    """The customers where a day began, so that whoever looks finds them as it finds those whose facts changed."""
    zone = CUSTOMER.c.timezone
    here = zone.in_(sorted(zones))
    rows = select(CUSTOMER.c.id, literal(mark, String())).where(or_(here, zone.is_(None)) if "" in zones else here)
    connection.execute(insert(CHANGE).from_select(["customer_id", "taken_by"], rows))


_FRESHER = select(FEED.c.name, FEED.c.looked_at, FEED.c.latest_at).where(_IS_FRESHER)


def woken_and_heard(
    connection: Connection, now: datetime, zones: Iterable[str], default_zone: str, ages: Mapping[str, timedelta]
) -> tuple[frozenset[str], frozenset[str]]:
    """Feeds that were silent for somebody when everybody last looked and can be believed again (S2); and those that were
    believed all along and reached further, which concerns only the customers whose facts they brought."""
    woken, heard = set[str](), set[str]()
    rows = connection.execute(_FRESHER).all()
    known = {zone if is_zone(zone) else default_zone for zone in zones} if rows else ()
    yesterdays = [start_of_day(local_date(now, zone) - timedelta(days=1), zone) for zone in sorted(known)]
    for row in rows:
        age = allowed_age(row.name, ages)
        needed = yesterdays if age is None else [now - age]
        if row.looked_at is None or any(row.looked_at < each <= row.latest_at for each in needed):
            woken.add(row.name)
        elif row.latest_at - row.looked_at >= WORTH_REMEMBERING and all(row.latest_at >= each for each in needed):
            heard.add(row.name)
    return frozenset(woken), frozenset(heard)


def settle(connection: Connection, news: News) -> None:
    """Forget what was taken: everybody has looked at it."""
    reached = news.woken_feeds | news.heard_feeds
    if reached:
        connection.execute(update(FEED).where(FEED.c.name.in_(sorted(reached))).values(looked_at=FEED.c.latest_at))
    if news.changed:
        connection.execute(_FORGETTING, {"mine": news.token})
    if news.shape == MARKED_TODAY:
        connection.execute(_FORGETTING, {"mine": news.token + NEW_DAY})
    for zone in sorted(news.new_days):
        if not connection.execute(_BEGINNING_DAY, {"zone": zone, "today": news.today[zone]}).rowcount:
            connection.execute(insert(ZONE_DAY).values(timezone=zone, day=news.today[zone]))


_BEGINNING_DAY = update(ZONE_DAY).where(ZONE_DAY.c.timezone == bindparam("zone")).values(day=bindparam("today"))
_FORGETTING = delete(CHANGE).where(CHANGE.c.taken_by == bindparam("mine"))
_ANY_MEETING = AT_THE_BEGINNING["meetings"].limit(1)


def _tell_of_meetings(connection: Connection, now: datetime) -> None:
    """A meeting whose time has passed was held: one event, for its first attendee if there is one."""
    if connection.scalar(_ANY_MEETING, {"now": now}) is None:
        return
    attendee = select(func.min(ATTENDEE.c.contact_id)).where(ATTENDEE.c.meeting_id == MEETING.c.id).scalar_subquery()
    rows = connection.execute(
        select(
            MEETING.c.id, MEETING.c.customer_id, MEETING.c.kind, MEETING.c.starts_at, attendee.label("contact_id")
        ).where(_IS_HELD),
        {"now": now},
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
    mark_changed(connection, {row.customer_id for row in rows}, MEETING, EVENT)
