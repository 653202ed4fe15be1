"""The vocabulary about the features of features.yml: how many are in a band, the band of one, the weakest. Empty for a customer
of whom no feature is known. Entries only; the pipeline's kept_features writes the bands."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, func, null, select

from bot.rules.condition_scope import Scope, table_of
from bot.rules.condition_tree import ValueType
from bot.rules.vocabulary_entry import Arguments, Entry, Parameter, Shape, Topic
from storage.health import FeatureBand

BAND = table_of(FeatureBand)
WORST_FIRST = case((BAND.c.band == "red", 0), (BAND.c.band == "yellow", 1), else_=2)


def _features(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    wanted = BAND.c.band.in_(arguments.texts("band")) if arguments.has("band") else BAND.c.band.is_not(None)
    number = case((func.count() == 0, null()), else_=func.count(case((wanted, 1))))
    return select(number).where(BAND.c.customer_id == scope.customer_id).correlate(*scope.outer).scalar_subquery()


def _feature_band(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    mine = (BAND.c.customer_id == scope.customer_id, BAND.c.feature == arguments.text("name"))
    return select(BAND.c.band).where(*mine).correlate(*scope.outer).scalar_subquery()


def _weakest(scope: Scope, _: Arguments) -> ColumnElement[Any]:
    query = select(BAND.c.feature).where(BAND.c.customer_id == scope.customer_id)
    ranked = query.order_by(WORST_FIRST, func.coalesce(BAND.c.share, 0), BAND.c.feature).limit(1)
    return ranked.correlate(*scope.outer).scalar_subquery()


def _entry(name: str, type_: ValueType, meaning: str, example: str, sql: Any, *parameters: Parameter) -> Entry:
    return Entry(
        name=name,
        type=type_,
        topic=Topic.USAGE,
        meaning=meaning,
        example=example,
        is_function=name != "weakest_feature",
        parameters=parameters,
        sql=sql,
        moves=True,
    )


ENTRIES: tuple[Entry, ...] = (
    _entry(
        "features",
        ValueType.NUMBER,
        "How many features of features.yml are in a band, or in one of several; empty while none is known.",
        'features(band="green") >= 5',
        _features,
        Parameter(name="band", shape=Shape.NAMES),
    ),
    _entry(
        "feature_band",
        ValueType.TEXT,
        "The band of a feature: green, yellow or red; empty while it is not known.",
        'feature_band("reports") == "red"',
        _feature_band,
        Parameter(name="name", shape=Shape.NAME, is_required=True),
    ),
    _entry(
        "weakest_feature",
        ValueType.TEXT,
        "The feature that is furthest from green.",
        'weakest_feature == "reports"',
        _weakest,
    ),
)
