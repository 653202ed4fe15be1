"""The vocabulary about time: today, and how many days since or until a date. Days are the customer's own calendar days
(semantics.md S18). Entries only; the day itself comes from condition_scope.LocalDays."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, select

from bot.rules.condition_scope import Scope, table_of
from bot.rules.condition_tree import ValueType
from bot.rules.vocabulary_entry import Arguments, Entry, Parameter, Shape, Silence, Topic
from storage.dialects import days_between, local_date
from storage.facts import DailyUsage


def _today(scope: Scope, _: Arguments) -> ColumnElement[Any]:
    return scope.today()


def _days_in_stage(scope: Scope, _: Arguments) -> ColumnElement[Any]:
    return days_between(scope.today(), local_date(scope.customer.c.stage_since, scope.offset_minutes()))


def _days_since(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return days_between(scope.today(), arguments.sql("date"))


def _days_until(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return days_between(arguments.sql("date"), scope.today())


def _days_since_event(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    usage = table_of(DailyUsage)
    latest = (
        select(usage.c.day)
        .where(
            usage.c.customer_id == scope.customer_id,
            usage.c.event == arguments.text("event"),
            usage.c.day <= scope.today(),
            usage.c["count"] > 0,
        )
        .order_by(usage.c.day.desc())
        .limit(1)
        .correlate(*scope.outer)
        .scalar_subquery()
    )
    return days_between(scope.today(), latest)


A_DATE = (Parameter(name="date", shape=Shape.DATE, is_required=True),)

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="today",
        type=ValueType.DATE,
        topic=Topic.TIME,
        meaning="The customer's local day.",
        example="renewal_date < today",
        sql=_today,
        moves=True,
        drifts=1,
    ),
    Entry(
        name="days_in_stage",
        type=ValueType.NUMBER,
        topic=Topic.TIME,
        meaning="Days since the customer entered its stage; 0 on the first.",
        example="days_in_stage >= 60",
        sql=_days_in_stage,
        moves=True,
        drifts=1,
    ),
    Entry(
        name="days_since",
        type=ValueType.NUMBER,
        topic=Topic.TIME,
        meaning="Days from the date to today; negative while it lies ahead.",
        example="days_since(started_on) >= 14",
        is_function=True,
        parameters=A_DATE,
        sql=_days_since,
        moves=True,
        drifts=1,
    ),
    Entry(
        name="days_until",
        type=ValueType.NUMBER,
        topic=Topic.TIME,
        meaning="Days from today to the date; negative once it has passed.",
        example="days_until(renewal_date) <= 90",
        is_function=True,
        parameters=A_DATE,
        sql=_days_until,
        moves=True,
        drifts=-1,
    ),
    Entry(
        name="days_since_event",
        type=ValueType.NUMBER,
        topic=Topic.TIME,
        meaning="Days since the event last happened; empty when it never did, unknown while its feed is stale.",
        example='days_since_event("login") >= 14',
        is_function=True,
        parameters=(Parameter(name="event", shape=Shape.NAME, is_required=True),),
        sql=_days_since_event,
        silence=Silence.WHOLE,
        feed=lambda arguments: arguments.text("event"),
        moves=True,
    ),
)
