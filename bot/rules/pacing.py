"""How fast mails may leave (`pace:` in workspace.yml) and how a playbook spreads them (`smooth: 2 h`). Pure numbers;
storage.pacing keeps the bucket, deliver asks it, the email step and preflight spread."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from bot.rules.durations import parse_duration
from bot.rules.field_types import Part, readable_by

SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_PACE = re.compile(r"([1-9]\d{0,6}) per (second|minute|hour)")
#: What a way out bears when nobody says otherwise, in mails a second. SendGrid takes more than one machine can post and
#: says 429 when it does not, which slows us; mail servers of hosters commonly shut out whoever is faster than this.
USUAL_PACES = {"smtp": 10.0}
#: 2⁶⁴ divided by the golden ratio: its multiples fill any span more evenly than chance would.
_GOLDEN = 0x9E3779B97F4A7C15
_WHOLE = 1 << 64
_MOST_HALVINGS = 12


def check_pace(text: str) -> str:
    """Raises: ValueError."""
    if text not in ("off", "usual") and not _PACE.fullmatch(text):
        raise ValueError(f"`{text}` is no pace; write `20 per second`, `600 per minute`, `usual` or `off`")
    return text


class Pace(Part):
    """How fast mails may leave, all workers together."""

    mails: Annotated[str, readable_by(check_pace)] = Field(
        "usual",
        description="`20 per second`, `600 per minute`, `off`; `usual`: what the way out bears (SMTP 10 a second, else off).",
    )

    def per_second(self, transport: str) -> float | None:
        """Mails a second by this way out; None: as fast as it goes."""
        found = _PACE.fullmatch(self.mails)
        if found is not None:
            return int(found[1]) / SECONDS[found[2]]
        return USUAL_PACES.get(transport) if self.mails == "usual" else None


def smooth_offset(span: timedelta, walk_id: int) -> timedelta:
    """When within the span a walk's mail goes: always the same for a walk, and evenly spread over walks that began together,
    because their numbers follow one another."""
    return span * ((walk_id * _GOLDEN) % _WHOLE / _WHOLE)


def smoothed(opens: datetime, offset: timedelta, is_open: Callable[[datetime], bool]) -> datetime:
    """The moment after a window opens; where the window is shorter than the span, the span gives way."""
    for _ in range(_MOST_HALVINGS):
        if is_open(opens + offset):
            return opens + offset
        offset /= 2
    return opens


def span_of(text: str) -> timedelta:
    """A duration as elapsed time: its days are 24 hours, its months 30 days."""
    length = parse_duration(text)
    days = length.days + length.business_days + 30 * length.months
    return timedelta(days=days, minutes=length.minutes + length.business_minutes)
