"""What happens to one demo customer besides its use and what it reads: tickets, survey answers, meetings and notes, the user
group, its subscriptions. Each yields rows with the morning on which they arrive; life.py puts them in order of days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from bot.demo.chance import Chance
from bot.demo.course import Course, Period, later
from bot.demo.customers import DemoContact, DemoCustomer, days_before
from bot.demo.facts import Row, local_moment, row_of
from bot.demo.personas import HABITS, Persona
from bot.demo.voices import (
    CALLS,
    CHURN_REASONS,
    HIGH_COMMENTS,
    LOW_COMMENTS,
    MIDDLE_COMMENTS,
    SUMMARIES,
    TROUBLES,
    Both,
    spoken,
)

Arrival = tuple[date, str, Row]
"""The morning, the kind of import, the row."""

MEETING_EVERY = {"high": 28, "low": 75}
#: How many of the meetings are reviews with the one who signs.
REVIEWS = {"high": 0.35, "low": 0.2}
ANNOUNCED_DAYS = 5
WEEKEND = 5
#: Of the urgent tickets, those that wait for the next release.
STUBBORN_SHARE = 0.08
#: How often whoever looks after a big customer and has spoken with them writes something down.
WRITES_IT_DOWN = 0.96
#: The user group meets so many days after the demo's first; how many of those who are invited come, by how they fare.
USER_GROUP_AFTER = 83
COMES_TO_USER_GROUP = {Persona.CHAMPION: 0.6, Persona.HEALTHY: 0.35, Persona.ORDINARY: 0.1}
#: What some have bought beside the core (products.yml): from how many licences on, and what it costs against the core.
ADD_ONS: dict[str, tuple[int, float]] = {"analytics": (50, 0.2), "headquarters": (96, 0.15), "till": (5, 0.1)}
OWNS_ADD_ON = {Persona.CHAMPION: 0.6, Persona.HEALTHY: 0.4}
OTHERS_OWN_ADD_ON = 0.15
#: Hours in which things happen, local time, the first and the last: what happens by 13:59 in Chicago has reached Tokyo by the
#: morning.
HOURS = (9, 13)
#: What starts journeys happens late in the afternoon: when the next day's files are read in Tokyo (run.py), it is less than a
#: day old, also in Sydney (S4).
FRESH_HOURS = (16, 17)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A customer and everything that its facts must agree with."""

    customer: DemoCustomer
    chance: Chance
    course: Course
    period: Period

    @property
    def known_from(self) -> date:
        return max(self.customer.started_on, self.period.first)

    @property
    def known_until(self) -> date:
        return min(self.course.left_on or self.period.last, self.period.last)

    def contact(self, *what: object) -> DemoContact | None:
        contacts = self.customer.contacts
        return self.chance.pick(contacts, "who", *what) if contacts else None

    def with_role(self, role: str) -> DemoContact | None:
        return next((contact for contact in self.customer.contacts if contact.has_role(role)), None)

    def says(self, both: Both) -> str:
        return spoken(both, in_english=self.customer.speaks_english)


def happenings(subject: Subject) -> Iterator[Arrival]:
    """Everything but the daily totals and the customer's own record."""
    yield from _subscriptions(subject)
    if subject.known_until <= subject.known_from:
        return
    yield from _tickets(subject)
    yield from _surveys(subject)
    yield from _meetings(subject)
    yield from _notes(subject)
    yield from _user_group(subject)


def moment_at(subject: Subject, day: date, *what: object, hours: tuple[int, int] = HOURS) -> str:
    """An hour of that day on the customer's clock, as the files write it."""
    chance = subject.chance
    hour, minute = chance.whole(*hours, day, *what, "hour"), chance.whole(0, 59, day, *what, "minute")
    return local_moment(day, hour, minute, subject.customer.timezone).isoformat().replace("+00:00", "Z")


def _tickets(subject: Subject) -> Iterator[Arrival]:
    habit = HABITS[subject.customer.persona]
    for offset in range((subject.known_until - subject.known_from).days):
        day = later(subject.known_from, offset)
        if subject.chance.happens(habit.tickets_a_month / 30, "ticket", day):
            yield from _ticket(subject, day, is_urgent=subject.chance.happens(habit.urgent_share, "urgent", day))


