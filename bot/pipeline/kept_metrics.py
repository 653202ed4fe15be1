"""Metrics, kept day by day: a row where a customer's value is another than before. While a feed of the formula is silent, or
the customer younger than its window, the last value stands (semantics.md S2, S3). One statement per metric. A derivation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, Float, Insert, Table, cast, literal, select

from bot.authoring.company import Company
from bot.pipeline.derived import Changed, Derivation, Item, Look
from bot.pipeline.scopes import CUSTOMER
from bot.rules.company_model import Metric
from bot.rules.condition_doubt import is_doubtful
from bot.rules.conditions import compile_value, parse_value
from bot.rules.derived_names import Derived
from bot.rules.vocabulary_metrics import latest_value
from storage.bulk import insert_counted
from storage.health import MetricValue
from storage.upserts import put_selected

METRIC_VALUE: Table = MetricValue.__table__  # type: ignore[attr-defined]
COLUMNS = ("customer_id", "metric", "day", "value", "changed_at")


def _items(company: Company) -> Sequence[Item]:
    return [
        Item(derived=Derived("metric", name), definition=metric, asks=(parse_value(metric.formula),))
        for name, metric in company.metrics.items()
    ]


def _derive(item: Item, look: Look) -> Changed:
    statement = look.ground.kept(("metric", item.name, look.shape), lambda: _keeping(item, look))
    if not insert_counted(look.connection, statement):
        return None
    return select(METRIC_VALUE.c.customer_id).where(
        METRIC_VALUE.c.metric == item.name, METRIC_VALUE.c.changed_at == look.now
    )


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
        .where(look.inside(), CUSTOMER.c.erased_at.is_(None), is_doubtful(formula, scope).is_not(True))
        .offset(0)  # else a planner may work the formula out twice, once for the comparison below
        .subquery("found")
    )
    rows = select(found.c.customer_id, literal(item.name), found.c.day, found.c.value, look.ground.now()).where(
        found.c.value.is_distinct_from(found.c.latest)
    )
    return put_selected(look.connection, METRIC_VALUE, COLUMNS, rows, changes=("value", "changed_at"))


def _forget(connection: Connection, names: Collection[str], now: datetime) -> None:
    """The history stays: it is what was, and a metric may come back."""


KEPT_METRICS = Derivation(kind="metric", items=_items, derive=_derive, forget=_forget)
