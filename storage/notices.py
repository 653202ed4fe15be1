"""What colleagues are told beside a hand-off's own card: copies for those whom a step names in `notify:`, and reports that are
due once. A row is owed until it stands in Slack or went by mail; `key` makes a second one of the same impossible. Written by
the passes that owe and post them; decides nothing."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ForeignKey, Table
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, Document, UtcDateTime, partial_index, state_column


class NoticeState(StrEnum):
    """Where a notice stands."""

    WANTED = "wanted"  #: to be told
    POSTED = "posted"  #: stands in Slack, and is brought up to date when its hand-off ends
    FINAL = "final"  #: says how it ended, or needs no more
    FAILED = "failed"  #: given up; `fault` says why


class MailState(StrEnum):
    """Where a mail to one of ours stands; the same promise as for customers' mails: never twice by guessing."""

    OWED = "owed"  #: to be handed over
    SUBMITTING = "submitting"  #: handed over, no answer recorded yet
    ACCEPTED = "accepted"  #: the provider has it
    UNKNOWN = "unknown"  #: nobody knows whether it left, so it is not sent again
    FAILED = "failed"  #: refused for good
    JOINED = "joined"  #: its hand-off stands in another mail
    NEEDLESS = "needless"  #: over before the mail left


class Notice(SQLModel, table=True):
    """One copy or report for one `target` (a person's key or `#channel`). `content`: a report's own words; None: a copy."""

    __table_args__ = (partial_index("ix_notice_unfinished", "id", where="state IN ('wanted', 'posted')"),)

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    key: str = Field(unique=True)
    handoff_id: int | None = Field(
        default=None, sa_column=Column(BigKey, ForeignKey("handoff.id", ondelete="CASCADE"), index=True)
    )
    target: str
    content: dict[str, Any] | None = Field(default=None, sa_column=Column(Document))
    state: str = Field(default=NoticeState.WANTED, sa_column=state_column(NoticeState.WANTED))
    made_at: datetime = Field(sa_type=UtcDateTime)
    channel: str | None = None
    ts: str | None = None
    attempts: int = 0
    not_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
    fault: str | None = None


class StaffMail(SQLModel, table=True):
    """One mail to one of ours about a hand-off or a report. The text is kept until the provider has it."""

    __tablename__ = "staff_mail"
    __table_args__ = (partial_index("ix_staff_mail_owed", "id", where="state IN ('owed', 'submitting')"),)

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    key: str = Field(unique=True)
    handoff_id: int | None = Field(
        default=None, sa_column=Column(BigKey, ForeignKey("handoff.id", ondelete="CASCADE"), index=True)
    )
    person: str
    state: str = Field(default=MailState.OWED, sa_column=state_column(MailState.OWED))
    why: str
    made_at: datetime = Field(sa_type=UtcDateTime)
    subject: str | None = None
    text: str | None = None
    attempts: int = 0
    not_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    fault: str | None = None


NOTICE: Table = Notice.__table__  # type: ignore[attr-defined]
STAFF_MAIL: Table = StaffMail.__table__  # type: ignore[attr-defined]
