"""Which dates count as business days: open weekdays that are neither a holiday of the customer's country nor a freeze
date. Dates only: no clock, no zone. Holidays come from the holidays package and are kept per year. calendar.py counts
with it, windows.py asks it before anything is sent."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from bot.rules.durations import Duration, parse_day, parse_weekday
from bot.rules.schedules import SEARCH_DAYS, add_days, add_months

if TYPE_CHECKING:
    from holidays import HolidayBase

MONDAY_TO_FRIDAY = frozenset(range(5))
EVERY_DAY = frozenset(range(7))
DateRange = tuple[date, date]

# Codes that people write and ISO 3166 does not have.
_COUNTRY_ALIASES = {"UK": "GB", "EL": "GR"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HolidaySource:
    """One table of holidays. An empty category is the country's usual one (public holidays)."""

    country: str
    subdivision: str = ""
    category: str = ""


def parse_holiday_source(text: str) -> HolidaySource:
    """`JP public`, `JP bank`, `US`, `US-CA public`. Raises: ValueError for what the tables do not know."""
    code, _, category = " ".join(text.split()).partition(" ")
    source = region_source(code)
    if source is None:
        raise ValueError(f"`{text}`: no holidays are known for `{code}`; write a country code, like `JP public`")
    if "-" in code and not source.subdivision:
        raise ValueError(
            f"`{text}`: {source.country} has no region `{code.partition('-')[2]}` with holidays of its own"
        )
    known = _table(source.country).supported_categories
    if category and category.lower() not in known:
        guess = difflib.get_close_matches(category.lower(), known, n=1)
        advice = f"did you mean `{code} {guess[0]}`?" if guess else f"known are {', '.join(known)}"
        raise ValueError(f"`{text}`: {source.country} has no holidays of the kind `{category}`; {advice}")
    return HolidaySource(country=source.country, subdivision=source.subdivision, category=category.lower())


@lru_cache(maxsize=1024)
def region_source(region: str) -> HolidaySource | None:
    """A region as it was imported (`JP`, `uk`, `US-CA`): its public holidays, or None for one nobody knows."""
    code, _, subdivision = region.strip().upper().replace("_", "-").partition("-")
    code = _COUNTRY_ALIASES.get(code, code)
    # A two- or three-letter code only: the package also has classes named `Japan`, `HolidayBase` and the like.
    if not re.fullmatch(r"[A-Z]{2,3}", code):
        return None
    try:
        table = _table(code)
    except NotImplementedError:
        return None
    known = subdivision in table.subdivisions or subdivision in table.subdivisions_aliases
    return HolidaySource(country=table.country, subdivision=subdivision if known else "")


@lru_cache(maxsize=512)
def _table(country: str) -> HolidayBase:
    return _country_holidays()(country, expand=False)


@cache
def _country_holidays() -> Callable[..., HolidayBase]:
    # Imported here because its first use loads the tables of all countries, which takes longer than many commands.
    from holidays import country_holidays

    return country_holidays


