"""What came of a case: mails, hand-offs, walks, stages, signals, each with its moment, as people would list them. Read-only; one
look when the case is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Table, select

from bot.rules.field_types import say
from bot.rules.surveys import survey_of
from bot.rules.zones import local_date
from storage.accounts import Contact
from storage.enrollments import ENROLLMENT
from storage.facts import StageChange
from storage.handoff_views import list_handoffs
from storage.handoffs import HandoffState
from storage.health import SignalEpisode
from storage.journal import Decision
from storage.outbox_moves import MESSAGE

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
STAGE: Table = StageChange.__table__  # type: ignore[attr-defined]
EPISODE: Table = SignalEpisode.__table__  # type: ignore[attr-defined]
DECISION: Table = Decision.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """One thing that came. `what` is a word of Expectation; `names`: everything it may be called, the one people read first.
    `who`: the contact or the owner; `more`: urgency or outcome. `playbook`, `step`: whose doing it was."""

    at: datetime
    day: date
    what: str
    names: tuple[str, ...]
    who: str = ""
    more: str = ""
    playbook: str = ""
    step: str = ""

    def __str__(self) -> str:
        words = {"handoff": "hand-off", "leaves": "leaves", "email": "mail", "review": "mail for review"}
        to = {"handoff": "asks", "email": "to", "review": "to", "survey": "to"}.get(self.what, "")
        who = f" {to} {self.who}" if self.who and to else ""
        outcome = f": {self.more}" if self.what == "leaves" and self.more else ""
        return f"{self.day} {words.get(self.what, self.what)} `{self.names[0]}`{outcome}{who}"


#: (hand-off, owner) → since when that person is asked.
Asked = Mapping[tuple[int, str], datetime]


def what_came(connection: Connection, zone: str, asked: Asked) -> tuple[Came, ...]:
    """Everything, oldest first."""
    found = [*_mails(connection, zone), *_handoffs(connection, zone, asked), *_walks(connection, zone)]
    found += [*_stages(connection, zone), *_signals(connection, zone)]
    return tuple(sorted(found, key=lambda came: (came.at, came.what, came.names)))


def _mails(connection: Connection, zone: str) -> Iterator[Came]:
    reviewed = select(DECISION.c.message_id, DECISION.c.at).where(DECISION.c.reason == "review")
    held = {row.message_id: row.at for row in connection.execute(reviewed)}
    rows = select(MESSAGE, CONTACT.c.key.label("contact")).outerjoin(CONTACT, CONTACT.c.id == MESSAGE.c.contact_id)
    for row in connection.execute(rows.order_by(MESSAGE.c.id)):
        survey = survey_of(row.template)
        what, name = ("survey", survey) if survey else ("email", row.template)
        moments = ((what, row.accepted_at), ("review", held.get(row.id)))
        for each, at in moments:
            if at is not None:
                yield Came(
                    at=at,
                    day=local_date(at, zone),
                    what=each,
                    names=(name, row.step),
                    who=row.contact or "",
                    playbook=row.playbook,
                    step=row.step,
                )


def _handoffs(connection: Connection, zone: str, asked: Asked) -> Iterator[Came]:
    """Once for each person who was asked."""
    for row in list_handoffs(connection, states=list(HandoffState)):
        for (number, owner), at in asked.items():
            if number == row.id:
                yield Came(
                    at=at,
                    day=local_date(at, zone),
                    what="handoff",
                    names=(say(row.title, "en"), row.step, *row.title.values()),
                    who=owner,
                    more=row.urgency,
                    playbook=row.playbook,
                    step=row.step,
                )


def _walks(connection: Connection, zone: str) -> Iterator[Came]:
    walk = ENROLLMENT.c
    for row in connection.execute(select(walk.playbook, walk.entered_at, walk.ended_at, walk.outcome)):
        for what, at, more in (("enters", row.entered_at, ""), ("leaves", row.ended_at, row.outcome or "")):
            if at is not None:
                yield Came(
                    at=at, day=local_date(at, zone), what=what, names=(row.playbook,), more=more, playbook=row.playbook
                )


def _stages(connection: Connection, zone: str) -> Iterator[Came]:
    for row in connection.execute(select(STAGE.c.at, STAGE.c.new)):
        yield Came(at=row.at, day=local_date(row.at, zone), what="stage", names=(row.new or "",))


def _signals(connection: Connection, zone: str) -> Iterator[Came]:
    opened = select(EPISODE.c.signal, EPISODE.c.opened_at).where(EPISODE.c.opened_at.is_not(None))
    for row in connection.execute(opened):
        yield Came(at=row.opened_at, day=local_date(row.opened_at, zone), what="signal", names=(row.signal,))
