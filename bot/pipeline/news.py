"""What a tick has to look at: customers whose facts changed, and those where a new local day began; and which day it is where
our customers are. detect makes it, enroll and wake ask it. Reads time zones only, decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Date, String, Table, column, literal, select, text, true

from bot.rules.conditions import Condition, LocalDays
from bot.rules.zones import is_zone, local_date
from storage.accounts import CustomerChange

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

    def changed_customers(self, customer_id: ColumnElement[int], marks: ColumnElement[str]) -> ColumnElement[bool]:
        """Whether facts about this customer changed. `marks`: this tick's token, as Ground binds it."""
        return customer_id.in_(select(CHANGE.c.customer_id).where(CHANGE.c.taken_by == marks))

    def covers(self, customer: Table, marks: ColumnElement[str]) -> ColumnElement[bool]:
        """Whether anything about this customer may have changed: a fact, or its day."""
        if self.new_days == self.all_zones:
            return true()
        if not self.new_days:
            return self.changed_customers(customer.c.id, marks)
        both = (marks, marks + literal(NEW_DAY, String()))
        return customer.c.id.in_(select(CHANGE.c.customer_id).where(CHANGE.c.taken_by.in_(both)))


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
