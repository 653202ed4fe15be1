"""What the machine will send to a CSM's customers within the next days: mails of the outbox that wait, and walks that wait and
whose next step is a mail. One set-based statement, however many customers; read-only. What nobody can know (who enters a
journey tomorrow, what a customer does, windows, caps) is not guessed: such a mail is `is_sure` False, or not listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, and_, literal, null, or_, select, tuple_, union_all

from bot.pipeline.published import Published
from bot.rules.lookahead import MailAhead, mails_ahead
from storage.accounts import Contact, Customer
from storage.columns import UtcDateTime
from storage.desk import HOLD
from storage.enrollments import ENROLLMENT, rows_not_paused
from storage.journeys import EnrollmentStatus
from storage.outbox import MessageState
from storage.outbox_moves import CONTENT, MESSAGE

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
AHEAD = timedelta(days=7)
REVIEW = "review"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingMail:
    """One mail, owed (`message_id`) or to come. `at`: not before then. `steps`: the mails it may be, the likeliest first;
    `is_sure`: no condition decides in between. `held`: the steps that a person wants to wait."""

    at: datetime
    enrollment_id: int | None
    message_id: int | None
    state: str | None
    reason: str | None
    playbook: str
    steps: tuple[str, ...]
    templates: tuple[str, ...]
    sender: str
    is_sure: bool
    held: frozenset[str]
    customer: str
    customer_name: str
    contact: str | None
    contact_name: str | None
    subject: str | None

    @property
    def is_held(self) -> bool:
        return bool(self.steps) and self.held >= set(self.steps)

    @property
    def waits_for_review(self) -> bool:
        return self.state == MessageState.HELD and self.reason == REVIEW


def coming_mails(
    connection: Connection,
    published: Published | None,
    csm: str,
    now: datetime,
    *,
    limit: int,
    offset: int = 0,
    ahead: timedelta = AHEAD,
) -> list[ComingMail]:
    """The first to go first; what waits for a person too."""
    ways = _ways(published)
    parts = [_owed(connection, csm, now + ahead)]
    if ways:
        parts.append(_to_come(connection, csm, now + ahead, list(ways)))
    found = union_all(*parts).subquery("coming")
    page = select(found).order_by(found.c.at, found.c.enrollment_id, found.c.message_id).limit(limit).offset(offset)
    rows = connection.execute(page).all()
    held = _holds(connection, rows)
    return [_mail(row, ways, held.get(row.enrollment_id, frozenset())) for row in rows]


def _ways(published: Published | None) -> dict[tuple[int, str], tuple[MailAhead, ...]]:
    """Where a walk may wait → the mails that may follow."""
    if published is None:
        return {}
    return {
        (version.id, step): mails
        for version in published.versions.values()
        for step in version.program.order
        if (mails := mails_ahead(version.program, step))
    }


def _owed(connection: Connection, csm: str, until: datetime) -> Select[Any]:
    waiting = and_(MESSAGE.c.state == MessageState.PENDING.value, MESSAGE.c.not_before <= until)
    rows = (
        MESSAGE.join(CUSTOMER, CUSTOMER.c.id == MESSAGE.c.customer_id)
        .outerjoin(CONTACT, CONTACT.c.id == MESSAGE.c.contact_id)
        .outerjoin(CONTENT, CONTENT.c.message_id == MESSAGE.c.id)
    )
    return (
        select(
            MESSAGE.c.not_before.label("at"),
            MESSAGE.c.enrollment_id,
            MESSAGE.c.id.label("message_id"),
            MESSAGE.c.state,
            MESSAGE.c.reason,
            MESSAGE.c.playbook,
            MESSAGE.c.step,
            MESSAGE.c.template,
            MESSAGE.c.sender,
            literal(None, ENROLLMENT.c.version_id.type).label("version_id"),
            CUSTOMER.c.key.label("customer"),
            CUSTOMER.c.name.label("customer_name"),
            CONTACT.c.key.label("contact"),
            CONTACT.c.name.label("contact_name"),
            CONTENT.c.subject,
        )
        .select_from(rows)
        .where(
            CUSTOMER.c.csm == csm,
            CUSTOMER.c.erased_at.is_(None),
            MESSAGE.c.over_at.is_(None),
            or_(waiting, MESSAGE.c.state == MessageState.HELD.value),
            rows_not_paused(connection, MESSAGE),
        )
    )


def _to_come(connection: Connection, csm: str, until: datetime, places: list[tuple[int, str]]) -> Select[Any]:
    rows = ENROLLMENT.join(CUSTOMER, CUSTOMER.c.id == ENROLLMENT.c.customer_id).outerjoin(
        CONTACT, CONTACT.c.id == ENROLLMENT.c.contact_id
    )
    owes_already = select(MESSAGE.c.id).where(
        MESSAGE.c.enrollment_id == ENROLLMENT.c.id, MESSAGE.c.step == ENROLLMENT.c.step
    )
    return (
        select(
            ENROLLMENT.c.due_at.label("at"),
            ENROLLMENT.c.id.label("enrollment_id"),
            literal(None, MESSAGE.c.id.type).label("message_id"),
            null().label("state"),
            null().label("reason"),
            ENROLLMENT.c.playbook,
            ENROLLMENT.c.step,
            null().label("template"),
            null().label("sender"),
            ENROLLMENT.c.version_id,
            CUSTOMER.c.key.label("customer"),
            CUSTOMER.c.name.label("customer_name"),
            CONTACT.c.key.label("contact"),
            CONTACT.c.name.label("contact_name"),
            null().label("subject"),
        )
        .select_from(rows)
        .where(
            CUSTOMER.c.csm == csm,
            CUSTOMER.c.erased_at.is_(None),
            ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value,
            ENROLLMENT.c.is_holdout.is_(False),
            ENROLLMENT.c.fault.is_(None),
            ENROLLMENT.c.due_at <= literal(until, UtcDateTime),
            tuple_(ENROLLMENT.c.version_id, ENROLLMENT.c.step).in_(places),
            ~owes_already.exists(),
            rows_not_paused(connection, ENROLLMENT),
        )
    )


def _holds(connection: Connection, rows: list[Row[Any]] | Any) -> dict[int, frozenset[str]]:
    walks = sorted({row.enrollment_id for row in rows if row.enrollment_id is not None})
    found: dict[int, set[str]] = {}
    for row in connection.execute(select(HOLD.c.enrollment_id, HOLD.c.step).where(HOLD.c.enrollment_id.in_(walks))):
        found.setdefault(row.enrollment_id, set()).add(row.step)
    return {walk: frozenset(steps) for walk, steps in found.items()}


def _mail(row: Row[Any], ways: Mapping[tuple[int, str], tuple[MailAhead, ...]], held: frozenset[str]) -> ComingMail:
    shared = ("at", "enrollment_id", "message_id", "state", "reason", "playbook")
    people = ("customer", "customer_name", "contact", "contact_name", "subject")
    ahead = ways[row.version_id, row.step] if row.version_id is not None else ()
    return ComingMail(
        **{name: getattr(row, name) for name in (*shared, *people)},
        steps=tuple(mail.step for mail in ahead) or (row.step,),
        templates=tuple(mail.template for mail in ahead) or (row.template,),
        sender=ahead[0].sender if ahead else row.sender,
        is_sure=all(mail.is_sure for mail in ahead),
        held=held,
    )
