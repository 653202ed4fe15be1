"""Metrics, kept day by day: a row where a customer's value is another than before. While a feed of the formula is silent, or
the customer younger than its window, the last value stands (semantics.md S2, S3). One statement per metric. A derivation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Float, Insert, Table, cast, func, literal, select

from bot.authoring.company import Company
from bot.pipeline.derived import Changed, Derivation, Item, Look
from bot.pipeline.scopes import CUSTOMER
from bot.rules.company_model import Metric
from bot.rules.condition_doubt import is_doubtful
from bot.rules.condition_history import reach_of
from bot.rules.conditions import compile_value, parse_value
from bot.rules.derived_names import Derived
from bot.rules.vocabulary_metrics import latest_value
from bot.rules.vocabulary_usage import USAGE, began_on
from storage.health import MetricValue
from storage.prepared import Prepared
from storage.upserts import put_selected

METRIC_VALUE: Table = MetricValue.__table__  # type: ignore[attr-defined]
COLUMNS = ("customer_id", "metric", "day", "value", "changed_at")
#: Days before today on which a new metric is worked out in retrospect: the ends of weeks, and the day before a month.
HISTORY = (36, 31, 29, 22, 15, 8, 1)


def _items(company: Company) -> Sequence[Item]:
    return [
        Item(derived=Derived("metric", name), definition=metric, asks=(parse_value(metric.formula),))
        for name, metric in company.metrics.items()
    ]


def _derive(item: Item, look: Look) -> Changed:
    if look.is_new:
        _fill_history(item, look)
    statement = look.ground.kept(("metric", item.name, look.shape), lambda: Prepared(_keeping(item, look)))
    if not statement.run(look.connection):
        return None
    return lambda: select(METRIC_VALUE.c.customer_id).where(
        METRIC_VALUE.c.metric == item.name, METRIC_VALUE.c.changed_at == look.ground.now()
    )


def _fill_history(item: Item, look: Look) -> None:
    """A new metric as it would have been kept, at the days that trends of up to five weeks ask for, as far as the daily totals
    of its events reach back; so `falling` and `change` answer from the first day. What is no event counts as it is today."""
    connection, days, reach = look.connection, look.ground.days, reach_of(item.asks[0])
    stands = select(METRIC_VALUE.c.day).where(METRIC_VALUE.c.metric == item.name).limit(1)
    since = _totals_since(connection, reach.events) if reach else None
    if reach is None or since is None or connection.scalar(stands) is not None:
        return
    try:
        for days_ago in HISTORY:
            days.move_to(look.now - timedelta(days=days_ago))
            if days.date_in(days.default_zone) - timedelta(days=reach.days) >= since:
                connection.execute(_keeping(item, look))
    finally:
        days.move_to(look.now)


def _totals_since(connection: Connection, events: Collection[str]) -> date | None:
    """The first day from which daily totals of all these events are known."""
    first = [connection.scalar(select(func.min(USAGE.c.day)).where(USAGE.c.event == event)) for event in sorted(events)]
    known = [day for day in first if day is not None]
    return max(known) if len(known) == len(first) else None


def _keeping(item: Item, look: Look) -> Insert:
    assert isinstance(item.definition, Metric)
    (formula,), scope = item.asks, look.ground.scope()
    found = (
        select(
            CUSTOMER.c.id.label("customer_id"),
            scope.today().label("day"),
            cast(compile_value(formula, scope), Float).label("value"),
            latest_value(scope, item.name).label("latest"),
        )
        .where(look.inside(), CUSTOMER.c.erased_at.is_(None), began_on(scope) <= scope.today())
        .where(is_doubtful(formula, scope).is_not(True))
        .offset(0)  # else a planner may work the formula out twice, once for the comparison below
        .subquery("found")
    )
    rows = select(found.c.customer_id, literal(item.name), found.c.day, found.c.value, look.ground.now()).where(
        found.c.value.is_distinct_from(found.c.latest)
    )
    return put_selected(look.connection, METRIC_VALUE, COLUMNS, rows, changes=("value", "changed_at"))


def _forget(connection: Connection, names: Collection[str], now: datetime) -> None:
    """The history stays: it is what was, and a metric may come back."""


KEPT_METRICS = Derivation(kind="metric", writes=(METRIC_VALUE,), items=_items, derive=_derive, forget=_forget)
