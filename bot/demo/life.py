"""What reaches journeybot each morning of the demo: newcomers, yesterday's use, tickets, answers, meetings, changed
records. A pure function of company, seed and date: asked twice, or in another order, it says the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from bot.demo.chance import Chance
from bot.demo.company import Company
from bot.demo.course import Change, Course, Period, later, plan_course
from bot.demo.customers import DemoCustomer, days_before
from bot.demo.facts import DayFacts, Row, colleague_row, contact_row, customer_row, row_of
from bot.demo.happenings import Subject, happenings
from bot.demo.personas import Persona
from bot.demo.reading import readings
from bot.demo.staff import LEAVING_CSM, TAKING_OVER_CSM
from bot.demo.usage import DayUse, Usage

HISTORY_DAYS = 60
USAGE_HISTORY_DAYS = 45
CSM_CHANGE_AFTER_DAYS = 40
CSM_CHANGE_CUSTOMERS = 9
DOWNGRADED_CUSTOMERS = 3
#: On working days; about one newcomer every three days.
NEWCOMER_SHARE = 0.47
WEEKEND = 5


class Life:
    """The demo's days from `company.start` on; `days` bounds how far it is planned."""

    def __init__(self, company: Company, seed: int, *, days: int = 120) -> None:
        self.company = company
        self._chance = Chance(seed, "life")
        self._period = Period(
            first=days_before(company.start, HISTORY_DAYS), start=company.start, last=later(company.start, days)
        )
        self._newcomers = dict(self._sign_ups())
        self._courses: dict[str, Course] = {}
        self._usage: dict[str, Usage] = {}
        self._arrivals: dict[date, list[tuple[str, Row]]] = defaultdict(list)
        moves = {**self._downgrades(), **self._csm_change()}
        for customer in self.customers:
            self._plan(customer, moves.get(customer.key, ()))

    @property
    def customers(self) -> tuple[DemoCustomer, ...]:
        """All that there will ever be, newcomers last."""
        return (*self.company.customers, *(newcomer for newcomer in self._newcomers.values()))

    def history(self) -> DayFacts:
        """Everything up to the evening before the start: the first import of a new user."""
        before = days_before(self.company.start, 1)
        found: dict[str, list[Row]] = defaultdict(list)
        found["csms"] = [colleague_row(colleague) for colleague in self.company.staff]
        for customer in self.company.customers:
            self._add_records(found, customer, before)
        for day in sorted(day for day in self._arrivals if day < self.company.start):
            for kind, row in self._arrivals[day]:
                found[kind].append(row)
        found["tickets"] = list({row["ticket"]: row for row in found["tickets"]}.values())  # as each stands in the end
        for back in range(USAGE_HISTORY_DAYS, 1, -1):
            found["usage"] += self._usage_rows(days_before(self.company.start, back))
        return DayFacts(day=before, rows={kind: tuple(rows) for kind, rows in found.items()})

    def day(self, day: date) -> DayFacts:
        """What arrives on the morning of `day`."""
        found: dict[str, list[Row]] = defaultdict(list)
        newcomer = self._newcomers.get(day)
        if newcomer:
            self._add_records(found, newcomer, day)
        for customer in self.customers:
            if customer is not newcomer and customer.started_on < day and self._courses[customer.key].changes_on(day):
                found["customers"].append(customer_row(customer, self._courses[customer.key].record_on(day)))
        for kind, row in self._arrivals.get(day, ()):
            found[kind].append(row)
        found["usage"] += self._usage_rows(days_before(day, 1))
        return DayFacts(day=day, rows={kind: tuple(rows) for kind, rows in found.items() if rows})

    def _sign_ups(self) -> Iterator[tuple[date, DemoCustomer]]:
        number = 0
        for offset in range((self._period.last - self._period.start).days + 1):
            day = self._period.start + timedelta(days=offset)
            if day.weekday() < WEEKEND and self._chance.happens(NEWCOMER_SHARE, "newcomer", day):
                yield day, self.company.newcomer(number, day)
                number += 1

    def _csm_change(self) -> dict[str, tuple[Change, ...]]:
        change = Change(on=later(self.company.start, CSM_CHANGE_AFTER_DAYS), values={"csm": TAKING_OVER_CSM})
        hers = [customer.key for customer in self.company.customers if customer.csm == LEAVING_CSM]
        return dict.fromkeys(hers[:CSM_CHANGE_CUSTOMERS], (change,))

    def _downgrades(self) -> dict[str, tuple[Change, ...]]:
        """A few small ones go on without paying."""
        small = [
            customer.key
            for customer in self.company.customers
            if customer.persona is Persona.ORDINARY and customer.touch == "tech" and customer.stage == "adoption"
        ]
        values: dict[str, object] = {"tier": "free", "arr": 0, "was_paid": True}
        return {
            key: (Change(on=later(self.company.start, self._chance.whole(15, 90, "downgrade", key)), values=values),)
            for key in small[:DOWNGRADED_CUSTOMERS]
        }

    def _plan(self, customer: DemoCustomer, moves: tuple[Change, ...]) -> None:
        chance = self._chance.about(customer.key)
        course = plan_course(customer, chance, self._period, moves=moves)
        self._courses[customer.key] = course
        self._usage[customer.key] = Usage(customer, chance, begins=course.begins, silences=course.silences)
        subject = Subject(customer=customer, chance=chance, course=course, period=self._period)
        for day, kind, row in (*happenings(subject), *readings(subject)):
            self._arrivals[day].append((kind, row))

    def _add_records(self, found: dict[str, list[Row]], customer: DemoCustomer, day: date) -> None:
        found["customers"].append(customer_row(customer, self._courses[customer.key].record_on(day)))
        found["contacts"] += [contact_row(customer, contact) for contact in customer.contacts]

    def _usage_rows(self, day: date) -> list[Row]:
        rows: list[Row] = []
        for customer in self.customers:
            known = self._courses[customer.key].record_on(day)
            licences = int(str(known.get("licenses_active", customer.licenses_active)))
            use = self._usage[customer.key].on(day, licences)
            if use:
                rows += _totals(customer.key, day, use)
        return rows


def _totals(customer: str, day: date, use: DayUse) -> Iterator[Row]:
    totals = (
        ("login", use.logins, use.users),
        ("reservation_saved", use.reservations, min(use.users, use.reservations)),
        ("scouts_sent", use.scouts, min(1, use.scouts)),
        *((name, count, 1) for name, count in use.weekly.items()),
    )
    for event, count, users in totals:
        if count:
            yield row_of("usage", customer=customer, day=day, event=event, count=count, users=users)
