"""Copies of a hand-off's card as rows see them (`notify:`): who is owed one, who may post which now, and where it stands. A claim
is a lease, as in handoff_posts.py: after a crash the copy is looked for in Slack before it is posted again. Called by
bot.pipeline.copies; owed by whatever brought the hand-off to its owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, and_, literal_column, or_, select, update

from storage.accounts import Csm, has_left
from storage.bulk import insert_new_rows
from storage.handoff_posts import LEASE
from storage.handoff_views import UNFINISHED
from storage.handoffs import Handoff
from storage.notices import NOTICE, NoticeState

CSM: Table = Csm.__table__  # type: ignore[attr-defined]
HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
COLUMNS = ("key", "handoff_id", "target", "state", "made_at", "attempts")


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyClaim:
    """One copy to post, or to shrink (`ts`: where it stands). `person`: the target is known to csms.csv; `attempts` counts this."""

    id: int
    handoff_id: int
    target: str
    is_finished: bool
    person: str | None
    slack_id: str | None
    channel: str | None
    ts: str | None
    attempts: int

    @property
    def was_tried(self) -> bool:
        return self.attempts > 1

    @property
    def place(self) -> str | None:
        """Where it goes; None: there is no such place."""
        return self.target if self.target.startswith("#") else self.slack_id


def owe_copies(connection: Connection, handoff_ids: Sequence[int], at: datetime) -> None:
    """One copy for each whom these hand-offs name, once for good. Their owner has the card itself."""
    named = select(HANDOFF.c.id, HANDOFF.c.owner, HANDOFF.c.notify)
    unfinished = HANDOFF.c.state.in_([state.value for state in UNFINISHED])
    found = connection.execute(named.where(HANDOFF.c.id.in_(list(handoff_ids)), unfinished)).all()
    rows = [
        (f"copy-{row.id}-{target}", row.id, target, NoticeState.WANTED.value, at, 0)
        for row in found
        for target in dict.fromkeys(row.notify or ())
        if target != row.owner
    ]
    insert_new_rows(connection, NOTICE, COLUMNS, rows)


def claim_copy(connection: Connection, now: datetime) -> CopyClaim | None:
    """The next that is to be posted, or whose hand-off is over; None: nothing to do."""
    is_over = HANDOFF.c.state.not_in([state.value for state in UNFINISHED])
    wanted = NOTICE.c.state == literal_column("'wanted'")
    ended = and_(NOTICE.c.state == literal_column("'posted'"), is_over)
    due = or_(NOTICE.c.not_before.is_(None), NOTICE.c.not_before <= now)
    # A literal, so that the planner can use the partial index.
    unfinished = NOTICE.c.state.in_((literal_column("'wanted'"), literal_column("'posted'")))
    rows = NOTICE.join(HANDOFF, HANDOFF.c.id == NOTICE.c.handoff_id)
    rows = rows.outerjoin(CSM, and_(CSM.c.key == NOTICE.c.target, ~has_left(CSM)))
    columns = (NOTICE.c.id, NOTICE.c.handoff_id, NOTICE.c.target, NOTICE.c.channel, NOTICE.c.ts, NOTICE.c.attempts)
    found = (
        select(*columns, is_over.label("is_finished"), CSM.c.key.label("person"), CSM.c.slack_user_id.label("slack_id"))
        .select_from(rows)
        .where(unfinished, or_(wanted, ended), due)
        .order_by(NOTICE.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=NOTICE)
    )
    row = connection.execute(found).mappings().one_or_none()
    if row is None:
        return None
    values = dict(row) | {"attempts": row["attempts"] + 1, "is_finished": bool(row["is_finished"])}
    mine = update(NOTICE).where(NOTICE.c.id == row["id"])
    connection.execute(mine.values(attempts=values["attempts"], not_before=now + LEASE))
    return CopyClaim(**values)


def settle_copy(connection: Connection, claim: CopyClaim, state: NoticeState, **values: Any) -> None:
    """What became of it; a claim whose lease somebody else took over writes nothing."""
    fresh = {"attempts": 0, "not_before": None, "fault": None}
    mine = (NOTICE.c.id == claim.id, NOTICE.c.attempts == claim.attempts)
    connection.execute(update(NOTICE).where(*mine).values(state=state.value, **(fresh | values)))


def put_off_copy(connection: Connection, claim: CopyClaim, *, fault: str, until: datetime) -> None:
    """It did not pass this time; the attempt stays counted."""
    mine = (NOTICE.c.id == claim.id, NOTICE.c.attempts == claim.attempts)
    connection.execute(update(NOTICE).where(*mine).values(fault=fault, not_before=until))
