"""Features, as each customer uses them: a value, a band and how far it is from green. While a feed of the definition is silent,
what was last known stands (semantics.md S2). One statement per feature. A derivation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Insert,
    Table,
    and_,
    case,
    cast,
    delete,
    literal,
    null,
    or_,
    select,
)

from bot.authoring.company import Company
from bot.pipeline.asked_once import asked_once
from bot.pipeline.derived import Changed, Derivation, Item, Look
from bot.pipeline.scopes import CUSTOMER
from bot.rules.company_model import Feature
from bot.rules.condition_doubt import is_doubtful
from bot.rules.condition_tree import Comparison, Constant
from bot.rules.conditions import Condition, compile_condition, compile_value, parse_condition, parse_value
from bot.rules.derived_names import Derived
from storage.health import FeatureBand
from storage.prepared import Prepared
from storage.upserts import put_selected

BAND: Table = FeatureBand.__table__  # type: ignore[attr-defined]
COLUMNS = ("customer_id", "feature", "value", "share", "band", "since", "changed_at")
CHANGES = ("value", "share", "band", "since", "changed_at")


def _items(company: Company) -> Sequence[Item]:
    return [
        Item(derived=Derived("feature", name), definition=feature, asks=_asks(feature))
        for name, feature in company.features.items()
    ]


def _asks(feature: Feature) -> tuple[Condition, ...]:
    """The value, what green asks, what yellow asks."""
    bands = (feature.green, *((feature.yellow,) if feature.yellow else ()))
    return (parse_value(feature.formula), *(parse_condition(feature.condition_of(band)) for band in bands))


def _derive(item: Item, look: Look) -> Changed:
    statement = look.ground.kept(("feature", item.name, look.shape), lambda: Prepared(_keeping(item, look)))
    if not statement.run(look.connection):
        return None
    return lambda: select(BAND.c.customer_id).where(BAND.c.feature == item.name, BAND.c.changed_at == look.ground.now())


def _keeping(item: Item, look: Look) -> Insert:
    asked, scope = asked_once(item.asks, look.ground.scope(), [look.inside()])
    standing = BAND.alias("standing")
    value, green, *yellow = item.asks
    bands = [
        (compile_condition(green, scope), "green"),
        *((compile_condition(each, scope), "yellow") for each in yellow),
    ]
    is_mine = and_(standing.c.customer_id == CUSTOMER.c.id, standing.c.feature == item.name)
    doubtful = or_(*(is_doubtful(asked, scope) for asked in item.asks))
    found = (
        select(
            CUSTOMER.c.id.label("customer_id"),
            scope.today().label("day"),
            cast(compile_value(value, scope), Float).label("value"),
            case(*bands, else_="red").label("band"),
            standing.c.value.label("old_value"),
            standing.c.band.label("old_band"),
            standing.c.since.label("since"),
        )
        .select_from(CUSTOMER.join(asked, asked.c.customer_id == CUSTOMER.c.id).outerjoin(standing, is_mine))
        .where(doubtful.is_not(True))
        .offset(0)  # else a planner may work everything out twice, once for the comparison below
        .subquery("found")
    )
    is_other = found.c.band.is_distinct_from(found.c.old_band)
    rows = select(
        found.c.customer_id,
        literal(item.name),
        found.c.value,
        _share(found.c.value, green),
        found.c.band,
        case((is_other, found.c.day), else_=found.c.since),
        look.ground.now(),
    ).where(found.c.value.is_not(None), or_(is_other, found.c.value.is_distinct_from(found.c.old_value)))
    return put_selected(look.connection, BAND, COLUMNS, rows, changes=CHANGES)


def _share(value: ColumnElement[Any], green: Condition) -> ColumnElement[Any]:
    """1 where green begins; empty where green is no plain bound."""
    match green.tree:
        case Comparison(operator=">=" | ">", right=Constant(value=int() | float() as bound)) if bound > 0:
            return value / literal(float(bound), Float())
        case _:
            return cast(null(), Float())


def _forget(connection: Connection, names: Collection[str], now: datetime) -> None:
    connection.execute(delete(BAND).where(BAND.c.feature.in_(names)))


KEPT_FEATURES = Derivation(kind="feature", writes=(BAND,), items=_items, derive=_derive, forget=_forget)
