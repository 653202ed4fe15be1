"""What customers and their people got lately and are still to get: mails, done hand-offs, held meetings. Read before a batch of
mails goes out, a few statements however many mails; also the turn that keeps two workers from counting the same room twice."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    String,
    Table,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
)

from storage.accounts import Contact, Customer
from storage.columns import BigKey
from storage.dialects import among, among_given
from storage.enrollments import ENROLLMENT, rows_not_paused
from storage.facts import Meeting, Note
from storage.handoff_answers import OWN_SOURCE
from storage.handoff_deeds import MACHINE
from storage.handoffs import Handoff, HandoffMail, HandoffState
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
MEETING: Table = Meeting.__table__  # type: ignore[attr-defined]
NOTE: Table = Note.__table__  # type: ignore[attr-defined]
BY_HAND: Table = HandoffMail.__table__  # type: ignore[attr-defined]

#: Mails that reached the reader, or may have. One that is at the provider at this moment has no `over_at` yet.
SUBMITTING = MessageState.SUBMITTING.value
REACHED = (MessageState.ACCEPTED.value, MessageState.UNKNOWN.value, MessageState.UNCONFIRMED.value)
TO_GO = (MessageState.PENDING.value, MessageState.CLAIMED.value)
#: What the machine asks our own people never touches a customer.
QUESTION = "question"
#: What people do for a customer by themselves, as `touches_by_people` names it.
PEOPLES_TOUCHES = ("meeting", "note", "handoff", "mail")
#: Any number; it names the turn among PostgreSQL's advisory locks.
TURN = 5_140_815


def wait_for_turn(connection: Connection) -> None:
    """Until the transaction ends, nobody else counts and takes room. One lock for all, because a batch touches hundreds of
    people; it is held for the moment of the commit, never during rendering or network. SQLite's writers take turns anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": TURN})


_OTHER = CONTACT.alias("other")
_AT_ADDRESSES = (
    select(_OTHER.c.id.label("contact_id"), _OTHER.c.customer_id, func.lower(_OTHER.c.email).label("address"))
    .select_from(CONTACT.join(_OTHER, func.lower(_OTHER.c.email) == func.lower(CONTACT.c.email)))
    .where(among_given(CONTACT.c.id))
)


def people_at_addresses(connection: Connection, contact_ids: Collection[int]) -> list[Row[Any]]:
    """`contact_id, customer_id, address` of these contacts and of every other one with the same address; once for each
    contact of yours that has it."""
    return [*connection.execute(_AT_ADDRESSES, {"keys": list(contact_ids)})]


def mails_that_reached(
    connection: Connection,
    customer_ids: Collection[int],
    contact_ids: Collection[int] | None,
    since: datetime,
    *where: ColumnElement[bool],
) -> list[Row[Any]]:
    """`id, customer_id, contact_id, playbook, step, template, over_at` of mails since then to these people (None: to
    anybody at these customers)."""
    columns = [
        MESSAGE.c[name] for name in ("id", "customer_id", "contact_id", "playbook", "step", "template", "over_at")
    ]
    of_people = [] if contact_ids is None else [among(MESSAGE.c.contact_id, contact_ids)]
    statement = select(*columns).where(
        among(MESSAGE.c.customer_id, customer_ids), MESSAGE.c.over_at >= since, MESSAGE.c.state.in_(REACHED), *of_people
    )
    return list(connection.execute(statement.where(*where)).all())


