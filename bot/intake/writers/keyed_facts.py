"""Facts that have an id of their own (tickets, subscriptions, meetings, survey answers, notes): finds those that stand by
source and id, and writes what is new or differs. Only its own source writes such a row, so the row itself is what that
source said last (S17); columns that a file does not have stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select

from bot.intake.directory import CustomerRef
from bot.intake.job import Job
from bot.intake.rows import Record
from storage.bulk import insert_rows, update_rows
from storage.erasures import was_scrubbed
from storage.given import is_given


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A fact as a row gives it: only the fields that the row has."""

    key: str
    record: Record
    customer: CustomerRef
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A fact that was inserted (`before` is empty) or changed, with all of its fields after."""

    id: int | None
    wanted: Wanted
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def is_new(self) -> bool:
        return not self.before


def write_facts(
    connection: Connection, table: Table, wanted: Sequence[Wanted], job: Job, defaults: Mapping[str, Any]
) -> list[Written]:
    """Insert and update what differs, and count it. `defaults` names all fields of the table that files may fill, with
    what a new row has where its file says nothing."""
    fields = tuple(defaults)
    standing = standing_facts(connection, table, job.source, [fact.key for fact in wanted])
    written = []
    for fact in wanted:
        found = standing.get(fact.key)
        before = {} if found is None else {name: found[name] for name in fields}
        scrubbed = {name: value for name, value in before.items() if was_scrubbed(value)}
        after = {**defaults, **before, **fact.fields, **scrubbed}
        if before != after:
            written.append(Written(id=found["id"] if found else None, wanted=fact, before=before, after=after))
    job.tally.changed += len(written)
    job.tally.unchanged += len(wanted) - len(written)
    new = [(job.source, w.wanted.key, *(w.after[name] for name in fields)) for w in written if w.is_new]
    insert_rows(connection, table, ("source", "key", *fields), new)
    changed = [(w.id, *(w.after[name] for name in fields)) for w in written if not w.is_new]
    update_rows(connection, table, fields, changed)
    return written


def standing_facts(
    connection: Connection, table: Table, source: str, keys: Sequence[str]
) -> dict[str, Mapping[str, Any]]:
    asked = is_given(connection, [table.c.key], [(key,) for key in keys])
    rows = connection.execute(select(table).where(table.c.source == source, asked))
    return {row["key"]: dict(row) for row in rows.mappings()}
