"""How much a customer of the demo uses the product on one day: logins, reservations, scouts sent to candidates, by persona and by
what has happened to it. Pure numbers from seeded chance; life.py writes them as daily totals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from bot.demo.chance import Chance
from bot.demo.customers import DemoCustomer
from bot.demo.personas import HABITS, Persona
from bot.rules.business_days import BusinessCalendar, parse_open_days

#: Hiring happens on some of the days on which reservations do.
HIRING_SHARE = 0.4
#: What is done once a week by those who use that part of the product at all: how often, from and to.
WEEKLY: Mapping[str, tuple[int, int]] = {"shift_published": (1, 3), "reminder_sent": (4, 14), "report_viewed": (1, 4)}
DAYS_TO_FULL_SPEED = 18
USE_ON_HOLIDAYS = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """Days on which a customer is silent: from `first` (included) until `until` (excluded; None: for good)."""

    first: date
    until: date | None = None

    def covers(self, day: date) -> bool:
        return self.first <= day and (self.until is None or day < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayUse:
    """One day's totals. `users` is how many people logged in; `weekly` are the events of WEEKLY, on the week's first open day."""

    logins: int
    users: int
    reservations: int
    scouts: int
    weekly: Mapping[str, int]


class Usage:
    """One customer's use. `begins` is the day of the first login; `silences` are the spells without any."""

    def __init__(self, customer: DemoCustomer, chance: Chance, *, begins: date, silences: tuple[Spell, ...]) -> None:
        self._customer = customer
        self._chance = chance.about("usage")
        self._habit = HABITS[customer.persona]
        self._begins = begins
        self._silences = silences
        self._calendar = BusinessCalendar(
            holidays=("JP public",), region=customer.region, open_days=parse_open_days(customer.open_days)
        )

    def on(self, day: date, licences: int) -> DayUse | None:
        """None: nobody logged in. `licences` are those in use on that day."""
        if day < self._begins or day.weekday() not in self._calendar.open_days:
            return None
        if any(spell.covers(day) for spell in self._silences):
            return None
        speed = self._speed(day)
        if not self._chance.happens(self._habit.active_share * (0.6 + 0.4 * speed), day, "active"):
            return None
        return self._amounts(day, licences, speed)

    def _amounts(self, day: date, licences: int, speed: float) -> DayUse:
        jitter = 0.75 + 0.5 * self._chance.number(day, "jitter")
        share = speed * (USE_ON_HOLIDAYS if self._calendar.is_holiday(day) else 1.0)
        users = min(licences, max(1, round(licences * 0.7 * share * jitter)))
        logins = max(users, round(users * (1.0 + 0.4 * self._chance.number(day, "again"))))
        is_hiring = self._chance.happens(HIRING_SHARE * share, day, "hiring")
        return DayUse(
            logins=logins,
            users=users,
            reservations=round(users * self._habit.reservations_per_login * share * jitter),
            scouts=self._chance.whole(1, 2 + self._customer.shops // 3, day, "scouts") if is_hiring else 0,
            weekly=self._weekly(day) if day.weekday() == min(self._calendar.open_days) else {},
        )

    def _weekly(self, day: date) -> Mapping[str, int]:
        used = (name for name in WEEKLY if self._chance.happens(self._habit.breadth, name))
        return {name: self._chance.whole(*WEEKLY[name], day, name) for name in used}

    def _speed(self, day: date) -> float:
        """0 to 1: newcomers take some weeks, slow ones never reach the full."""
        days = (day - self._begins).days
        grown = min(1.0, (days + 2) / DAYS_TO_FULL_SPEED)
        return grown * 0.5 if self._customer.persona is Persona.SLOW_STARTER else grown
