"""The filters of templates: dates, money and numbers as the mail's language writes them, text helpers that cannot grow
without bound, and the inner ones that guard every output. Empty in, empty out: only the output decides that a value is
missing. Never reads anything but its arguments. Called by compiled templates (templates.py)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeGuard
from urllib.parse import quote

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton
from babel.numbers import format_currency, format_decimal, format_percent

from bot.errors import MissingField, RenderFailed

MOST_CHARACTERS = 20_000
MOST_ITEMS = 50
DATE_STYLES = ("short", "medium", "long", "full", "day", "month")
LOCALISED = frozenset({"date", "money", "number", "percent", "join"})
"""Filters that get `locale=` from the compiler."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_BREAKS = re.compile(r"[\s\x1c-\x1f]+")
_SAFE_LINK = re.compile(r"(?:https?://|mailto:)[^\s<>\"\\^`{|}\x00-\x20]+", re.IGNORECASE)
_MARKDOWN = re.compile(r"[\\`*\[\]<>~|]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|^(?=[#=+-]|\d+[.)])")


def is_empty(value: object) -> bool:
    """None, absent, "" and blanks alike (semantics S35); 0 and False are values."""
    return value is None or (isinstance(value, str) and not value.strip()) or bool(getattr(value, "is_absent", False))


def _plain(value: Any, field: str) -> str:
    """A scalar as clean text. Raises: MissingField, RenderFailed for what is no scalar or too long."""
    if is_empty(value):
        raise MissingField(field)
    if isinstance(value, (float, Decimal)) and not math.isfinite(value):
        raise RenderFailed(f"`{field}` is not a number that can be written")
    if isinstance(value, float):
        value = format(value, ".15g") if abs(value) < 1e15 else str(value)
    elif not isinstance(value, (str, int, Decimal, date)):
        raise RenderFailed(f"`{field}` is a {type(value).__name__}, not a text", hint='a list needs `| join("、")`')
    text = str(value)
    if len(text) > MOST_CHARACTERS:
        raise RenderFailed(f"`{field}` is longer than {MOST_CHARACTERS} characters", rule="too-long")
    if text.isprintable():
        return text
    text = _CONTROL.sub("", text)
    if not text.strip():
        raise MissingField(field)
    return text


def shown(value: Any, field: str) -> str:
    """What a mail prints. Raises: MissingField, RenderFailed."""
    if value.__class__ is str and value and len(value) <= MOST_CHARACTERS and value.isprintable() and value[0] != " ":
        return value  # the usual case, kept short: it runs for every field of every mail
    return _plain(value, field)


def shown_in_line(value: Any, field: str) -> str:
    """What a header may hold: one line, and nothing that a mail reader would decode as an encoded word."""
    if _is_plain_line(value) and "=?" not in value:
        return value
    return _BREAKS.sub(" ", _CONTROL.sub(" ", _plain_line(value, field))).replace("=?", "= ?")


def _is_plain_line(value: Any) -> TypeGuard[str]:
    """The usual case: nothing in it needs to change. No line end and no blank but the common one is printable."""
    is_text = value.__class__ is str and value and len(value) <= MOST_CHARACTERS
    return bool(is_text and value.isprintable() and value[0] != " " and "  " not in value)


def _plain_line(value: Any, field: str) -> str:
    """Line ends must become blanks before control characters are dropped, or two words would grow together."""
    return _plain(_BREAKS.sub(" ", _CONTROL.sub(" ", value)) if isinstance(value, str) else value, field)


def shown_in_markdown(value: Any, field: str) -> str:
    """What a draft for a person holds: one line, with the characters escaped that Markdown would act on."""
    return _MARKDOWN.sub(r"\\\g<0>", _plain_line(value, field))


def shown_link(value: Any, field: str) -> str:
    """A whole link target. Raises: RenderFailed unless it is http(s) or mailto."""
    target = _plain(value, field).strip()
    if not _SAFE_LINK.fullmatch(target):
        raise RenderFailed(
            f"`{field}` is not a web or mail address", hint="links must begin with https:// or mailto:", rule="link"
        )
    return target


def shown_in_link(value: Any, field: str) -> str:
    """A piece of a link target, percent-encoded."""
    return quote(_plain(value, field), safe="/@:,~-._")


def few(value: Any) -> list[Any]:
    """What a `for` walks: the list itself, empty for nothing. Raises: RenderFailed for what is no list or too long."""
    if is_empty(value):
        return []
    if not isinstance(value, (list, tuple, frozenset, set)):
        raise RenderFailed(f"`for` needs a list, not a {type(value).__name__}", rule="loop")
    if len(value) > MOST_ITEMS:
        raise RenderFailed(f"`for` walks at most {MOST_ITEMS} items, this list has {len(value)}", rule="loop")
    return sorted(value) if isinstance(value, (set, frozenset)) else list(value)


def holds(left: Any, *rest: Any) -> bool:
    """`a < b <= c`, `x in y`: operator and operand in turn. Empty beside `<` never holds; `in` of nothing is false."""
    for operator, right in zip(rest[::2], rest[1::2], strict=True):
        if not _COMPARISONS[operator](left, right):
            return False
        left = right
    return True


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def verdict(left: Any, right: Any) -> bool:
        if is_empty(left) or is_empty(right):
            return False
        return compare(_as_day(left, right), _as_day(right, left))

    return verdict


