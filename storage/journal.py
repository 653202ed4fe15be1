"""The journal: every yes and no the machine took, with its reason. Written beside the deed in the same transaction,
never changed; read by `explain` and by conditions that ask when a step happened. Repeats of the same no are not stored."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, Document, UtcDateTime, partial_index


class Verdict(StrEnum):
    """What was decided. The reason beside it says why; bot.rules.reasons has the sentences."""

    ENTERED = "entered"  #: a walk began
    NOT_ENTERED = "not_entered"  #: an occasion was refused
    DEFERRED = "deferred"  #: not now; it will be looked at again
    DID = "did"  #: a step was done
    SKIPPED = "skipped"  #: a step was passed over
    CHOSE = "chose"  #: an if, branch, split or wait took a way
    LEFT = "left"  #: a walk ended
    SENT = "sent"  #: a provider accepted a mail
    NOT_SENT = "not_sent"  #: a mail finally was not sent
    HELD = "held"  #: a mail waits for a person
    OPERATED = "operated"  #: a person did something by hand
    FAULT = "fault"  #: something broke; the others went on


class Decision(SQLModel, table=True):
    """One decision. `details` fills the reason's sentence; `once` makes a repeated no collide instead of piling up."""

    __table_args__ = (
        Index("ix_decision_customer", "customer_id", "at"),
        Index("ix_decision_enrollment", "enrollment_id", "step"),
        # Most decisions have no such key, and many are not about a mail: they cost these indexes nothing.
        partial_index("uq_decision_once", "once", unique=True, where="once IS NOT NULL"),
        partial_index("ix_decision_message_id", "message_id", where="message_id IS NOT NULL"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    at: datetime = Field(sa_type=UtcDateTime)
    verdict: str
    reason: str
    customer_id: int | None = Field(default=None, sa_column=Column(BigKey))
    contact_id: int | None = Field(default=None, sa_column=Column(BigKey))
    playbook: str | None = Field(default=None, index=True)
    enrollment_id: int | None = Field(default=None, sa_column=Column(BigKey))
    message_id: int | None = Field(default=None, sa_column=Column(BigKey))
    step: str | None = None
    details: dict[str, Any] | None = Field(default=None, sa_column=Column(Document))
    once: str | None = None
