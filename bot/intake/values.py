"""Reads one cell: text, whole and broken numbers, lists, e-mail addresses, names of zones, and attributes of no declared
type. A value that could mean two things is refused with a repair, never bent. CellError is the row's problem."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from typing import Any
from zoneinfo import available_timezones

from bot.rules.addresses import is_mailable_address
from bot.rules.business_days import parse_open_days
from bot.rules.open_days import stored_open_days
from bot.rules.working_hours import ALWAYS, parse_working_hours
from bot.rules.zones import is_zone

MAX_WHOLE = 2_147_483_647
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d{1,2})?")
PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?")
LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
TRUTH = {"true": True, "false": False}
YES = frozenset({"yes", "y", "true", "1", "はい", "○"})
NO = frozenset({"no", "n", "false", "0", "いいえ", "×"})


class CellError(Exception):
    """A cell cannot be read. `rule` names the kind of problem without the value; `keeps_row`: the row is imported
    without this cell."""

    def __init__(self, message: str, hint: str = "", *, rule: str = "", keeps_row: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.rule = rule or message
        self.keeps_row = keeps_row


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name that `word` was probably meant to be."""
    found = difflib.get_close_matches(word, list(names), n=1, cutoff=0.7)
    return found[0] if found else None


def read_text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return str(cell)
    raise CellError("A list or an object stands where a text belongs", "write one text", rule="not a text")


def read_number(cell: Any) -> float:
    """Raises: CellError, also for `1,000` (one thousand here, one there) and for units beside the number."""
    text = cell.strip() if isinstance(cell, str) else repr(cell)
    if isinstance(cell, bool) or not NUMBER.fullmatch(text):
        raise CellError(
            f"`{cell}` is no number", "write 1200000 or 12.5, without separators and units", rule="no number"
        )
    return float(text)


def read_count(cell: Any) -> int:
    """A whole number from 0 up."""
    number = read_number(cell)
    if number != int(number) or not 0 <= number <= MAX_WHOLE:
        raise CellError(
            f"`{cell}` is no count", "write a whole number from 0 up, without separators", rule="no whole number"
        )
    return int(number)


def read_list(cell: Any) -> list[str]:
    """`a; b` or a JSON list, without empty items and repeats, in the order given."""
    items = cell if isinstance(cell, list) else read_text(cell).split(";")
    tidy = (read_text(item).strip() for item in items)
    return list(dict.fromkeys(item for item in tidy if item))


def read_consent(cell: Any) -> list[str]:
    """The categories allowed; `none` allows none."""
    allowed = read_list(cell)
    return [] if [item.casefold() for item in allowed] == ["none"] else allowed


def read_email(cell: Any) -> str:
    text = read_text(cell)
    if not is_mailable_address(text):
        raise CellError(
            f"`{' '.join(text.split())}` is no address that can be mailed; the contact is kept without it",
            "write one address like name@example.com",
            rule="no mailable address",
            keeps_row=True,
        )
    return text


def read_zone(cell: Any) -> str:
    text = read_text(cell)
    if is_zone(text):
        return text
    meant = nearest(text, available_timezones())
    hint = f"did you mean {meant}?" if meant else "write it like Asia/Tokyo"
    raise CellError(f"`{text}` is no time zone", hint, rule="no time zone")


def read_locale(cell: Any) -> str:
    text = read_text(cell)
    if not LOCALE.fullmatch(text):
        raise CellError(f"`{text}` is no locale", "write it like ja or en-GB", rule="no locale")
    return text.replace("_", "-")


def read_open_days(cell: Any) -> str:
    """As conditions read them: `mon;tue;wed`, whatever way they were written."""
    return stored_open_days(_checked(cell, parse_open_days, "no open days"))


def read_working_hours(cell: Any) -> str:
    return _checked(cell, parse_working_hours, "no working hours")


def read_urgent_hours(cell: Any) -> str:
    """When urgent hand-offs may call: `always`, or hours as working hours are written."""
    text = read_text(cell)
    return ALWAYS if text.casefold() == ALWAYS else _checked(cell, parse_working_hours, "no hours")


def read_yes_no(cell: Any) -> bool:
    word = read_text(cell).casefold()
    if word not in YES | NO:
        raise CellError(f"`{read_text(cell)}` is neither yes nor no", "write yes or no", rule="neither yes nor no")
    return word in YES


def _checked(cell: Any, parse: Callable[[str], object], rule: str) -> str:
    text = read_text(cell)
    try:
        parse(text)
    except ValueError as error:
        raise CellError(str(error), rule=rule) from None
    return text


def read_attribute(cell: Any) -> Any:
    """A value of no declared type: true and false, numbers that would be written the same again, and text. So phone
    numbers, zip codes and versions (`0120`, `+81 3`, `1.10`) stay as they are."""
    if not isinstance(cell, str):
        return cell
    if cell[:1] in "-0123456789" and PLAIN_NUMBER.fullmatch(cell):
        number = float(cell) if "." in cell else int(cell)
        return number if str(number) == cell else cell
    return TRUTH.get(cell.casefold(), cell) if len(cell) <= 5 else cell
