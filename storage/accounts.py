"""Who we serve and who serves them: customers, contacts with their roles, CSMs, suppression, pauses.
Written by intake, by `set` steps and by people; read by every condition."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, ForeignKey, Index, Table, UniqueConstraint, and_, or_, text
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, Document, UtcDateTime


def bucket_of(key: str) -> int:
    """The customer's place in holdouts and splits: stable for ever, whatever machine or language computes it."""
    return int(hashlib.sha256(key.encode()).hexdigest(), 16) % 2_147_483_647


class Csm(SQLModel, table=True):
    """A person on our side. `key` is the team's own short name (`sato`), `working_hours` as in `mon-fri 09:00-18:00`.
    `urgent_hours`: when urgent hand-offs may call beyond these (`always`, or hours). `active` False: has left us. `gone_at`: since
    when Slack, or an import that names everybody, says so (`gone_why`: slack, import); what `active` says counts more."""

    key: str = Field(primary_key=True)
    name: str
    email: str | None = None
    slack_user_id: str | None = Field(default=None, index=True)
    manager: str | None = None
    team: str | None = Field(default=None, index=True)
    working_hours: str | None = None
    urgent_hours: str | None = None
    timezone: str | None = None
    locale: str | None = None
    active: bool | None = None
    gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    gone_why: str | None = None


def has_left(csm: Table) -> ColumnElement[bool]:
    """Whether this person is not with us any more; never unknown."""
    return or_(csm.c.active.is_(False), and_(csm.c.active.is_(None), csm.c.gone_at.is_not(None)))


class Customer(SQLModel, table=True):
    """The company we serve. `bucket` is a stable hash of the key (0 … 2³¹-2) for holdouts and splits. `erased_at`: nothing
    but this row and the counts is left of it."""

    __table_args__ = (Index("ix_customer_timezone", "timezone"), Index("ix_customer_renewal_date", "renewal_date"))

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    key: str = Field(unique=True)
    bucket: int
    name: str
    parent: str | None = None
    stage: str | None = Field(default=None, index=True)
    stage_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tier: str | None = None
    arr: float | None = None
    currency: str | None = None
    industry: str | None = None
    region: str | None = None
    locale: str | None = None
    timezone: str | None = None
    touch: str | None = None
    csm: str | None = Field(default=None, index=True)
    started_on: date | None = None
    renewal_date: date | None = None
    licenses_purchased: int | None = None
    licenses_active: int | None = None
    open_days: str | None = None
    tags: list[str] = Field(default_factory=list, sa_column=Column(Document, nullable=False))
    owners: dict[str, str] = Field(default_factory=dict, sa_column=Column(Document, nullable=False))
    limits: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Document, nullable=False))
    attributes: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Document, nullable=False))
    created_at: datetime = Field(sa_type=UtcDateTime)
    erased_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Contact(SQLModel, table=True):
    """A person at a customer. `consent` lists the allowed mail categories; None means the workspace's default."""

    __table_args__ = (
        UniqueConstraint("customer_id", "key"),
        Index("ix_contact_key", "key"),
        Index("ix_contact_address", text("lower(email)")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False, index=True))
    key: str
    email: str | None = Field(default=None, index=True)
    name: str | None = None
    title: str | None = None
    phone: str | None = None
    locale: str | None = None
    timezone: str | None = None
    consent: list[str] | None = Field(default=None, sa_column=Column(Document))
    last_seen: datetime | None = Field(default=None, sa_type=UtcDateTime)
    gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    bounced_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    attributes: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Document, nullable=False))
    created_at: datetime = Field(sa_type=UtcDateTime)
    erased_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ContactRole(SQLModel, table=True):
    """A role (champion, decision_maker, admin, user …) of a contact; `is_primary` marks the one to write to first."""

    __tablename__ = "contact_role"

    contact_id: int = Field(sa_column=Column(BigKey, ForeignKey("contact.id"), primary_key=True))
    role: str = Field(primary_key=True, index=True)
    is_primary: bool = False


class Suppression(SQLModel, table=True):
    """An address that must not be mailed: in one category, or (category empty) at all. `address` is lower case."""

    __table_args__ = (UniqueConstraint("address", "category"),)

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    address: str
    category: str = ""
    reason: str
    at: datetime = Field(sa_type=UtcDateTime)


class Erasure(SQLModel, table=True):
    """A tombstone: somebody who asked to be forgotten, so that no late event and no nightly file brings them back. `digest`
    is of the address or key, and is all that is kept of it; see erasures.py."""

    digest: str = Field(primary_key=True)
    kind: str
    at: datetime = Field(sa_type=UtcDateTime)


class Pause(SQLModel, table=True):
    """Something that stands still: `all`, a playbook, a customer or a contact, named by its key; until a person lets it go
    on, or until `until`."""

    kind: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    since: datetime = Field(sa_type=UtcDateTime)
    until: datetime | None = Field(default=None, sa_type=UtcDateTime)


class CustomerChange(SQLModel, table=True):
    """A mark that facts about a customer changed since detect last looked. Written with the fact, consumed by detect.
    `about`: the table in which they lie, so that only those look who read it; empty: it may be any."""

    __tablename__ = "customer_change"

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    customer_id: int = Field(sa_column=Column(BigKey, nullable=False, index=True))
    taken_by: str | None = Field(default=None, index=True)
    about: str = Field(default="", sa_column_kwargs={"server_default": ""})


class ImportedRow(SQLModel, table=True):
    """What a source last said about one record, so that an import applies only what changed there (semantics.md S17)."""

    __tablename__ = "imported_row"

    source: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    content: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
