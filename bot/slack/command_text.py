"""What somebody typed after /journey, in English or Japanese: the verb and its parts. Pure; a text that cannot be read becomes
the word of a sentence that says how to write it. commands.py acts on it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta

VERBS: dict[str, tuple[str, ...]] = {
    "customer": ("customer", "お客様", "顧客"),
    "handoffs": ("handoffs", "handoff", "対応依頼", "依頼"),
    "note": ("note", "メモ"),
    "pause": ("pause", "一時停止", "停止"),
    "resume": ("resume", "再開"),
    "why": ("why", "なぜ", "理由"),
    "help": ("help", "ヘルプ", "?", "？"),
}
WEEKDAYS = (
    ("monday", "月曜"), ("tuesday", "火曜"), ("wednesday", "水曜"), ("thursday", "木曜"), ("friday", "金曜"),
    ("saturday", "土曜"), ("sunday", "日曜"),
)  # fmt: skip
QUOTES = {'"': '"', "“": "”", "「": "」", "'": "'", "„": "“", "”": "”"}
NEEDS_CUSTOMER = frozenset({"customer", "note", "pause", "resume", "why"})
_UNTIL = re.compile(r"^(?P<who>.*)(?:^|\s+)(?:until|till)\s+(?P<day>\S.*)$", re.IGNORECASE | re.DOTALL)
_UNTIL_JA = re.compile(r"^(?P<who>.*)(?:^|\s+)(?P<day>\S+?)\s*まで$", re.DOTALL)
_MONTH_DAY = re.compile(r"(\d{1,2})月(\d{1,2})日")
_FULL = re.compile(r"(\d{4})(?:[-/.]|年)(\d{1,2})(?:[-/.]|月)(\d{1,2})日?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A command that can be read. `who` names a customer (or is empty for `handoffs` and `help`), `is_quoted`: the name is all
    of `who`; otherwise `rest` may begin with more of it."""

    verb: str
    who: str = ""
    rest: str = ""
    is_quoted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """`word` names the sentence that says what to write; `given` what was not understood."""

    word: str
    given: str = ""


def read_command(text: str) -> Typed | Unreadable:
    """The verb and its parts."""
    given = unicodedata.normalize("NFKC", text).strip() if text.isascii() else text.replace("\u3000", " ").strip()
    first, _, rest = given.partition(" ")
    verb = _verb(first)
    rest = rest.strip()
    if verb is None:
        return Typed(verb="help") if not given else Unreadable(word="unknown_verb", given=first)
    if verb not in NEEDS_CUSTOMER:
        return Typed(verb=verb)
    if not rest:
        return Unreadable(word=f"how_{verb}")
    who, more, is_quoted = _name(rest)
    if verb == "note" and not more:
        return Unreadable(word="how_note")
    return Typed(verb=verb, who=who, rest=more, is_quoted=is_quoted)


def split_until(text: str) -> tuple[str, str] | None:
    """`Hinode Foods until 5 March` and `Hinode Foods 3月5日まで` as name and day; None without a day."""
    found = _UNTIL.match(text) or _UNTIL_JA.match(text)
    return (found["who"].strip(), found["day"].strip()) if found else None


def read_day(text: str, today: date) -> date | None:
    """A day as people write it; without a year the next such day. None: it is none."""
    given = unicodedata.normalize("NFKC", text).strip().lower().removesuffix("まで").strip()
    if given in ("tomorrow", "明日"):
        return today + timedelta(days=1)
    for place, names in enumerate(WEEKDAYS):
        plain = given.removeprefix("next ").removesuffix("日")
        if plain in (*names, names[0][:3]):
            return today + timedelta(days=(place - today.weekday() - 1) % 7 + 1)
    full = _FULL.fullmatch(given)
    if full:
        return _day(int(full[1]), int(full[2]), int(full[3]))
    short = _MONTH_DAY.fullmatch(given)
    if short is None:
        return None
    this_year = _day(today.year, int(short[1]), int(short[2]))
    if this_year is not None and this_year <= today:
        return _day(today.year + 1, int(short[1]), int(short[2]))
    return this_year


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _verb(word: str) -> str | None:
    lower = word.lower()
    return next((verb for verb, names in VERBS.items() if lower in names), None)


def _name(rest: str) -> tuple[str, str, bool]:
    """The customer's name: what stands in quotation marks, else the first word."""
    closing = QUOTES.get(rest[0])
    end = rest.find(closing, 1) if closing else -1
    if end > 0:
        return rest[1:end].strip(), rest[end + 1 :].strip(), True
    first, _, more = rest.partition(" ")
    return first, more.strip(), False
