"""The turning points of one demo customer: first login, silence, renewal or leaving, growing licences. Made
once from seeded chance, so that all its facts agree; happenings.py and usage.py tell the days between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from bot.demo.chance import Chance
from bot.demo.customers import DemoCustomer, days_before
from bot.demo.personas import HABITS, Persona
from bot.demo.usage import Spell
from bot.rules.schedules import add_months

RETURNING_SHARE = 0.45
NEVER_STARTS_SHARE = 0.4
NEVER = date(9999, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """`first`: where history begins; `start`: the demo's first morning; `last`: its last."""

    first: date
    start: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """New values of the customer's record, as the CRM says from the morning of `on`."""

    on: date
    values: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """`begins`: first login; `renewed_on`: the day within the demo on which a renewal is signed; `left_on`: the day they
    leave."""

    begins: date
    silences: tuple[Spell, ...]
    renewed_on: date | None
    left_on: date | None
    changes: tuple[Change, ...]

    def record_on(self, day: date) -> dict[str, object]:
        """What of the record has changed by the morning of `day`."""
        known: dict[str, object] = {}
        for change in self.changes:
            if change.on <= day:
                known.update(change.values)
        return known

    def changes_on(self, day: date) -> bool:
        return any(change.on == day for change in self.changes)


def later(day: date, days: int) -> date:
    return day + timedelta(days=days)


def plan_course(customer: DemoCustomer, chance: Chance, period: Period, *, moves: tuple[Change, ...] = ()) -> Course:
    """`moves`: changes that are planned for several customers together, such as another CSM."""
    chance = chance.about("course")
    begins = _first_login(customer, chance)
    silences = _silences(customer, chance, begins, period)
    signed_on, left_on = _end_of_contract(customer, chance, silences, period)
    if customer.stage == "churned":
        signed_on, left_on = None, days_before(period.start, 30)
    if left_on:
        silences = (*silences, Spell(first=days_before(left_on, chance.whole(3, 12, "last days"))))
    changes = (
        *moves,
        *_contract_changes(customer, period, signed_on, left_on),
        *_licence_changes(customer, chance, period),
        *_end_of_onboarding(customer, begins, silences),
    )
    kept = (change for change in changes if left_on is None or change.on <= left_on)
    return Course(
        begins=begins,
        silences=silences,
        renewed_on=signed_on if signed_on and signed_on >= period.start else None,
        left_on=left_on,
        changes=tuple(sorted(kept, key=lambda change: change.on)),
    )


def _first_login(customer: DemoCustomer, chance: Chance) -> date:
    if customer.persona is Persona.SLOW_STARTER and chance.happens(NEVER_STARTS_SHARE, "never starts"):
        return later(customer.started_on, chance.whole(48, 70, "at last"))
    return later(customer.started_on, chance.whole(*HABITS[customer.persona].first_login, "first login"))


def _silences(customer: DemoCustomer, chance: Chance, begins: date, period: Period) -> tuple[Spell, ...]:
    if customer.persona is not Persona.GOING_QUIET:
        return ()
    known_since = max(begins, period.start)
    is_new = customer.stage == "onboarding"
    first = later(known_since, chance.whole(32, 55, "quiet") if is_new else chance.whole(6, 80, "quiet"))
    returns = chance.happens(RETURNING_SHARE, "returns")
    return (Spell(first=first, until=later(first, chance.whole(11, 19, "silent days")) if returns else None),)


def _end_of_contract(
    customer: DemoCustomer, chance: Chance, silences: tuple[Spell, ...], period: Period
) -> tuple[date | None, date | None]:
    """When the renewal is signed (perhaps before the demo) and when they leave; at most one of the two, None when it lies
    after the demo."""
    came_back = any(spell.until is not None for spell in silences)
    habit = HABITS[customer.persona]
    if came_back or chance.happens(habit.renews, "renews"):
        signed = days_before(customer.renewal_date, chance.whole(*habit.renewal_lead, "lead"))
        return (signed if signed <= period.last else None), None
    return None, customer.renewal_date if customer.renewal_date <= period.last else None


def _contract_changes(
    customer: DemoCustomer, period: Period, signed_on: date | None, left_on: date | None
) -> Iterator[Change]:
    if signed_on:
        on = max(signed_on, period.first)
        yield Change(on=on, values={"renewal_date": add_months(customer.renewal_date, 12)})
    if left_on and customer.stage != "churned":
        yield Change(on=left_on, values={"stage": "churned", "licenses_active": 0})


def _licence_changes(customer: DemoCustomer, chance: Chance, period: Period) -> Iterator[Change]:
    """Champions fill their licences; newcomers roll out week by week."""
    purchased, active = customer.licenses_purchased, customer.licenses_active
    if customer.persona is Persona.CHAMPION and customer.stage == "adoption":
        day = later(period.start, chance.whole(4, 20, "grows"))
        while active < round(purchased * 0.96) and day <= period.last:
            active = min(purchased, active + max(1, round(purchased * 0.04)))
            yield Change(on=day, values={"licenses_active": active})
            day = later(day, 12)
    elif customer.stage == "onboarding" and customer.started_on >= period.start:
        for week in range(6):
            share = (week + 1) / 6
            yield Change(
                on=later(customer.started_on, 7 * week), values={"licenses_active": max(1, round(active * share))}
            )


def _end_of_onboarding(customer: DemoCustomer, begins: date, silences: tuple[Spell, ...]) -> Iterator[Change]:
    """People tidy the CRM up late; where the playbook moved the stage before, this says nothing new."""
    if customer.stage == "onboarding" and customer.persona is not Persona.SLOW_STARTER:
        on = later(begins, 75)
        if not any(spell.covers(on) for spell in silences):
            yield Change(on=on, values={"stage": "adoption"})
