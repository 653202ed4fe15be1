"""Open hand-offs that nobody acknowledges (S27): reminded once before the time is over, then given to the next person, rung by
rung, each once and recorded; snoozes that are over are woken. Acknowledging wins over all of it. Before it: the hand-off
step; after it: overdue, for what is past due, and escalate, which posts the cards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Protocol

import structlog
from sqlalchemy import Connection, Select, Table, bindparam, case, or_, select

from bot.rules.calendar import BusinessCalendar, add_working_time, is_zone, parse_working_hours
from bot.rules.durations import parse_duration
from bot.rules.working_hours import is_working
from storage import handoff_moves
from storage.accounts import Csm
from storage.asking import NOW
from storage.database import Database
from storage.handoff_mails import tell_unsent, unsent_mails
from storage.handoff_views import UNFINISHED, HandoffRecord, get
from storage.handoffs import Handoff, HandoffAct, HandoffState

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
ACT: Table = HandoffAct.__table__  # type: ignore[attr-defined]
CSM: Table = Csm.__table__  # type: ignore[attr-defined]

#: With `escalate_to` said: that person, then owners.default. Not said: the cover, the manager, the channel.
RUNGS_SAID = 2
RUNGS_USUAL = 3
CHANNEL = "channel"
BATCH = 500

_HAS_NO_SNOOZE = or_(HANDOFF.c.snoozed_until.is_(None), HANDOFF.c.snoozed_until <= NOW)
#: Hand-offs that time made due (storage.asking): whose snooze is over, whom nobody acknowledged, and whose time is nearly over.
OVER_SNOOZED = select(HANDOFF.c.id).where(
    HANDOFF.c.state.in_([str(state) for state in UNFINISHED]), HANDOFF.c.snoozed_until <= NOW
)
LATE = select(HANDOFF.c.id).where(
    HANDOFF.c.state == HandoffState.OPEN,
    HANDOFF.c.acknowledge_by <= NOW,
    HANDOFF.c.escalations < case((HANDOFF.c.escalate_to.is_(None), RUNGS_USUAL), else_=RUNGS_SAID),
    _HAS_NO_SNOOZE,
)
NEARLY_LATE = select(HANDOFF.c.id).where(
    HANDOFF.c.state == HandoffState.OPEN,
    HANDOFF.c.remind_at <= NOW,
    HANDOFF.c.acknowledge_by > NOW,
    HANDOFF.c.owner.is_not(None),
    _HAS_NO_SNOOZE,
)

_log = structlog.get_logger("journeybot.unanswered")


class Above(Protocol):
    """Who is asked when somebody does not answer; owners.py knows. None: nobody."""

    def cover_of(self, key: str) -> str | None: ...

    def manager_of(self, key: str) -> str | None: ...

    def default(self) -> str | None: ...


class NobodyAbove:
    """For whoever has no workspace yet."""

    def cover_of(self, key: str) -> str | None:
        return None

    def manager_of(self, key: str) -> str | None:
        return None

    def default(self) -> str | None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueCounts:
    """What one call found late: escalated, reminded, and asked anew because a snooze was over."""

    escalated: int = 0
    woken: int = 0
    reminded: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One call's surroundings. `has_channel`: there is a channel where all see what nobody took."""

    now: datetime
    above: Above
    calendar: BusinessCalendar
    timezone: str
    has_channel: bool


def escalate_overdue(
    database: Database,
    now: datetime,
    *,
    above: Callable[[Connection], Above] = lambda _connection: NobodyAbove(),
    calendar: BusinessCalendar | None = None,
    timezone: str = "UTC",
    has_channel: bool = False,
    limit: int = BATCH,
) -> OverdueCounts:
    """Wakes hand-offs whose snooze is over, reminds of those whose time is nearly over, and gives those that nobody
    acknowledged in time to the next rung; after the last they only stand in the report (S27)."""
    with database.write() as connection:
        look = _Look(
            now=now,
            above=above(connection),
            calendar=calendar or BusinessCalendar(),
            timezone=timezone,
            has_channel=has_channel,
        )
        woken = sum(
            handoff_moves.wake(connection, one, at=now).is_done for one in _ids(connection, OVER_SNOOZED, now, limit)
        )
        escalated = sum(_escalate(connection, one, look) for one in _ids(connection, LATE, now, limit))
        reminded = sum(_remind(connection, one, look) for one in _ids(connection, NEARLY_LATE, now, limit))
    return OverdueCounts(escalated=escalated, woken=woken, reminded=reminded)


