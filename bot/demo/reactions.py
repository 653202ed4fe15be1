"""How people react to what journeybot did: mails are delivered, opened, clicked or bounce, reviews are approved, hand-offs
acknowledged and done. Pure decisions by seeded chance; run.py writes them into the tables at their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from bot.demo.chance import Chance
from bot.demo.personas import HABITS, Persona
from bot.demo.voices import CHURN_REASONS, CLOSING_NOTES, NOTHING_LEARNED, spoken
from bot.rules.business_days import BusinessCalendar
from bot.rules.windows import next_open, parse_window
from storage.handoff_answers import NOTE

APPROVED_SHARE = 0.92
ACKNOWLEDGED_SHARE = 0.9
DONE_SHARE = 0.88
#: Customers who say yes to a question.
SAYS_YES = 0.85
#: Readers whose mail program loads pictures by itself, and mails whose links a scanner follows.
MACHINE_OPENS_SHARE = 0.3
SCANNED_SHARE = 0.06
#: The first outcome of a hand-off is the hoped-for one; how much each place counts, by how well things stand.
OUTCOMES_WHEN_WELL = (0.7, 0.2, 0.1)
OUTCOMES_WHEN_BADLY = (0.3, 0.4, 0.3)
BADLY = frozenset({Persona.AT_RISK, Persona.GOING_QUIET, Persona.SLOW_STARTER})

_OFFICE = parse_window("monday to friday", "09:00-18:00")
_CALENDAR = BusinessCalendar(holidays=("JP public",))


@dataclass(frozen=True, slots=True, kw_only=True)
class MailReaction:
    """One event about a mail, `after` its acceptance. A machine's open or click must never count."""

    kind: Literal["delivered", "opened", "clicked", "bounced"]
    after: timedelta
    is_machine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffReaction:
    """One act of the owner, `after` the opening; `outcome` is one of the hand-off's own, `answers` are to what it asks."""

    act: Literal["acknowledged", "done"]
    after: timedelta
    outcome: str | None = None
    note: str | None = None
    answers: Mapping[str, bool | str] = field(default_factory=dict)


def react_to_mail(chance: Chance, persona: Persona, *, is_dead_address: bool = False) -> tuple[MailReaction, ...]:
    """In the order of time. `chance` is about this one mail."""
    if is_dead_address:
        return (MailReaction(kind="bounced", after=timedelta(minutes=2)),)
    delivered = timedelta(minutes=chance.whole(1, 9, "delivered"))
    found = [MailReaction(kind="delivered", after=delivered)]
    if chance.happens(MACHINE_OPENS_SHARE, "machine opens"):
        found.append(MailReaction(kind="opened", after=delivered + timedelta(seconds=20), is_machine=True))
    if chance.happens(SCANNED_SHARE, "scanned"):
        found.append(MailReaction(kind="clicked", after=delivered + timedelta(seconds=40), is_machine=True))
    habit = HABITS[persona]
    if chance.happens(habit.opens, "opens"):
        opened = delivered + timedelta(minutes=chance.whole(12, 1700, "opened"))
        found.append(MailReaction(kind="opened", after=opened))
        if chance.happens(habit.clicks / habit.opens, "clicks"):
            clicked = opened + timedelta(minutes=chance.whole(1, 6, "clicked"))
            found.append(MailReaction(kind="clicked", after=clicked))
    return tuple(found)


def react_to_review(chance: Chance) -> timedelta | None:
    """How long after it was held the CSM sends the mail; None: overlooked, so that it expires."""
    if not chance.happens(APPROVED_SHARE, "approves"):
        return None
    return timedelta(minutes=chance.whole(20, 420, "approved"))


def react_to_handoff(
    chance: Chance,
    persona: Persona,
    outcomes: Sequence[str],
    *,
    is_urgent: bool,
    in_english: bool,
    ask: Mapping[str, str] | None = None,
) -> tuple[HandoffReaction, ...]:
    """Nothing, an acknowledgement, or both acts, in the order of time. `chance` is about this one hand-off."""
    if not chance.happens(ACKNOWLEDGED_SHARE, "acknowledges"):
        return ()
    slowest = 240 if is_urgent else 900
    taken = timedelta(minutes=chance.whole(10, slowest, "acknowledged"))
    acts = [HandoffReaction(act="acknowledged", after=taken)]
    if chance.happens(DONE_SHARE, "does"):
        outcome = _outcome(chance, persona, outcomes)
        note = spoken(chance.pick(CLOSING_NOTES.get(outcome or "", CLOSING_NOTES[""]), "note"), in_english=in_english)
        acts.append(
            HandoffReaction(
                act="done",
                after=taken + timedelta(hours=chance.whole(3, 30 if is_urgent else 90, "done")),
                outcome=outcome,
                note=note,
                answers={} if outcome in NOTHING_LEARNED else _answers(chance, ask or {}, note),
            )
        )
    return tuple(acts)


def _answers(chance: Chance, ask: Mapping[str, str], note: str) -> dict[str, bool | str]:
    """What the owner learned; the note of the hand-off is one answer already."""
    found: dict[str, bool | str] = {}
    for name, kind in ask.items():
        if kind == "yes_no":
            found[name] = chance.happens(SAYS_YES, name)
        elif kind == "churn_reasons":
            found[name] = chance.pick(CHURN_REASONS, name)
        elif name != NOTE:
            found[name] = note
    return found


def in_office_hours(at: datetime, zone: str) -> datetime:
    """The first moment from `at` on at which a colleague in that time zone works."""
    return next_open([_OFFICE], at, zone, _CALENDAR)


def _outcome(chance: Chance, persona: Persona, outcomes: Sequence[str]) -> str | None:
    if not outcomes:
        return None
    weights = OUTCOMES_WHEN_BADLY if persona in BADLY else OUTCOMES_WHEN_WELL
    return chance.weighted(dict(zip(outcomes, weights, strict=False)), "outcome")
