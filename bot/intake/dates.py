"""Reads a day or an instant from a cell. ISO and year-first forms always; day/month forms only in an order that was
proved or asked for (date_order.py), never by guessing. Raises CellError with the sentence for the row's problem."""

from __future__ import annotations

import calendar
import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from bot.intake.values import CellError
from bot.rules.zones import local_to_utc

EARLIEST_FACT = datetime(1970, 1, 1, tzinfo=UTC)
FUTURE = timedelta(days=3660)
ISO_HINT = "write it like 2026-03-05"

MONTHS = {
    name: number
    for number, full in enumerate(calendar.month_name)
    if full
    for name in (full.casefold(), full[:3].casefold())
} | {"sept": 9}
CLOCK = (
    r"(?:[T\s]*(?P<hour>\d{1,2})[:時](?P<minute>\d{1,2})(?:[:分](?P<second>\d{1,2})(?:[.,]\d+)?)?[分秒]?"
    r"\s*(?P<half>[ap]\.?m\.?)?)?"
)
ZONE = r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
YEAR_FIRST = re.compile(
    rf"(?P<y>\d{{4}})[-/.年]\s?(?P<m>\d{{1,2}})[-/.月]\s?(?P<d>\d{{1,2}})日?{CLOCK}{ZONE}", re.IGNORECASE
)
DAY_MONTH = re.compile(rf"(?P<a>\d{{1,2}})[/.-](?P<b>\d{{1,2}})[/.-](?P<y>\d{{4}}){CLOCK}{ZONE}", re.IGNORECASE)
SHORT_YEAR = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2}\b.*")
DAY_NAME_MONTH = re.compile(
    rf"(?P<d>\d{{1,2}})[\s-](?P<name>[a-z]+)\.?[\s-],?\s?(?P<y>\d{{4}}){CLOCK}{ZONE}", re.IGNORECASE
)
NAME_DAY_MONTH = re.compile(rf"(?P<name>[a-z]+)\.?\s(?P<d>\d{{1,2}}),?\s(?P<y>\d{{4}}){CLOCK}{ZONE}", re.IGNORECASE)
EPOCH = re.compile(r"\d{10}(?:\d{3})?(?:\.\d+)?")
SPREADSHEET_DAY = re.compile(r"[34]\d{4}(?:\.\d+)?")


class Order(StrEnum):
    """In which order a day/month form is written."""

    DAY_FIRST = "day first"  #: 15/03/2026
    MONTH_FIRST = "month first"  #: 03/15/2026


class MomentReader:
    """Reads instants of one column; what has no zone is local time in `zone`, and `saw_local` remembers it. With
    `latest`, the instant must be one of a fact: between 1970 and then."""

    def __init__(self, order: Order | None, zone: str, latest: datetime | None) -> None:
        self._order = order
        self._zone = zone
        self._latest = latest
        self.saw_local = False

    def __call__(self, cell: Any) -> datetime:
        """Raises: CellError."""
        try:
            found = datetime.fromisoformat(cell)
        except (ValueError, TypeError):
            found = _slowly(str(cell), self._order)
        if found.tzinfo is not UTC:
            found = self._in_utc(found, cell)
        if self._latest is not None and not EARLIEST_FACT <= found <= self._latest:
            _refuse(found.date())
        return found

    def _in_utc(self, found: datetime, cell: Any) -> datetime:
        if found.tzinfo is None:
            self.saw_local = True
            return local_to_utc(found, self._zone)
        try:
            return found.astimezone(UTC)
        except OverflowError:
            raise CellError(f"`{cell}` lies outside the calendar", ISO_HINT, rule="outside the calendar") from None


class DayReader:
    """Reads calendar days of one column, as written (a time beside one is dropped). `latest` as in MomentReader."""

    def __init__(self, order: Order | None, latest: datetime | None) -> None:
        self._order = order
        self._latest = latest.date() if latest else None

    def __call__(self, cell: Any) -> date:
        """Raises: CellError."""
        found = read_day(cell, self._order)
        if self._latest is not None and not EARLIEST_FACT.date() <= found <= self._latest:
            _refuse(found)
        return found


