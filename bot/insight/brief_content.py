"""The brief items of a hand-off about content, products and features: what they viewed and what would fit, what they could buy, how
they use what. Lines in the reader's language. Read-only; handoff_brief puts them under their headings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Row, Table, func, select

from bot.insight.deployed_company import Deployed, deployed_company
from bot.pipeline.scopes import CUSTOMER
from bot.rules.catalogue import VIEWED
from bot.rules.conditions import compile_value, parse_value
from bot.rules.field_types import say
from storage.curricula import CurriculumAssignment
from storage.dialects import json_text
from storage.facts import Event
from storage.health import FeatureBand

EVENT: Table = Event.__table__  # type: ignore[attr-defined]
ASSIGNMENT: Table = CurriculumAssignment.__table__  # type: ignore[attr-defined]
BAND: Table = FeatureBand.__table__  # type: ignore[attr-defined]
MOST_VIEWED = 3
NEXT = ("content()", "content(place=2)")
BANDS = {"red": "赤", "yellow": "黄", "green": "緑"}


class Reader(Protocol):
    """What is asked of the reader (handoff_brief.Reader)."""

    @property
    def locale(self) -> str: ...
    @property
    def now(self) -> datetime: ...
    @property
    def says(self) -> Callable[[str, str], str]: ...
    @property
    def day(self) -> Callable[[Any], str]: ...
    @property
    def number(self) -> Callable[[Any], str]: ...


def content_lines(connection: Connection, customer_id: int, reader: Reader) -> Iterator[str]:
    """Minutes of 30 days, the latest views, how far the curricula are, and what to offer next."""
    deployed = deployed_company(connection)
    catalogue = deployed.company.catalogue
    if not catalogue.items:
        return
    given = set(connection.scalars(select(ASSIGNMENT.c.curriculum).where(ASSIGNMENT.c.customer_id == customer_id)))
    curricula = sorted(given & catalogue.curricula.keys())
    asked = ["view_minutes(days=30)", *NEXT]
    asked += [f'{function}("{name}")' for name in curricula for function in ("curriculum", "overdue")]
    found = _values(connection, deployed, customer_id, asked, reader.now)
    minutes = reader.number(round(found["view_minutes(days=30)"]))
    yield reader.says(f"{minutes} minutes in 30 days", f"直近30日の視聴 {minutes}分")
    for row in _latest_views(connection, customer_id):
        item = catalogue.items.get(row.item)
        yield f"{say(item.title, reader.locale) if item else row.item}, {reader.day(row.at)}"
    for name in curricula:
        share, late = found[f'curriculum("{name}")'], found[f'overdue("{name}")']
        done, behind = f"{name}: {share:.0%}", reader.number(late)
        yield f"{done}, {reader.says(f'{behind} overdue', f'遅れ {behind}件')}" if late else done
    for text in NEXT:
        if (item := catalogue.items.get(found[text] or "")) is not None:
            offered = f"{say(item.title, reader.locale)} {say(item.url, reader.locale)}"
            yield f"{reader.says('To offer', 'ご案内候補')}: {offered}"


def _latest_views(connection: Connection, customer_id: int) -> list[Row[Any]]:
    item = json_text(EVENT.c.properties, "content").label("item")
    views = select(item, EVENT.c.at).where(EVENT.c.customer_id == customer_id, EVENT.c.name == VIEWED).subquery()
    latest = func.max(views.c.at).label("at")
    each = select(views.c.item, latest).where(views.c.item.is_not(None)).group_by(views.c.item)
    return list(connection.execute(each.order_by(latest.desc()).limit(MOST_VIEWED)))


def whitespace_lines(connection: Connection, customer_id: int, reader: Reader) -> Iterator[str]:
    """The products that are for this customer and not bought."""
    deployed = deployed_company(connection)
    products = deployed.company.products
    if not products:
        return
    asked = [f'could_own("{name}")' for name in products]
    found = _values(connection, deployed, customer_id, asked, reader.now)
    open_ = [say(product.title, reader.locale) for name, product in products.items() if found[f'could_own("{name}")']]
    yield ", ".join(open_) or reader.says("none", "なし")


def feature_lines(connection: Connection, customer_id: int, reader: Reader) -> Iterator[str]:
    """The worst first."""
    known = deployed_company(connection).company.features
    rows = connection.execute(
        select(BAND.c.feature, BAND.c.band, BAND.c.since).where(BAND.c.customer_id == customer_id)
    )
    order = list(BANDS)
    for row in sorted(rows, key=lambda row: (order.index(row.band), row.feature)):
        title = say(known[row.feature].title, reader.locale) if row.feature in known else row.feature
        since: date = row.since
        band = reader.says(row.band, BANDS[row.band])
        yield f"{title}: {band} ({reader.says(f'since {reader.day(since)}', f'{reader.day(since)}から')})"


def _values(
    connection: Connection, deployed: Deployed, customer_id: int, asked: list[str], now: datetime
) -> dict[str, Any]:
    scope = deployed.ground(connection, now).scope()
    columns = [compile_value(parse_value(text), scope).label(f"v{place}") for place, text in enumerate(asked)]
    row = connection.execute(select(*columns).select_from(CUSTOMER).where(CUSTOMER.c.id == customer_id)).one()
    return dict(zip(asked, row, strict=True))
