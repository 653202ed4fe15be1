"""What customers and their people got lately and are still to get: mails, done hand-offs, held meetings. Read before a batch of
mails goes out, a few statements however many mails; also the turn that keeps two workers from counting the same room twice."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, func, literal, or_, select, text, union_all

from storage.accounts import Contact, Customer
from storage.dialects import among
from storage.enrollments import ENROLLMENT, rows_not_paused
from storage.facts import Meeting
from storage.handoffs import Handoff, HandoffState
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
MEETING: Table = Meeting.__table__  # type: ignore[attr-defined]

#: Mails that reached the reader, or may have.
REACHED = tuple(
    state.value
    for state in (
        MessageState.ACCEPTED,
        MessageState.SUBMITTING,
        MessageState.UNKNOWN,
        MessageState.UNCONFIRMED,
    )
)
TO_GO = (MessageState.PENDING.value, MessageState.CLAIMED.value)
#: What the machine asks our own people never touches a customer.
QUESTION = "question"
#: Any number; it names the turn among PostgreSQL's advisory locks.
TURN = 5_140_815


def wait_for_turn(connection: Connection) -> None:
    """Until the transaction ends, nobody else counts and takes room. One lock for all, because a batch touches hundreds of
    people; it is held for the moment of the commit, never during rendering or network. SQLite's writers take turns anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": TURN})


def people_at_addresses(connection: Connection, contact_ids: Collection[int]) -> list[Row[Any]]:
    """`contact_id, customer_id, address` of these contacts and of every other one with the same address."""
    other = CONTACT.alias("other")
    statement = (
        select(other.c.id.label("contact_id"), other.c.customer_id, func.lower(other.c.email).label("address"))
        .distinct()
        .select_from(CONTACT.join(other, func.lower(other.c.email) == func.lower(CONTACT.c.email)))
        .where(among(CONTACT.c.id, contact_ids))
    )
    return list(connection.execute(statement).all())


def mails_around(
    connection: Connection,
    customer_ids: Collection[int],
    contact_ids: Collection[int] | None,
    since: datetime,
    until: datetime,
) -> list[Row[Any]]:
    """Mails of these customers (None: whoever they go to) that reached somebody since then, and those that want to go before
    `until`. `over_at` is None for what is still to go or at the provider at this moment."""
    of_customers = among(MESSAGE.c.customer_id, customer_ids)
    of_people = [] if contact_ids is None else [among(MESSAGE.c.contact_id, contact_ids)]
    to_go = MESSAGE.c.state.in_(TO_GO) & (MESSAGE.c.not_before < until) & rows_not_paused(connection, MESSAGE)
    reached = _mails(of_customers, MESSAGE.c.over_at >= since, MESSAGE.c.state.in_(REACHED), *of_people)
    under_way = or_(MESSAGE.c.state == MessageState.SUBMITTING.value, to_go)
    still_owed = _mails(of_customers, MESSAGE.c.over_at.is_(None), under_way, *of_people)
    return list(connection.execute(union_all(reached, still_owed)).all())


def _mails(*where: ColumnElement[bool]) -> Any:
    columns = [
        *(MESSAGE.c[name] for name in ("id", "customer_id", "contact_id", "playbook", "step", "template", "priority")),
        *(MESSAGE.c[name] for name in ("due_at", "not_before", "expires_at", "state", "over_at", "reviewed_by")),
        ENROLLMENT.c.occurrence.label("occasion"),
        ENROLLMENT.c.version_id,
        func.lower(CONTACT.c.email).label("address"),
        CONTACT.c.timezone.label("contact_timezone"),
        CUSTOMER.c.timezone.label("customer_timezone"),
        CUSTOMER.c.region,
    ]
    rows = (
        MESSAGE.join(CUSTOMER, CUSTOMER.c.id == MESSAGE.c.customer_id)
        .join(CONTACT, CONTACT.c.id == MESSAGE.c.contact_id)
        .outerjoin(ENROLLMENT, ENROLLMENT.c.id == MESSAGE.c.enrollment_id)
    )
    return select(*columns).select_from(rows).where(*where)


def human_touches(
    connection: Connection, customer_ids: Collection[int], since: datetime, until: datetime
) -> list[Row[Any]]:
    """`customer_id, at, what, id, name` of hand-offs that people did and of meetings held, or to be held before `until`."""
    done = select(
        HANDOFF.c.customer_id,
        HANDOFF.c.closed_at.label("at"),
        literal("handoff").label("what"),
        HANDOFF.c.id,
        HANDOFF.c.kind.label("name"),
    ).where(
        among(HANDOFF.c.customer_id, customer_ids),
        HANDOFF.c.state == HandoffState.DONE.value,
        HANDOFF.c.closed_at >= since,
        HANDOFF.c.kind != QUESTION,
    )
    held = select(
        MEETING.c.customer_id, MEETING.c.starts_at, literal("meeting"), MEETING.c.id, func.coalesce(MEETING.c.kind, "")
    ).where(among(MEETING.c.customer_id, customer_ids), MEETING.c.starts_at >= since, MEETING.c.starts_at < until)
    return list(connection.execute(union_all(done, held)).all())
