"""When a new card may call its owner (issue: quiet): `high` at once; `normal` in the owner's working hours; `low` at the
owner's next 09:00. Decides only the moment; escalate posts. A channel is nobody's evening, so its cards go at once."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import structlog

from bot.rules.calendar import BusinessCalendar
from bot.rules.working_hours import next_working_moment, parse_working_hours
from bot.rules.zones import is_zone, local_date, local_to_utc
from storage.handoff_views import HandoffRecord

MORNING = time(9)

_log = structlog.get_logger("journeybot.quiet")


def ping_time(handoff: HandoffRecord, now: datetime, calendar: BusinessCalendar, timezone: str) -> datetime:
    """Not before now. `timezone` is the workspace's, for owners without one."""
    if handoff.urgency == "high" or handoff.owner_slack_id is None:
        return now
    zone = handoff.owner_timezone or timezone
    zone = zone if is_zone(zone) else "UTC"
    try:
        hours = parse_working_hours(handoff.owner_working_hours or "")
        earliest = max(now, _morning(handoff.opened_at, zone)) if handoff.urgency == "low" else now
        return next_working_moment(earliest, hours, zone, calendar)
    except ValueError as error:
        # Hours that nobody can work, imported since: a card too early is better than none.
        _log.warning("working_hours_unusable", owner=handoff.owner, error=str(error))
        return now


def _morning(opened_at: datetime, zone: str) -> datetime:
    """The first 09:00 from the opening on; what it brings on a day off waits for the next shift."""
    today = local_date(opened_at, zone)
    morning = local_to_utc(datetime.combine(today, MORNING), zone)
    if morning >= opened_at:
        return morning
    return local_to_utc(datetime.combine(today + timedelta(days=1), MORNING), zone)
