"""When something may be sent: the first instant at which every window is open on a day that is neither holiday nor
freeze. An instant is open when the clock on the wall there says so, also around clock changes. Pure; deliver asks it
for mails, escalate for pings, and both ask `is_late` what to do after our own downtime (S8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from bot.rules.business_days import BusinessCalendar, parse_open_days
from bot.rules.durations import parse_hours
from bot.rules.schedules import SEARCH_DAYS, add_days
from bot.rules.zones import local_to_utc, start_of_day, to_local, zone_of

DEFAULT_LATE_LIMIT = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Weekdays (0 is Monday) and hours. An `end` not after `start` belongs to the next day; `business`: closed on
    holidays."""

    days: frozenset[int]
    start: time
    end: time
    business: bool = True

    def opening(self, weekday: int, clock: time) -> time | None:
        """The first time at or after `clock` at which it is open on such a weekday, or None. A night window that
        opened on the day before is still open in the small hours."""
        night = self.end <= self.start
        if night and clock < self.end and (weekday - 1) % 7 in self.days:
            return clock
        if weekday not in self.days:
            return None
        if clock < self.start:
            return self.start
        return clock if night or clock < self.end else None


def parse_window(days: str, hours: str, *, business: bool = True) -> Window:
    """`monday to friday` and `09:00-18:00`. Raises: ValueError."""
    start, end = parse_hours(hours)
    return Window(days=parse_open_days(days), start=start, end=end, business=business)


def next_open(windows: Sequence[Window], at_utc: datetime, zone: str, calendar: BusinessCalendar) -> datetime:
    """The first instant not before `at_utc` at which all windows are open; `at_utc` itself if they are. Without
    windows only holidays and freeze dates close. Raises: ValueError when they never open together within 400 days."""
    local = to_local(at_utc, zone)
    day, clock = local.date(), local.time()
    keeps_holidays = not windows or any(window.business for window in windows)
    for _ in range(SEARCH_DAYS):
        if not calendar.is_frozen(day) and not (keeps_holidays and calendar.is_holiday(day)):
            found = _opening_on(windows, day, clock, at_utc, zone)
            if found is not None:
                return found
        day, clock = add_days(day, 1), time.min
    raise ValueError("these windows never open together")


def _opening_on(windows: Sequence[Window], day: date, clock: time, at_utc: datetime, zone: str) -> datetime | None:
    if _changes_clocks(day, zone):
        return _opening_around_change(windows, day, at_utc, zone)
    opens = _common_opening(windows, day.weekday(), clock)
    if opens is None:
        return None
    return max(at_utc, local_to_utc(datetime.combine(day, opens), zone))


def _common_opening(windows: Sequence[Window], weekday: int, clock: time) -> time | None:
    """The first time of the day at or after `clock` at which all are open."""
    opens: time | None = None
    while opens != clock:
        opens = clock
        for window in windows:
            later = window.opening(weekday, clock)
            if later is None:
                return None
            clock = later
    return opens


@lru_cache(maxsize=16384)
def _changes_clocks(day: date, zone: str) -> bool:
    rules = zone_of(zone)
    begins = datetime.combine(day, time.min, rules)
    ends = datetime.combine(add_days(day, 1), time.min, rules)
    return begins.utcoffset() != ends.utcoffset()


def _opening_around_change(windows: Sequence[Window], day: date, at_utc: datetime, zone: str) -> datetime | None:
    """On a day of 23, 25 or fewer hours: tries each instant at which the answer can turn to yes (the start of the
    day, the change itself, each opening time in both its passes) and takes the first that the wall clock confirms."""
    rules = zone_of(zone)
    begins = start_of_day(day, zone)
    ends = start_of_day(add_days(day, 1), zone)
    candidates = [at_utc, begins, _change_between(begins, ends, zone)]
    for clock in {time.min, *(window.start for window in windows)}:
        passes = (datetime.combine(day, clock, rules).replace(fold=fold) for fold in (0, 1))
        candidates.extend(one.astimezone(UTC) for one in passes)
    return next((one for one in sorted(candidates) if one >= at_utc and _is_open_on(windows, day, one, zone)), None)


def _is_open_on(windows: Sequence[Window], day: date, instant: datetime, zone: str) -> bool:
    local = to_local(instant, zone)
    clock = local.time()
    return local.date() == day and all(window.opening(day.weekday(), clock) == clock for window in windows)


def _change_between(before: datetime, after: datetime, zone: str) -> datetime:
    """The first whole second with the new offset, by halving."""
    old = to_local(before, zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if to_local(middle, zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def is_late(allowed_at: datetime, now: datetime, limit: timedelta = DEFAULT_LATE_LIMIT) -> bool:
    """Whether more than `limit` has passed since everything (window, cap, pause, review) first allowed it; so a
    weekend is never late (S8)."""
    return now - allowed_at > limit
