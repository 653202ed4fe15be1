"""One customer's story, oldest first: walks begun and ended, mails sent, opened, clicked, not sent, hand-offs opened, taken
and done, stages, survey answers. Read-only; told by the demo's summary. Never guesses: each line is a stored fact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Table, select

from storage.accounts import Contact
from storage.facts import StageChange, SurveyAnswer
from storage.handoffs import Handoff, HandoffState
from storage.journeys import Enrollment, EnrollmentStatus
from storage.outbox import NOT_SENT, Message, MessageContent

WALKS: Table = Enrollment.__table__  # type: ignore[attr-defined]
MAILS: Table = Message.__table__  # type: ignore[attr-defined]
TEXTS: Table = MessageContent.__table__  # type: ignore[attr-defined]
HANDOFFS: Table = Handoff.__table__  # type: ignore[attr-defined]
STAGES: Table = StageChange.__table__  # type: ignore[attr-defined]
ANSWERS: Table = SurveyAnswer.__table__  # type: ignore[attr-defined]
CONTACTS: Table = Contact.__table__  # type: ignore[attr-defined]


class StoryKind(StrEnum):
    """What a line tells of; `subject`, `who` and `detail` of the line mean what is said here."""

    ENTERED = "entered"  #: subject: the playbook
    LEFT = "left"  #: subject: the playbook; detail: the outcome
    SENT = "sent"  #: subject: the mail's subject; who: the contact
    OPENED = "opened"  #: as SENT
    CLICKED = "clicked"  #: as SENT
    NOT_SENT = "not_sent"  #: subject: the template; who: the contact; detail: state and reason
    ASKED = "asked"  #: subject: the hand-off's title; who: its owner
    TAKEN = "taken"  #: subject: the hand-off's title; who: who acknowledged it
    DONE = "done"  #: subject: the hand-off's title; who: who did it; detail: outcome and note
    WITHDRAWN = "withdrawn"  #: subject: the hand-off's title
    STAGE = "stage"  #: subject: the new stage; detail: the old one
    ANSWER = "answer"  #: subject: the survey; who: the contact; detail: score and comment


#: What stands first among lines of the same instant: a step is told after the walk that made it began.
ORDER = {kind: place for place, kind in enumerate(StoryKind)} | {StoryKind.LEFT: len(StoryKind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLine:
    """One thing that happened; see StoryKind for the meaning of the texts."""

    at: datetime
    kind: StoryKind
    subject: str
    who: str = ""
    detail: str = ""


def tell(connection: Connection, customer_id: int, *, locale: str = "en") -> tuple[StoryLine, ...]:
    """Everything that is stored about the customer's journeys, oldest first."""
    lines = [
        *_walks(connection, customer_id),
        *_mails(connection, customer_id),
        *_handoffs(connection, customer_id, locale),
        *_stages(connection, customer_id),
        *_answers(connection, customer_id),
    ]
    return tuple(sorted(lines, key=lambda line: (line.at, ORDER[line.kind], line.subject, line.who)))


def _walks(connection: Connection, customer_id: int) -> Iterator[StoryLine]:
    columns = (WALKS.c.playbook, WALKS.c.entered_at, WALKS.c.status, WALKS.c.outcome, WALKS.c.ended_at)
    for row in connection.execute(select(*columns).where(WALKS.c.customer_id == customer_id)):
        yield StoryLine(at=row.entered_at, kind=StoryKind.ENTERED, subject=row.playbook)
        if row.status == EnrollmentStatus.ENDED and row.ended_at:
            yield StoryLine(at=row.ended_at, kind=StoryKind.LEFT, subject=row.playbook, detail=row.outcome or "")


def _mails(connection: Connection, customer_id: int) -> Iterator[StoryLine]:
    columns = (*(MAILS.c[name] for name in ("template", "state", "reason", "accepted_at", "over_at")),)
    reads = (MAILS.c.opened_at, MAILS.c.clicked_at, TEXTS.c.subject, CONTACTS.c.name, CONTACTS.c.key)
    joined = MAILS.outerjoin(TEXTS, TEXTS.c.message_id == MAILS.c.id).outerjoin(
        CONTACTS, CONTACTS.c.id == MAILS.c.contact_id
    )
    found = select(*columns, *reads).select_from(joined).where(MAILS.c.customer_id == customer_id)
    for row in connection.execute(found):
        who, subject = row.name or row.key or "", row.subject or row.template
        moments = (
            (StoryKind.SENT, row.accepted_at),
            (StoryKind.OPENED, row.opened_at),
            (StoryKind.CLICKED, row.clicked_at),
        )
        for kind, at in moments:
            if at is not None:
                yield StoryLine(at=at, kind=kind, subject=subject, who=who)
        if row.state in NOT_SENT and row.over_at and row.accepted_at is None:
            detail = f"{row.state}: {row.reason}" if row.reason else row.state
            yield StoryLine(at=row.over_at, kind=StoryKind.NOT_SENT, subject=row.template, who=who, detail=detail)


def _handoffs(connection: Connection, customer_id: int, locale: str) -> Iterator[StoryLine]:
    for row in connection.execute(select(HANDOFFS).where(HANDOFFS.c.customer_id == customer_id)):
        title = row.title.get(locale) or next(iter(row.title.values()), "")
        yield StoryLine(at=row.opened_at, kind=StoryKind.ASKED, subject=title, who=row.owner or "")
        if row.acknowledged_at:
            yield StoryLine(at=row.acknowledged_at, kind=StoryKind.TAKEN, subject=title, who=row.acknowledged_by or "")
        if row.state == HandoffState.DONE:
            detail = ": ".join(part for part in (row.outcome, row.note) if part)
            yield StoryLine(
                at=row.closed_at, kind=StoryKind.DONE, subject=title, who=row.closed_by or "", detail=detail
            )
        elif row.state == HandoffState.WITHDRAWN:
            yield StoryLine(at=row.closed_at, kind=StoryKind.WITHDRAWN, subject=title)


def _stages(connection: Connection, customer_id: int) -> Iterator[StoryLine]:
    found = select(STAGES.c.at, STAGES.c.old, STAGES.c.new).where(STAGES.c.customer_id == customer_id)
    for row in connection.execute(found):
        yield StoryLine(at=row.at, kind=StoryKind.STAGE, subject=row.new or "", detail=row.old or "")


def _answers(connection: Connection, customer_id: int) -> Iterator[StoryLine]:
    found = (
        select(ANSWERS.c.at, ANSWERS.c.kind, ANSWERS.c.score, ANSWERS.c.comment, CONTACTS.c.name, CONTACTS.c.key)
        .select_from(ANSWERS.outerjoin(CONTACTS, CONTACTS.c.id == ANSWERS.c.contact_id))
        .where(ANSWERS.c.customer_id == customer_id)
    )
    for row in connection.execute(found):
        score = "" if row.score is None else f"{row.score:g}"
        detail = ": ".join(part for part in (score, row.comment) if part)
        yield StoryLine(
            at=row.at, kind=StoryKind.ANSWER, subject=row.kind.upper(), who=row.name or row.key or "", detail=detail
        )
