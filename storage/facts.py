"""What happened or is so, stored once: events, daily usage, tickets, survey answers, subscriptions, meetings, notes,
stage changes. Append-only in spirit and unique by source and key. Read by conditions; never changed by the pipeline,
except that enroll marks an event as looked at."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, ForeignKey, Index, UniqueConstraint, literal_column
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, Document, UtcDateTime, partial_index

#: Views of content, and mails that made it known; few among all events, so the index of them costs little.
_CONTENT = "name IN ('content_viewed', 'content.noticed')"


class Event(SQLModel, table=True):
    """A tracked event, or a built-in one (`survey.answered`, `stage.changed` …) stored beside the fact it tells of.
    `is_new` until enroll has offered it to the playbooks that listen."""

    __table_args__ = (
        UniqueConstraint("source", "key"),
        Index("ix_event_customer_name_at", "customer_id", "name", "at"),
        partial_index("ix_event_new", "id", where="is_new"),
        partial_index("ix_event_content", "name", "at", where=_CONTENT),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False))
    contact_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("contact.id")))
    name: str
    at: datetime = Field(sa_type=UtcDateTime)
    value: float | None = None
    properties: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Document, nullable=False))
    source: str
    key: str
    received_at: datetime = Field(sa_type=UtcDateTime)
    is_new: bool = True


class DailyUsage(SQLModel, table=True):
    """Events of one name per customer and local day. `source` is `events` (rolled up) or an import's daily totals."""

    __tablename__ = "daily_usage"
    __table_args__ = (Index("ix_daily_usage_name_day", "event", "day"),)

    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), primary_key=True, autoincrement=False))
    event: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    source: str = Field(primary_key=True)
    count: int
    total: float
    users: int = 0


class Ticket(SQLModel, table=True):
    """A support ticket. `status` is `open` or `closed`; a ticket with `closed_at` is closed."""

    __table_args__ = (
        UniqueConstraint("source", "key"),
        Index("ix_ticket_customer", "customer_id", "status", "opened_at", "closed_at"),  # covers `tickets(…)`
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False))
    contact_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("contact.id")))
    source: str
    key: str
    title: str | None = None
    url: str | None = None
    kind: str | None = None
    priority: str | None = None
    status: str = "open"
    opened_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SurveyAnswer(SQLModel, table=True):
    """One answer to a survey (`nps` 0–10, `csat` 1–5 …)."""

    __tablename__ = "survey_answer"
    __table_args__ = (
        UniqueConstraint("source", "key"),
        Index("ix_survey_answer_customer", "customer_id", "kind", "at"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False))
    contact_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("contact.id")))
    kind: str
    score: float | None = None
    comment: str | None = None
    at: datetime = Field(sa_type=UtcDateTime)
    source: str
    key: str


class Subscription(SQLModel, table=True):
    """What the customer pays for: product, seats, monthly revenue, from and to (`ended_on` empty: running)."""

    __table_args__ = (UniqueConstraint("source", "key"),)

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False, index=True))
    source: str
    key: str
    product: str | None = None
    seats: int | None = None
    mrr: float | None = None
    started_on: date | None = None
    ended_on: date | None = None
    reason: str | None = None


class Meeting(SQLModel, table=True):
    """A meeting held or to come. `is_told` once its `meeting.held` event stands (detect does that when its time has passed)."""

    __table_args__ = (
        UniqueConstraint("source", "key"),
        Index("ix_meeting_customer", "customer_id", "starts_at"),
        partial_index("ix_meeting_untold", "starts_at", where="NOT is_told"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False))
    source: str
    key: str
    kind: str | None = None
    starts_at: datetime = Field(sa_type=UtcDateTime)
    summary: str | None = None
    is_told: bool = False


class MeetingAttendee(SQLModel, table=True):
    """A contact who is (or will be) at a meeting."""

    __tablename__ = "meeting_attendee"

    meeting_id: int = Field(sa_column=Column(BigKey, ForeignKey("meeting.id"), primary_key=True))
    contact_id: int = Field(sa_column=Column(BigKey, ForeignKey("contact.id"), primary_key=True))


class Note(SQLModel, table=True):
    """What a person wrote about a customer."""

    __table_args__ = (UniqueConstraint("source", "key"), Index("ix_note_customer_at", "customer_id", "at"))

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False))
    by: str | None = None
    at: datetime = Field(sa_type=UtcDateTime)
    text: str
    source: str
    key: str


class StageChange(SQLModel, table=True):
    """A customer moved from one stage to another; `cause` is an import's source or `playbook:step`."""

    __tablename__ = "stage_change"
    __table_args__ = (Index("ix_stage_change_at", "at"),)

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False, index=True))
    old: str | None = None
    new: str | None = None
    at: datetime = Field(sa_type=UtcDateTime)
    cause: str


class Feed(SQLModel, table=True):
    """How fresh a source is: the latest fact of an event name, or of `usage`, `tickets`, `meetings`, `surveys`, for anybody (S2).
    `looked_at` is the freshness that detect saw last: a feed that wakes up concerns customers without facts of their own."""

    name: str = Field(primary_key=True)
    latest_at: datetime = Field(sa_type=UtcDateTime)
    looked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


#: Written as their partial indexes say it: for `is_new = 1` SQLite reads every event there ever was.
UNHEARD: ColumnElement[Any] = literal_column("event.is_new")
ABOUT_CONTENT: ColumnElement[Any] = literal_column(f"event.{_CONTENT}")
UNTOLD: ColumnElement[Any] = literal_column("NOT meeting.is_told")
