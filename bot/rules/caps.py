"""How much is too much: counts what somebody got within so many days and finds the first moment with room again (semantics.md
S15). Days are those of the calendar where the reader is, hours are elapsed hours. Pure: instants in, instants out.
guards.py decides with it; deliver asks guards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal

from bot.rules.business_days import BusinessCalendar, shift_date
from bot.rules.durations import Duration
from bot.rules.schedules import add_days
from bot.rules.zones import local_date, start_of_day

#: Instants are stored by the microsecond, so this makes a bound exclusive.
TICK = timedelta(microseconds=1)
WORDS = {
    "mail": ("mail", "メール"),
    "walk": ("the coming mail of walk", "進行中のジャーニー"),
    "handoff": ("hand-off", "対応依頼"),
    "meeting": ("meeting", "打ち合わせ"),
}
What = Literal["mail", "walk", "handoff", "meeting"]


class CapKind(StrEnum):
    """What a cap counts."""

    MAILS = "mails_per_contact"  #: mails to one person, whatever customers they belong to
    SURVEYS = "surveys_per_contact"  #: mails of the category `survey` to one person
    TOUCHES = "touches_per_customer"  #: mails, done hand-offs and held meetings of one customer


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """At most `count` within `length`."""

    kind: CapKind
    count: int
    length: Duration

    def say(self) -> dict[str, str]:
        """`2 per 7 days` and 7日間に2回."""
        return {
            "en": f"{self.count} per {self.length.text}",
            "ja": f"{_length_in_japanese(self.length)}に{self.count}回",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whose days count."""

    zone: str
    calendar: BusinessCalendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """Something that takes room: when, and what it is: a mail, a walk that will owe one, a hand-off or a meeting, its number, what
    it is about."""

    at: datetime
    what: What
    id: int
    about: str

    @property
    def name(self) -> dict[str, Any]:
        """For people to read, and the number for machines."""
        return name_of(self.what, self.id, self.about)


def name_of(what: What, number: int, about: str) -> dict[str, Any]:
    """The details by which a decision names who won: `mail 12 (renewal → notice)`, メール12（renewal → notice）."""
    english, japanese = WORDS[what]
    inside = (f" ({about})", f"（{about}）") if about else ("", "")
    winner = {"en": f"{english} {number}{inside[0]}", "ja": f"{japanese}{number}{inside[1]}"}
    return {"winner": winner, f"winner_{what}": number}


def period_of(cap: Cap, at: datetime, place: Place) -> tuple[datetime, datetime]:
    """The first instant that counts at `at`, and the end of that local day: what is known to come today counts too."""
    today = local_date(at, place.zone)
    end = _midnight(add_days(today, 1), place.zone)
    if cap.length.minutes:
        return at - timedelta(minutes=cap.length.minutes) + TICK, end
    calendar = place.calendar if cap.length.business_days else None
    return _midnight(_first_day(cap.length, today, calendar), place.zone), end


def counted(cap: Cap, touches: Iterable[Touch], at: datetime, place: Place) -> list[Touch]:
    """Those that take room at `at`, oldest first."""
    start, end = period_of(cap, at, place)
    return sorted((touch for touch in touches if start <= touch.at < end), key=lambda touch: touch.at)


def first_room(cap: Cap, touches: Sequence[Touch], at: datetime, until: datetime, place: Place) -> datetime:
    """The first moment after `at` with room for one more, at the latest `until`."""
    if cap.length.minutes:
        taking = counted(cap, touches, at, place)
        leaving = taking[len(taking) - cap.count].at if 0 < cap.count <= len(taking) else until
        return min(until, leaving + timedelta(minutes=cap.length.minutes))
    day = add_days(local_date(at, place.zone), 1)
    while (opens := _midnight(day, place.zone)) < until:
        if len(counted(cap, touches, opens, place)) < cap.count:
            return opens
        day = add_days(day, 1)
    return until


@lru_cache(maxsize=4096)
def _midnight(day: date, zone: str) -> datetime:
    return start_of_day(day, zone)


@lru_cache(maxsize=4096)
def _first_day(length: Duration, today: date, calendar: BusinessCalendar | None) -> date:
    return add_days(shift_date(today, -1, length, calendar or BusinessCalendar()), 1)


def _length_in_japanese(length: Duration) -> str:
    if length.minutes:
        return f"{length.minutes // 60}時間" if length.minutes % 60 == 0 else f"{length.minutes}分"
    if length.business_days:
        return f"{length.business_days}営業日"
    return f"{length.months}か月" if length.months else "1日" if length.days == 1 else f"{length.days}日間"
