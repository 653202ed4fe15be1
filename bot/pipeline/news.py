"""What a tick has to look at: customers whose facts changed, and those where a new local day began; and which day it is where
our customers are. detect makes it, enroll and wake ask it. Reads time zones only, decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Date, String, Table, and_, column, literal, or_, select, text, true

from bot.rules.conditions import Condition, LocalDays
from bot.rules.zones import is_zone, local_date
from storage.accounts import CustomerChange
from storage.marks import ANYTHING

CHANGE: Table = CustomerChange.__table__  # type: ignore[attr-defined]
#: Marks of changes that only the next tick may see: whoever closes a ring reads the previous tick's value (S31).
NEXT_TICK = "next tick"
#: Whom a look is at, so that its statement can be kept: the customers marked, those of a new day too, or all.
EVERYBODY, MARKED_TODAY, MARKED = ("everybody",), ("marked today",), ("marked",)
#: Ends the token under which detect marks the customers of the zones with a new day, where those are not all.
NEW_DAY = "/day"
#: Every zone of customers and "" for none, by skips through the index: one statement of a few look-ups at any size.
_ZONES = """WITH RECURSIVE used(zone) AS (
        SELECT min(timezone) FROM customer WHERE timezone > ''
        UNION ALL
        SELECT (SELECT min(timezone) FROM customer WHERE timezone > used.zone) FROM used WHERE used.zone IS NOT NULL)
    SELECT '' AS zone WHERE EXISTS (SELECT 1 FROM customer WHERE timezone IS NULL)
        OR EXISTS (SELECT 1 FROM customer WHERE timezone = '')
    UNION ALL SELECT zone FROM used WHERE zone IS NOT NULL"""
ZONES_IN_USE = text(_ZONES)
#: The same, each with the day on which everybody there was looked at last.
ZONES_AND_DAYS = text(
    f"SELECT zones.zone, zone_day.day FROM ({_ZONES}) AS zones LEFT JOIN zone_day ON zone_day.timezone = zones.zone"
).columns(column("zone", String()), column("day", Date()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks of a customer, as far as it says when to look again: the tables that are read (None: it may be any),
    the conditions, and whether a new day matters."""

    tables: frozenset[str] | None
    conditions: tuple[Condition, ...]
    moves_with_time: bool


#: Whom to look at: what it looks like (the same shape is the same expression), and the filter over the customer table.
Inside = tuple[tuple[Any, ...], Callable[[], ColumnElement[bool]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What to look at in this tick: customers under `token` in customer_change, and all of the zones with a new day. `about`: the
    tables in which anybody's facts changed."""

    now: datetime
    token: str
    changed: int
    about: frozenset[str] = frozenset()
    days: LocalDays
    today: Mapping[str, date]
    new_days: frozenset[str]
    all_zones: frozenset[str]
    woken_feeds: frozenset[str]
    #: Feeds that reached further and were believed all along: nobody need look, only remember.
    heard_feeds: frozenset[str] = frozenset()

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
        """What `covers` looks like: the same shape is the same expression, whatever the token and the zones."""
        if self.new_days == self.all_zones:
            return EVERYBODY
        return MARKED_TODAY if self.new_days else MARKED

    def touches(self, tables: frozenset[str] | None) -> bool:
        """Whether anybody's facts changed in one of these tables (None: in any)."""
        if tables is None or ANYTHING in self.about:
            return bool(self.changed)
        return not tables.isdisjoint(self.about)

    def whom_to_ask(self, asked: Asked, customer_id: ColumnElement[int], marks: ColumnElement[str]) -> Inside | None:
        """The customers whose answer may have changed; None: nobody's. A new day only matters to what moves with time.
        `marks`: this tick's token, as Ground binds it."""
        if any(self.concerns_everybody(condition) for condition in asked.conditions):
            return EVERYBODY, true
        if asked.moves_with_time and self.new_days:
            return self.shape, lambda: self.covers(customer_id, marks, asked.tables)
        if self.touches(asked.tables):
            return MARKED, lambda: self.changed_customers(customer_id, marks, asked.tables)
        return None

    def changed_customers(
        self, customer_id: ColumnElement[int], marks: ColumnElement[str], tables: frozenset[str] | None = None
    ) -> ColumnElement[bool]:
        """Whether facts about this customer changed, in one of these tables."""
        return customer_id.in_(select(CHANGE.c.customer_id).where(_is_marked(marks, tables)))

    def covers(
        self, customer_id: ColumnElement[int], marks: ColumnElement[str], tables: frozenset[str] | None = None
    ) -> ColumnElement[bool]:
        """Whether anything about this customer may have changed: a fact in one of these tables, or its day."""
        if self.new_days == self.all_zones:
            return true()
        if not self.new_days:
            return self.changed_customers(customer_id, marks, tables)
        has_new_day = CHANGE.c.taken_by == marks + literal(NEW_DAY, String())
        return customer_id.in_(select(CHANGE.c.customer_id).where(or_(_is_marked(marks, tables), has_new_day)))


def _is_marked(marks: ColumnElement[str], tables: frozenset[str] | None) -> ColumnElement[bool]:
    marked = CHANGE.c.taken_by == marks
    return marked if tables is None else and_(marked, CHANGE.c.about.in_(sorted({*tables, ANYTHING})))


def local_days(connection: Connection, now: datetime, default_zone: str) -> LocalDays:
    """Today, everywhere our customers are."""
    return LocalDays.at(now, default_zone, zones_in_use(connection))


def days_in_zones(connection: Connection, now: datetime, default_zone: str) -> tuple[dict[str, date], frozenset[str]]:
    """Today, by every zone of customers; and the zones in which a day began that nobody looked at yet."""
    seen = {row.zone: row.day for row in connection.execute(ZONES_AND_DAYS)}
    today = {zone: local_date(now, zone if is_zone(zone) else default_zone) for zone in seen}
    return today, frozenset(zone for zone, day in today.items() if seen[zone] != day)


def zones_in_use(connection: Connection) -> list[str]:
    return list(connection.scalars(ZONES_IN_USE).all())


def no_news(connection: Connection, now: datetime, default_zone: str) -> News:
    """Nothing new for anybody: for who looks at everybody all the same."""
    return News(
        now=now,
        token="",
        changed=0,
        days=local_days(connection, now, default_zone),
        today={},
        new_days=frozenset(),
        all_zones=frozenset(),
        woken_feeds=frozenset(),
    )
