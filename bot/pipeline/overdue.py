"""What is past its due time (S27): its owner is reminded once, and one business day later it goes up once, to `escalate_to`,
else to the workspace's default; after that only the report has it. Before it: escalate, for what nobody acknowledged."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, Table, or_, select

from bot.pipeline.owners import Owners
from bot.pipeline.published import Published, calendar_for
from bot.pipeline.unanswered import acknowledge_time
from storage import handoff_moves
from storage.asking import NOW, from_now
from storage.database import Database
from storage.handoff_views import UNFINISHED, HandoffRecord, get
from storage.handoffs import Handoff, HandoffAct

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
ACT: Table = HandoffAct.__table__  # type: ignore[attr-defined]
GRACE = "1 business day"
SHORTEST_GRACE = timedelta(days=1)
BATCH = 500


def _past_due(act: str, latest: ColumnElement[datetime]) -> Select[int]:
    """Unfinished ones that were due by `latest` and for which this was not done since."""
    was_done = select(ACT.c.id).where(ACT.c.handoff_id == HANDOFF.c.id, ACT.c.act == act, ACT.c.at >= HANDOFF.c.due_at)
    return select(HANDOFF.c.id).where(
        HANDOFF.c.state.in_([state.value for state in UNFINISHED]),
        HANDOFF.c.due_at <= latest,
        or_(HANDOFF.c.snoozed_until.is_(None), HANDOFF.c.snoozed_until <= NOW),
        ~was_done.exists(),
    )


#: Hand-offs past their due time (storage.asking): not reminded of yet, and perhaps to go up.
PAST_DUE = _past_due(handoff_moves.REMINDED, NOW)
LONG_PAST_DUE = _past_due(handoff_moves.LATE, from_now(-SHORTEST_GRACE))


def mind_due_times(database: Database, published: Published, now: datetime) -> tuple[int, int]:
    """How many were reminded, and how many went up."""
    with database.write() as connection:
        owners = Owners(connection, published.settings, now)
        late = _records(connection, LONG_PAST_DUE, now)
        raised = sum(_go_up(connection, published, owners, found, now) for found in late)
        reminded = sum(
            handoff_moves.remind(connection, found.id, at=now).is_done for found in _records(connection, PAST_DUE, now)
        )
    return reminded, raised


def _records(connection: Connection, asked: Select[int], now: datetime) -> list[HandoffRecord]:
    ids = connection.scalars(asked.order_by(HANDOFF.c.id).limit(BATCH), {"now": now}).all()
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