def _ticket(subject: Subject, day: date, *, is_urgent: bool) -> Iterator[Arrival]:
    """Its opening, and its closing if that falls into the demo. Those at risk wait longest: part of why they are."""
    customer, chance = subject.customer, subject.chance
    troubles = [trouble for trouble in TROUBLES if trouble.kind == "bug"] if is_urgent else TROUBLES
    trouble, contact = chance.pick(troubles, "trouble", day), subject.contact("ticket", day)
    slow = 3 if customer.persona is Persona.AT_RISK else 1
    ticket = {
        "customer": customer.key,
        "contact": contact.key if contact else "",
        "ticket": f"{customer.key}-{day:%m%d}",
        "title": subject.says(trouble.title),
        "kind": trouble.kind,
        "priority": "urgent" if is_urgent else chance.pick(("low", "normal"), "priority", day),
        "opened_at": moment_at(subject, day, "ticket"),
    }
    yield later(day, 1), "tickets", row_of("tickets", status="open", **ticket)
    is_stubborn = is_urgent and chance.happens(STUBBORN_SHARE, "stubborn", day)
    longest = 2 if is_urgent else 3  # what is urgent is solved first
    days = chance.whole(33, 48, "open days", day) if is_stubborn else chance.whole(1, longest, "open days", day) * slow
    closed = later(day, days)
    if closed < subject.period.last:
        yield (
            later(closed, 1),
            "tickets",
            row_of("tickets", status="closed", closed_at=moment_at(subject, closed, "close"), **ticket),
        )


def _surveys(subject: Subject) -> Iterator[Arrival]:
    """At most one answer before the demo and one within it."""
    habit, chance, start = HABITS[subject.customer.persona], subject.chance, subject.period.start
    if chance.happens(habit.answers * 0.6, "earlier answer"):
        yield from _answer(subject, days_before(start, chance.whole(5, 50, "earlier answer on")), "earlier")
    if chance.happens(habit.answers, "answer"):
        first = max(start, later(subject.customer.started_on, 40))
        yield from _answer(subject, later(first, chance.whole(1, 110, "answer on")), "now")


def _answer(subject: Subject, day: date, which: str) -> Iterator[Arrival]:
    contact = subject.contact("survey", which)
    if contact is None or not subject.known_from < day < subject.known_until:
        return
    score = subject.chance.whole(*HABITS[subject.customer.persona].nps, "score", which)
    comments = LOW_COMMENTS if score <= 6 else MIDDLE_COMMENTS if score <= 8 else HIGH_COMMENTS
    yield (
        later(day, 1),
        "surveys",
        row_of(
            "surveys",
            customer=subject.customer.key,
            contact=contact.key,
            kind="nps",
            score=score,
            comment=subject.says(subject.chance.pick(comments, "comment", which)),
            at=moment_at(subject, day, "survey", hours=FRESH_HOURS),
        ),
    )


def _meetings(subject: Subject) -> Iterator[Arrival]:
    every = MEETING_EVERY.get(subject.customer.touch)
    if every is None or not subject.customer.contacts:
        return
    if subject.customer.started_on >= subject.period.start:
        yield from _meeting(
            subject, later(subject.customer.started_on, subject.chance.whole(3, 6, "kickoff")), "kickoff"
        )
    day = later(subject.known_from, subject.chance.whole(7, every, "first meeting"))
    while day < subject.known_until:
        is_review = subject.chance.happens(REVIEWS[subject.customer.touch], "ebr", day)
        yield from _meeting(subject, day, "ebr" if is_review else "regular")
        day = later(day, subject.chance.whole(every - 7, every + 7, "next meeting", day))


def _meeting(subject: Subject, wanted: date, kind: str) -> Iterator[Arrival]:
    """Announced some days before; whoever looks after a big customer writes a note afterwards."""
    day = later(wanted, 7 - wanted.weekday()) if wanted.weekday() >= WEEKEND else wanted
    persona = subject.customer.persona
    comes = 0.2 if persona in (Persona.AT_RISK, Persona.GOING_QUIET) else 0.6
    brings_decision_maker = kind != "regular" or subject.chance.happens(comes, "decision maker", day)
    roles = ("champion", "decision_maker") if brings_decision_maker else ("champion",)
    there = dict.fromkeys(contact.key for role in roles if (contact := subject.with_role(role)))
    summary = subject.says(SUMMARIES[kind])
    customer = subject.customer
    yield (
        max(days_before(day, ANNOUNCED_DAYS), later(subject.known_from, 1)),
        "meetings",
        row_of(
            "meetings",
            customer=customer.key,
            meeting=f"{customer.key}-{day:%Y%m%d}",
            kind=kind,
            contact=";".join(there),
            starts_at=moment_at(subject, day, "meeting"),
            summary=summary,
        ),
    )
    if customer.touch == "high":
        by = str(subject.course.record_on(day).get("csm", customer.csm))
        at = moment_at(subject, day, "note")
        yield later(day, 1), "notes", row_of("notes", customer=customer.key, by=by, at=at, text=summary)


