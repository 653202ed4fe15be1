"""Rows of a source that name a customer or a subscription nobody has brought yet: kept aside whole, and stored by the first run
after it appeared. For whoever does not bring such a row again by itself: pulls with a watermark, help desks that post, files. Part
of the caller's transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
)

from bot.intake.columns import Kind
from bot.intake.rows import Record
from storage.accounts import Customer
from storage.bulk import insert_new_rows
from storage.facts import Subscription
from storage.given import is_given
from storage.sync import SyncStranger

STRANGER: Table = SyncStranger.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
SUBSCRIPTION: Table = Subscription.__table__  # type: ignore[attr-defined]
#: A row as it was read, by the source's own names.
Row = Mapping[str, Any]
COLUMNS = ("source", "pull", "row", "what", "key", "content", "at")
#: By which of our columns a row is known again; rows of other kinds by all that they say.
ROW_KEY = {
    Kind.CONTACTS: "contact",
    Kind.TICKETS: "ticket",
    Kind.SUBSCRIPTIONS: "subscription",
    Kind.MEETINGS: "meeting",
    Kind.EVENTS: "id",
}
PAGE = 500
#: More of one pull are rather a wrong map than early rows; they are only named.
MOST_KEPT = 50_000


@dataclass(slots=True)
class Strangers:
    """Those of one pull."""

    source: str
    pull: str
    kind: Kind
    now: datetime
    _lines: dict[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def _mine(self) -> ColumnElement[bool]:
        return and_(STRANGER.c.source == self.source, STRANGER.c.pull == self.pull)

    def note(self, line: int, what: str, key: str) -> None:
        """For Tally.on_stranger: this row of the page that is being stored names nobody."""
        self._lines[line] = (what, key)

    def keep(self, connection: Connection, page: Mapping[int, tuple[Record, Row]]) -> int:
        """After a page (by line) was stored: what its rows said before is out of date, and its strangers are kept; how many."""
        noted, self._lines = self._lines, {}
        if not page:
            return 0
        names = {line: self._name_of(record, row) for line, (record, row) in page.items()}
        self.forget(connection, set(names.values()))
        if not noted or self._count(connection) + len(noted) > MOST_KEPT:
            return 0
        rows = [(self.source, self.pull, names[line], *noted[line], page[line][1], self.now) for line in sorted(noted)]
        insert_new_rows(connection, STRANGER, COLUMNS, rows)
        return len(rows)

    def ready(self, connection: Connection) -> dict[str, Row]:
        """A page of rows, by name, whose customer or subscription is there now; the caller stores and forgets them."""
        found = connection.execute(_READY, {"of_source": self.source, "of_pull": self.pull})
        return {row.row: row.content for row in found}

    def forget(self, connection: Connection, names: Collection[str]) -> None:
        known = is_given(connection, [STRANGER.c.row], [(name,) for name in sorted(names)])
        connection.execute(delete(STRANGER).where(self._mine, known))

    def _count(self, connection: Connection) -> int:
        return connection.scalar(select(func.count()).where(self._mine)) or 0

    def _name_of(self, record: Record, row: Row) -> str:
        key = record.values.get(ROW_KEY.get(self.kind, ""))
        told: Any = [record.values.get("customer"), key] if key else row
        return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()


def _ready() -> Select[Any]:
    """Each by its own look through an index: a planner may else read the keys of all customers at every tick."""
    source, pull = bindparam("of_source", type_=String), bindparam("of_pull", type_=String)
    customer = exists().where(CUSTOMER.c.key == STRANGER.c.key)
    subscription = exists().where(SUBSCRIPTION.c.source == source, SUBSCRIPTION.c.key == STRANGER.c.key)
    known = or_(and_(STRANGER.c.what == "customer", customer), and_(STRANGER.c.what == "subscription", subscription))
    mine = and_(STRANGER.c.source == source, STRANGER.c.pull == pull)
    return select(STRANGER.c.row, STRANGER.c.content).where(mine, known).order_by(STRANGER.c.at).limit(PAGE)


_READY = _ready()
