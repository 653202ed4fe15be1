"""What an explanation is made of: lines (a verdict, its reason, a sentence, the leaves of a condition) and counts of them.
Values only, ready for the CLI, JSON and the console; explain.py makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from bot.rules.reasons import sentence

Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLeaf:
    """One part of a condition: what it looked at and whether it holds (None: unknown). `bound` is what the value was
    compared with, where the text does not show it."""

    text: str
    value: Plain
    holds: bool | None
    bound: Plain = None

    def as_dict(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"text": self.text, "value": self.value, "holds": self.holds}
        return shown if self.bound is None else {**shown, "bound": self.bound}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One answer to "why?". `since` and `until` say how long something stands already, and at most will."""

    at: datetime
    playbook: str | None
    step: str | None
    verdict: str
    reason: str
    sentence: str
    leaves: tuple[SeenLeaf, ...] = ()
    customer: str | None = None
    contact: str | None = None
    message: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON of `explain`."""
        return {
            "at": self.at.isoformat(),
            "customer": self.customer,
            "contact": self.contact,
            "playbook": self.playbook,
            "step": self.step,
            "message": self.message,
            "verdict": self.verdict,
            "reason": self.reason,
            "sentence": self.sentence,
            "since": None if self.since is None else self.since.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
            "leaves": [leaf.as_dict() for leaf in self.leaves],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`history` is the journal, oldest first; `now` how things stand at this moment. `is_cut`: older lines were left out."""

    about: str
    history: tuple[Line, ...] = ()
    now: tuple[Line, ...] = ()
    is_cut: bool = False

    @property
    def lines(self) -> tuple[Line, ...]:
        return self.history + self.now

    def as_rows(self) -> list[dict[str, Any]]:
        return [line.as_dict() for line in self.lines]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonCount:
    """How often one verdict was given for one reason."""

    verdict: str
    reason: str
    sentence: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafCount:
    """For how many of those outside one part of the condition holds, fails, or cannot be known."""

    text: str
    holds: int
    fails: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookExplanation:
    """One playbook. `inside` counts the active walks per step, `decided` the journal, `outside` says why those who are
    not inside are not; `leaves` splits that by the parts of the condition."""

    playbook: str
    state: str
    version: int
    fault: str | None
    inside: Mapping[str, int]
    decided: tuple[ReasonCount, ...]
    outside: tuple[ReasonCount, ...]
    leaves: tuple[LeafCount, ...]

    def as_dict(self) -> dict[str, Any]:
        counts = ("verdict", "reason", "sentence", "count")
        return {
            "playbook": self.playbook,
            "state": self.state,
            "version": self.version,
            "fault": self.fault,
            "inside": dict(self.inside),
            "decided": [{name: getattr(each, name) for name in counts} for each in self.decided],
            "outside": [{name: getattr(each, name) for name in counts} for each in self.outside],
            "leaves": [
                {"text": each.text, "holds": each.holds, "fails": each.fails, "unknown": each.unknown}
                for each in self.leaves
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """For whom and when it is told: makes lines whose sentences are in the reader's language and clock."""

    now: datetime
    locale: str
    zone: str
    customer: str | None = None

    def say(self, verdict: str, reason: str, details: Mapping[str, Any] | None = None) -> str:
        return sentence(verdict, reason, details, self.locale, zone=self.zone)

    def say_of_many(self, verdict: str, reason: str, details: Mapping[str, Any] | None = None) -> str:
        """The same said of many at once, whose details differ."""
        return sentence(verdict, reason, details, self.locale, zone=self.zone, of_many=True)

    def line(
        self, verdict: str, reason: str, details: Mapping[str, Any] | None = None, *, playbook: str | None, **more: Any
    ) -> Line:
        """How something stands now."""
        given = {"step": None, "customer": self.customer, **more}
        said = self.say(verdict, reason, details)
        return Line(at=self.now, playbook=playbook, verdict=verdict, reason=reason, sentence=said, **given)


def plain(value: Any) -> Plain:
    """A value of a condition as JSON can hold it."""
    match value:
        case Decimal():
            return float(value)
        case datetime() | date():
            return value.isoformat()
        case None | bool() | str() | int() | float():
            return value
        case _:
            return str(value)
