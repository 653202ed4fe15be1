"""What the derivations of a tick have in common: what an item is, whom it looks at, and how its changes are told to those who
look after it. Each kind of item is one module beside this one (kept_metrics, kept_features, kept_signals …); derive.py
runs them in order. Knows no kind itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property, partial
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Connection, Insert, Select, String, Table, literal, null, select, true

from bot.authoring.company import Company
from bot.pipeline.news import CHANGE, EVERYBODY, NEXT_TICK, Asked, News
from bot.pipeline.scopes import CUSTOMER, Ground
from bot.rules.conditions import Condition
from bot.rules.derived_names import Derived, Kind
from storage.bulk import new_rows_from
from storage.marks import ANYTHING
from storage.prepared import Prepared


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing to derive. `asks`: every condition of its definition; `digest` tells a changed definition from the old.
    `moves_with_time`: a new day may change it whatever its conditions ask. `asks_anything`: other conditions are asked as well,
    so that it looks whatever changed."""

    derived: Derived
    definition: BaseModel
    asks: tuple[Condition, ...]
    moves_with_time: bool = False
    asks_anything: bool = False

    @property
    def name(self) -> str:
        return self.derived.name

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.definition.model_dump_json().encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look of one item: at whom (`inside`, over the customer table; `shape` names what it looks like, so that statements
    can be kept), whether its definition is new, so that what holds now held before (S4), and whether everybody is looked at
    for the item's own sake (`is_anew`), not because the day is new or facts came in."""

    connection: Connection
    ground: Ground
    now: datetime
    shape: tuple[Any, ...]
    inside: Callable[[], ColumnElement[bool]]
    is_new: bool = False
    is_anew: bool = False


#: Whom an item changed in this pass: what builds a SELECT of their ids that reads the time when it runs; None: nobody.
Changed = Callable[[], Select[Any]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """One kind of item. `derive` looks at an item and stores what it finds by one statement (or a few); `mind_time` is asked
    for in every tick, also in a quiet one, for what time alone makes due, and `is_time_due` whether there is any; `forget` lets
    go of items that are no longer defined. `writes`: the tables in which others read its results; none: it changes facts, which
    is news to everybody, and to those who looked before it in the next tick."""

    kind: Kind
    writes: tuple[Table, ...]
    items: Callable[[Company], Sequence[Item]]
    derive: Callable[[Item, Look], Changed]
    forget: Callable[[Connection, Collection[str], datetime], None]
    mind_time: Callable[[Connection, Ground, Sequence[Item]], Changed] | None = None
    is_time_due: Callable[[Connection, Ground, Sequence[Item]], bool] | None = None

    @property
    def changes_facts(self) -> bool:
        return not self.writes


def whom_to_look_at(
    item: Item, connection: Connection, ground: Ground, news: News, *, is_new: bool, is_broken: bool
) -> Look | None:
    """Whom an item looks at in this tick; None: nobody's answer can have changed."""
    look = partial(Look, connection=connection, ground=ground, now=news.now, is_new=is_new)
    if is_new or is_broken:
        return look(shape=EVERYBODY, inside=true, is_anew=True)
    found = news.whom_to_ask(_asked(item, ground), CUSTOMER.c.id, ground.marks())
    if found is None:
        return None
    shape, inside = found
    return look(shape=shape, inside=inside, is_anew=any(news.concerns_everybody(condition) for condition in item.asks))


def _asked(item: Item, ground: Ground) -> Asked:
    def work_out() -> Asked:
        return Asked(
            tables=None if item.asks_anything else ground.tables_of(item.asks) | {CUSTOMER.name},
            conditions=item.asks,
            moves_with_time=item.moves_with_time or any(condition.moves_with_time for condition in item.asks),
        )

    return ground.kept(("asked", item.derived, item.digest), work_out)


class Hearers(Enum):
    """Who is told of a change: those who look later in this tick; the next tick, at its beginning; or (by a deployment) whoever
    looks next."""

    LATER = "later"
    NEXT_TICK = "next tick"
    WHOEVER = "whoever"


def tell(
    connection: Connection,
    ground: Ground,
    changed: Callable[[], Select[Any]],
    hearers: Hearers,
    about: Sequence[Table],
    *key: str,
) -> int:
    """Mark these customers as changed in these tables (none: in any); returns how many marks are new. `key`: what says the same
    as the SELECT, so that the statements can be kept; none: only this once."""

    def statements() -> list[Prepared]:
        names = [table.name for table in about] or [ANYTHING]
        return [Prepared(_telling(connection, ground, changed(), hearers, name)) for name in names]

    kept = ground.kept(("tell", hearers, *key), statements) if key else statements()
    return sum(statement.run(connection) for statement in kept)


def _telling(connection: Connection, ground: Ground, changed: Select[Any], hearers: Hearers, name: str) -> Insert:
    found = changed.subquery("changed")
    (customer_id,) = found.c
    is_theirs, mark = _mark_for(hearers, ground)
    marked = select(CHANGE.c.customer_id).where(is_theirs, CHANGE.c.about.in_(sorted({name, ANYTHING})))
    rows = select(customer_id, mark, literal(name)).where(customer_id.not_in(marked)).distinct()
    return new_rows_from(connection, CHANGE, ("customer_id", "taken_by", "about"), rows)


def _mark_for(hearers: Hearers, ground: Ground) -> tuple[ColumnElement[bool], ColumnElement[Any]]:
    if hearers is Hearers.WHOEVER:
        return CHANGE.c.taken_by.is_(None), null()
    mark = ground.marks() if hearers is Hearers.LATER else literal(NEXT_TICK, String())
    return CHANGE.c.taken_by == mark, mark
