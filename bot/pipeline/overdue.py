"""What is past its due time (S27): its owner is reminded once, and one business day later it goes up once, to `escalate_to`,
else to the workspace's default; after that only the report has it. Before it: escalate, for what nobody acknowledged."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, or_, select

from bot.pipeline.owners import Owners
from bot.pipeline.published import Published, calendar_for
from bot.pipeline.unanswered import acknowledge_time
from storage import handoff_moves
from storage.database import Database
from storage.handoff_views import UNFINISHED, HandoffRecord, get
from storage.handoffs import Handoff, HandoffAct

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
ACT: Table = HandoffAct.__table__  # type: ignore[attr-defined]
GRACE = "1 business day"
SHORTEST_GRACE = timedelta(days=1)
BATCH = 500


def mind_due_times(database: Database, published: Published, now: datetime) -> tuple[int, int]:
    """How many were reminded, and how many went up."""
    with database.write() as connection:
        owners = Owners(connection, published.settings, now)
        late = _past_due(connection, handoff_moves.LATE, now - SHORTEST_GRACE, now)
        raised = sum(_go_up(connection, published, owners, found, now) for found in late)
        reminded = sum(
            handoff_moves.remind(connection, found.id, at=now).is_done
            for found in _past_due(connection, handoff_moves.REMINDED, now, now)
        )
    return reminded, raised


def _past_due(connection: Connection, act: str, latest: datetime, now: datetime) -> list[HandoffRecord]:
    """Unfinished ones that were due by `latest` and for which this was not done since."""
    was_done = select(ACT.c.id).where(ACT.c.handoff_id == HANDOFF.c.id, ACT.c.act == act, ACT.c.at >= HANDOFF.c.due_at)
    asked: tuple[ColumnElement[bool], ...] = (
        HANDOFF.c.state.in_([state.value for state in UNFINISHED]),
        HANDOFF.c.due_at <= latest,
        or_(HANDOFF.c.snoozed_until.is_(None), HANDOFF.c.snoozed_until <= now),
        ~was_done.exists(),
    )
    ids = connection.scalars(select(HANDOFF.c.id).where(*asked).order_by(HANDOFF.c.id).limit(BATCH)).all()
    return [found for found in (get(connection, handoff_id) for handoff_id in ids) if found is not None]


def _go_up(connection: Connection, published: Published, owners: Owners, found: HandoffRecord, now: datetime) -> bool:
    settings, calendar = published.settings, calendar_for(published.settings, None)
    assert found.due_at is not None  # it is past
    ends = acknowledge_time(connection, GRACE, found.owner, found.due_at, calendar, settings.timezone)
    if ends is not None and ends > now:
        return False
    above = found.escalate_to if found.escalate_to != found.owner else None
    # Nobody else to ask: the same person is asked again, rather than nobody.
    owner = above or owners.default() or found.owner
    until = acknowledge_time(connection, found.acknowledge_within, owner, now, calendar, settings.timezone)
    return handoff_moves.raise_late(connection, found.id, at=now, owner=owner, acknowledge_by=until).is_done
