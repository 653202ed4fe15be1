"""What a condition is asked about: the customer's row, the contact's, the walk's, the event, and what day it is for each
customer. Conditions read time only from here, as bound values, so one statement judges a million customers alike.
Built by the passes (detect, enroll, advance) and by explain; used by the vocabulary's SQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Date, FromClause, Integer, Table, bindparam, case
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from bot.rules import zones as zone_rules
from bot.rules.catalogue import Catalogue
from bot.rules.products import Product
from storage.columns import UtcDateTime

#: A workspace threshold: the first whose condition holds (None: always) gives the value.
LimitCases = Sequence[tuple[str | None, Any]]


def table_of(model: type[SQLModel]) -> Table:
    return cast(Table, vars(model)["__table__"])


@dataclass(slots=True, kw_only=True)
class LocalDays:
    """What day it is where each customer is. A customer without a zone, or with one nobody knows, lives in the default one.

    Expressions made from it read the time when they run, not when they are made: so a condition is put together once
    and asked at every tick, and only `move_to` says what time it is."""

    now: datetime
    default_zone: str
    zones: tuple[str, ...]

    @classmethod
    def at(cls, now: datetime, default_zone: str, zones: Collection[str | None] = ()) -> LocalDays:
        """`zones`: the distinct zone texts of the customers asked about. Raises: ValueError for an unknown default."""
        zone_rules.zone_of(default_zone)
        known = {zone for zone in zones if zone and zone != default_zone and zone_rules.is_zone(zone)}
        return cls(now=now.astimezone(UTC), default_zone=default_zone, zones=tuple(sorted(known)))

    def move_to(self, now: datetime) -> None:
        self.now = now.astimezone(UTC)

    def when(self, value_of: Callable[[datetime], Any], type_: TypeEngine[Any]) -> ColumnElement[Any]:
        """A value that depends on the time, bound anew at every run."""
        return bindparam(None, callable_=lambda: value_of(self.now), type_=type_)

    def per_zone(
        self, customer: FromClause, value_of: Callable[[str], Any], type_: TypeEngine[Any]
    ) -> ColumnElement[Any]:
        """A value that depends on the time and the customer's zone."""

        def bound(zone: str) -> ColumnElement[Any]:
            return bindparam(None, callable_=lambda: value_of(zone), type_=type_)

        other = bound(self.default_zone)
        ways = [(customer.c.timezone == zone, bound(zone)) for zone in self.zones]
        return case(*ways, else_=other) if ways else other

    def date_in(self, zone: str) -> date:
        return zone_rules.local_date(self.now, zone)

    def day(self, customer: FromClause, offset: int = 0) -> ColumnElement[date]:
        """The customer's today, moved by `offset` days."""
        return self.per_zone(customer, lambda zone: self.date_in(zone) + timedelta(days=offset), Date())

    def today(self, customer: FromClause) -> ColumnElement[date]:
        return self.day(customer)

    def day_start(self, customer: FromClause, offset: int = 0) -> ColumnElement[datetime]:
        """The instant at which the customer's day began, `offset` days from today."""

        def start(zone: str) -> datetime:
            return zone_rules.start_of_day(self.date_in(zone) + timedelta(days=offset), zone)

        return self.per_zone(customer, start, UtcDateTime())

    def offset_minutes(self, customer: FromClause) -> ColumnElement[int]:
        """Minutes east of UTC, now. Older instants use it too: a day counted across a clock change may be an hour off."""

        def offset(zone: str) -> int:
            distance = zone_rules.to_local(self.now, zone).utcoffset()
            return round(distance.total_seconds() / 60) if distance is not None else 0

        return self.per_zone(customer, offset, Integer())

    def instant(self) -> ColumnElement[datetime]:
        return self.when(lambda now: now, UtcDateTime())


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The rows a condition speaks of. The enclosing statement selects from `customer` (and `contact`, `enrollment`, or the
    `objective` of a plan whose target it is).

    `limits` are the workspace's thresholds by name, `feeds` how old a feed may be by name (workspace.yml `feeds:`),
    `open_days` the days of a customer that says none, `stages` the days that stages.yml expects a stage to take,
    `metrics` the names of metrics.yml, `catalogue` what content.yml has, `products` those of products.yml. `known`: columns that
    hold what a name or function gives, by its text."""

    customer: FromClause
    days: LocalDays
    contact: FromClause | None = None
    enrollment: FromClause | None = None
    objective: FromClause | None = None
    event: ColumnElement[Any] | None = None
    limits: Mapping[str, LimitCases] = field(default_factory=dict)
    feeds: Mapping[str, timedelta] = field(default_factory=dict)
    open_days: str = "monday to friday"
    stages: Mapping[str, int] = field(default_factory=dict)
    metrics: frozenset[str] = frozenset()
    catalogue: Catalogue = field(default_factory=Catalogue)
    products: Mapping[str, Product] = field(default_factory=dict)
    known: Mapping[str, ColumnElement[Any]] = field(default_factory=dict)

    @property
    def outer(self) -> tuple[FromClause, ...]:
        """What a subquery correlates to; nothing else of the enclosing statement leaks into it."""
        return tuple(row for row in (self.customer, self.contact, self.enrollment, self.objective) if row is not None)

    @property
    def customer_id(self) -> ColumnElement[int]:
        return self.customer.c.id

    def today(self, offset: int = 0) -> ColumnElement[date]:
        return self.days.day(self.customer, offset)

    def day_start(self, offset: int = 0) -> ColumnElement[datetime]:
        return self.days.day_start(self.customer, offset)

    def offset_minutes(self) -> ColumnElement[int]:
        return self.days.offset_minutes(self.customer)

    def now(self) -> ColumnElement[datetime]:
        return self.days.instant()
