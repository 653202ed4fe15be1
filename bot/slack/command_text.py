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
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_MONTH = re.compile(r"(?:the )?(\d{1,2})(?:st|nd|rd|th)?(?: of)? ([a-z]{3})[a-z]*\.?(?:,? (\d{4}))?")
_MONTH_THEN_DAY = re.compile(r"([a-z]{3})[a-z]*\.? (\d{1,2})(?:st|nd|rd|th)?(?:,? (\d{4}))?")
_IN_DAYS = re.compile(r"in (\d{1,3}) (day|week)s?|(\d{1,3})(日|週間)後")
_NEXT_WEEK = re.compile(r"来週の?([月火水木金土日])曜?日?")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})")
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
    if verb == "note" and not more and not is_quoted:
        # `ひので食品：電話しました`: Japanese has no spaces to part a name from a text.
        who, _, more = (part.strip() for part in rest.replace("：", ":").partition(":"))
    if verb == "note" and not more:
        return Unreadable(word="how_note")
    return Typed(verb=verb, who=who, rest=more, is_quoted=is_quoted)


def split_until(text: str) -> tuple[str, str] | None:
    """`Hinode Foods until 5 March` and `Hinode Foods 3月5日まで` as name and day; None without a day."""
    found = _UNTIL.match(text) or _UNTIL_JA.match(text)
    return (found["who"].strip(), found["day"].strip()) if found else None


def read_day(text: str, today: date, *, is_japanese: bool = False) -> date | None:
    """A day as people write it; without a year the next such day. `3/5` is 5 March where Japanese is read, else nobody knows
    which. None: it is none."""
    given = " ".join(unicodedata.normalize("NFKC", text).lower().removesuffix("まで").split())
    ahead = _ahead(given, today)
    if ahead is not None:
        return ahead
    full = _FULL.fullmatch(given)
    if full:
        return _day(int(full[1]), int(full[2]), int(full[3]))
    if (named := _DAY_MONTH.fullmatch(given)) and named[2] in MONTHS:
        return _with_year(named[3], MONTHS.index(named[2]) + 1, int(named[1]), today)
    if (named := _MONTH_THEN_DAY.fullmatch(given)) and named[1] in MONTHS:
        return _with_year(named[3], MONTHS.index(named[1]) + 1, int(named[2]), today)
    short = _MONTH_DAY.fullmatch(given) or (_SLASHED.fullmatch(given) if is_japanese else None)
    return _with_year(None, int(short[1]), int(short[2]), today) if short else None


def _ahead(given: str, today: date) -> date | None:
    """A day as seen from today: tomorrow, a weekday, the first day of next week or month, in some days."""
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    ahead = dict.fromkeys(("tomorrow", "明日"), 1)
    ahead |= dict.fromkeys(("day after tomorrow", "the day after tomorrow", "明後日", "あさって"), 2)
    ahead |= dict.fromkeys(("next week", "来週"), 7 - today.weekday())
    ahead |= dict.fromkeys(("next month", "来月"), (next_month - today).days)
    plain = given.removeprefix("next ").removesuffix("日")
    for place, names in enumerate(WEEKDAYS):
        ahead |= dict.fromkeys((*names, names[0][:3]), (place - today.weekday() - 1) % 7 + 1)
    if found := _NEXT_WEEK.fullmatch(given):
        return today + timedelta(days=7 - today.weekday() + "月火水木金土日".index(found[1]))
    if found := _IN_DAYS.fullmatch(given):
        length = 7 if found[2] == "week" or found[4] == "週間" else 1
        return today + timedelta(days=int(found[1] or found[3]) * length)
    days = ahead.get(given, ahead.get(plain))
    return None if days is None else today + timedelta(days=days)


def _with_year(year: str | None, month: int, day: int, today: date) -> date | None:
    """The next such day where no year is given."""
    if year is not None:
        return _day(int(year), month, day)
    this_year = _day(today.year, month, day)
    if this_year is not None and this_year <= today:
        return _day(today.year + 1, month, day)
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
