"""Reads the time words of a playbook: `5 days`, `09:00 next business day`, `day 1 10:00`, `renewal_date - 90 days`.
Returns values only; never looks at a clock or a zone. authoring checks files with it before the run, calendar.py counts
with its values. Every refusal is a ValueError with a sentence that names the nearest right spelling."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from functools import lru_cache

from bot.rules.schedules import Rhythm, Schedule

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY_NUMBERS = {
    **{name: number for number, name in enumerate(WEEKDAYS)},
    **{name[:3]: number for number, name in enumerate(WEEKDAYS)},
    "tues": 1,
    "wednes": 2,
    "thur": 3,
    "thurs": 3,
}

# Unit as written (singular) → field of Duration and how many of it.
_UNITS = {
    "minute": ("minutes", 1),
    "min": ("minutes", 1),
    "hour": ("minutes", 60),
    "hr": ("minutes", 60),
    "h": ("minutes", 60),
    "day": ("days", 1),
    "d": ("days", 1),
    "week": ("days", 7),
    "w": ("days", 7),
    "month": ("months", 1),
    "year": ("months", 12),
    "business day": ("business_days", 1),
    "business hour": ("business_minutes", 60),
    "business minute": ("business_minutes", 1),
}
_UNIT_NAMES = [f"{unit}s" for unit in _UNITS if unit == "day" or len(unit) > 3]
# A century: more is a slip of the finger and would run off the calendar.
_LONGEST = {
    "minutes": 100 * 366 * 24 * 60,
    "days": 100 * 366,
    "months": 100 * 12,
    "business_days": 100 * 366,
    "business_minutes": 100 * 260 * 8 * 60,
}

_AMOUNT = re.compile(r"(?P<number>[0-9]+)\s*(?P<unit>[^0-9].*)?")
_CLOCK = re.compile(r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?")
_CLOCK_WORD = re.compile(r"(?<![0-9:])[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?![0-9:])")
_DATE_TIME = re.compile(r"(?P<date>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2})(?:[t ]+(?P<clock>[0-9:]+))?")
_ANCHOR = re.compile(
    r"(?P<field>[^\W\d]\w*(?:\.\w+)*)"
    r"(?:\s*\(\s*(?P<quote>[\"'])(?P<argument>[^\"']+)(?P=quote)\s*\))?"
    r"(?:\s*(?P<sign>[+-])\s*(?P<offset>\S.*))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """A length of time; exactly one of the numbers is set. `2 weeks` is 14 days and `1 year` 12 months, so they are
    equal."""

    months: int = 0
    days: int = 0
    business_days: int = 0
    business_minutes: int = 0
    minutes: int = 0
    text: str = field(default="", compare=False)

    @property
    def counts_whole_days(self) -> bool:
        """Whether it moves a date; hours and minutes do not."""
        return not (self.minutes or self.business_minutes)


class MomentKind(StrEnum):
    """What a moment names."""

    DATE = "date"  # a date and time of the local calendar
    TODAY = "today"  # a time of this local day
    TOMORROW = "tomorrow"  # a time of the next local day
    WEEKDAY = "weekday"  # a time of the next such weekday
    BUSINESS_DAY = "business_day"  # a time of the next business day


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One local moment, not yet tied to a zone. `date` is set for DATE, `weekday` (0 = Monday) for WEEKDAY."""

    kind: MomentKind
    at: time
    text: str = field(compare=False)
    date: date | None = None
    weekday: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A date of the customer and a distance from it: `field` may be dotted, `argument` is that of `next_meeting("…")`,
    `sign` is 1 or -1, `offset` None for the date itself."""

    field: str
    argument: str | None = None
    sign: int = 1
    offset: Duration | None = None


@lru_cache(maxsize=4096)
def parse_duration(text: str) -> Duration:
    """`5 days`, `90 min`, `2 business days`. Raises: ValueError for anything else."""
    tidy = _tidied(text)
    if tidy.startswith(("-", "−")):
        raise ValueError(f"`{text}` is negative; a duration counts forward, write `{tidy[1:].strip()}`")
    match = _AMOUNT.fullmatch(tidy)
    if match is None:
        raise ValueError(f"`{text}` is not a duration; write a whole number and a unit, like `5 days`")
    if match["unit"] is None:
        raise ValueError(f"`{text}` has no unit; write `{tidy} days` or `{tidy} hours`")
    unit, number = match["unit"].strip(), match["number"]
    if unit.startswith((".", ",")):
        raise ValueError(f"`{text}` is not a whole number; use a smaller unit, like `90 minutes`")
    name, factor = _unit(text, number, unit)
    # Checked by length first: int() of a number with thousands of digits is refused in somebody else's words.
    if len(number.lstrip("0")) > 9 or int(number) * factor > _LONGEST[name]:
        raise ValueError(f"`{text}` is longer than a hundred years")
    if int(number) == 0:
        raise ValueError(f"`{text}` is no time at all; write at least `1 {unit.removesuffix('s')}`, or leave it out")
    return Duration(**{name: int(number) * factor}, text=text.strip())


def _unit(text: str, number: str, unit: str) -> tuple[str, int]:
    found = _UNITS.get(unit) or (_UNITS.get(unit[:-1]) if unit.endswith("s") else None)
    if found:
        return found
    if unit in ("m", "ms", "mo"):
        raise ValueError(f"`{text}`: minutes or months? Write `{number} minutes` or `{number} months`")
    if re.search(r"[0-9]", unit):
        raise ValueError(f"`{text}` has more than one number; write one number and one unit, like `36 hours`")
    guess = _nearest(unit, _UNIT_NAMES)
    advice = f"did you mean `{number} {guess}`?" if guess else f"the units are {', '.join(_UNIT_NAMES)}"
    raise ValueError(f"`{text}`: there is no unit `{unit}`; {advice}")


def parse_clock(text: str) -> time:
    """`09:00`, `9:00`, `17:30:15`. Raises: ValueError."""
    match = _CLOCK.fullmatch(_tidied(text))
    if match is None:
        raise ValueError(f"`{text}` is not a time of day; write it like `09:00` or `17:30`")
    try:
        return time(int(match["hour"]), int(match["minute"]), int(match["second"] or 0))
    except ValueError:
        raise ValueError(f"`{text}` is not a time of day; hours go from 00 to 23, minutes to 59") from None


@lru_cache(maxsize=1024)
def parse_hours(text: str) -> tuple[time, time]:
    """`14:00-17:00` → opening and closing time. A closing time not after the opening one belongs to the next day, so
    the end `24:00` is 00:00. Raises: ValueError."""
    parts = re.split(r"\s*(?:-|–|—|~|〜|\bto\b)\s*", _tidied(text))
    if len(parts) != 2:
        raise ValueError(f"`{text}` are no hours; write them like `09:00-18:00`")
    opens = parse_clock(parts[0])
    if parts[1] in ("24:00", "24:00:00"):
        return opens, time.min
    closes = parse_clock(parts[1])
    if closes == opens:
        raise ValueError(f"`{text}` opens and closes at the same time; write `00:00-24:00` for the whole day")
    return opens, closes


def parse_weekday(text: str) -> int:
    """`monday` or `mon` → 0. Raises: ValueError."""
    name = _tidied(text)
    number = _WEEKDAY_NUMBERS.get(name, _WEEKDAY_NUMBERS.get(name.removesuffix("s")))
    if number is None:
        guess = _nearest(name, WEEKDAYS)
        raise ValueError(f"`{text}` is not a weekday; " + (f"did you mean `{guess}`?" if guess else "write `monday`"))
    return number


def parse_day(text: str) -> date:
    """`2027-09-09`. Raises: ValueError."""
    try:
        return date(*(int(part) for part in _tidied(text).split("-")))
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"`{text}` is not a date of the calendar; write it like `2027-09-30`") from None


@lru_cache(maxsize=4096)
def parse_moment(text: str) -> Moment:
    """`09:00 next business day`, `today 17:00`, `next monday 10:00`, `2027-09-09 15:00`, `2027-09-09` (its midnight).
    Time and day may stand in either order. Raises: ValueError."""
    tidy = _tidied(text)
    match = _DATE_TIME.fullmatch(tidy)
    if match:
        at = parse_clock(match["clock"]) if match["clock"] else time.min
        return Moment(kind=MomentKind.DATE, at=at, date=parse_day(match["date"]), text=text.strip())
    if re.match(r"[0-9]{4}-", tidy):
        raise ValueError(f"`{text}` is not a moment; write local time without an offset, like `2027-09-09 15:00`")
    day, at = _day_and_clock(text, tidy, "today 17:00")
    if day in ("today", "tomorrow"):
        return Moment(kind=MomentKind(day), at=at, text=text.strip())
    if day.removeprefix("next ") == "business day":
        return Moment(kind=MomentKind.BUSINESS_DAY, at=at, text=text.strip())
    if day.removeprefix("next ") in _WEEKDAY_NUMBERS:
        return Moment(
            kind=MomentKind.WEEKDAY, at=at, weekday=parse_weekday(day.removeprefix("next ")), text=text.strip()
        )
    guess = _nearest(day, ["today", "tomorrow", "next business day", *(f"next {name}" for name in WEEKDAYS)])
    advice = f"did you mean `{guess} {at:%H:%M}`?" if guess else "write it like `09:00 next business day`"
    raise ValueError(f"`{text}` is not a moment; {advice}")


@lru_cache(maxsize=4096)
def parse_schedule(text: str) -> Schedule:
    """`monday 09:00`, `day 1 10:00`, `every day 09:00`, `business day 09:00`, `3 months`, `2 weeks`. Raises:
    ValueError."""
    tidy = _tidied(text).removeprefix("every ")
    if _AMOUNT.fullmatch(tidy) and not _CLOCK_WORD.search(tidy):
        return _interval(text, tidy)
    day, at = _day_and_clock(text, tidy, "monday 09:00")
    if day == "day":
        return Schedule(rhythm=Rhythm.DAILY, at=at, text=text.strip())
    if day == "business day":
        return Schedule(rhythm=Rhythm.BUSINESS_DAILY, at=at, text=text.strip())
    numbered = re.fullmatch(r"day\s*([0-9]{1,4})", day)
    if numbered:
        if not 1 <= int(numbered[1]) <= 31:
            raise ValueError(
                f"`{text}`: no month has a day {numbered[1]}; days go from 1 to 31 (31 is the month's last)"
            )
        return Schedule(rhythm=Rhythm.MONTHLY, at=at, day=int(numbered[1]), text=text.strip())
    if day in _WEEKDAY_NUMBERS:
        return Schedule(rhythm=Rhythm.WEEKLY, at=at, weekday=parse_weekday(day), text=text.strip())
    guess = _nearest(day, [*WEEKDAYS, "every day", "business day", "day 1"])
    advice = (
        f"did you mean `{guess} {at:%H:%M}`?" if guess else "write it like `monday 09:00`, `day 1 10:00` or `3 months`"
    )
    raise ValueError(f"`{text}` is not a schedule; {advice}")


def _interval(text: str, tidy: str) -> Schedule:
    length = parse_duration(tidy)
    if not (length.months or length.days):
        raise ValueError(
            f"`{text}`: a schedule repeats by days, weeks, months or years; for working days `business day 09:00`"
        )
    return Schedule(rhythm=Rhythm.INTERVAL, months=length.months, days=length.days, text=text.strip())


@lru_cache(maxsize=4096)
def parse_anchor(text: str) -> Anchor:
    """`renewal_date - 90 days`, `attributes.x + 2 business days`, `next_meeting("kickoff") - 1 day`. Raises:
    ValueError."""
    if any(sign in text for sign in "–—−“”"):
        raise ValueError(f"`{text}`: write a plain `-` and plain quotes, like `renewal_date - 90 days`")
    match = _ANCHOR.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"`{text}` is not an anchor; write a date and a distance, like `renewal_date - 90 days`")
    if match["field"] == "next_meeting" and match["argument"] is None:
        raise ValueError(f'`{text}`: name the kind of meeting, like `next_meeting("kickoff") - 2 business days`')
    if match["offset"] is None:
        return Anchor(field=match["field"], argument=match["argument"])
    offset = parse_duration(match["offset"])
    if not offset.counts_whole_days:
        raise ValueError(f"`{text}`: an anchor is a date and moves by days, business days, weeks, months or years")
    return Anchor(
        field=match["field"], argument=match["argument"], sign=-1 if match["sign"] == "-" else 1, offset=offset
    )


def _day_and_clock(text: str, tidy: str, example: str) -> tuple[str, time]:
    """Takes the one time of day out of the text and returns the words that are left."""
    clocks = _CLOCK_WORD.findall(tidy)
    if len(clocks) != 1:
        raise ValueError(f"`{text}` does not say at what time; write it like `{example}`")
    words = re.sub(r"\bat\b", " ", _CLOCK_WORD.sub(" ", tidy))
    return " ".join(words.split()), parse_clock(clocks[0])


def _tidied(text: str) -> str:
    """Case, spaces and full-width digits do not matter."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _nearest(word: str, names: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(word, list(names), n=1, cutoff=0.5)), None)
