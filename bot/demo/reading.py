"""What one demo customer's people learn by themselves: the lessons of the curriculum, what else they read on the help site, who
registers for the office hours. The names are those of the starter's content.yml. Yields rows with the morning on which they arrive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from bot.demo.course import later
from bot.demo.customers import DemoContact
from bot.demo.facts import row_of
from bot.demo.happenings import FRESH_HOURS, Arrival, Subject, moment_at
from bot.demo.personas import HABITS

VIEWED = "content_viewed"
#: Item and the day by which it should be read; the set-up video has its own days (personas.py).
LESSONS: tuple[tuple[str, int], ...] = (("bookings_first_day", 14), ("shifts_in_ten_minutes", 21), ("first_scout", 28))
LIBRARY: tuple[str, ...] = (
    "reminders_evening_before",
    "reports_for_the_owner",
    "five_settings",
    "shifts_in_ten_minutes",
    "frame_quiet_hour",
    "frame_evening_before",
)
#: The case that is told of an industry like theirs.
STORIES: Mapping[str, str] = {
    **dict.fromkeys(("beauty", "clinic", "education"), "case_salons"),
    **dict.fromkeys(("restaurant", "hotel"), "case_ramen"),
    **dict.fromkeys(("retail", "logistics"), "case_opticians"),
}
#: Every so many days somebody may look in at the help site; so much less often than they watch the set-up video.
LOOKS_IN_EVERY = 30
LOOKS_IN_LESS = 0.3
#: How far from its day a lesson is read, as shares of the day.
EARLIEST, LATEST = 0.5, 1.5
#: Of those who click in mails, those who also come to the office hours; they register in these days of the demo.
COMES_SHARE = 0.4
REGISTERS = (30, 46)
THEME = "no_shows"


def readings(subject: Subject) -> Iterator[Arrival]:
    """Views as the help site tells of them, and registrations."""
    if subject.known_until <= subject.known_from:
        return
    yield from _lessons(subject)
    yield from _looks(subject)
    yield from _registration(subject)


def _lessons(subject: Subject) -> Iterator[Arrival]:
    """Only customers in onboarding learn; their administrator does."""
    customer, habit, chance = subject.customer, HABITS[subject.customer.persona], subject.chance
    admin = subject.with_role("admin")
    if customer.stage != "onboarding" or admin is None:
        return
    if chance.happens(habit.watches, "watches"):
        yield from _view(subject, later(customer.started_on, chance.whole(*habit.video, "video")), admin, "setup_video")
    for item, day in LESSONS:
        if chance.happens(habit.watches, "lesson", item):
            days = chance.whole(round(day * EARLIEST), round(day * LATEST), "lesson on", item)
            yield from _view(subject, later(customer.started_on, days), admin, item)


def _looks(subject: Subject) -> Iterator[Arrival]:
    customer, chance = subject.customer, subject.chance
    library = (*LIBRARY, STORIES[customer.industry])
    share = max(0.05, HABITS[customer.persona].watches - LOOKS_IN_LESS)
    day = later(subject.known_from, chance.whole(1, LOOKS_IN_EVERY, "first look"))
    while day < subject.known_until:
        reader = subject.contact("look", day)
        if reader is not None and chance.happens(share, "look", day):
            yield from _view(subject, day, reader, chance.pick(library, "item", day))
        day = later(day, chance.whole(LOOKS_IN_EVERY - 9, LOOKS_IN_EVERY + 9, "next look", day))


def _view(subject: Subject, day: date, reader: DemoContact, item: str) -> Iterator[Arrival]:
    if subject.known_from < day < subject.known_until:
        view = {"event": VIEWED, "id": f"{item}-{subject.customer.key}-{day:%m%d}", "content": item}
        yield _event(subject, day, reader, **view, minutes=str(subject.chance.whole(2, 9, "minutes", item, day)))


def _registration(subject: Subject) -> Iterator[Arrival]:
    customer, chance = subject.customer, subject.chance
    champion = subject.with_role("champion")
    is_coming = chance.happens(COMES_SHARE * HABITS[customer.persona].clicks, "office hours")
    if customer.stage != "adoption" or champion is None or not is_coming:
        return
    day = later(subject.period.start, chance.whole(*REGISTERS, "registers"))
    if subject.known_from < day < subject.known_until:
        told = {"event": "office_hours_registered", "id": f"office-hours-{customer.key}", "theme": THEME}
        yield _event(subject, day, champion, **told)


def _event(subject: Subject, day: date, contact: DemoContact, **told: str) -> Arrival:
    at = moment_at(subject, day, told["id"], hours=FRESH_HOURS)
    row = row_of("events", customer=subject.customer.key, contact=contact.key, at=at, **told)
    return later(day, 1), "events", row
