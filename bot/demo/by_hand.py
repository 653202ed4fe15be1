"""The journeys that people of ours start by hand in the demo: a release note for everybody whom it is for, and frameworks that the
CSMs share with customers who use us well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from bot.demo.course import later
from bot.demo.customers import DemoCustomer
from bot.demo.life import Life
from bot.demo.personas import Persona
from bot.pipeline.operate import enroll_by_hand
from bot.pipeline.published import Published
from storage.database import Database

RELEASE, RELEASE_AFTER_DAYS = "release_announcement", 47
FRAMEWORK, FRAMEWORK_AFTER_DAYS, FRAMEWORK_EVERY_DAYS = "framework_share", 60, 5
#: How many customers the CSMs choose for a framework, one after the other.
CHOSEN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """On the afternoon of `day`. `customer` None: for everybody."""

    day: date
    playbook: str
    customer: str | None = None


def starts(life: Life) -> Iterator[Start]:
    """Everything that is started by hand, in the order of days."""
    start = life.company.start
    yield Start(day=later(start, RELEASE_AFTER_DAYS), playbook=RELEASE)
    well = [customer for customer in life.company.customers if _does_well(customer)]
    for number, customer in enumerate(well[:CHOSEN]):
        day = later(start, FRAMEWORK_AFTER_DAYS + number * FRAMEWORK_EVERY_DAYS)
        yield Start(day=day, playbook=FRAMEWORK, customer=customer.key)


def _does_well(customer: DemoCustomer) -> bool:
    return customer.persona is Persona.HEALTHY and customer.touch == "high" and customer.stage == "adoption"


def start_by_hand(database: Database, published: Published, start: Start, now: datetime) -> None:
    """Offers it; the next tick decides."""
    request = f"demo-{start.playbook}-{start.day}"
    with database.write() as connection:
        enroll_by_hand(connection, published, start.playbook, now, customer=start.customer, request=request)
