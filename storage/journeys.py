"""Published playbooks and the walks through them: deployments, versions, occasions to enter, enrollments.
Versions and deployed files are immutable. Enroll and advance write here; nothing else moves a walk."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, Document, UtcDateTime, partial_index, state_column


class Installation(SQLModel, table=True):
    """This database's own name, so that a provider's event for another installation's message is never taken for ours."""

    id: str = Field(primary_key=True)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Deployment(SQLModel, table=True):
    """One publication of the whole checked workspace. Templates and settings are always those of the latest one (S34)."""

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    at: datetime = Field(sa_type=UtcDateTime)
    digest: str


class FileText(SQLModel, table=True):
    """The text of a published file by its content digest."""

    __tablename__ = "file_text"

    digest: str = Field(primary_key=True)
    text: str


class DeployedFile(SQLModel, table=True):
    """A file of a deployment; `path` is relative to the workspace."""

    __tablename__ = "deployed_file"

    deployment_id: int = Field(sa_column=Column(BigKey, ForeignKey("deployment.id"), primary_key=True))
    path: str = Field(primary_key=True)
    digest: str = Field(foreign_key="file_text.digest")


class PlaybookVersion(SQLModel, table=True):
    """An immutable copy of a playbook by content digest; `definition` is the checked playbook as JSON."""

    __tablename__ = "playbook_version"
    __table_args__ = (UniqueConstraint("playbook", "digest"),)

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    playbook: str
    number: int
    digest: str
    definition: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    created_at: datetime = Field(sa_type=UtcDateTime)


class Playbook(SQLModel, table=True):
    """The running state of a playbook: which version newcomers get and how far its triggers were looked at.
    `needs_sweep`: the next enroll looks at every customer; `fault` is the sentence of the error that stopped its last pass."""

    name: str = Field(primary_key=True)
    state: str
    version_id: int = Field(sa_column=Column(BigKey, ForeignKey("playbook_version.id"), nullable=False))
    live_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_moment: datetime | None = Field(default=None, sa_type=UtcDateTime)
    needs_sweep: bool = False
    fault: str | None = None
    fault_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ZoneDay(SQLModel, table=True):
    """The local day up to which the customers of a time zone were looked at."""

    __tablename__ = "zone_day"

    timezone: str = Field(primary_key=True)
    day: date


class OccasionState(StrEnum):
    """What became of one occasion to enter."""

    WAITING = "waiting"  #: opened, and not decided yet (new, or its exclusive group is taken)
    ENTERED = "entered"  #: a walk began
    HELD = "held"  #: would enter, and a fuse holds it until a person decides (S38)
    REFUSED = "refused"  #: decided: no; the decision says why


class Occasion(SQLModel, table=True):
    """One occasion on which a walker may enter a playbook, unique by its key (semantics.md S5).
    `is_open` for `when` triggers: the condition still holds, so no new occasion may open. `released_at`: a person let it
    pass a blown fuse, which asks about it no more."""

    __table_args__ = (
        Index("uq_occasion", "playbook", "customer_id", text("coalesce(contact_id, 0)"), "key", unique=True),
        partial_index("ix_occasion_waiting", "playbook", where="state = 'waiting'"),
        partial_index("ix_occasion_held", "playbook", where="state = 'held'"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    playbook: str
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False, index=True))
    contact_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("contact.id")))
    key: str
    opened_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    event: dict[str, Any] | None = Field(default=None, sa_column=Column(Document))
    state: str = Field(default=OccasionState.WAITING, sa_column=state_column(OccasionState.WAITING))
    verdict: str | None = None
    is_open: bool = False
    released_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class EnrollmentStatus(StrEnum):
    """Where a walk stands."""

    ACTIVE = "active"  #: walking; `due_at` says when to look again
    ENDED = "ended"  #: over; `outcome` says how


class Enrollment(SQLModel, table=True):
    """One walk. `step` is the node it stands on, `has_arrived` whether that node already began (a mail owed, a wait running),
    `due_at` when to look again (empty: somebody else will wake it), `step_since` when it arrived, in the walk's own time,
    `resumed_at` when it went on after a pause without being shifted: what was due before fell into the pause (S37)."""

    __table_args__ = (
        UniqueConstraint("occasion_id"),
        partial_index(
            "uq_enrollment_active",
            "playbook",
            "customer_id",
            text("coalesce(contact_id, 0)"),
            unique=True,
            where="status = 'active'",
        ),
        partial_index(
            "uq_enrollment_exclusive",
            "customer_id",
            "exclusive",
            unique=True,
            where="status = 'active' AND exclusive IS NOT NULL",
        ),
        # With the number, by which walks of one moment are taken: else a hundred thousand would be sorted for each batch.
        partial_index("ix_enrollment_due", "due_at", "id", where="status = 'active'"),
        # Not led by the status: without statistics SQLite would take it for what is due, and read every active walk.
        Index("ix_enrollment_version_step", "version_id", "step", "status"),
        Index("ix_enrollment_customer", "customer_id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    occasion_id: int = Field(sa_column=Column(BigKey, ForeignKey("occasion.id"), nullable=False))
    playbook: str
    version_id: int = Field(sa_column=Column(BigKey, ForeignKey("playbook_version.id"), nullable=False))
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False))
    contact_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("contact.id")))
    occurrence: str
    status: str = Field(default=EnrollmentStatus.ACTIVE, sa_column=state_column(EnrollmentStatus.ACTIVE))
    outcome: str | None = None
    priority: int
    exclusive: str | None = None
    is_holdout: bool = False
    step: str
    has_arrived: bool = False
    step_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    resumed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    event: dict[str, Any] | None = Field(default=None, sa_column=Column(Document))
    renewal_date_at_entry: date | None = None
    entered_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    fault: str | None = None
