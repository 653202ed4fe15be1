"""Gathers what the demo shows at its end from the database: counts and three customers' stories, one who started, one who
was in trouble, one who renewed. Reads through bot.insight only; story.py prints it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from bot.insight.report_health import report_health
from bot.insight.summary import (
    HandoffCount,
    PlaybookCount,
    SignalCount,
    TemplateCount,
    UnsentCount,
    busiest_customer,
    count_handoffs,
    count_mails,
    count_people,
    count_playbooks,
    count_signals,
    count_unsent,
)
from bot.insight.timeline import StoryKind, StoryLine, tell
from bot.rules.zones import start_of_day
from storage.health_views import HEALTH

HOME_ZONE = "Asia/Tokyo"
"""The invented company's own clock; stories are told in it."""

#: Whose stories are told: the headline, and the walks (playbook, outcome) of which the first that somebody walked counts.
WANTED_STORIES: tuple[tuple[str, tuple[tuple[str, str | None], ...]], ...] = (
    ("From the welcome mail to real use", (("setup_video", "goal"), ("welcome", "goal"), ("welcome", None))),
    ("Quiet, and what was done about it", (("going_quiet", "goal"), ("going_quiet", None), ("low_nps", None))),
    ("A renewal", (("renewal_90_days", "goal"), ("renewal_90_days", None))),
)


#: Everybody gets these; they would bury a story.
BROADCASTS = frozenset(
    {"monthly_newsletter", "value_report", "content_announcement", "release_announcement", "contacts_review"}
)
#: How much of what went before is told.
LINES_BEFORE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A part of one customer's timeline under a headline: from shortly before the journey it is about."""

    headline: str
    customer: str
    name: str
    lines: tuple[StoryLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCount:
    """Customers by the band of their health on the last day, and how many rose or fell a band within 30 days."""

    green: int
    yellow: int
    red: int
    rose: int
    fell: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSummary:
    """Everything that the demo's last page says. `seconds` is how long the run took on the real clock."""

    company: str
    first_day: date
    last_day: date
    seconds: float
    customers: int
    contacts: int
    playbooks: tuple[PlaybookCount, ...]
    mails: tuple[TemplateCount, ...]
    handoffs: tuple[HandoffCount, ...]
    unsent: tuple[UnsentCount, ...]
    signals: tuple[SignalCount, ...]
    health: HealthCount | None
    stories: tuple[Story, ...]
    folder: Path
    outbox: Path

    @property
    def days(self) -> int:
        return (self.last_day - self.first_day).days + 1


def summarize(
    connection: Connection, *, company: str, first_day: date, last_day: date, seconds: float, folder: Path, outbox: Path
) -> DemoSummary:
    """`folder` is the demo's workspace, `outbox` where its mails lie."""
    customers, contacts = count_people(connection)
    return DemoSummary(
        company=company,
        first_day=first_day,
        last_day=last_day,
        seconds=seconds,
        customers=customers,
        contacts=contacts,
        playbooks=count_playbooks(connection),
        mails=count_mails(connection),
        handoffs=count_handoffs(connection),
        unsent=count_unsent(connection),
        signals=count_signals(connection),
        health=_health(connection, last_day),
        stories=tuple(_stories(connection, start_of_day(first_day, HOME_ZONE))),
        folder=folder,
        outbox=outbox,
    )


def _health(connection: Connection, last_day: date) -> HealthCount | None:
    """None where nobody has a score."""
    cards = report_health(connection, start_of_day(last_day + timedelta(days=1), HOME_ZONE))
    found = next((card for card in cards if card["name"] == HEALTH), None)
    return HealthCount(**{name: found[name] for name in HealthCount.__dataclass_fields__}) if found else None


def _stories(connection: Connection, since: datetime) -> Iterator[Story]:
    told: list[str] = []
    for headline, walks in WANTED_STORIES:
        for playbook, outcome in walks:
            found = busiest_customer(connection, playbook, outcome=outcome, besides=told)
            if found:
                told.append(found.key)
                lines = _about(tell(connection, found.id, since=since), playbook)
                yield Story(headline=headline, customer=found.key, name=found.name, lines=lines)
                break


def _about(lines: tuple[StoryLine, ...], playbook: str) -> tuple[StoryLine, ...]:
    told = tuple(line for line in lines if line.playbook not in BROADCASTS)
    begins = (place for place, line in enumerate(told) if (line.kind, line.playbook) == (StoryKind.ENTERED, playbook))
    return told[max(0, next(begins, 0) - LINES_BEFORE) :]
