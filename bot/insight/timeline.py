"""One customer's story, oldest first: walks begun and ended, mails sent, opened, clicked, not sent, hand-offs opened, taken
and done, stages, survey answers, meetings, notes. Read-only; told by `customers timeline` and the demo's summary. Never
guesses: each line is a stored fact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Table, select

from bot.rules.field_types import say
from storage.accounts import Contact
from storage.facts import Meeting, MeetingAttendee, Note, StageChange, SurveyAnswer
from storage.handoffs import Handoff, HandoffState
from storage.journeys import Enrollment, EnrollmentStatus
from storage.outbox import NOT_SENT, Message, MessageContent
from storage.plans import ObjectiveState, PlanObjective, SuccessPlan

WALKS: Table = Enrollment.__table__  # type: ignore[attr-defined]
MAILS: Table = Message.__table__  # type: ignore[attr-defined]
TEXTS: Table = MessageContent.__table__  # type: ignore[attr-defined]
HANDOFFS: Table = Handoff.__table__  # type: ignore[attr-defined]
STAGES: Table = StageChange.__table__  # type: ignore[attr-defined]
ANSWERS: Table = SurveyAnswer.__table__  # type: ignore[attr-defined]
NOTES: Table = Note.__table__  # type: ignore[attr-defined]
MEETINGS: Table = Meeting.__table__  # type: ignore[attr-defined]
ATTENDEES: Table = MeetingAttendee.__table__  # type: ignore[attr-defined]
CONTACTS: Table = Contact.__table__  # type: ignore[attr-defined]
PLANS: Table = SuccessPlan.__table__  # type: ignore[attr-defined]
OBJECTIVES: Table = PlanObjective.__table__  # type: ignore[attr-defined]


class StoryKind(StrEnum):
    """What a line tells of; `subject`, `who` and `detail` of the line mean what is said here."""

    ENTERED = "entered"  #: subject: the playbook
    LEFT = "left"  #: subject: the playbook; detail: the outcome
    SENT = "sent"  #: subject: the mail's subject; who: the contact
    OPENED = "opened"  #: as SENT
    CLICKED = "clicked"  #: as SENT
    BOUNCED = "bounced"  #: as SENT
    UNSUBSCRIBED = "unsubscribed"  #: as SENT: by this mail
    COMPLAINED = "complained"  #: as SENT: called spam
    NOT_SENT = "not_sent"  #: subject: the template; who: the contact; detail: state and reason
    ASKED = "asked"  #: subject: the hand-off's title; who: its owner
    TAKEN = "taken"  #: subject: the hand-off's title; who: who acknowledged it
    DONE = "done"  #: subject: the hand-off's title; who: who did it; detail: outcome and note
    WITHDRAWN = "withdrawn"  #: subject: the hand-off's title
    STAGE = "stage"  #: subject: the new stage; detail: the old one
    PLAN = "plan"  #: subject: the plan's title; who: who opened or ended it; detail: what became of it
    REACHED = (
        "reached"  #: subject: the objective of a plan; who: who said so, if not the data; detail: the plan's title
    )
    MEETING = "meeting"  #: subject: its kind; who: the contacts; detail: the summary
    NOTE = "note"  #: subject: the text; who: who wrote it
    ANSWER = "answer"  #: subject: the survey; who: the contact; detail: score and comment


#: What stands first among lines of the same instant: facts, then the walks they began, what those did, and their ends.
FIRST, LAST = (StoryKind.STAGE, StoryKind.ANSWER, StoryKind.ENTERED), (StoryKind.LEFT,)
ORDER = {
    kind: place for place, kind in enumerate((*FIRST, *(kind for kind in StoryKind if kind not in FIRST + LAST), *LAST))
}


#: What became of a sent mail, and where the message keeps when.
TOLD = {
    StoryKind.OPENED: "opened_at",
    StoryKind.CLICKED: "clicked_at",
    StoryKind.BOUNCED: "bounced_at",
    StoryKind.UNSUBSCRIBED: "unsubscribed_at",
    StoryKind.COMPLAINED: "complained_at",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLine:
    """One thing that happened; see StoryKind for the meaning of the texts. `playbook`: whose doing it was, if any's."""

    at: datetime
    kind: StoryKind
    subject: str
    playbook: str = ""
    who: str = ""
    detail: str = ""


def tell(
    connection: Connection, customer_id: int, *, locale: str = "en", since: datetime | None = None
) -> tuple[StoryLine, ...]:
    """Everything that is stored about the customer's journeys (from `since` on), oldest first."""
    lines = [
        *_walks(connection, customer_id),
        *_mails(connection, customer_id),
        *_handoffs(connection, customer_id, locale),
        *_stages(connection, customer_id),
        *_plans(connection, customer_id, locale),
        *_answers(connection, customer_id),
        *_meetings(connection, customer_id),
        *_notes(connection, customer_id),
    ]
    lines = [line for line in lines if since is None or line.at >= since]
    return tuple(sorted(lines, key=lambda line: (line.at, ORDER[line.kind], line.subject, line.who)))


def _walks(connection: Connection, customer_id: int) -> Iterator[StoryLine]:
    columns = (WALKS.c.playbook, WALKS.c.entered_at, WALKS.c.status, WALKS.c.outcome, WALKS.c.ended_at)
    for row in connection.execute(select(*columns).where(WALKS.c.customer_id == customer_id)):
        yield StoryLine(at=row.entered_at, kind=StoryKind.ENTERED, subject=row.playbook, playbook=row.playbook)
        if row.status == EnrollmentStatus.ENDED and row.ended_at:
            yield StoryLine(
                at=row.ended_at,
                kind=StoryKind.LEFT,
                subject=row.playbook,
                playbook=row.playbook,
                detail=row.outcome or "",
            )


