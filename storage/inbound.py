"""What came in from outside and is not a fact yet: posts as they arrived (WebhookPost), events that belong to no mail of ours
(StrayEvent), answers of readers (Reply). Written by the web routes and by absorb, which empties the first (TakenPosts)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, LargeBinary
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, Document, UtcDateTime


class WebhookPost(SQLModel, table=True):
    """The body of one verified post, as bytes, until absorb has taken it in. `source` is `sendgrid`, `inbound` or `track`. On SQLite
    these rows lie in files of their own (posts.py)."""

    __tablename__ = "webhook_post"
    # SQLite gives the number of a row that is gone to the next one; who then forgets what it read forgets the wrong post.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    source: str
    content_type: str
    received_at: datetime = Field(sa_type=UtcDateTime)
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class TakenPosts(SQLModel, table=True):
    """The posts that the last round of a room took in, by name; on SQLite they are deleted from another file afterwards, so a
    crash in between would take them in again."""

    __tablename__ = "taken_posts"

    room: str = Field(primary_key=True)
    names: list[str] = Field(default_factory=list, sa_column=Column(Document, nullable=False))


class StrayEvent(SQLModel, table=True):
    """A provider's event that was kept aside: it names no mail of ours, or nobody can read it. `reason` says why. It holds no
    personal data; only the newest are kept."""

    __tablename__ = "stray_event"
    __table_args__ = (Index("ix_stray_event_received", "received_at", "reason"),)

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    key: str = Field(unique=True)
    source: str
    reason: str
    kind: str | None = None
    reference: str | None = None
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Document, nullable=False))
    received_at: datetime = Field(sa_type=UtcDateTime)


class Reply(SQLModel, table=True):
    """An answer to a mail of ours, with its words. `verdict` says what was made of it: `answered` counts and is handed to a
    person, `other_sender` is handed over only, `automatic` and `unknown` are kept here."""

    key: str = Field(unique=True)
    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    verdict: str
    message_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("message.id")))
    customer_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("customer.id"), index=True))
    contact_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("contact.id")))
    from_address: str = Field(index=True)
    subject: str
    text: str
    attachments: list[str] = Field(default_factory=list, sa_column=Column(Document, nullable=False))
    received_at: datetime = Field(sa_type=UtcDateTime)
