"""Hand-offs: calls to action for a person, and the history of who did what. Written by the hand-off step, by escalate
and by people (CLI, Slack); a state changes only through handoff_moves.py, so a click is recorded once."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, Document, UtcDateTime, partial_index


class HandoffState(StrEnum):
    """Where a hand-off stands; snooze is a time on the row, not a state."""

    OPEN = "open"  #: nobody took it yet
    ACKNOWLEDGED = "acknowledged"  #: its owner is on it
    DONE = "done"  #: closed with an outcome
    DISMISSED = "dismissed"  #: closed as not needed, with a reason
    WITHDRAWN = "withdrawn"  #: the machine took it back: its reason is over
    MERGED = "merged"  #: its cause stands on another hand-off (`merged_into`), whose end is its end


#: Why a person says that a hand-off was not needed; `report handoffs` counts them.
DISMISSALS = ("false_alarm", "already_handled", "duplicate", "not_worth_it", "other")
#: Acts after which the card is posted anew, so that somebody is pinged.
CALLS_ANEW = frozenset(
    {
        "reassigned",
        "escalated",
        "woken",
        "raised",
        "followed",
        "covered",
        "reminded",
        "late",
        "nudged",
        "left",
        "unsent",
    }
)


class Handoff(SQLModel, table=True):
    """One call to action; `customer_id` None: it concerns all of them (a blown fuse). `owner` is a CSM's key (None: unowned, in
    the fallback channel), `title` and tasks are texts by locale. `remind_at`: when its owner is reminded to acknowledge it.
    `cause_over`: how its own walk ended, where it stays for the causes that joined it (S28). `flagged_at`: since when a person
    calls for the company's attention (risk turns red). `list_id`: the message of several on which it came.
    `ask`: question → kind of answer; `ticked`: places in `tasks`."""

    __table_args__ = (
        Index("uq_handoff_owed", "enrollment_id", "step", "occurrence", unique=True),
        Index("ix_handoff_state", "state", "due_at"),
        Index("ix_handoff_owner", "owner", "state"),
        Index("ix_handoff_customer", "customer_id"),
        partial_index("ix_handoff_merged", "merged_into", where="merged_into IS NOT NULL"),
        partial_index("ix_handoff_unposted", "id", where="posting IN ('wanted', 'stale')"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    enrollment_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("enrollment.id")))
    customer_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("customer.id")))
    contact_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("contact.id")))
    playbook: str
    step: str
    occurrence: str
    title: dict[str, str] = Field(sa_column=Column(Document, nullable=False))
    kind: str
    urgency: str
    owner: str | None = None
    state: str = HandoffState.OPEN
    opened_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    acknowledge_by: datetime | None = Field(default=None, sa_type=UtcDateTime)
    acknowledge_within: str | None = None
    escalate_to: str | None = None
    escalations: int = 0
    remind_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    snoozed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_by: str | None = None
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str | None = None
    note: str | None = None
    brief: list[str] = Field(default_factory=list, sa_column=Column(Document, nullable=False))
    tasks: list[dict[str, str]] = Field(default_factory=list, sa_column=Column(Document, nullable=False))
    outcomes: list[str] = Field(default_factory=list, sa_column=Column(Document, nullable=False))
    notify: list[str] = Field(default_factory=list, sa_column=Column(Document, nullable=False))
    prepare: str | None = None
    ask: dict[str, str] | None = Field(default=None, sa_column=Column(Document))
    ticked: list[int] | None = Field(default=None, sa_column=Column(Document))
    event: dict[str, Any] | None = Field(default=None, sa_column=Column(Document))
    merged_into: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("handoff.id")))
    cause_over: str | None = None
    flagged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    posting: str = "wanted"
    posted_channel: str | None = None
    posted_ts: str | None = None
    post_attempts: int = 0
    post_not_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
    post_fault: str | None = None
    post_fault_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    posted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    list_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("handoff_list.id")))


class HandoffList(SQLModel, table=True):
    """Several hand-offs that came to one owner as one message: where it stands. `digest_day`: it begins with the owner's digest
    of that day, as long as the day lasts."""

    __tablename__ = "handoff_list"

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    owner: str
    made_at: datetime = Field(sa_type=UtcDateTime)
    digest_day: date | None = None
    channel: str | None = None
    ts: str | None = None


class HandoffAct(SQLModel, table=True):
    """One thing somebody did to a hand-off; `key` makes a repeated click collide."""

    __tablename__ = "handoff_act"
    __table_args__ = (UniqueConstraint("handoff_id", "key"),)

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    handoff_id: int = Field(sa_column=Column(BigKey, ForeignKey("handoff.id"), nullable=False))
    key: str
    act: str
    by: str
    at: datetime = Field(sa_type=UtcDateTime)
    details: dict[str, Any] | None = Field(default=None, sa_column=Column(Document))


class RoundRobin(SQLModel, table=True):
    """Whose turn it is in a team."""

    __tablename__ = "round_robin"

    team: str = Field(primary_key=True)
    turn: int = 0


class Way(StrEnum):
    """How the mail of a hand-off was written."""

    SENT = "sent"  #: sent from here, through the outbox
    ELSEWHERE = "elsewhere"  #: the person wrote it in another program, or said it


class HandoffMail(SQLModel, table=True):
    """Who wrote the mail of a hand-off. `message_id` None: elsewhere. `changes`: what the person changed of the template,
    passages of `before` and `after` with fields instead of the customer's values; the text itself is the message's."""

    __tablename__ = "handoff_mail"

    handoff_id: int = Field(sa_column=Column(BigKey, ForeignKey("handoff.id"), primary_key=True, autoincrement=False))
    message_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("message.id"), unique=True))
    way: str
    by: str
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    template: str
    locale: str | None = None
    changes: list[dict[str, str]] = Field(default_factory=list, sa_column=Column(Document, nullable=False))