def mails_under_way(
    connection: Connection,
    customer_ids: Collection[int],
    contact_ids: Collection[int] | None,
    until: datetime,
    same_since: datetime | None,
) -> list[Row[Any]]:
    """Mails at the provider, and those that want to go before `until`, with what ranks them; `same_since`: also those that
    reached somebody since then, to compare them as copies."""
    of_people = [] if contact_ids is None else [among(MESSAGE.c.contact_id, contact_ids)]
    to_go = MESSAGE.c.state.in_(TO_GO) & (MESSAGE.c.not_before < until) & rows_not_paused(connection, MESSAGE)
    under_way = MESSAGE.c.over_at.is_(None) & or_(MESSAGE.c.state == SUBMITTING, to_go)
    names = ("id", "customer_id", "contact_id", "playbook", "step", "template", "priority")
    columns = [
        *(
            MESSAGE.c[name]
            for name in (*names, "due_at", "not_before", "expires_at", "state", "over_at", "reviewed_by")
        ),
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
    found = [under_way]
    if same_since is not None:
        found.append(MESSAGE.c.state.in_(REACHED) & (MESSAGE.c.over_at >= same_since))
    of_customers = among(MESSAGE.c.customer_id, customer_ids)
    parts = [select(*columns).select_from(rows).where(of_customers, *of_people, part) for part in found]
    return list(connection.execute(union_all(*parts) if len(parts) > 1 else parts[0]).all())


def count_around(
    connection: Connection,
    customer_ids: Collection[int],
    since: Sequence[datetime],
    until: datetime,
    *,
    with_people: bool,
) -> list[Row[Any]]:
    """How much there is at most, in one look: `customer_id, contact_id` and `n0, n1 …`, what reached them since each of
    `since`, or is to go before `until`. `with_people`: also what our people did and will do (`contact_id` is None)."""
    reached = [
        among(MESSAGE.c.customer_id, customer_ids),
        MESSAGE.c.over_at >= min(since),
        MESSAGE.c.state.in_(REACHED),
    ]
    to_go = MESSAGE.c.state.in_(TO_GO) & (MESSAGE.c.not_before < until)
    under_way = [
        among(MESSAGE.c.customer_id, customer_ids),
        MESSAGE.c.over_at.is_(None),
        or_(MESSAGE.c.state == SUBMITTING, to_go),
    ]
    whom = (MESSAGE.c.customer_id, MESSAGE.c.contact_id)
    parts = [
        select(*whom, *_counts(MESSAGE.c.over_at, since)).where(*reached).group_by(*whom),
        select(*whom, *(func.count() for _ in since)).where(*under_way).group_by(*whom),
    ]
    if with_people:
        done, held = _done(customer_ids, min(since)), _held(customer_ids, min(since), until)
        for at, where in ((HANDOFF.c.closed_at, done), (MEETING.c.starts_at, held)):
            whose = at.table.c.customer_id
            parts.append(select(whose, literal(None, BigKey), *_counts(at, since)).where(*where).group_by(whose))
    return list(connection.execute(union_all(*parts)).all())


def _counts(at: ColumnElement[Any], since: Sequence[datetime]) -> list[ColumnElement[int]]:
    return [func.sum(case((at >= each, 1), else_=0)).label(f"n{place}") for place, each in enumerate(since)]


def _done(customer_ids: Collection[int], since: datetime) -> list[ColumnElement[bool]]:
    return [
        among(HANDOFF.c.customer_id, customer_ids),
        HANDOFF.c.state == HandoffState.DONE.value,
        HANDOFF.c.closed_at >= since,
        HANDOFF.c.kind != QUESTION,
    ]


def _held(customer_ids: Collection[int], since: datetime, until: datetime) -> list[ColumnElement[bool]]:
    return [among(MEETING.c.customer_id, customer_ids), MEETING.c.starts_at >= since, MEETING.c.starts_at < until]


def human_touches(
    connection: Connection, customer_ids: Collection[int], since: datetime, until: datetime
) -> list[Row[Any]]:
    """`customer_id, at, what, id, about` of hand-offs that people did and of meetings held, or to be held before `until`."""
    done = select(
        HANDOFF.c.customer_id,
        HANDOFF.c.closed_at.label("at"),
        literal("handoff").label("what"),
        HANDOFF.c.id,
        HANDOFF.c.kind.label("about"),
    ).where(*_done(customer_ids, since))
    held = select(
        MEETING.c.customer_id, MEETING.c.starts_at, literal("meeting"), MEETING.c.id, func.coalesce(MEETING.c.kind, "")
    ).where(*_held(customer_ids, since, until))
    return list(connection.execute(union_all(done, held)).all())


def touches_by_people(since: datetime, until: datetime) -> CompoundSelect[Any]:
    """`customer_id, by, what, at` of all that people did for customers in that time, each thing once: meetings held (`by` is None:
    nobody keeps who of ours was there), notes, hand-offs done, mails written by hand. What was written when a hand-off was
    closed is that hand-off, and a hand-off with a mail is the mail."""
    meetings = select(
        MEETING.c.customer_id,
        literal(None, String()).label("by"),
        literal("meeting").label("what"),
        MEETING.c.starts_at.label("at"),
    ).where(MEETING.c.starts_at > since, MEETING.c.starts_at <= until)
    of_handoff = and_(NOTE.c.source == OWN_SOURCE, NOTE.c.key.like("handoff-%"))
    notes = select(NOTE.c.customer_id, NOTE.c.by, literal("note"), NOTE.c.at).where(
        NOTE.c.at > since, NOTE.c.at <= until, ~of_handoff
    )
    wrote = select(1).where(BY_HAND.c.handoff_id == HANDOFF.c.id, or_(BY_HAND.c.message_id.is_(None), _went())).exists()
    handoffs = select(HANDOFF.c.customer_id, HANDOFF.c.closed_by, literal("handoff"), HANDOFF.c.closed_at).where(
        HANDOFF.c.customer_id.is_not(None),
        HANDOFF.c.state == HandoffState.DONE.value,
        HANDOFF.c.closed_by != MACHINE,
        HANDOFF.c.kind != QUESTION,
        HANDOFF.c.closed_at > since,
        HANDOFF.c.closed_at <= until,
        ~wrote,
    )
    mails = (
        select(HANDOFF.c.customer_id, BY_HAND.c.by, literal("mail"), BY_HAND.c.at)
        .join(HANDOFF, HANDOFF.c.id == BY_HAND.c.handoff_id)
        .where(
            HANDOFF.c.customer_id.is_not(None),
            BY_HAND.c.at > since,
            BY_HAND.c.at <= until,
            or_(BY_HAND.c.message_id.is_(None), _went()),
        )
    )
    return union_all(meetings, notes, handoffs, mails)


def _went() -> ColumnElement[bool]:
    """Whether the mail of a hand-off reached its reader, or may have."""
    sent = select(1).where(MESSAGE.c.id == BY_HAND.c.message_id, MESSAGE.c.state.in_(REACHED))
    return sent.correlate(BY_HAND).exists()
