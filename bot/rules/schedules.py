"""When a repeating entry (`enter.every`) falls due, in naive local time. Values and arithmetic only: the text is parsed
in durations.py, the zone is applied by calendar.py, and whoever calls says what is a business day."""

from __future__ import annotations

import calendar as months_of
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

DAY = timedelta(days=1)
FRIDAY = 4
# Longer than any holiday season or freeze: a business day that is not found within it does not exist.
SEARCH_DAYS = 400

BusinessDayTest = Callable[[date], bool]


class Rhythm(StrEnum):
    """How a schedule repeats."""

    DAILY = "daily"  # every day at one time
    BUSINESS_DAILY = "business_daily"  # every business day at one time
    WEEKLY = "weekly"  # one weekday at one time
    MONTHLY = "monthly"  # one day of the month at one time; a day the month lacks is its last day
    INTERVAL = "interval"  # every so many months or days from a start, whose time it keeps


def add_months(day: date, months: int) -> date:
    """The same day of the month `months` later (or earlier), clamped to the month's end. Saturates at the calendar's
    ends, because 31 December 9999 is how many systems write "never"."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if years > date.max.year:
        return date.max
    if years < date.min.year:
        return date.min
    return date(years, month + 1, min(day.day, months_of.monthrange(years, month + 1)[1]))


def add_days(day: date, days: int) -> date:
    """Saturates like `add_months`."""
    return date.fromordinal(min(max(day.toordinal() + days, 1), date.max.toordinal()))


def is_weekday(day: date) -> bool:
    return day.weekday() <= FRIDAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A repeating local moment. `weekday` is 0 for Monday; `day` 1 to 31; `months` or `days` is the length of an
    interval."""

    rhythm: Rhythm
    text: str
    at: time = time.min
    weekday: int = 0
    day: int = 1
    months: int = 0
    days: int = 0

    @property
    def needs_start(self) -> bool:
        """Whether `from` must be given: an interval has nothing else to count from."""
        return self.rhythm is Rhythm.INTERVAL

    def latest_at_or_before(
        self, local_now: datetime, start: datetime | None = None, *, is_business_day: BusinessDayTest = is_weekday
    ) -> datetime | None:
        """The latest occurrence that is not later than `local_now`, or None if there was none since `start`.

        Raises: ValueError when the schedule needs a start and has none.
        """
        if self.rhythm is Rhythm.INTERVAL:
            number = self._intervals_until(local_now, start)
            return None if number < 0 else self._interval(number, start)
        latest = self._step(local_now, is_business_day, forward=False)
        return None if start is not None and latest is not None and latest < start else latest

    def next_after(
        self, local_now: datetime, start: datetime | None = None, *, is_business_day: BusinessDayTest = is_weekday
    ) -> datetime | None:
        """The first occurrence later than `local_now` and not before `start`; None when no business day is found.

        Raises: ValueError when the schedule needs a start and has none.
        """
        if self.rhythm is Rhythm.INTERVAL:
            return self._interval(max(self._intervals_until(local_now, start) + 1, 0), start)
        if start is not None and start > local_now:
            local_now = start - timedelta.resolution
        return self._step(local_now, is_business_day, forward=True)

    def _intervals_until(self, local_now: datetime, start: datetime | None) -> int:
        """How many whole intervals lie between start and now; negative before the start."""
        first = self._started(start)
        if self.days:
            return (local_now - first) // timedelta(days=self.days)
        passed = (local_now.year - first.year) * 12 + local_now.month - first.month
        number = passed // self.months
        # A clamped day (31 January + 1 month) may still lie ahead within this month.
        return number if self._interval(number, first) <= local_now else number - 1

    def _interval(self, number: int, start: datetime | None) -> datetime:
        """Always counted from the start itself, so 31 January + 2 months is 31 March, whatever February did."""
        first = self._started(start)
        if self.days:
            return datetime.combine(add_days(first.date(), number * self.days), first.time())
        return datetime.combine(add_months(first.date(), number * self.months), first.time())

    def _started(self, start: datetime | None) -> datetime:
        if start is None:
            raise ValueError(f"`{self.text}` needs a start: write `from: 2027-04-01 09:00` beside it")
        return start

    def _step(self, local_now: datetime, is_business_day: BusinessDayTest, *, forward: bool) -> datetime | None:
        """The nearest occurrence after now (forward), or at or before now."""
        if self.rhythm is Rhythm.MONTHLY:
            return self._monthly(local_now, forward=forward)
        direction = DAY if forward else -DAY
        day = local_now.date()
        for _ in range(SEARCH_DAYS):
            moment = datetime.combine(day, self.at)
            if (moment > local_now) == forward and self._falls_on(day, is_business_day):
                return moment
            day += direction
        return None

    def _falls_on(self, day: date, is_business_day: BusinessDayTest) -> bool:
        if self.rhythm is Rhythm.WEEKLY:
            return day.weekday() == self.weekday
        return self.rhythm is Rhythm.DAILY or is_business_day(day)

    def _monthly(self, local_now: datetime, *, forward: bool) -> datetime:
        first = local_now.date().replace(day=1)
        for months in (0, 1) if forward else (0, -1):
            month = add_months(first, months)
            last = months_of.monthrange(month.year, month.month)[1]
            moment = datetime.combine(month.replace(day=min(self.day, last)), self.at)
            if (moment > local_now) == forward:
                break
        return moment
