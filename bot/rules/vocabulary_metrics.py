"""The vocabulary about named numbers: metrics as they are kept day by day. A day without a row has the value of the last
one before it. Entries only; the pipeline's kept_metrics writes the values."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, select

from bot.rules.condition_scope import Scope, table_of
from bot.rules.condition_tree import ValueType
from bot.rules.vocabulary_entry import Arguments, Entry, Parameter, Shape, Topic
from storage.health import MetricValue

VALUES = table_of(MetricValue)


def latest_value(scope: Scope, metric: str, until: ColumnElement[Any] | None = None) -> ColumnElement[Any]:
    """The metric's value now, or as it was at the end of a day."""
    query = select(VALUES.c.value).where(VALUES.c.customer_id == scope.customer_id, VALUES.c.metric == metric)
    if until is not None:
        query = query.where(VALUES.c.day <= until)
    return query.order_by(VALUES.c.day.desc()).limit(1).correlate(*scope.outer).scalar_subquery()


def is_metric(scope: Scope, arguments: Arguments) -> bool:
    """Whether `falling`, `rising` or `change` were asked of a metric: one of that name wins over an event."""
    return arguments.has("event") and arguments.text("event") in scope.metrics


def _metric(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return latest_value(scope, arguments.text("name"))


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="metric",
        type=ValueType.NUMBER,
        topic=Topic.USAGE,
        meaning="A named number of metrics.yml, as it was when it was last known.",
        example='metric("login_rate") < 0.2',
        is_function=True,
        parameters=(Parameter(name="name", shape=Shape.NAME, is_required=True),),
        sql=_metric,
        moves=True,
    ),
)