def latest_fact(now: datetime) -> datetime:
    """A clock may run ahead and a test may replay the future, but not by more than ten years."""
    return now + FUTURE


def read_day(cell: Any, order: Order | None) -> date:
    """A calendar day, as written (a time beside it is dropped). Raises: CellError."""
    text = str(cell)
    if len(text) == 10:
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return _slowly(text, order).date()


def _refuse(day: date) -> None:
    rule = "before 1970" if day < EARLIEST_FACT.date() else "more than ten years ahead"
    raise CellError(f"{day.isoformat()} is {rule}", "is the year right?", rule=rule)


def day_month_parts(cell: Any) -> tuple[int, int] | None:
    """The two numbers of a day/month form, in the order in which they stand; None for any other text."""
    found = DAY_MONTH.fullmatch(_tidy(str(cell)))
    return (int(found["a"]), int(found["b"])) if found else None


def _tidy(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def _slowly(cell: str, order: Order | None) -> datetime:
    text = _tidy(cell)
    found = YEAR_FIRST.fullmatch(text)
    if found:
        return _built(text, found, int(found["y"]), int(found["m"]), int(found["d"]))
    found = DAY_MONTH.fullmatch(text)
    if found:
        month, day = _month_and_day(text, int(found["a"]), int(found["b"]), order)
        return _built(text, found, int(found["y"]), month, day)
    found = DAY_NAME_MONTH.fullmatch(text) or NAME_DAY_MONTH.fullmatch(text)
    if found and found["name"].casefold() in MONTHS:
        return _built(text, found, int(found["y"]), MONTHS[found["name"].casefold()], int(found["d"]))
    if EPOCH.fullmatch(text):
        seconds = float(text) / (1000 if len(text.split(".")[0]) == 13 else 1)
        return datetime.fromtimestamp(seconds, UTC)
    raise CellError(f"`{cell}` is no date", _advice(text), rule="no date")


def _advice(text: str) -> str:
    if SHORT_YEAR.fullmatch(text):
        return f"write the year with four digits; {ISO_HINT}"
    if SPREADSHEET_DAY.fullmatch(text):
        return "this looks like a spreadsheet's day number: format the column as a date before saving"
    return ISO_HINT


def _month_and_day(text: str, first: int, second: int, order: Order | None) -> tuple[int, int]:
    if order is Order.DAY_FIRST:
        return second, first
    if order is Order.MONTH_FIRST or first == second or second > 12:
        return first, second
    if first > 12:
        return second, first
    # Only reached where a column writes both orders: whatever we took could be wrong.
    raise CellError(
        f"`{text}` can be read in two ways, and this column writes both orders",
        ISO_HINT,
        rule="two orders in one column",
    )


def _built(text: str, found: re.Match[str], year: int, month: int, day: int) -> datetime:
    try:
        read = datetime(year, month, day, _hour(found), int(found["minute"] or 0), int(found["second"] or 0))  # noqa: DTZ001
        return read.replace(tzinfo=None if found["zone"] is None else _zone(found["zone"]))
    except ValueError:
        hint = "is it --day-first or --month-first?" if DAY_MONTH.fullmatch(text) else ISO_HINT
        raise CellError(f"`{text}` is no day of the calendar", hint, rule="no day of the calendar") from None


def _hour(found: re.Match[str]) -> int:
    hour = int(found["hour"] or 0)
    half = (found["half"] or "").casefold().replace(".", "")
    if not half:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("no such hour")
    return hour % 12 + (12 if half == "pm" else 0)


def _zone(text: str) -> Any:
    if text.upper() in ("Z", "UTC", "GMT"):
        return UTC
    return (datetime.strptime(text.replace(":", ""), "%z")).tzinfo
