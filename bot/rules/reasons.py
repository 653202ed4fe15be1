"""A verdict and its reason as one sentence, in English or Japanese, with the decision's own details filled in. Total: an
unknown reason is written out readably instead of failing. Pure. Read by explain, the CLI, Slack and the console."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.rules.field_types import say
from bot.rules.reason_sentences import SENTENCES
from bot.rules.zones import to_local

NOTHING = "–"
#: Where a slot got no value; no detail has this letter.
EMPTY = "\0"
NEEDLESS = re.compile(r" ?\(\0\)|（\0）|(: |：)\0$")
VERDICTS: Mapping[str, tuple[str, str]] = {
    "entered": ("Entered", "開始"),
    "not_entered": ("Did not enter", "開始せず"),
    "deferred": ("Not now", "延期"),
    "did": ("Done", "実行"),
    "skipped": ("Skipped", "省略"),
    "chose": ("Chose a way", "分岐"),
    "left": ("Left", "終了"),
    "sent": ("Sent", "送信"),
    "not_sent": ("Not sent", "未送信"),
    "held": ("Held", "保留"),
    "operated": ("By hand", "操作"),
    "fault": ("Broke", "エラー"),
    "inside": ("Inside", "進行中"),
    "outside": ("Outside", "対象外"),
    "attempt": ("Attempt", "送信試行"),
    "event": ("Heard", "通知"),
    "signal": ("Signal", "シグナル"),
    "plan": ("Plan", "プラン"),
}


def has_sentence(reason: str, verdict: str = "") -> bool:
    """Whether the table knows this reason (under this verdict, or under any when none is given)."""
    asked = (verdict,) if verdict else VERDICTS
    return reason in SENTENCES or any(f"{each}:{reason}" in SENTENCES for each in asked)


def sentence(
    verdict: str,
    reason: str,
    details: Mapping[str, Any] | None = None,
    locale: str = "en",
    *,
    zone: str = "UTC",
    of_many: bool = False,
) -> str:
    """Why, for a person. Instants in details are shown in the zone; what stands in brackets or after a colon only to hold a
    value is left out without one, and any other slot without a value is a dash. `of_many`: said of many at once, whose
    details differ."""
    is_japanese = locale.lower().startswith("ja")
    keys = (f"count:{reason}" if of_many else "", f"{verdict}:{reason}", reason)
    found = next((SENTENCES[key] for key in keys if key in SENTENCES), None)
    if found is None:
        return _written_out(verdict, reason, is_japanese=is_japanese)
    filled = found[is_japanese].format_map(_Slots(details or {}, locale, zone))
    return NEEDLESS.sub("", filled).replace(EMPTY, NOTHING).strip()


def verdict_word(verdict: str, locale: str = "en") -> str:
    """The verdict itself, in a word or two."""
    known = VERDICTS.get(verdict)
    return verdict.replace("_", " ") if known is None else known[locale.lower().startswith("ja")]


def _written_out(verdict: str, reason: str, *, is_japanese: bool) -> str:
    words = reason.replace("_", " ") or NOTHING
    return f"{verdict_word(verdict, 'ja')}：{words}" if is_japanese else f"{verdict_word(verdict)}: {words}"


class _Slots(dict[str, str]):
    """The details as texts; whatever a sentence asks for and nobody gave is marked as empty."""

    def __init__(self, details: Mapping[str, Any], locale: str, zone: str) -> None:
        super().__init__({name: _shown(value, locale, zone) for name, value in details.items()})

    def __missing__(self, name: str) -> str:
        return EMPTY


def _shown(value: Any, locale: str, zone: str) -> str:
    match value:
        case None | "":
            found = ""
        case bool():
            found = "true" if value else "false"
        case Mapping():
            found = _mapping(value, locale, zone)
        case list() | tuple():
            found = ", ".join(_shown(item, locale, zone) for item in value)
        case datetime():
            found = _moment(value, zone)
        case _:
            found = _instant(str(value), zone)
    return found or EMPTY


def _mapping(value: Mapping[str, Any], locale: str, zone: str) -> str:
    """A text in several languages, or names and values."""
    if value and all(isinstance(text, str) and (key == "" or _is_locale(key)) for key, text in value.items()):
        return say(value, locale)
    return ", ".join(f"{name} = {_shown(inner, locale, zone)}" for name, inner in value.items())


def _is_locale(key: str) -> bool:
    return len(key.replace("_", "-").partition("-")[0]) == 2


def _instant(text: str, zone: str) -> str:
    """`2027-03-01T09:00:00+00:00` → `2027-03-01 18:00 JST`; any other text as it is."""
    if len(text) < 19 or text[10] != "T":
        return text
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if at.tzinfo is None else _moment(at, zone)


def _moment(at: datetime, zone: str) -> str:
    local = to_local(at, zone)
    return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"
