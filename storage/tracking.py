"""What the tracking API needs beside facts: who a user id or anonymous id is (TrackedPerson), calls that cannot become facts
yet or ever (HeldCall), and how much of what was odd (TrackingCount). Written by bot/intake/tracking; a customer or contact
that appears makes its calls ready (release_calls), and the next round takes them in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Table,
    delete,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlmodel import Field, SQLModel

from storage.bulk import insert_rows
from storage.columns import BigKey, Document, UtcDateTime, partial_index
from storage.given import is_given
from storage.upserts import upsert_rows

REMEMBERED = timedelta(days=30)


class TrackedPerson(SQLModel, table=True):
    """A user id (`u:…`) or anonymous id (`a:…`) of the product: the user it turned out to be (`alias_of`), the customer of its
    last group, its contact there."""

    __tablename__ = "tracked_person"

    person: str = Field(primary_key=True)
    alias_of: str | None = Field(default=None, index=True)
    customer_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("customer.id"), index=True))
    contact_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("contact.id"), index=True))


class HeldCall(SQLModel, table=True):
    """A call kept aside, whole. `reason`: `unknown_customer` and the like wait until somebody appears (`is_ready`); the others
    say why the call is no fact."""

    __tablename__ = "held_call"
    __table_args__ = (
        partial_index("ix_held_call_ready", "id", where="is_ready"),
        Index("ix_held_call_reason", "reason", "received_at"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    key: str = Field(unique=True)
    reason: str
    person: str | None = Field(default=None, index=True)
    customer_key: str | None = Field(default=None, index=True)
    content: Any = Field(sa_column=Column(Document, nullable=False))
    received_at: datetime = Field(sa_type=UtcDateTime)
    is_ready: bool = False


class AppliedCall(SQLModel, table=True):
    """An identify, group or alias call that was applied, so that a batch that comes again does not bring old traits back. Kept
    for a month."""

    __tablename__ = "applied_call"

    key: str = Field(primary_key=True)
    received_at: datetime = Field(sa_type=UtcDateTime, index=True)


class TrackingCount(SQLModel, table=True):
    """How many calls of a day were odd in which way, and how many cells of imported files, for `doctor`. Holds no personal data."""

    __tablename__ = "tracking_count"

    day: date = Field(primary_key=True)
    reason: str = Field(primary_key=True)
    number: int


HELD: Table = HeldCall.__table__  # type: ignore[attr-defined]
PERSON: Table = TrackedPerson.__table__  # type: ignore[attr-defined]
#: Reasons that end when a customer, a contact or an alias appears.
WAITING = ("unknown_customer", "unknown_user", "several_customers")
#: Begins the reasons of what imported files hold, before kind and column.
IMPORTED = "import_"
APPLIED: Table = AppliedCall.__table__  # type: ignore[attr-defined]
COUNT: Table = TrackingCount.__table__  # type: ignore[attr-defined]
READY: ColumnElement[Any] = literal_column("held_call.is_ready")
#: Calls whose customer or user has appeared (storage.asking).
READY_CALLS = select(HELD.c.id).where(READY)


def user_name(key: str) -> str:
    """A user id as a person's name."""
    return f"u:{key}"


def anonymous_name(key: str) -> str:
    return f"a:{key}"


def release_calls(connection: Connection, *, customers: Collection[str] = (), persons: Collection[str] = ()) -> None:
    """These appeared: calls that waited for them are ready."""
    found: list[ColumnElement[bool]] = []
    if customers:
        found.append(is_given(connection, [HELD.c.customer_key], [(key,) for key in customers]))
    if persons:
        found.append(is_given(connection, [HELD.c.person], [(key,) for key in persons]))
    if found:
        waits = HELD.c.reason.in_(WAITING)
        connection.execute(update(HELD).where(or_(*found), waits).values(is_ready=True))


def new_calls(connection: Connection, keys: Collection[str], now: datetime) -> set[str]:
    """Those that were not applied yet; they count as applied from here on."""
    asked = is_given(connection, [APPLIED.c.key], [(key,) for key in keys])
    known = set(connection.scalars(select(APPLIED.c.key).where(asked)))
    fresh = set(keys) - known
    insert_rows(connection, APPLIED, ("key", "received_at"), [(key, now) for key in sorted(fresh)])
    connection.execute(delete(APPLIED).where(APPLIED.c.received_at < now - REMEMBERED))
    return fresh


def count_calls(connection: Connection, counts: Mapping[str, int], now: datetime) -> None:
    """Add to the day's numbers."""
    rows = [(now.date(), reason, number) for reason, number in counts.items() if number]
    upsert_rows(connection, COUNT, ("day", "reason", "number"), rows, {"number": "add"})


def counts_since(connection: Connection, day: date) -> dict[str, int]:
    """reason → number of calls, from that day on."""
    found = select(COUNT.c.reason, func.sum(COUNT.c.number)).where(COUNT.c.day >= day).group_by(COUNT.c.reason)
    return {reason: int(number) for reason, number in connection.execute(found)}


def count_held(connection: Connection) -> dict[str, int]:
    """reason → number of calls kept aside."""
    found = select(HELD.c.reason, func.count()).group_by(HELD.c.reason)
    return {reason: number for reason, number in connection.execute(found)}


def has_ready_calls(connection: Connection) -> bool:
    return connection.scalar(_ANY_READY) is not None


_ANY_READY = READY_CALLS.limit(1)