def _ids(connection: Connection, found: Select[int], now: datetime, limit: int) -> list[int]:
    return list(connection.scalars(_first_of(found, limit), {"now": now}))


@lru_cache(maxsize=16)
def _first_of(found: Select[int], limit: int) -> Select[int]:
    return found.order_by(HANDOFF.c.id).limit(limit)


def _remind(connection: Connection, handoff_id: int, look: _Look) -> bool:
    """Only while its owner works: what comes at night reminds of nothing."""
    handoff = get(connection, handoff_id)
    if handoff is None or not _works(handoff, look):
        return False
    return handoff_moves.nudge(connection, handoff_id, at=look.now).is_done


def _works(handoff: HandoffRecord, look: _Look) -> bool:
    zone = handoff.owner_timezone or look.timezone
    try:
        hours = parse_working_hours(handoff.owner_working_hours or "")
        return is_working(look.now, hours, zone if is_zone(zone) else "UTC", look.calendar)
    except ValueError as error:
        _log.warning("working_hours_unusable", owner=handoff.owner, error=str(error))
        return True


def _escalate(connection: Connection, handoff_id: int, look: _Look) -> bool:
    handoff = get(connection, handoff_id)
    if handoff is None:
        return False
    level, owner = _next_rung(connection, handoff, look)
    again = acknowledge_time(connection, handoff.acknowledge_within, owner, look.now, look.calendar, look.timezone)
    move = handoff_moves.escalate(connection, handoff_id, at=look.now, level=level, owner=owner, acknowledge_by=again)
    return move.is_done and move.reason == "done"


def _next_rung(connection: Connection, handoff: HandoffRecord, look: _Look) -> tuple[int, str | None]:
    """Its number and who is asked there; None: the channel. With nobody else to ask the same person is asked again,
    rather than nobody."""
    level = handoff.escalations + 1
    if handoff.escalate_to is not None:
        owner = handoff.escalate_to if level == 1 else None
        if owner is None or owner == handoff.owner:
            owner = look.above.default()
        return level, owner or handoff.owner
    first = _first_owner(connection, handoff)
    asked = {handoff.owner, first}
    if level == 1 and first and (cover := look.above.cover_of(first)) not in {None, *asked}:
        return 1, cover
    if level <= 2 and first and (manager := look.above.manager_of(first)) not in {None, *asked}:
        return 2, manager
    return RUNGS_USUAL, None if look.has_channel else look.above.default() or handoff.owner


def _first_owner(connection: Connection, handoff: HandoffRecord) -> str | None:
    """Whose silence began it, as long as it is still with the person it went up to."""
    newest = select(ACT.c.act, ACT.c.details).where(
        ACT.c.handoff_id == handoff.id,
        ACT.c.act.in_(("escalated", "reassigned", "followed", "covered", "late", "left")),
    )
    row = connection.execute(newest.order_by(ACT.c.id.desc()).limit(1)).one_or_none()
    if row is None or row.act != "escalated" or (row.details or {}).get("owner") != handoff.owner:
        return handoff.owner
    before: str | None = (row.details or {}).get("first") or (row.details or {}).get("before")
    return before


_PERSON = select(CSM.c.working_hours, CSM.c.timezone).where(CSM.c.key == bindparam("owner"))


def acknowledge_time(
    connection: Connection,
    within: str | None,
    owner: str | None,
    now: datetime,
    calendar: BusinessCalendar,
    timezone: str,
) -> datetime | None:
    """When `within` is over on the working clock of `owner`, counted from now; None when nothing was promised."""
    if within is None:
        return None
    person = connection.execute(_PERSON, {"owner": owner}).mappings().one_or_none()
    hours = (person["working_hours"] if person else None) or ""
    zone = (person["timezone"] if person else None) or timezone
    try:
        return add_working_time(
            now, parse_duration(within), parse_working_hours(hours), zone if is_zone(zone) else "UTC", calendar
        )
    except ValueError as error:
        # Hours that nobody can work, imported since: the move counts the first span again instead.
        _log.warning("working_hours_unusable", owner=owner, error=str(error))
        return None


def tell_of_unsent_mails(database: Database, now: datetime) -> None:
    """Who sent a mail from a card hears once that it did not go."""
    with database.write() as connection:
        tell_unsent(connection, unsent_mails(connection, now), now)
