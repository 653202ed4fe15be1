"""`report whitespace`: per product of products.yml who has it, who could have it, and what they are worth; the customers whose renewal
comes first are named. Who is in a final stage of stages.yml is no white space. Read-only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from bot.insight.deployed_company import deployed_company
from bot.pipeline.scopes import CUSTOMER
from bot.rules.conditions import compile_condition, parse_condition
from bot.rules.field_types import say

MOST_NAMED = 20


def report_whitespace(connection: Connection, now: datetime, csm: str | None = None) -> list[dict[str, Any]]:
    """`product`, `title`, `own`, `could_own`, `arr` (of those who could), `customers` (the first by renewal date). `csm`: only of this
    CSM's customers. Empty without products.yml."""
    deployed = deployed_company(connection)
    products = deployed.company.products
    if not products:
        return []
    scope = deployed.ground(connection, now).scope()
    final = [stage.stage for stage in deployed.company.stages if stage.final]
    ours = and_(CUSTOMER.c.erased_at.is_(None), or_(CUSTOMER.c.stage.is_(None), CUSTOMER.c.stage.not_in(final)))
    if csm is not None:
        ours = and_(ours, CUSTOMER.c.csm == csm)

    def asked(function: str, name: str) -> ColumnElement[bool]:
        return compile_condition(parse_condition(f'{function}("{name}")'), scope)

    columns: list[ColumnElement[Any]] = []
    for place, name in enumerate(products):
        could = asked("could_own", name)
        columns += [
            func.count(case((asked("owns", name), 1))).label(f"own{place}"),
            func.count(case((could, 1))).label(f"could{place}"),
            func.coalesce(func.sum(case((could, CUSTOMER.c.arr))), 0.0).label(f"arr{place}"),
        ]
    figures = connection.execute(select(*columns).select_from(CUSTOMER).where(ours)).one()
    return [
        {
            "product": name,
            "title": say(product.title, "en"),
            **dict(zip(("own", "could_own", "arr"), figures[3 * place : 3 * place + 3], strict=True)),
            "customers": _first(connection, and_(ours, asked("could_own", name))),
        }
        for place, (name, product) in enumerate(products.items())
    ]


def _first(connection: Connection, who: ColumnElement[bool]) -> list[dict[str, Any]]:
    columns = (CUSTOMER.c.key.label("customer"), CUSTOMER.c.csm, CUSTOMER.c.arr, CUSTOMER.c.renewal_date)
    order = (CUSTOMER.c.renewal_date.is_(None), CUSTOMER.c.renewal_date, CUSTOMER.c.arr.desc(), CUSTOMER.c.key)
    rows = connection.execute(select(*columns).where(who).order_by(*order).limit(MOST_NAMED))
    return [dict(row._mapping) for row in rows]


def customers_of(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The customers of each product, one line each."""
    for row in rows:
        for found in row["customers"]:
            renews = f", renews {found['renewal_date']}" if found["renewal_date"] else ""
            yield f"{row['product']} → {found['customer']}: {found['csm'] or 'nobody'}, {found['arr'] or 0:,.0f}{renews}"
        if row["could_own"] > len(row["customers"]):
            yield f"{row['product']} → and {row['could_own'] - len(row['customers'])} more"
