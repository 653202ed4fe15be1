"""The vocabulary about use of the product: counts, totals, people, days, breadth. A window of n days is today and the n-1
days before it and never reaches back before `started_on` (semantics.md S3); events and imported daily totals add up.
Change over weeks is in vocabulary_trend.py."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, func, literal, or_, select

from bot.rules.condition_scope import Scope, table_of
from bot.rules.condition_tree import ValueType
from bot.rules.open_days import is_open_on
from bot.rules.vocabulary_entry import Arguments, Entry, Parameter, Shape, Silence, Topic
from bot.rules.vocabulary_machine import step_over_at
from storage.dialects import add_days, larger_of, local_date
from storage.facts import DailyUsage, Event

USAGE = table_of(DailyUsage)
EVENTS = table_of(Event)
#: DailyUsage.source of what was rolled up from single events; any other source is an import's totals.
ROLLED_UP = "events"
#: The feed that stands for every event.
ANY_USAGE = "*"

EVENT = Parameter(name="event", shape=Shape.NAME, is_required=True)
DAYS = Parameter(name="days", shape=Shape.DAYS)
SINCE = Parameter(name="since", shape=Shape.STEP)


def days_of_life(scope: Scope, day: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a day is not before the customer began (S3)."""
    started = scope.customer.c.started_on
    return or_(started.is_(None), day >= started)


def in_window(scope: Scope, days: int) -> ColumnElement[bool]:
    """Usage rows of the last `days` days, today included."""
    return and_(USAGE.c.day > scope.today(-days), USAGE.c.day <= scope.today(), days_of_life(scope, USAGE.c.day))


def usage_of(scope: Scope, *what: ColumnElement[Any], event: str | None) -> Select[Any]:
    query = select(*what).where(USAGE.c.customer_id == scope.customer_id)
    if event is not None:
        query = query.where(USAGE.c.event == event)
    return query.correlate(*scope.outer)


def _sum_of(column: str, each: ColumnElement[Any]) -> Any:
    """`column` of daily usage, and what one single event adds to it (for `since`)."""

    def sql(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
        event = arguments.text("event")
        summed = func.coalesce(func.sum(USAGE.c[column]), 0)
        if arguments.has("days"):
            return (
                usage_of(scope, summed, event=event).where(in_window(scope, arguments.whole("days"))).scalar_subquery()
            )
        since = step_over_at(scope, arguments.text("since"))
        single = select(func.coalesce(func.sum(each), 0)).where(
            EVENTS.c.customer_id == scope.customer_id,
            EVENTS.c.name == event,
            EVENTS.c.at > since,
            EVENTS.c.at <= scope.now(),
        )
        # An import knows days only: the step's own day may lie before the step, so it does not count.
        imported = usage_of(scope, summed, event=event).where(
            USAGE.c.source != ROLLED_UP,
            USAGE.c.day > local_date(since, scope.offset_minutes()),
            USAGE.c.day <= scope.today(),
        )
        return single.correlate(*scope.outer).scalar_subquery() + imported.scalar_subquery()

    return sql


def _users(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    days, event = arguments.whole("days"), arguments.text("event")
    people = select(func.count(EVENTS.c.contact_id.distinct())).where(
        EVENTS.c.customer_id == scope.customer_id,
        EVENTS.c.name == event,
        EVENTS.c.at >= scope.day_start(1 - days),
        EVENTS.c.at <= scope.now(),
        days_of_life(scope, local_date(EVENTS.c.at, scope.offset_minutes())),
    )
    totals = usage_of(scope, func.coalesce(func.max(USAGE.c.users), 0), event=event).where(in_window(scope, days))
    return larger_of(people.correlate(*scope.outer).scalar_subquery(), totals.scalar_subquery())


def was_used() -> ColumnElement[bool]:
    return or_(USAGE.c["count"] > 0, USAGE.c.total > 0)


def _active_days(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    query = usage_of(scope, func.count(USAGE.c.day.distinct()), event=arguments.text("event"))
    window = in_window(scope, arguments.whole("days"))
    return query.where(window, was_used(), is_open_on(scope, USAGE.c.day)).scalar_subquery()


def _in_first_days(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    start = began_on(scope)
    return (
        usage_of(scope, func.coalesce(func.sum(USAGE.c.total), 0), event=arguments.text("event"))
        .where(
            USAGE.c.day >= start,
            USAGE.c.day < add_days(start, arguments.whole("days")),
            USAGE.c.day <= scope.today(),
        )
        .scalar_subquery()
    )


def _breadth(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    enough = func.sum(USAGE.c["count"]) >= arguments.whole("at_least", 1)
    used = (
        usage_of(scope, USAGE.c.event, event=None)
        .where(in_window(scope, arguments.whole("days")))
        .group_by(USAGE.c.event)
        .having(enough)
        .subquery()
    )
    return select(func.count()).select_from(used).correlate(*scope.outer).scalar_subquery()


def began_on(scope: Scope) -> ColumnElement[Any]:
    """The day the customer began; one whose start nobody told began when it was first heard of."""
    customer = scope.customer.c
    return func.coalesce(customer.started_on, local_date(customer.created_at, scope.offset_minutes()))


def event_feed(arguments: Arguments) -> str:
    return arguments.text("event")


def _counted(name: str, meaning: str, example: str, sql: Any, *parameters: Parameter, **more: Any) -> Entry:
    return Entry(
        name=name,
        type=ValueType.NUMBER,
        topic=Topic.USAGE,
        meaning=meaning,
        example=example,
        is_function=True,
        parameters=parameters,
        sql=sql,
        silence=Silence.ZERO,
        feed=more.pop("feed", event_feed),
        moves=more.pop("moves", ("days",)),
        **more,
    )


NEEDED_DAYS = Parameter(name="days", shape=Shape.DAYS, is_required=True)

ENTRIES: tuple[Entry, ...] = (
    _counted(
        "count",
        "How often the event happened in the last days, or since a step of this walk.",
        'count("login", days=30) == 0',
        _sum_of("count", literal(1, Integer())),
        EVENT,
        DAYS,
        SINCE,
        one_of=("days", "since"),
    ),
    _counted(
        "total",
        "The sum of the event's values in the last days, or since a step of this walk; an event without a value counts 1.",
        'total("scouts_sent", days=30) > 0',
        _sum_of("total", func.coalesce(EVENTS.c.value, 1)),
        EVENT,
        DAYS,
        SINCE,
        one_of=("days", "since"),
    ),
    _counted(
        "users",
        "How many people did the event in the last days; where only daily totals were imported, the best day's number.",
        'users("login", days=7) >= 3',
        _users,
        EVENT,
        NEEDED_DAYS,
    ),
    _counted(
        "active_days",
        "On how many of the customer's opening days among the last days the event happened.",
        'active_days("login", days=28) >= 20',
        _active_days,
        EVENT,
        NEEDED_DAYS,
    ),
    _counted(
        "in_first_days",
        "The sum of the event's values in the customer's first days.",
        'in_first_days("scouts_sent", days=30) >= 9',
        _in_first_days,
        EVENT,
        NEEDED_DAYS,
    ),
    _counted(
        "breadth",
        "How many different events happened in the last days, each at least `at_least` times (once, unless said).",
        "breadth(days=14, at_least=3) >= 5",
        _breadth,
        NEEDED_DAYS,
        Parameter(name="at_least", shape=Shape.WHOLE),
        feed=lambda _: ANY_USAGE,
    ),
)
