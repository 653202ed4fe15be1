"""The outbox: one row per mail owed, its attempts, its rendered text, the provider's events. The states and their allowed
transitions are declared here once (design/delivery.md); only the functions of outbox_moves.py write a state."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, ForeignKey, Index, UniqueConstraint, literal_column, text
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, Document, UtcDateTime, partial_index, state_column


class MessageState(StrEnum):
    """Where a mail stands."""

    PENDING = "pending"  #: owed; waits for its time and a worker
    CLAIMED = "claimed"  #: one worker prepares it, until its lease ends
    SUBMITTING = "submitting"  #: the intent is stored; it may be at the provider
    ACCEPTED = "accepted"  #: the provider took it
    UNKNOWN = "unknown"  #: handed over, fate unknown; never re-sent by itself
    UNCONFIRMED = "unconfirmed"  #: no evidence in 25 h; a person decides
    FAILED = "failed"  #: the provider refused it for good
    QUARANTINED = "quarantined"  #: it cannot be rendered, or killed its worker three times
    HELD = "held"  #: waits for a person: review, missing field, nobody to write to
    SUPPRESSED = "suppressed"  #: consent or suppression forbids it
    EXPIRED = "expired"  #: too late to be welcome
    CANCELLED = "cancelled"  #: the walk ended or a person skipped it


S = MessageState

#: from → to, without a word of the provider about an acceptance.
_MOVES: dict[MessageState, frozenset[MessageState]] = {
    S.PENDING: frozenset({S.CLAIMED, S.CANCELLED, S.EXPIRED}),
    S.CLAIMED: frozenset({S.SUBMITTING, S.PENDING, S.HELD, S.QUARANTINED, S.SUPPRESSED, S.EXPIRED, S.CANCELLED}),
    S.SUBMITTING: frozenset({S.PENDING, S.FAILED, S.UNKNOWN}),
    S.UNKNOWN: frozenset({S.UNCONFIRMED, S.PENDING, S.FAILED}),
    S.UNCONFIRMED: frozenset({S.PENDING, S.CANCELLED}),
    S.HELD: frozenset({S.PENDING, S.CANCELLED, S.EXPIRED}),
    S.QUARANTINED: frozenset({S.PENDING, S.CANCELLED, S.EXPIRED}),
    S.FAILED: frozenset({S.PENDING, S.CANCELLED}),
    S.SUPPRESSED: frozenset(),
    S.EXPIRED: frozenset(),
    S.CANCELLED: frozenset(),
}
#: from → to. Nothing else may happen to a state. Evidence of acceptance beats any state (rule b): a mail that a person
#: resends or skips may turn out to have left long ago, whatever became of it since.
TRANSITIONS: dict[MessageState, frozenset[MessageState]] = {
    S.ACCEPTED: frozenset(),
    **{state: after | {S.ACCEPTED} for state, after in _MOVES.items()},
}

#: An email step is over when its mail is in one of these (semantics.md S9).
OVER = frozenset({S.ACCEPTED, S.UNKNOWN, S.UNCONFIRMED, S.FAILED, S.QUARANTINED, S.SUPPRESSED, S.EXPIRED, S.CANCELLED})
#: Finally, or for now, not sent: the walk goes on and waits that ask for it go to else (S10).
NOT_SENT = frozenset({S.FAILED, S.QUARANTINED, S.SUPPRESSED, S.EXPIRED, S.CANCELLED})


#: Why a mail is accepted: not by the provider's answer, but by what it told later.
EVIDENCE = "evidence"
#: The occurrence of a mail that a person sends from a hand-off begins with it.
BY_HANDOFF = "handoff-"


class Delivery(StrEnum):
    """What became of an accepted mail, as the provider told. It moves one way only, in this order: whatever the order in
    which events arrive, the last of the words that were said stands (design/delivery.md)."""

    PROCESSED = "processed"  #: the provider is about to deliver it
    DEFERRED = "deferred"  #: the reader's server asked for patience
    DELIVERED = "delivered"  #: the reader's server took it
    OPENED = "opened"  #: a person opened it
    CLICKED = "clicked"  #: a person followed a link
    BLOCKED = "blocked"  #: refused for now; the address is good
    DROPPED = "dropped"  #: the provider did not even try
    BOUNCED = "bounced"  #: the address does not work
    UNSUBSCRIBED = "unsubscribed"  #: the reader wants no more
    COMPLAINED = "complained"  #: the reader called it spam


class Message(SQLModel, table=True):
    """One mail to one contact, owed by one step. `due_at` is when the step owed it, `not_before` when to try next,
    `token` the fencing token of the newest claim, `delivery` what became of it at the provider (Delivery)."""

    __table_args__ = (
        Index("uq_message_owed", "enrollment_id", "step", "occurrence", text("coalesce(contact_id, 0)"), unique=True),
        partial_index("ix_message_next", "playbook", "not_before", where="state = 'pending'"),
        # What a playbook sent lately: its fuses count that.
        partial_index("ix_message_accepted", "playbook", "accepted_at", where="accepted_at IS NOT NULL"),
        partial_index(
            "ix_message_harmed", "playbook", "accepted_at", where="bounced_at IS NOT NULL OR complained_at IS NOT NULL"
        ),
        partial_index("ix_message_leased", "lease_until", where="state IN ('claimed', 'submitting')"),
        # Named when the provider takes it; the updates before that leave the index alone.
        partial_index("ix_message_provider_message_id", "provider_message_id", where="provider_message_id IS NOT NULL"),
        # Looked through at every tick for those whose time is over; few of all mails ever stand so.
        partial_index("ix_message_held", "expires_at", where="state = 'held'"),
        partial_index("ix_message_unknown", "over_at", where="state = 'unknown'"),
        # Read before a batch goes out: what a customer got lately, and (no time yet) what is still to go.
        Index("ix_message_customer", "customer_id", "over_at"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    enrollment_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("enrollment.id")))
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False))
    contact_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("contact.id")))
    playbook: str
    step: str
    occurrence: str
    template: str
    sender: str
    state: str = Field(default=MessageState.PENDING, sa_column=state_column(MessageState.PENDING))
    reason: str | None = None
    priority: int = 50
    due_at: datetime = Field(sa_type=UtcDateTime)
    not_before: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    token: int = 0
    claimed_by: str | None = None
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    claims: int = 0
    attempts: int = 0
    reviewed_by: str | None = None
    provider: str | None = None
    provider_message_id: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    accepted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    over_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    delivered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    clicked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    replied_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    bounced_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    dropped_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    complained_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    unsubscribed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    delivery: str | None = None


class MailSkeleton(SQLModel, table=True):
    """What the HTML of all mails of one template has in common, piece by piece; never changed (storage.mail_texts)."""

    __tablename__ = "mail_skeleton"

    digest: str = Field(primary_key=True)
    shared: list[str] = Field(sa_column=Column(Document, nullable=False))


class MessageContent(SQLModel, table=True):
    """The mail as it was (or will be) handed over: the snapshot stored with the intent, with the digests it was made of. `html`
    is empty where `pieces` and the skeleton of that digest make it: numbers are the skeleton's pieces, texts the mail's own."""

    __tablename__ = "message_content"

    message_id: int = Field(sa_column=Column(BigKey, ForeignKey("message.id"), primary_key=True, autoincrement=False))
    to_email: str
    to_name: str | None = None
    from_email: str
    from_name: str | None = None
    reply_to: str | None = None
    subject: str
    html: str
    text: str
    category: str
    locale: str
    template_digest: str
    is_edited: bool = False
    skeleton: str | None = None
    pieces: list[Any] | None = Field(default=None, sa_column=Column(Document))


class Attempt(SQLModel, table=True):
    """One handing over to a provider: written with the intent, completed with the answer."""

    __table_args__ = (UniqueConstraint("message_id", "number"),)

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    message_id: int = Field(sa_column=Column(BigKey, ForeignKey("message.id"), nullable=False))
    number: int
    token: int
    started_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str | None = None
    status: int | None = None
    reason: str | None = None
    detail: str | None = None


class DeliveryEvent(SQLModel, table=True):
    """What a provider told about a mail later (delivered, opened, clicked, bounced …), once per event id (`key`) and once per
    mail, kind, time and link (`fingerprint`: retries were seen with changed ids). absorb reads it; no personal data."""

    __tablename__ = "delivery_event"
    __table_args__ = (
        UniqueConstraint("key"),
        UniqueConstraint("fingerprint"),
        partial_index("ix_delivery_event_new", "id", where="is_new"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    key: str
    fingerprint: str | None = None
    message_id: int = Field(sa_column=Column(BigKey, ForeignKey("message.id"), nullable=False, index=True))
    kind: str
    at: datetime = Field(sa_type=UtcDateTime)
    is_machine: bool = False
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Document, nullable=False))
    received_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    is_new: bool = True


class Transport(SQLModel, table=True):
    """Whether a way out is open. `blocked_until` while a rate limit or the breaker holds the whole transport."""

    name: str = Field(primary_key=True)
    blocked_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str | None = None
    since: datetime | None = Field(default=None, sa_type=UtcDateTime)


#: Written as its partial index says it (see storage.facts.UNHEARD).
UNABSORBED: ColumnElement[Any] = literal_column("delivery_event.is_new")
