"""CSMs: people on our side, applied as their source changed them (S17)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, select

from bot.intake.columns import SHEETS, Kind
from bot.intake.job import Job
from bot.intake.remembered import last_said, remember, said_now, what_changed
from bot.intake.rows import Record
from storage.accounts import Csm
from storage.given import is_given
from storage.upserts import upsert_rows

CSM: Table = Csm.__table__  # type: ignore[attr-defined]
FIELDS = tuple(name for name in SHEETS[Kind.CSMS].columns if name != "csm")


def write_csms(connection: Connection, records: Sequence[Record], job: Job) -> None:
    keyed = job.first_of([(record.values["csm"], record) for record in records], "the CSM")
    keys = [key for key, _ in keyed]
    last = last_said(connection, job.source, Kind.CSMS, keys)
    asked = is_given(connection, [CSM.c.key], [(key,) for key in keys])
    found = connection.execute(select(CSM).where(asked).with_for_update())
    standing = {row["key"]: dict(row) for row in found.mappings()}
    rows: list[tuple[Any, ...]] = []
    said = {}
    for key, record in keyed:
        values = {name: value for name, value in record.values.items() if name != "csm"}
        said[key] = said_now(values, last.get(key))
        before = standing.get(key)
        after = {**dict.fromkeys(FIELDS), **(before or {}), **what_changed(values, last.get(key))}
        after["name"] = after["name"] or key
        if before == {**after, "key": key}:
            job.tally.unchanged += 1
        else:
            job.tally.changed += 1
            rows.append((key, *(after[name] for name in FIELDS)))
    upsert_rows(connection, CSM, ("key", *FIELDS), rows, dict.fromkeys(FIELDS, "set"))
    remember(connection, job.source, Kind.CSMS, {key: now for key, now in said.items() if now != last.get(key)})
