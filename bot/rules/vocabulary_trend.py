"""The vocabulary about change of use: falling, rising, change, missed days. Only complete days count, in blocks of seven
that end yesterday. All of it is unknown while the feed is stale or the customer younger than the window (S2, S3)."""

from __future__ import annotations

import itertools
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, case, cast, func

from bot.rules.condition_scope import Scope
from bot.rules.condition_tree import ValueType
from bot.rules.open_days import is_open_on, open_days_before_today
from bot.rules.vocabulary_entry import Arguments, Entry, Parameter, Shape, Silence, Topic
from bot.rules.vocabulary_metrics import is_metric, latest_value
from bot.rules.vocabulary_usage import EVENT, NEEDED_DAYS, USAGE, event_feed, usage_of, was_used

WEEKS = Parameter(name="weeks", shape=Shape.WHOLE, is_required=True)


def _block_total(scope: Scope, first: int, last: int) -> ColumnElement[Any]:
    """The sum over the days from `first` to `last` days before today."""
    inside = and_(USAGE.c.day >= scope.today(-first), USAGE.c.day <= scope.today(-last))
    return func.coalesce(func.sum(case((inside, USAGE.c.total), else_=0)), 0)


def _metric_at(scope: Scope, arguments: Arguments, days_ago: int) -> ColumnElement[Any]:
    return latest_value(scope, arguments.text("event"), until=scope.today(-days_ago))


def _weekly(scope: Scope, arguments: Arguments, *, is_falling: bool) -> ColumnElement[Any]:
    weeks = arguments.whole("weeks")
    if is_metric(scope, arguments):
        # Its value as it was when each week ended, the oldest first; unknown before the metric was kept.
        ends = [_metric_at(scope, arguments, 7 * week + 1) for week in range(weeks - 1, -1, -1)]
        pairs = itertools.pairwise(ends)
        return and_(*((later < earlier) if is_falling else (later > earlier) for earlier, later in pairs))
    # weeks[0] is the oldest.
    totals = [_block_total(scope, 7 * week, 7 * week - 6) for week in range(weeks, 0, -1)]
    steps = itertools.pairwise(totals)
    verdict = and_(*((later < earlier) if is_falling else (later > earlier) for earlier, later in steps))
    query = usage_of(scope, verdict, event=arguments.text("event"))
    return query.where(USAGE.c.day >= scope.today(-7 * weeks), USAGE.c.day < scope.today()).scalar_subquery()


def _falling(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return _weekly(scope, arguments, is_falling=True)


def _rising(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return _weekly(scope, arguments, is_falling=False)


def _change(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    days = arguments.whole("days")
    if is_metric(scope, arguments):
        now, then = _metric_at(scope, arguments, 1), _metric_at(scope, arguments, days + 1)
        return (now - then) / func.nullif(then, 0.0, type_=Float())
    newer, older = _block_total(scope, days, 1), _block_total(scope, 2 * days, days + 1)
    share = cast(newer - older, Float) / cast(func.nullif(older, 0), Float)
    query = usage_of(scope, share, event=arguments.text("event"))
    return query.where(USAGE.c.day >= scope.today(-2 * days), USAGE.c.day < scope.today()).scalar_subquery()


def _missed_days(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    days = arguments.whole("days")
    used = (
        usage_of(scope, func.count(USAGE.c.day.distinct()), event=arguments.text("event"))
        .where(
            USAGE.c.day >= scope.today(-days),
            USAGE.c.day < scope.today(),
            was_used(),
            is_open_on(scope, USAGE.c.day),
        )
        .scalar_subquery()
    )
    return open_days_before_today(scope, days) - used


def _whole(name: str, type_: ValueType, meaning: str, example: str, sql: Any, span: Parameter, per: int) -> Entry:
    """`per`: how many days of life one unit of the span asks for."""
    return Entry(
        name=name,
        type=type_,
        topic=Topic.USAGE,
        meaning=meaning,
        example=example,
        is_function=True,
        parameters=(EVENT, span),
        sql=sql,
        silence=Silence.WHOLE,
        feed=event_feed,
        window=lambda arguments: per * arguments.whole(span.name),
        moves=True,
    )


ENTRIES: tuple[Entry, ...] = (
    _whole(
        "missed_days",
        ValueType.NUMBER,
        "On how many of the customer's opening days among the last complete days the event did not happen.",
        'missed_days("reservation_saved", days=1) >= 1',
        _missed_days,
        NEEDED_DAYS,
        1,
    ),
    _whole(
        "falling",
        ValueType.BOOL,
        "Whether each of the last complete weeks had less of the event than the one before; a metric counts as it ended them.",
        'falling("login", weeks=3)',
        _falling,
        WEEKS,
        7,
    ),
    _whole(
        "rising",
        ValueType.BOOL,
        "Whether each of the last complete weeks had more of the event than the one before; a metric counts as it ended them.",
        'rising("login", weeks=3)',
        _rising,
        WEEKS,
        7,
    ),
    _whole(
        "change",
        ValueType.NUMBER,
        "The last complete days against as many before them, as a share: -0.25 is a quarter less; unknown from zero.",
        'change("login", days=30) <= -0.25',
        _change,
        NEEDED_DAYS,
        2,
    ),
)
