"""The customer's opening days as SQL (semantics.md S18): is a day one of them, how many lie in a window. Reads
`customer.open_days` as intake stores it: `mon;tue;wed` or `every day`; a range or nothing at all means the default."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, String, and_, case, func, literal, or_

from bot.rules.business_days import parse_open_days
from bot.rules.condition_scope import Scope
from storage.dialects import weekday_of

EVERY_DAY = ("every day", "everyday", "daily", "all")
NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def stored_open_days(text: str) -> str:
    """The spelling in which intake stores opening days: `mon;tue;wed`. Raises: ValueError as parse_open_days."""
    return ";".join(NAMES[day] for day in sorted(parse_open_days(text)))


def _by_days(scope: Scope, listed: ColumnElement[Any], default: ColumnElement[Any]) -> ColumnElement[Any]:
    """1 or 0: on every day, on those that the customer lists, or as by default. The default comes first, as most list none."""
    text = scope.customer.c.open_days
    is_listed = and_(or_(text.like("%;%"), func.length(text) == 3), text.not_like("%-%"))
    every_day = func.lower(text).in_(EVERY_DAY)
    return case((text.is_(None), default), (every_day, literal(1, Integer())), (is_listed, listed), else_=default)


def _opens(scope: Scope, weekday: int) -> ColumnElement[Any]:
    """1 where the customer opens on that weekday (0 = Monday), else 0."""
    named = _lists(scope, literal(NAMES[weekday], String()))
    return _by_days(scope, named, literal(int(weekday in parse_open_days(scope.open_days)), Integer()))


def _lists(scope: Scope, name: ColumnElement[str]) -> ColumnElement[Any]:
    text = func.lower(scope.customer.c.open_days)
    return case((text.contains(name), literal(1, Integer())), else_=literal(0, Integer()))


def is_open_on(scope: Scope, day: ColumnElement[Any]) -> ColumnElement[bool]:
    """Asked of each row of usage, so it stays short: the name of that weekday is looked for in the list."""
    weekday = weekday_of(day)
    name = func.substr(literal("".join(NAMES), String()), weekday * 3 + 1, 3)
    by_default = case((weekday.in_(sorted(parse_open_days(scope.open_days))), 1), else_=0)
    return _by_days(scope, _lists(scope, name), by_default) == 1


def open_days_before_today(scope: Scope, days: int) -> ColumnElement[Any]:
    """How many of the last `days` complete days the customer was open."""
    total: ColumnElement[Any] = literal(0, Integer())
    for weekday in range(7):

        def times(zone: str, weekday: int = weekday) -> int:
            return _times(scope.days.date_in(zone), weekday, days)

        total = total + _opens(scope, weekday) * scope.days.per_zone(scope.customer, times, Integer())
    return total


def _times(today: date, weekday: int, days: int) -> int:
    rest = days % 7
    begin = today - timedelta(days=rest)
    return days // 7 + sum((begin + timedelta(days=step)).weekday() == weekday for step in range(rest))
