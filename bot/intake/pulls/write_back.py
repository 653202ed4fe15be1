"""Tells a CRM what we know of its customers, where sources.yml says so: only what changed since it was last told. Setting a field
again changes nothing, so a crash between telling and noting it repeats one page. After the pulls of that source."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, select

from bot.intake.columns import Kind
from bot.intake.pulls.base import Puller, PullSource
from storage.database import Database
from storage.sync import SyncRow, WrittenBack
from storage.upserts import upsert_rows

ROW: Table = SyncRow.__table__  # type: ignore[attr-defined]
TOLD: Table = WrittenBack.__table__  # type: ignore[attr-defined]
COLUMNS = ("source", "key", "told", "at")
PAGE = 1_000

#: Customers' keys → what we know of each: stage, health, last_touch.
StatesOf = Callable[[Connection, Collection[str]], Mapping[str, Mapping[str, Any]]]


def write_back(
    database: Database, source: PullSource, puller: Puller, states_of: StatesOf, now: datetime
) -> tuple[int, list[tuple[str, str]]]:
    """How many customers were told, and (key, refusal) of those that the source would not take. Raises: SourceFailed."""
    pull = next(found for found in source.pulls if found.file_map.kind is Kind.CUSTOMERS)
    key_column = pull.file_map.columns["customer"]
    told, refused = 0, []
    for changed in _changes(database, source, pull.name, states_of):
        rows = [
            (key, {source.write_back[ours]: value for ours, value in values.items()}) for key, values in changed.items()
        ]
        refusals = puller.write_back(pull, key_column, rows)
        refused += refusals
        taken = changed.keys() - {key for key, _ in refusals}
        with database.write() as connection:
            noted = [(source.name, key, dict(changed[key]), now) for key in taken]
            upsert_rows(connection, TOLD, COLUMNS, noted, {"told": "set", "at": "set"})
        told += len(taken)
    return told, refused


def _changes(
    database: Database, source: PullSource, pull: str, states_of: StatesOf
) -> Iterator[dict[str, Mapping[str, Any]]]:
    """A page of customers at a time, those whose values differ from what was told."""
    after = ""
    present = (ROW.c.source == source.name, ROW.c.pull == pull, ROW.c.gone_at.is_(None))
    while True:
        with database.read() as connection:
            page = select(ROW.c.key).where(*present, ROW.c.key > after).order_by(ROW.c.key).limit(PAGE)
            keys = list(connection.scalars(page))
            if not keys:
                return
            states = states_of(connection, keys)
            known = select(TOLD.c.key, TOLD.c.told).where(TOLD.c.source == source.name, TOLD.c.key.in_(keys))
            told = {row.key: row.told for row in connection.execute(known)}
        after = keys[-1]
        wanted: dict[str, Mapping[str, Any]] = {
            key: {ours: state.get(ours) for ours in source.write_back} for key, state in states.items()
        }
        changed = {key: values for key, values in wanted.items() if told.get(key) != values}
        if changed:
            yield changed
