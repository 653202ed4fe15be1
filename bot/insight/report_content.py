"""`report content`: the three figures of self-running customers: minutes viewed, volume made, share of customers who know of it. For
everything together, then per item of content.yml. Customers are those whom an item fits. Read-only; two statements."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, case, func, literal, select, true

from bot.insight.deployed_company import deployed_company
from bot.pipeline.scopes import CUSTOMER
from bot.rules.catalogue import VIEWED, Catalogue, Item
from bot.rules.condition_scope import Scope
from bot.rules.conditions import compile_condition, parse_condition
from bot.rules.field_types import say
from bot.rules.vocabulary_content import MOST_MINUTES
from storage.dialects import json_number, json_text, local_date
from storage.facts import ABOUT_CONTENT, Event

EVENT: Table = Event.__table__  # type: ignore[attr-defined]
LATELY = timedelta(days=30)
ALL = "all"


def report_content(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """`item`, `title`, `kind`, `customers`, `aware`, `aware_share`, `viewed`, `minutes_in_30_days`, `characters`, `target`; the first
    row is of all. Empty without a catalogue."""
    deployed = deployed_company(connection)
    catalogue = deployed.company.catalogue
    if not catalogue.items:
        return []
    scope = deployed.ground(connection, now).scope()
    fits = {name: _fits(item, scope) for name, item in catalogue.items.items()}
    customers, known, minutes = (
        _customers(connection, fits),
        _known(connection, fits),
        _minutes(connection, catalogue, now),
    )
    rows = [
        {
            "item": name,
            "title": say(item.title, "en"),
            "kind": item.kind,
            "customers": customers[name],
            "aware": known.get(name, (0, 0))[0],
            "aware_share": _share(known.get(name, (0, 0))[0], customers[name]),
            "viewed": known.get(name, (0, 0))[1],
            "minutes_in_30_days": round(minutes.get(name, 0.0), 1),
            "characters": item.characters,
            "target": None,
        }
        for name, item in catalogue.items.items()
    ]
    return [_sum(rows, catalogue), *rows]


def _sum(rows: list[dict[str, Any]], catalogue: Catalogue) -> dict[str, Any]:
    """`aware_share` is the mean chance that a customer knows of something that fits them."""
    sums = {name: sum(row[name] for row in rows) for name in ("customers", "aware", "viewed", "characters")}
    return {
        "item": ALL,
        "title": "",
        "kind": "",
        **{name: sums[name] for name in ("customers", "aware")},
        "aware_share": _share(sums["aware"], sums["customers"]),
        "viewed": sums["viewed"],
        "minutes_in_30_days": round(sum(row["minutes_in_30_days"] for row in rows), 1),
        "characters": sums["characters"],
        "target": catalogue.characters,
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 2) if whole else None


def _fits(item: Item, scope: Scope) -> ColumnElement[bool]:
    wishes = [CUSTOMER.c.stage == item.stage] if item.stage is not None else []
    wishes += [compile_condition(parse_condition(item.when), scope)] if item.when is not None else []
    return and_(true(), *wishes)


def _customers(connection: Connection, fits: dict[str, ColumnElement[bool]]) -> dict[str, int]:
    columns = [func.count(case((wish, 1))).label(f"n{place}") for place, wish in enumerate(fits.values())]
    row = connection.execute(select(*columns).select_from(CUSTOMER).where(CUSTOMER.c.erased_at.is_(None))).one()
    return dict(zip(fits, row, strict=True))


def _known(connection: Connection, fits: dict[str, ColumnElement[bool]]) -> dict[str, tuple[int, int]]:
    """Item → how many of the customers whom it fits know of it, and how many viewed it."""
    item = json_text(EVENT.c.properties, "content")
    seen = select(item.label("item"), EVENT.c.name, EVENT.c.customer_id).where(ABOUT_CONTENT).subquery("seen")
    wish = case(*((seen.c.item == name, wish) for name, wish in fits.items()), else_=literal(False))
    people = seen.c.customer_id
    viewers = case((seen.c.name == VIEWED, people))
    statement = (
        select(seen.c.item, func.count(people.distinct()), func.count(viewers.distinct()))
        .select_from(seen.join(CUSTOMER, CUSTOMER.c.id == people))
        .where(CUSTOMER.c.erased_at.is_(None), wish)
        .group_by(seen.c.item)
    )
    return {name: (aware, viewed) for name, aware, viewed in connection.execute(statement)}


def _minutes(connection: Connection, catalogue: Catalogue, now: datetime) -> dict[str, float]:
    """As `view_minutes` counts: per customer, item and day what views say, else the item's own once (days in UTC)."""
    said = json_number(EVENT.c.properties, "minutes")
    views = (
        select(
            EVENT.c.customer_id,
            json_text(EVENT.c.properties, "content").label("item"),
            local_date(EVENT.c.at, 0).label("day"),
            case((said.between(0, MOST_MINUTES), said)).label("said"),
        )
        .where(ABOUT_CONTENT, EVENT.c.name == VIEWED, EVENT.c.at > now - LATELY, EVENT.c.at <= now)
        .subquery("views")
    )
    daily = (
        select(views.c.item, func.sum(views.c.said).label("said"))
        .group_by(views.c.customer_id, views.c.item, views.c.day)
        .subquery("daily")
    )
    statement = select(
        daily.c.item, func.coalesce(func.sum(daily.c.said), 0.0), func.count(case((daily.c.said.is_(None), 1)))
    ).group_by(daily.c.item)
    lengths = {name: item.minutes for name, item in catalogue.items.items()}
    return {item: told + silent * lengths.get(item, 0.0) for item, told, silent in connection.execute(statement)}
