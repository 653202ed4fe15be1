"""Now, later or never, for mails that would go at the same moment: caps, room kept for what is more important and due later
that day, one mail for one address (semantics.md S15). Pure and indifferent to the order in which mails were claimed: rank
alone decides. pipeline.caps reads what it needs; deliver stores what it says, in the transaction of the intent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from bot.rules.caps import Cap, CapKind, Place, Touch, first_room, period_of

#: A mail that makes way for one which is being prepared at this moment looks again after so long.
LOOK_AGAIN = timedelta(minutes=5)
Budget = tuple[CapKind, str | int]


class Say(StrEnum):
    """What is said to one mail."""

    NOW = "now"
    LATER = "later"
    NEVER = "never"


REASONS = {CapKind.MAILS: "cap_mails", CapKind.SURVEYS: "cap_surveys", CapKind.TOUCHES: "cap_touches"}
ROOM_KEPT, CAP_PASSED, CAPPED_OUT = "room_kept", "cap_passed", "capped_out"
SAME_MAIL, SAME_MAIL_FIRST = "same_mail", "same_mail_first"
#: Why a mail waits on account of another one.
HELD_BACK = (*REASONS.values(), ROOM_KEPT, SAME_MAIL_FIRST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What makes two mails one and the same for an address: `key` (address, playbook, step, and the customer where the text
    is about the customer), owed at the same scheduled `moment`, or, without one, within `lifetime` of each other."""

    key: tuple[Any, ...]
    contact_id: int
    moment: str | None
    due_at: datetime
    lifetime: timedelta

    def is_same(self, other: Copy) -> bool:
        if self.key != other.key or self.contact_id == other.contact_id:
            return False
        if self.moment or other.moment:
            return self.moment == other.moment
        return abs(self.due_at - other.due_at) < max(self.lifetime, other.lifetime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A mail that wants to go: now and `is_asked` about, or (a rival) now or later today. `is_free`: no cap holds it back,
    because its step says so or because a person sends it; it counts all the same. `what`: a mail, or a walk that is known to
    owe one later today; then `id` is the walk's, negative."""

    id: int
    priority: int
    due_at: datetime
    at: datetime
    expires_at: datetime
    budgets: Mapping[CapKind, str | int]
    person_place: Place
    customer_place: Place
    about: str
    copy: Copy | None = None
    what: Literal["mail", "walk"] = "mail"
    is_asked: bool = True
    is_free: bool = False

    @property
    def rank(self) -> tuple[int, datetime, int]:
        """Most important first, then owed first."""
        return -self.priority, self.due_at, self.id

    def place(self, kind: CapKind) -> Place:
        return self.customer_place if kind is CapKind.TOUCHES else self.person_place


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The answer to one mail. `details` fill the reason's sentence and name who won."""

    say: Say
    reason: str = "ready"
    until: datetime | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Guards:
    """Who took how much room so far. `taken`: what went before; `sent`: mails that went, by what makes them the same."""

    caps: Sequence[Cap]
    now: datetime
    taken: dict[Budget, list[Touch]] = field(default_factory=dict)
    sent: dict[tuple[Any, ...], list[tuple[Copy, Touch]]] = field(default_factory=dict)
    kept: dict[Budget, list[Touch]] = field(default_factory=dict)
    rivals: dict[tuple[Any, ...], list[tuple[Copy, Touch]]] = field(default_factory=dict)
    _periods: dict[tuple[Any, ...], tuple[datetime, datetime]] = field(default_factory=dict)

    def rule(self, candidates: Iterable[Candidate]) -> dict[int, Ruling]:
        """Mail id → ruling, for those asked about. Rivals take room in their turn but get no ruling."""
        rulings: dict[int, Ruling] = {}
        for candidate in sorted(candidates, key=lambda each: each.rank):
            ruling = self._same_mail(candidate) or self._under_caps(candidate)
            if candidate.is_asked:
                rulings[candidate.id] = ruling
            if ruling.say is Say.NOW:
                self._take(candidate)
        return rulings

    def _period(self, cap: Cap, at: datetime, place: Place) -> tuple[datetime, datetime]:
        """Most ask at the same moment in a few places."""
        if at != self.now:
            return period_of(cap, at, place)
        key = (id(cap), id(place))
        if key not in self._periods:
            self._periods[key] = period_of(cap, at, place)
        return self._periods[key]

    def _take(self, candidate: Candidate) -> None:
        touch = Touch(at=max(candidate.at, self.now), what=candidate.what, id=abs(candidate.id), about=candidate.about)
        room = self.taken if candidate.is_asked else self.kept
        for kind, owner in candidate.budgets.items():
            room.setdefault((kind, owner), []).append(touch)
        if candidate.copy is not None and (candidate.is_asked or candidate.at <= self.now):
            gone = self.sent if candidate.is_asked else self.rivals
            gone.setdefault(candidate.copy.key, []).append((candidate.copy, touch))

    def _same_mail(self, candidate: Candidate) -> Ruling | None:
        copy = candidate.copy
        if copy is None:
            return None
        for other, touch in self.sent.get(copy.key, ()):
            if copy.is_same(other):
                return Ruling(say=Say.NEVER, reason=SAME_MAIL, details=touch.name)
        for other, touch in self.rivals.get(copy.key, ()):
            if copy.is_same(other):
                return Ruling(say=Say.LATER, reason=SAME_MAIL_FIRST, until=self.now + LOOK_AGAIN, details=touch.name)
        return None

    def _under_caps(self, candidate: Candidate) -> Ruling:
        """The cap that holds it back longest; a free one only hears which cap it passes."""
        held = [found for cap in self.caps if (found := self._under_cap(candidate, cap)) is not None]
        if not held:
            return Ruling(say=Say.NOW)
        longest = max(held, key=lambda ruling: (ruling.until or self.now, ruling.reason))
        if not candidate.is_free:
            return longest
        passed = next((ruling for ruling in held if ruling.reason != ROOM_KEPT), None)
        return Ruling(say=Say.NOW, reason=CAP_PASSED, details=passed.details) if passed else Ruling(say=Say.NOW)

    def _under_cap(self, candidate: Candidate, cap: Cap) -> Ruling | None:
        """Later, if the cap leaves no room; None: there is room."""
        owner = candidate.budgets.get(cap.kind)
        if owner is None:
            return None
        place, touches = candidate.place(cap.kind), self.taken.get((cap.kind, owner), [])
        at = max(candidate.at, self.now)
        kept = self.kept.get((cap.kind, owner), ())
        if len(touches) + len(kept) < cap.count:
            return None
        start, end = self._period(cap, at, place)
        taking = [touch for touch in touches if start <= touch.at < end]
        if len(taking) >= cap.count:
            until = first_room(cap, touches, at, candidate.expires_at, place)
            winner = max(taking, key=lambda touch: touch.at).name if taking else {}
            return Ruling(say=Say.LATER, reason=REASONS[cap.kind], until=until, details={"cap": cap.say(), **winner})
        keeping = sorted((touch for touch in kept if start <= touch.at < end), key=lambda touch: touch.at)
        if len(taking) + len(keeping) < cap.count:
            return None
        until = keeping[-1].at if keeping[-1].at > self.now else self.now + LOOK_AGAIN
        until = min(until, candidate.expires_at)
        return Ruling(say=Say.LATER, reason=ROOM_KEPT, until=until, details={"cap": cap.say(), **keeping[0].name})