def _notes(subject: Subject) -> Iterator[Arrival]:
    """Whoever looks after a big customer phones now and then, and mostly writes it down."""
    customer, chance = subject.customer, subject.chance
    if customer.touch != "high":
        return
    day = later(subject.known_from, chance.whole(1, 5, "first note"))
    while day < subject.known_until:
        if chance.happens(WRITES_IT_DOWN, "note", day):
            text, at = subject.says(chance.pick(CALLS, "call", day)), moment_at(subject, day, "call")
            by = str(subject.course.record_on(day).get("csm", customer.csm))
            yield later(day, 1), "notes", row_of("notes", customer=customer.key, by=by, at=at, text=text)
        day = later(day, chance.whole(4, 6, "next note", day))


def _user_group(subject: Subject) -> Iterator[Arrival]:
    """Told of as an event of each champion who came."""
    customer, day = subject.customer, later(subject.period.start, USER_GROUP_AFTER)
    champion, comes = subject.with_role("champion"), COMES_TO_USER_GROUP.get(subject.customer.persona, 0.0)
    is_ours = customer.stage == "adoption" and subject.known_from < day < subject.known_until
    if champion and is_ours and subject.chance.happens(comes, "user group"):
        came = {"event": "user_group_attended", "id": f"user-group-{customer.key}"}
        at = moment_at(subject, day, "user group", hours=FRESH_HOURS)
        yield later(day, 1), "events", row_of("events", customer=customer.key, contact=champion.key, at=at, **came)


def _subscriptions(subject: Subject) -> Iterator[Arrival]:
    """What they pay for: the core with its end when they leave and the next one when they renew, and what they have beside it."""
    yield from _core(subject)
    yield from _add_ons(subject)


def _add_ons(subject: Subject) -> Iterator[Arrival]:
    """Bought with the contract by those who were customers before the demo; they run until the customer leaves."""
    customer, course, period = subject.customer, subject.course, subject.period
    share = OWNS_ADD_ON.get(customer.persona, OTHERS_OWN_ADD_ON)
    for product, (licences, price) in ADD_ONS.items():
        is_big_enough = customer.licenses_purchased >= licences and customer.started_on < period.start
        if not is_big_enough or not subject.chance.happens(share, "owns", product):
            continue
        running: dict[str, object] = {
            "customer": customer.key,
            "subscription": f"{customer.key}-{product}",
            "product": product,
            "mrr": round(customer.arr * price / 12),
            "started_on": customer.started_on,
        }
        yield max(customer.started_on, period.first), "subscriptions", row_of("subscriptions", **running)
        if course.left_on:
            ended = {**running, "ended_on": course.left_on}
            yield max(course.left_on, period.first), "subscriptions", row_of("subscriptions", **ended)


def _core(subject: Subject) -> Iterator[Arrival]:
    customer, course = subject.customer, subject.course
    running: dict[str, object] = {
        "customer": customer.key,
        "subscription": f"{customer.key}-1",
        "product": "core",
        "seats": customer.licenses_purchased,
        "mrr": round(customer.arr / 12),
        "started_on": customer.started_on,
    }
    yield max(customer.started_on, subject.period.first), "subscriptions", row_of("subscriptions", **running)
    if course.left_on:
        reason = subject.chance.pick(CHURN_REASONS, "reason")
        ended = {**running, "ended_on": course.left_on, "reason": reason}
        yield max(course.left_on, subject.period.first), "subscriptions", row_of("subscriptions", **ended)
    if course.renewed_on:
        ends = {**running, "ended_on": customer.renewal_date}
        following = {**running, "subscription": f"{customer.key}-2", "started_on": later(customer.renewal_date, 1)}
        yield course.renewed_on, "subscriptions", row_of("subscriptions", **ends)
        yield course.renewed_on, "subscriptions", row_of("subscriptions", **following)
