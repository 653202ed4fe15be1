"""CSMs: people on our side, applied as their source changed them (S17)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, select, update

from bot.intake.columns import SHEETS, Kind
from bot.intake.job import Job
from bot.intake.remembered import last_said, remember, said_now, what_changed
from bot.intake.rows import Record
from storage.accounts import Csm, has_left
from storage.given import is_given
from storage.upserts import upsert_rows

CSM: Table = Csm.__table__  # type: ignore[attr-defined]
FIELDS = tuple(name for name in SHEETS[Kind.CSMS].columns if name != "csm")


#: Why somebody counts as left (`csm.gone_why`): a file that names everybody does not name them.
IMPORTED = "import"
#: More than this share of our people, and more than so few, is rather a part of a file than a farewell.
MOST_GONE, FEW_GONE = 0.5, 3


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
    here_again = (CSM.c.key.in_(keys), CSM.c.gone_why == IMPORTED)
    connection.execute(update(CSM).where(*here_again).values(gone_at=None, gone_why=None))
    upsert_rows(connection, CSM, ("key", *FIELDS), rows, dict.fromkeys(FIELDS, "set"))
    remember(connection, job.source, Kind.CSMS, {key: now for key, now in said.items() if now != last.get(key)})


def note_missing(connection: Connection, job: Job, *, is_complete: bool) -> None:
    """After the last row: people whom this source named before and does not name any more. They count as left where the file is
    said to be complete, none of its rows was rejected, and enough of them are left to believe it."""
    here = list(connection.scalars(select(CSM.c.key).where(~has_left(CSM)).order_by(CSM.c.key)))
    known = sorted(last_said(connection, job.source, Kind.CSMS, here)) if here else []
    missing = [key for key in known if not job.seen.has(key)]
    if not missing:
        return
    names = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
    told = f"{len(missing)} of our people are not in it ({names})"
    if not is_complete:
        job.tally.warn(f"{told}; who has left is told by `active: no`, or by --complete where the file names everybody")
    elif job.tally.rejected:
        job.tally.warn(f"{told}; nobody counts as left, because rows were rejected")
    elif len(missing) > max(FEW_GONE, MOST_GONE * len(known)):
        job.tally.warn(f"{told}; so many at once are not believed: write `active: no` for who has left")
    else:
        gone = update(CSM).where(CSM.c.key.in_(missing), CSM.c.active.is_(None))
        connection.execute(gone.values(gone_at=job.now, gone_why=IMPORTED))
        job.tally.warn(f"{told}, so they count as left; their open hand-offs go to others")
