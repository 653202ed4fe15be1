"""When a new card or mail may call a person: `normal` in their working hours; `low` at their next 09:00; `high` at once in
working hours, and outside them as far as they allow it (`urgent_hours` of csms.csv). Decides only the moment; escalate and
staff_mail call. A channel is nobody's evening, so its cards go at once."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import structlog

from bot.rules.calendar import BusinessCalendar
from bot.rules.working_hours import ALWAYS, next_working_moment, parse_working_hours
from bot.rules.zones import is_zone, local_date, local_to_utc
from storage.handoff_views import HandoffRecord

MORNING = time(9)

_log = structlog.get_logger("journeybot.quiet")


def ping_time(handoff: HandoffRecord, now: datetime, calendar: BusinessCalendar, timezone: str) -> datetime:
    """When its card may come; not before now. `timezone` is the workspace's, for owners without one."""
    return now if handoff.owner_slack_id is None else call_time(handoff, now, calendar, timezone)


def call_time(handoff: HandoffRecord, now: datetime, calendar: BusinessCalendar, timezone: str) -> datetime:
    """When its owner may be called, by whatever way."""
    zone = handoff.owner_timezone or timezone
    zone = zone if is_zone(zone) else "UTC"
    try:
        hours = parse_working_hours(handoff.owner_working_hours or "")
        earliest = max(now, _morning(handoff.opened_at, zone)) if handoff.urgency == "low" else now
        moment = next_working_moment(earliest, hours, zone, calendar)
        if handoff.urgency == "high" and handoff.owner_urgent_hours:
            return min(moment, _urgent_moment(handoff.owner_urgent_hours, now, zone))
        return moment
    except ValueError as error:
        # Hours that nobody can work, imported since: a card too early is better than none.
        _log.warning("working_hours_unusable", owner=handoff.owner, error=str(error))
        return now


def next_morning(now: datetime, handoff: HandoffRecord, calendar: BusinessCalendar, timezone: str) -> datetime:
    """The owner's next 09:00 after now, on a day they work. Raises: ValueError when they never work."""
    zone = handoff.owner_timezone or timezone
    zone = zone if is_zone(zone) else "UTC"
    tomorrow = local_date(now, zone) + timedelta(days=1)
    morning = local_to_utc(datetime.combine(tomorrow, MORNING), zone)
    return next_working_moment(morning, parse_working_hours(handoff.owner_working_hours or ""), zone, calendar)


def _urgent_moment(hours: str, now: datetime, zone: str) -> datetime:
    """Urgent hours know no holidays: who allows calls on Sundays has said so."""
    if hours == ALWAYS:
        return now
    return next_working_moment(now, parse_working_hours(hours), zone, BusinessCalendar())


def _morning(opened_at: datetime, zone: str) -> datetime:
    """The first 09:00 from the opening on; what it brings on a day off waits for the next shift."""
    today = local_date(opened_at, zone)
    morning = local_to_utc(datetime.combine(today, MORNING), zone)
    if morning >= opened_at:
        return morning
    return local_to_utc(datetime.combine(today + timedelta(days=1), MORNING), zone)
