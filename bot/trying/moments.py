"""When something is due next: the one question that lets a case jump over the hours in which nothing happens. Read-only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Exists, Label, Table, bindparam, exists, func, or_, select

from bot.pipeline.kept_signals import EPISODE, delay_of
from bot.pipeline.moments import next_moment
from bot.pipeline.published import Published
from bot.rules.business_days import BusinessCalendar
from bot.rules.calendar import add
from bot.rules.conditions import parse_condition
from bot.rules.zones import LATEST, local_date, start_of_day
from storage.columns import UtcDateTime
from storage.enrollments import ENROLLMENT
from storage.facts import Meeting
from storage.handoff_views import UNFINISHED
from storage.handoffs import Handoff
from storage.journeys import EnrollmentStatus
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
MEETING: Table = Meeting.__table__  # type: ignore[attr-defined]
ONE_DAY = timedelta(days=1)


def _soonest(column: ColumnElement[datetime], *where: ColumnElement[bool]) -> Label[datetime]:
    """The first after `now`; empty where there is none."""
    later = select(func.min(column)).where(column > bindparam("now", type_=UtcDateTime()), *where)
    return later.scalar_subquery().label(None)


def _overdue() -> Exists:
    """Whether somebody was asked and the time to answer is over."""
    now = bindparam("now", type_=UtcDateTime())
    is_late = or_(HANDOFF.c.acknowledge_by <= now, HANDOFF.c.due_at <= now)
    return exists().where(HANDOFF.c.state.in_(UNFINISHED), is_late)


NEXT_DUE = select(
    _soonest(ENROLLMENT.c.due_at, ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value),
    _soonest(MESSAGE.c.not_before, MESSAGE.c.state == MessageState.PENDING.value),
    _soonest(MESSAGE.c.expires_at, MESSAGE.c.state.in_((MessageState.PENDING.value, MessageState.HELD.value))),
    _soonest(HANDOFF.c.acknowledge_by, HANDOFF.c.state.in_(UNFINISHED)),
    _soonest(HANDOFF.c.due_at, HANDOFF.c.state.in_(UNFINISHED)),
    _soonest(MEETING.c.starts_at),
)
IN_MOTION = select(EPISODE.c.signal, EPISODE.c.held_since, EPISODE.c.released_at, EPISODE.c.opened_at).where(
    EPISODE.c.closed_at.is_(None), or_(EPISODE.c.opened_at.is_(None), EPISODE.c.released_at.is_not(None))
)
IS_SOMEBODY_LATE = select(_overdue())


def next_look(connection: Connection, published: Published, now: datetime, zones: Iterable[str]) -> datetime:
    """The first moment after `now` at which a tick may find something: a due walk, mail or hand-off, a meeting, a playbook's own
    schedule, or the next local day in one of the zones."""
    found = (
        *_midnights(now, zones),
        *_due(connection, now),
        *_scheduled(published, now),
        *_signals(connection, published),
    )
    return min((moment for moment in found if moment > now), default=LATEST)


def _midnights(now: datetime, zones: Iterable[str]) -> Iterator[datetime]:
    for zone in zones:
        yield start_of_day(local_date(now, zone) + ONE_DAY, zone)


def _due(connection: Connection, now: datetime) -> Iterator[datetime]:
    row = connection.execute(NEXT_DUE, {"now": now}).one()
    yield from (found for found in row if found is not None)


def _signals(connection: Connection, published: Published) -> Iterator[datetime]:
    """When those open that have held for a while, and those close that no longer hold."""
    for row in connection.execute(IN_MOTION):
        signal = published.company.signals.get(row.signal)
        if signal is None:
            continue
        text, since = (signal.close_after, row.released_at) if row.opened_at else (signal.open_after, row.held_since)
        delay = delay_of(text, parse_condition(signal.when))
        if delay is not None:
            yield add(delay, since, "UTC", BusinessCalendar())


def _scheduled(published: Published, now: datetime) -> Iterator[datetime]:
    for row in published.live:
        enter = published.versions[row.version_id].playbook.enter
        if enter.every or enter.once:
            found = next_moment(enter, published.settings.timezone, now)
            if found is not None:
                yield found
