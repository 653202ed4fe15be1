"""Counts time as people do: 5 days later is the same local time, 24 hours later is not, a month after 31 January is
the end of February, and business days skip weekends, holidays and freezes. Pure: instants in, instants out (aware
UTC). Also the one place to import the calendar's names from; enroll and advance use it for due times, deliver through
windows.py."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from bot.rules.business_days import (
    EVERY_DAY,
    MONDAY_TO_FRIDAY,
    BusinessCalendar,
    parse_freeze,
    parse_holiday_source,
    parse_open_days,
    shift_date,
)
from bot.rules.durations import Duration, Moment, MomentKind
from bot.rules.schedules import SEARCH_DAYS, add_days
from bot.rules.working_hours import WorkingHours, add_working_time, is_working, parse_working_hours
from bot.rules.zones import EARLIEST, LATEST, is_zone, local_date, local_to_utc, start_of_day, to_local, zone_of

__all__ = [
    "EVERY_DAY",
    "MONDAY_TO_FRIDAY",
    "BusinessCalendar",
    "WorkingHours",
    "add",
    "add_working_time",
    "is_working",
    "is_zone",
    "local_date",
    "local_to_utc",
    "parse_freeze",
    "parse_holiday_source",
    "parse_open_days",
    "parse_working_hours",
    "resolve_moment",
    "shift_date",
    "start_of_day",
    "subtract",
    "to_local",
    "zone_of",
]


def add(duration: Duration, start_utc: datetime, zone: str, calendar: BusinessCalendar) -> datetime:
    """The instant `duration` after `start_utc` (S18). Days, months and business days keep the local time of day;
    hours are elapsed hours; business hours are 09:00-18:00 of the calendar's business days. Raises: ValueError."""
    if duration.business_minutes:
        return add_working_time(start_utc, duration, WorkingHours(days=calendar.open_days), zone, calendar)
    return _move(start_utc, 1, duration, zone, calendar)


def subtract(duration: Duration, end_utc: datetime, zone: str, calendar: BusinessCalendar) -> datetime:
    """The instant `duration` before `end_utc`. Raises: ValueError for business hours, which only count forward."""
    if duration.business_minutes:
        raise ValueError(f"`{duration.text}` cannot be counted backwards; use hours or business days")
    return _move(end_utc, -1, duration, zone, calendar)


def _move(instant: datetime, sign: int, duration: Duration, zone: str, calendar: BusinessCalendar) -> datetime:
    if duration.minutes:
        try:
            return instant + sign * timedelta(minutes=duration.minutes)
        except OverflowError:
            return LATEST if sign > 0 else EARLIEST
    local = to_local(instant, zone)
    day = shift_date(local.date(), sign, duration, calendar)
    return local_to_utc(datetime.combine(day, local.time()), zone)


def resolve_moment(moment: Moment, now_utc: datetime, zone: str, calendar: BusinessCalendar) -> datetime:
    """The instant that `moment` names, seen from `now_utc`. A date is taken as it stands, even if it is past;
    everything else is later than now: a `today 17:00` that is over becomes 17:00 of the next business day, for nobody
    can be due in the past. Raises: ValueError when no business day is to come."""
    today = local_date(now_utc, zone)
    if moment.kind is MomentKind.DATE and moment.date is not None:
        return local_to_utc(datetime.combine(moment.date, moment.at), zone)
    if moment.kind is MomentKind.TOMORROW:
        return local_to_utc(datetime.combine(add_days(today, 1), moment.at), zone)
    for distance in range(SEARCH_DAYS):
        day = add_days(today, distance)
        if _may_fall_on(moment, day, distance, calendar):
            instant = local_to_utc(datetime.combine(day, moment.at), zone)
            if instant > now_utc:
                return instant
    raise ValueError(f"`{moment.text}` does not come within {SEARCH_DAYS} days; look at open days and freeze dates")


def _may_fall_on(moment: Moment, day: date, distance: int, calendar: BusinessCalendar) -> bool:
    if moment.kind is MomentKind.WEEKDAY:
        return day.weekday() == moment.weekday
    if moment.kind is MomentKind.TODAY and distance == 0:
        return True
    return calendar.is_business_day(day)
