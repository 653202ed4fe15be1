"""Success plans: what a customer and we want to reach, until when, and how far it is. Opened by the step `plan` and by people,
followed by the derive pass (progress, ends); a plan keeps its objectives whatever plans.yml says later."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, Document, UtcDateTime, partial_index

_IS_OPEN = "ended_at IS NULL"


class PlanState(StrEnum):
    """Where a plan stands; the last three are ends."""

    PROPOSED = "proposed"  #: whoever must agree has not yet
    APPROVED = "approved"  #: agreed on; the customer may see it from now on
    ACTIVE = "active"  #: being worked on
    ACHIEVED = "achieved"  #: every objective was reached
    MISSED = "missed"  #: its last day passed before that
    CLOSED = "closed"  #: closed by a person, or not agreed on


class ObjectiveState(StrEnum):
    """Where an objective stands. What was once reached stays so, until a person opens it again."""

    OPEN = "open"  #: not reached yet
    MET = "met"  #: reached
    DROPPED = "dropped"  #: taken out by a person; it counts no more


class SuccessPlan(SQLModel, table=True):
    """One plan of a customer; at most one of a kind is open. `owners` and `approve` are rules as in hand-offs (`csm`), `title` a
    text by locale, `opened_by` a person's key or `playbook:step`. `progress` and `behind` are shares from 0 to 1; `reason`
    says why it ended."""

    __tablename__ = "success_plan"
    __table_args__ = (
        partial_index("uq_success_plan_open", "customer_id", "kind", unique=True, where=_IS_OPEN),
        Index("ix_success_plan_customer", "customer_id"),
        Index("ix_success_plan_changed", "kind", "changed_at"),
        partial_index("ix_success_plan_due", "kind", "due_on", where=_IS_OPEN),
        partial_index("ix_success_plan_review", "review_at", where=_IS_OPEN),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False))
    enrollment_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("enrollment.id")))
    kind: str
    title: dict[str, str] = Field(sa_column=Column(Document, nullable=False))
    state: str
    owners: list[str] = Field(sa_column=Column(Document, nullable=False))
    approve: str | None = None
    max_objectives: int | None = None
    opened_at: datetime = Field(sa_type=UtcDateTime)
    opened_on: date
    opened_by: str
    due_on: date
    shared_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    approved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    approved_by: str | None = None
    review: str | None = None
    review_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    progress: float = 0.0
    behind: float = 0.0
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str | None = None
    reason: str | None = None
    changed_at: datetime = Field(sa_type=UtcDateTime)


class PlanObjective(SQLModel, table=True):
    """One objective of a plan. `number` is its place from 1, `start` what its values were when the plan opened (by the key of
    bot.rules.plans.start_key), `ticked` the places in `tasks` that are done, `evidence` the parts of the target when it was
    reached, `met_by` None: the data said so."""

    __tablename__ = "plan_objective"
    __table_args__ = (
        Index("uq_plan_objective_place", "plan_id", "number", unique=True),
        Index("ix_plan_objective_customer", "customer_id", "state"),
        Index("ix_plan_objective_met", "met_at"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    plan_id: int = Field(sa_column=Column(BigKey, ForeignKey("success_plan.id"), nullable=False))
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False))
    number: int
    title: dict[str, str] = Field(sa_column=Column(Document, nullable=False))
    target: str | None = None
    owner: str | None = None
    due_on: date
    state: str = ObjectiveState.OPEN
    progress: float = 0.0
    start: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Document, nullable=False))
    tasks: list[dict[str, str]] = Field(default_factory=list, sa_column=Column(Document, nullable=False))
    ticked: list[int] = Field(default_factory=list, sa_column=Column(Document, nullable=False))
    met_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    met_by: str | None = None
    evidence: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(Document))
