"""E-mail assist: what the mails that a person finishes by hand are for, and how a draft marks what only that person knows.
`[[…]]` in a text is a gap: it is shown, and nothing with a gap in it is sent. Pure. Used by templates, drafts and `check`."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Situations that journeybot has words for; a team may name others.
SITUATIONS: Mapping[str, Mapping[str, str]] = {
    "ebr": {"en": "EBR scheduling", "ja": "EBRの日程調整"},
    "nps": {"en": "NPS reply", "ja": "NPSへのお返事"},
    "renewal": {"en": "Renewal", "ja": "契約更新"},
    "event": {"en": "Event invitation", "ja": "イベントのご案内"},
    "usage": {"en": "Usage drop", "ja": "利用の減少"},
    "release": {"en": "Release note", "ja": "新機能のお知らせ"},
    "introduction": {"en": "Introduction", "ja": "ご挨拶"},
}
SITUATION = re.compile(r"[a-z][a-z0-9_-]{0,30}")
_GAP = re.compile(r"\[\[\s*([^\[\]\n]{1,120}?)\s*\]\]")


def situation_name(situation: str, locale: str) -> str:
    """For people: `EBR scheduling`; a team's own word as it is."""
    words = SITUATIONS.get(situation)
    if words is None:
        return situation.replace("_", " ").replace("-", " ").capitalize()
    return words["ja" if locale.lower().startswith("ja") else "en"]


def gap(name: str) -> str:
    """How a draft shows that `name` has to be filled."""
    return f"[[{name[:120].replace('[', '(').replace(']', ')')}]]"


def gaps_in(*texts: str) -> tuple[str, ...]:
    """What still has to be filled, in order, each once."""
    return tuple(dict.fromkeys(found for text in texts for found in _GAP.findall(text)))


def gap_pattern(line: str) -> re.Pattern[str] | None:
    """Matches the line with its gaps filled by anything; None: it has none."""
    parts = _GAP.split(line)
    if len(parts) == 1:
        return None
    return re.compile(".+?".join(re.escape(part) for part in parts[::2]))