def _as_day(value: Any, beside: Any) -> Any:
    """A date and its ISO text can be compared."""
    if isinstance(beside, date) and isinstance(value, str):
        return date.fromisoformat(value)
    return value.date() if isinstance(value, datetime) and not isinstance(beside, datetime) else value


def _contains(left: Any, right: Any) -> bool:
    return not is_empty(right) and not is_empty(left) and left in right


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: bool((is_empty(left) and is_empty(right)) or left == right),
    "ne": lambda left, right: not ((is_empty(left) and is_empty(right)) or left == right),
    "lt": _ordered(lambda left, right: left < right),
    "lteq": _ordered(lambda left, right: left <= right),
    "gt": _ordered(lambda left, right: left > right),
    "gteq": _ordered(lambda left, right: left >= right),
    "in": _contains,
    "notin": lambda left, right: not _contains(left, right),
}


@lru_cache(maxsize=64)
def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name, sep="-" if "-" in name else "_")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


@lru_cache(maxsize=4096)
def _written_date(value: date, style: str, locale: str) -> str:
    if style in ("day", "month"):
        return format_skeleton("MMMd" if style == "day" else "yMMMM", value, locale=_locale(locale))
    return format_date(value, style, locale=_locale(locale))


def written_date(value: Any, style: str = "long", *, locale: str = "en") -> str | None:
    """`{{ renewal_date | date("long") }}`: June 30, 2027 / 2027年6月30日; styles are DATE_STYLES."""
    if is_empty(value):
        return None
    if style not in DATE_STYLES:
        raise RenderFailed(f"`{style}` is not a style of date", hint="one of " + ", ".join(DATE_STYLES))
    day = date.fromisoformat(value[:10]) if isinstance(value, str) else value
    if isinstance(day, datetime):
        day = day.date()
    if not isinstance(day, date):
        raise RenderFailed(f"A {type(value).__name__} is not a date")
    return _written_date(day, style, locale)


def _number(value: Any) -> Decimal:
    number = Decimal(str(value).replace(",", ""))
    if not number.is_finite() or abs(number) > 10**15:
        raise RenderFailed("The number is too large to write")
    return number


def written_number(value: Any, *, locale: str = "en") -> str | None:
    """`1234567` as 1,234,567, with at most two decimals."""
    return None if is_empty(value) else format_decimal(round(_number(value), 2), locale=_locale(locale))


def written_percent(value: Any, *, locale: str = "en") -> str | None:
    """A share of 1 (`0.87`) as 87%."""
    return None if is_empty(value) else format_percent(_number(value), locale=_locale(locale))


def written_money(value: Any, currency: Any = None, *, locale: str = "en") -> str | None:
    """`1200000` as ¥1,200,000, in Japanese 1,200,000円; the compiler passes the customer's currency."""
    if is_empty(value):
        return None
    japanese = locale.startswith("ja")
    code = str(currency).upper() if not is_empty(currency) else ("JPY" if japanese else "USD")
    if japanese and code == "JPY":
        return f"{format_decimal(round(_number(value)), locale=_locale(locale))}円"
    return format_currency(_number(value), code, locale=_locale(locale))


def joined(value: Any, separator: str | None = None, *, locale: str = "en") -> str | None:
    """A list as one text, with 、 or a comma."""
    if is_empty(value):
        return None
    between = separator if separator is not None else ("、" if locale.startswith("ja") else ", ")
    return str(between).join(_plain(item, "list item") for item in few(value)) or None


def fallback(value: Any, instead: Any = "", _also_empty: Any = True) -> Any:
    """Jinja's `default`, for None and "" too."""
    return instead if is_empty(value) else value


def _of_text(change: Callable[[str], str]) -> Callable[[Any], Any]:
    def changed(value: Any) -> Any:
        return value if is_empty(value) else change(_plain(value, "value"))

    return changed


def shortened(value: Any, length: Any = 80) -> Any:
    """At most `length` characters, ending in … when something was cut."""
    text = _of_text(str)(value)
    return text if is_empty(text) or len(text) <= int(length) else text[: max(int(length) - 1, 0)].rstrip() + "…"


def _round(value: Any, digits: Any = 0) -> Any:
    if is_empty(value):
        return None
    rounded = round(_number(value), max(0, min(int(digits), 6)))
    return int(rounded) if rounded == rounded.to_integral_value() else rounded


def _size(value: Any) -> int:
    return 0 if is_empty(value) else len(value)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "date": written_date,
    "money": written_money,
    "number": written_number,
    "percent": written_percent,
    "join": joined,
    "default": fallback,
    "d": fallback,
    "upper": _of_text(str.upper),
    "lower": _of_text(str.lower),
    "capitalize": _of_text(str.capitalize),
    "title": _of_text(str.title),
    "trim": _of_text(str.strip),
    "truncate": shortened,
    "urlencode": _of_text(lambda text: quote(text, safe="")),
    "length": _size,
    "count": _size,
    "first": lambda value: next(iter(few(value)), None),
    "last": lambda value: next(reversed(few(value)), None),
    "round": _round,
    "abs": lambda value: None if is_empty(value) else abs(_number(value)),
    "int": lambda value: None if is_empty(value) else int(_number(value)),
}

INNER_FILTERS: Mapping[str, Callable[..., Any]] = {
    "_shown": shown,
    "_line": shown_in_line,
    "_draft": shown_in_markdown,
    "_link": shown_link,
    "_part": shown_in_link,
    "_few": few,
    "_filled": lambda value: None if is_empty(value) else value,
    "_holds": holds,
}
