"""doctor's questions about the sources of `journeybot sync`: which failed, which stand still, what vanished there. Read-only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, func, select

from bot.insight.complaints import EXAMPLES, Complaint
from storage.sync import SyncRow, SyncState, SyncStranger

STATE: Table = SyncState.__table__  # type: ignore[attr-defined]
ROW: Table = SyncRow.__table__  # type: ignore[attr-defined]
STRANGER: Table = SyncStranger.__table__  # type: ignore[attr-defined]
#: A pull that did not come to its end for so long gives journeys old facts.
STALE = timedelta(days=2)


def sync_complaints(connection: Connection, now: datetime) -> Iterator[Complaint]:
    for row in connection.execute(select(STATE).order_by(STATE.c.source, STATE.c.pull)):
        name = f"{row.source}/{row.pull}"
        if row.failure:
            since = f"{row.whole_at:%Y-%m-%d %H:%M} UTC" if row.whole_at else "never"
            yield Complaint(
                name="sync_failed",
                severity="warning",
                sentence=f"The pull {name} failed (last whole: {since}): {row.failure}",
                hint="what was stored stays; `journeybot sync` resumes there",
            )
        elif now - row.began_at > STALE:
            yield Complaint(
                name="sync_stale",
                severity="warning",
                sentence=f"The pull {name} did not run since {row.began_at:%Y-%m-%d %H:%M} UTC",
                hint="is `journeybot sync` still called, for instance by cron?",
            )
        if row.rejected:
            yield Complaint(
                name="sync_rejected",
                severity="note",
                sentence=f"{row.rejected} row(s) of the last run of {name} could not be read",
                hint=f"`journeybot sync {row.source} --fresh` names them with column and value",
                count=row.rejected,
            )
    yield from _strangers(connection)
    yield from _vanished(connection)


def _strangers(connection: Connection) -> Iterator[Complaint]:
    waiting = select(STRANGER.c.source, STRANGER.c.pull, func.count().label("number"))
    for row in connection.execute(waiting.group_by(STRANGER.c.source, STRANGER.c.pull)).all():
        mine = (STRANGER.c.source == row.source, STRANGER.c.pull == row.pull)
        some = connection.scalars(
            select(STRANGER.c.key).where(*mine).distinct().order_by(STRANGER.c.key).limit(EXAMPLES)
        )
        yield Complaint(
            name="sync_waiting",
            severity="warning",
            sentence=f"{row.number} row(s) of {row.source}/{row.pull} wait for a customer that nobody has brought yet",
            hint="import or pull the customer; then they are stored by themselves, those of files and of `journeybot sync` "
            "by the next run",
            count=row.number,
            examples=tuple(some),
        )


def _vanished(connection: Connection) -> Iterator[Complaint]:
    gone = select(ROW.c.source, ROW.c.pull, func.count().label("number")).where(ROW.c.gone_at.is_not(None))
    for row in connection.execute(gone.group_by(ROW.c.source, ROW.c.pull).order_by(ROW.c.source, ROW.c.pull)).all():
        mine = (ROW.c.source == row.source, ROW.c.pull == row.pull, ROW.c.gone_at.is_not(None))
        some = connection.scalars(select(ROW.c.key).where(*mine).order_by(ROW.c.gone_at.desc()).limit(EXAMPLES))
        yield Complaint(
            name="sync_vanished",
            severity="note",
            sentence=f"{row.number} row(s) of {row.source}/{row.pull} are no longer at the source",
            hint="a vanished contact is in no journey any more; what becomes of a vanished customer is your decision",
            count=row.number,
            examples=tuple(some),
        )
