"""Who learns what: the curricula of content.yml that were assigned to contacts. What of them is done follows from the views
(events `content_viewed`), so nothing of it is kept here. Written by the step `assign`; read by conditions and reports."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Column, ForeignKey, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, UtcDateTime


class CurriculumAssignment(SQLModel, table=True):
    """A contact was given a curriculum, once. `assigned_on`: the local day from which its lessons count."""

    __tablename__ = "curriculum_assignment"
    __table_args__ = (
        UniqueConstraint("contact_id", "curriculum"),
        Index("ix_curriculum_assignment_customer", "customer_id", "curriculum"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False))
    contact_id: int = Field(sa_column=Column(BigKey, ForeignKey("contact.id"), nullable=False))
    curriculum: str
    assigned_on: date
    assigned_at: datetime = Field(sa_type=UtcDateTime)
    playbook: str
