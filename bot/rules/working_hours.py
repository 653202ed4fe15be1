"""The clocks of a hand-off: `due` and `acknowledge_within` count the owner's working time from opening (S18, S27). An
hour is one that the owner works, so a card opened in the evening is not overdue at night. Uses zones and
business_days; the pipeline asks when it opens, reassigns and escalates hand-offs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from bot.rules.business_days import MONDAY_TO_FRIDAY, BusinessCalendar, parse_open_days, shift_date
from bot.rules.durations import Duration, parse_hours
from bot.rules.schedules import SEARCH_DAYS, add_days
from bot.rules.zones import local_date, local_to_utc, to_local

#: In place of hours for urgent calls: at any time.
ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingHours:
    """`days`: 0 is Monday. An `end` not after `start` belongs to the next day (a night shift; 00:00 is midnight)."""

    days: frozenset[int] = MONDAY_TO_FRIDAY
    start: time = time(9)
    end: time = time(18)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One working day: the date it belongs to and its first and last instant."""

    day: date
    opens: datetime
    closes: datetime


@lru_cache(maxsize=1024)
def parse_working_hours(text: str) -> WorkingHours:
    """`monday to friday 09:00-18:00`, `mon-fri 9:00-18:00`, `09:00-18:00`; empty is Monday to Friday 09:00-18:00.
    Raises: ValueError."""
    if not text.strip():
        return WorkingHours()
    match = re.fullmatch(r"(?P<days>[^0-9]*?)\s*(?P<hours>[0-9０-９].*)?", text.strip())
    if match is None:
        raise ValueError(f"`{text}` are no working hours; write `monday to friday 09:00-18:00`")
    start, end = parse_hours(match["hours"]) if match["hours"] else (WorkingHours().start, WorkingHours().end)
    return WorkingHours(days=parse_open_days(match["days"]), start=start, end=end)


def add_working_time(
    start_utc: datetime, duration: Duration, hours: WorkingHours, zone: str, calendar: BusinessCalendar
) -> datetime:
    """Aware UTC. Counting starts at `start_utc`, or at the next opening when the owner is off. Hours and minutes,
    `business` or not, are working time; days keep the local time of day and end on a day the owner works. Raises:
    ValueError."""
    owner = _days_of(calendar, hours.days)
    if duration.minutes or duration.business_minutes:
        left = timedelta(minutes=duration.minutes + duration.business_minutes)
        return _count_down(start_utc, left, hours, zone, owner)
    shift = next(_shifts(start_utc, hours, zone, owner))
    begun = to_local(max(start_utc, shift.opens), zone)
    day = owner.business_day_from(shift_date(shift.day, 1, duration, owner))
    # In a night shift the small hours belong to the working day before.
    day = add_days(day, (begun.date() - shift.day).days)
    return local_to_utc(datetime.combine(day, begun.time()), zone)


def next_working_moment(instant: datetime, hours: WorkingHours, zone: str, calendar: BusinessCalendar) -> datetime:
    """`instant` itself while the owner works, else the next opening. Raises: ValueError when the owner never works."""
    return max(instant, next(_shifts(instant, hours, zone, _days_of(calendar, hours.days))).opens)


def is_working(instant: datetime, hours: WorkingHours, zone: str, calendar: BusinessCalendar) -> bool:
    """Whether the owner works at `instant`. Raises: ValueError when the owner never works."""
    return next(_shifts(instant, hours, zone, _days_of(calendar, hours.days))).opens <= instant


def _count_down(
    start_utc: datetime, left: timedelta, hours: WorkingHours, zone: str, owner: BusinessCalendar
) -> datetime:
    shifts = _shifts(start_utc, hours, zone, owner)
    while True:
        shift = next(shifts)
        begun = max(start_utc, shift.opens)
        if left <= shift.closes - begun:
            return begun + left
        left -= shift.closes - begun


def _shifts(instant: datetime, hours: WorkingHours, zone: str, owner: BusinessCalendar) -> Iterator[Shift]:
    """The shifts that close after `instant`, in order. Raises: ValueError when there is none for 400 days."""
    night = hours.end <= hours.start
    day = add_days(local_date(instant, zone), -1 if night else 0)
    idle = 0
    while idle < SEARCH_DAYS and day < date.max:
        if owner.is_business_day(day):
            opens = local_to_utc(datetime.combine(day, hours.start), zone)
            closes = local_to_utc(datetime.combine(add_days(day, 1) if night else day, hours.end), zone)
            # A clock change may swallow a short shift: then it opens and closes in the same instant.
            if closes > max(instant, opens):
                idle = 0
                yield Shift(day=day, opens=opens, closes=closes)
        idle += 1
        day = add_days(day, 1)
    raise ValueError("the owner never works within 400 days; look at working hours, holidays and freeze dates")


@lru_cache(maxsize=1024)
def _days_of(calendar: BusinessCalendar, days: frozenset[int]) -> BusinessCalendar:
    """The calendar with the owner's weekdays instead of the customer's."""
    return calendar if calendar.open_days == days else replace(calendar, open_days=days)