@lru_cache(maxsize=4096)
def _holidays_in(sources: tuple[HolidaySource, ...], year: int) -> frozenset[date]:
    days: set[date] = set()
    for source in sources:
        table = _country_holidays()(
            source.country,
            subdiv=source.subdivision or None,
            years=year,
            expand=False,
            categories=(source.category,) if source.category else None,
        )
        days.update(table)
    return frozenset(days)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessCalendar:
    """`holidays`: the workspace's sources (`JP public`). `region`: the customer's country; when it is known, its own
    holidays count (with the workspace's sources for that country, if it names any), otherwise the workspace's.
    `open_days`: 0 is Monday. `freeze`: first and last date of each range. Raises: ValueError for an unknown source or
    a range that ends before it begins."""

    holidays: tuple[str, ...] = ()
    region: str = ""
    open_days: frozenset[int] = MONDAY_TO_FRIDAY
    freeze: tuple[DateRange, ...] = ()
    _sources: tuple[HolidaySource, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.open_days or not self.open_days <= EVERY_DAY:
            raise ValueError("open days are a choice of monday to sunday, at least one")
        for first, last in self.freeze:
            if last < first:
                raise ValueError(f"the freeze {first} to {last} ends before it begins")
        object.__setattr__(self, "_sources", _sources_for(self.holidays, self.region))

    def is_holiday(self, day: date) -> bool:
        return day in _holidays_in(self._sources, day.year) if self._sources else False

    def is_frozen(self, day: date) -> bool:
        return any(first <= day <= last for first, last in self.freeze)

    def is_business_day(self, day: date) -> bool:
        """A freeze date counts as a holiday of our own company."""
        return day.weekday() in self.open_days and not self.is_holiday(day) and not self.is_frozen(day)

    def business_day_from(self, day: date, direction: int = 1) -> date:
        """The day itself if it is a business day, else the nearest later one (earlier with -1). Raises: ValueError."""
        for distance in range(SEARCH_DAYS):
            found = add_days(day, direction * distance)
            if self.is_business_day(found):
                return found
        raise ValueError(
            f"there is no business day within {SEARCH_DAYS} days of {day}; look at open days and freeze dates"
        )

    def next_business_day(self, day: date) -> date:
        """The first business day after `day`. Raises: ValueError."""
        return self.business_day_from(add_days(day, 1))

    def add_business_days(self, day: date, number: int) -> date:
        """The number-th business day after `day`, before it when negative. Zero is the day itself. Raises:
        ValueError."""
        direction = 1 if number > 0 else -1
        for _ in range(abs(number)):
            day = self.business_day_from(add_days(day, direction), direction)
        return day


@lru_cache(maxsize=4096)
def _sources_for(names: tuple[str, ...], region: str) -> tuple[HolidaySource, ...]:
    named = tuple(parse_holiday_source(name) for name in names)
    own = region_source(region)
    if own is None:
        return named
    of_the_country = tuple(source for source in named if source.country == own.country)
    return of_the_country if of_the_country and not own.subdivision else (*of_the_country, own)


@lru_cache(maxsize=1024)
def parse_open_days(text: str) -> frozenset[int]:
    """`monday to friday`, `mon-fri`, `every day`, `mon;wed;fri`; empty is Monday to Friday. Raises: ValueError."""
    tidy = " ".join(text.casefold().split())
    if tidy in ("", "weekdays", "business days"):
        return MONDAY_TO_FRIDAY
    if tidy in ("every day", "everyday", "daily", "all"):
        return EVERY_DAY
    days: set[int] = set()
    for part in re.split(r"\s*[;,]\s*", tidy.strip(";, ")):
        ends = [parse_weekday(name) for name in re.split(r"\s+to\s+|\s*[-–]\s*", part)]
        if len(ends) > 2:
            raise ValueError(f"`{text}` are no open days; write `monday to friday` or `mon;wed;fri`")
        # A range may run over the weekend: `saturday to tuesday`.
        days.update((ends[0] + step) % 7 for step in range((ends[-1] - ends[0]) % 7 + 1))
    return frozenset(days)


def parse_freeze(text: str) -> DateRange:
    """`2026-12-28 to 2027-01-04`, or one date. Raises: ValueError."""
    parts = re.split(r"\s+to\s+", text.strip(), flags=re.IGNORECASE)
    if len(parts) > 2:
        raise ValueError(f"`{text}` is not a range of dates; write `2026-12-28 to 2027-01-04`")
    first, last = parse_day(parts[0]), parse_day(parts[-1])
    if last < first:
        raise ValueError(f"`{text}` ends before it begins")
    return first, last


def parse_regional_freeze(text: str) -> tuple[str, DateRange]:
    """`JP 2027-04-29 to 2027-05-05` → the country (or region, `US-CA`) it holds for and the range; without one it holds
    everywhere: "". Raises: ValueError."""
    first, _, rest = text.strip().partition(" ")
    if not rest or not first[:1].isalpha():
        return "", parse_freeze(text)
    if region_source(first) is None:
        raise ValueError(f"`{text}`: `{first}` is no country; write a country code, like `JP 2027-04-29 to 2027-05-05`")
    return first.upper().replace("_", "-"), parse_freeze(rest)


def is_in_region(region: str, place: str) -> bool:
    """Whether somebody in `region` (`US-CA`, `uk`) belongs to `place` (`US`, `GB`); everybody belongs to ""."""
    if not place:
        return True
    mine, theirs = region_source(region), region_source(place)
    if mine is None or theirs is None or mine.country != theirs.country:
        return False
    return not theirs.subdivision or mine.subdivision == theirs.subdivision


def shift_date(day: date, sign: int, duration: Duration, calendar: BusinessCalendar) -> date:
    """The date `duration` after `day` (before it with sign -1); months clamp to the month's end. Raises: ValueError
    for hours."""
    if not duration.counts_whole_days:
        raise ValueError(f"`{duration.text}` does not move a date; use days, business days, weeks, months or years")
    moved = add_days(add_months(day, sign * duration.months), sign * duration.days)
    return calendar.add_business_days(moved, sign * duration.business_days)
