"""How far each pull of `journeybot sync` has come, which rows its source had when it was last whole, and what was written back.
Written in the transaction that stores the rows, so that a crash or a source that fails half-way resumes without a gap."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from storage.columns import Document, UtcDateTime


class SyncState(SQLModel, table=True):
    """One pull. `watermark` is `{"kind", "value"}` of the newest row that is stored; counts are of the latest run. `failure` is
    empty once a run has come to its end."""

    __tablename__ = "sync_state"

    source: str = Field(primary_key=True)
    pull: str = Field(primary_key=True)
    watermark: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Document, nullable=False))
    began_at: datetime = Field(sa_type=UtcDateTime)
    whole_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    rows: int = 0
    changed: int = 0
    rejected: int = 0
    failure: str = ""


class SyncRow(SQLModel, table=True):
    """A customer or contact that the source had, by their key there; `customer`: our key of a contact's customer. `gone_at`: when
    we noticed that the source has it no longer."""

    __tablename__ = "sync_row"

    source: str = Field(primary_key=True)
    pull: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    customer: str = ""
    seen_at: datetime = Field(sa_type=UtcDateTime)
    gone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SyncStranger(SQLModel, table=True):
    """A row that names a customer or subscription (`what`, `key`) nobody has brought yet, whole. `row`: a digest by which the
    source's next word about the same thing replaces it."""

    __tablename__ = "sync_stranger"
    __table_args__ = (Index("ix_sync_stranger_key", "key"),)

    source: str = Field(primary_key=True)
    pull: str = Field(primary_key=True)
    row: str = Field(primary_key=True)
    what: str
    key: str
    content: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    at: datetime = Field(sa_type=UtcDateTime)


class WrittenBack(SQLModel, table=True):
    """What a source was last told of a customer, so that it is told changes only."""

    __tablename__ = "written_back"

    source: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    told: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Document, nullable=False))
    at: datetime = Field(sa_type=UtcDateTime)