def _mails(connection: Connection, customer_id: int) -> Iterator[StoryLine]:
    columns = (*(MAILS.c[name] for name in ("playbook", "template", "state", "reason", "accepted_at", "over_at")),)
    reads = (*(MAILS.c[name] for name in TOLD.values()), TEXTS.c.subject, CONTACTS.c.name, CONTACTS.c.key)
    joined = MAILS.outerjoin(TEXTS, TEXTS.c.message_id == MAILS.c.id).outerjoin(
        CONTACTS, CONTACTS.c.id == MAILS.c.contact_id
    )
    found = select(*columns, *reads).select_from(joined).where(MAILS.c.customer_id == customer_id)
    for row in connection.execute(found):
        who, subject = row.name or row.key or "", row.subject or row.template
        moments = {StoryKind.SENT: row.accepted_at, **{kind: getattr(row, name) for kind, name in TOLD.items()}}
        for kind, at in moments.items():
            if at is not None:
                yield StoryLine(at=at, kind=kind, subject=subject, playbook=row.playbook, who=who)
        if row.state in NOT_SENT and row.over_at and row.accepted_at is None:
            yield StoryLine(
                at=row.over_at,
                kind=StoryKind.NOT_SENT,
                subject=row.template,
                playbook=row.playbook,
                who=who,
                detail=row.state if row.reason in (None, row.state) else f"{row.state}: {row.reason}",
            )


def _handoffs(connection: Connection, customer_id: int, locale: str) -> Iterator[StoryLine]:
    for row in connection.execute(select(HANDOFFS).where(HANDOFFS.c.customer_id == customer_id)):
        outcome = ": ".join(part for part in (row.outcome, row.note) if part)
        moments = (
            (StoryKind.ASKED, row.opened_at, row.owner, ""),
            (StoryKind.TAKEN, row.acknowledged_at, row.acknowledged_by, ""),
            (StoryKind.DONE, row.closed_at if row.state == HandoffState.DONE else None, row.closed_by, outcome),
            (StoryKind.WITHDRAWN, row.closed_at if row.state == HandoffState.WITHDRAWN else None, "", ""),
        )
        title = say(row.title, locale)
        for kind, at, who, detail in moments:
            if at is not None:
                yield StoryLine(at=at, kind=kind, subject=title, playbook=row.playbook, who=who or "", detail=detail)


def _stages(connection: Connection, customer_id: int) -> Iterator[StoryLine]:
    found = select(STAGES.c.at, STAGES.c.old, STAGES.c.new).where(STAGES.c.customer_id == customer_id)
    for row in connection.execute(found):
        yield StoryLine(at=row.at, kind=StoryKind.STAGE, subject=row.new or "", detail=row.old or "")


def _plans(connection: Connection, customer_id: int, locale: str) -> Iterator[StoryLine]:
    for row in connection.execute(select(PLANS).where(PLANS.c.customer_id == customer_id)):
        title, playbook = say(row.title, locale), row.opened_by.partition(":")[0] if row.enrollment_id else ""
        by = "" if playbook else row.opened_by
        ended = ": ".join(part for part in (row.state, row.reason) if part)
        moments = (
            (row.opened_at, by, f"opened, due {row.due_on}"),
            (row.approved_at, row.approved_by, "approved"),
            (row.ended_at, row.ended_by, ended),
        )
        for at, who, detail in moments:
            if at is not None:
                yield StoryLine(
                    at=at, kind=StoryKind.PLAN, subject=title, playbook=playbook, who=who or "", detail=detail
                )
    joined = OBJECTIVES.join(PLANS, PLANS.c.id == OBJECTIVES.c.plan_id)
    reached = select(OBJECTIVES.c.title, OBJECTIVES.c.met_at, OBJECTIVES.c.met_by, PLANS.c.title.label("plan"))
    met = (OBJECTIVES.c.customer_id == customer_id, OBJECTIVES.c.state == ObjectiveState.MET.value)
    for row in connection.execute(reached.select_from(joined).where(*met)):
        subject, plan = say(row.title, locale), say(row.plan, locale)
        yield StoryLine(at=row.met_at, kind=StoryKind.REACHED, subject=subject, who=row.met_by or "", detail=plan)


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


def _meetings(connection: Connection, customer_id: int) -> Iterator[StoryLine]:
    """Held and to come."""
    joined = MEETINGS.outerjoin(ATTENDEES, ATTENDEES.c.meeting_id == MEETINGS.c.id).outerjoin(
        CONTACTS, CONTACTS.c.id == ATTENDEES.c.contact_id
    )
    columns = (
        MEETINGS.c.id,
        MEETINGS.c.starts_at,
        MEETINGS.c.kind,
        MEETINGS.c.summary,
        CONTACTS.c.name,
        CONTACTS.c.key,
    )
    found = select(*columns).select_from(joined).where(MEETINGS.c.customer_id == customer_id)
    people: dict[tuple[int, datetime, str, str], list[str]] = {}
    for row in connection.execute(found.order_by(MEETINGS.c.id, CONTACTS.c.id)):
        who = people.setdefault((row.id, row.starts_at, row.kind or "", row.summary or ""), [])
        who += [name for name in (row.name or row.key,) if name]
    for (_, at, kind, summary), names in people.items():
        yield StoryLine(at=at, kind=StoryKind.MEETING, subject=kind, who=", ".join(names), detail=summary)


def _notes(connection: Connection, customer_id: int) -> Iterator[StoryLine]:
    found = select(NOTES.c.at, NOTES.c.by, NOTES.c.text).where(NOTES.c.customer_id == customer_id)
    for row in connection.execute(found):
        yield StoryLine(at=row.at, kind=StoryKind.NOTE, subject=row.text, who=row.by or "")
