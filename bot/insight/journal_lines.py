"""Decisions, attempts and provider events as lines of an explanation, oldest first. Read-only; one statement each,
whatever the number of lines. Used by explain.py."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select

from bot.insight.explanation import Line, SeenLeaf, Teller
from storage.accounts import Contact, Customer
from storage.journal import Decision
from storage.outbox import Attempt, DeliveryEvent, Message

DECISION: Table = Decision.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
ATTEMPT: Table = Attempt.__table__  # type: ignore[attr-defined]
DELIVERY_EVENT: Table = DeliveryEvent.__table__  # type: ignore[attr-defined]
MESSAGE: Table = Message.__table__  # type: ignore[attr-defined]


def decision_lines(
    connection: Connection, teller: Teller, *where: ColumnElement[bool], limit: int | None = None
) -> tuple[list[Line], bool]:
    """The newest `limit` decisions in the order in which they were taken, and whether older ones were left out."""
    statement = (
        select(DECISION, CUSTOMER.c.key.label("customer"), CONTACT.c.key.label("contact"))
        .select_from(
            DECISION.outerjoin(CUSTOMER, CUSTOMER.c.id == DECISION.c.customer_id).outerjoin(
                CONTACT, CONTACT.c.id == DECISION.c.contact_id
            )
        )
        .where(*where)
        .order_by(DECISION.c.at.desc(), DECISION.c.id.desc())
        .limit(None if limit is None else limit + 1)
    )
    rows = connection.execute(statement).all()
    kept = rows if limit is None else rows[:limit]
    lines = [
        Line(
            at=row.at,
            playbook=row.playbook,
            step=row.step,
            verdict=row.verdict,
            reason=row.reason,
            sentence=teller.say(row.verdict, row.reason, row.details),
            customer=row.customer,
            contact=row.contact,
            message=row.message_id,
            leaves=tuple(SeenLeaf(**leaf) for leaf in (row.details or {}).get("leaves", ())),
        )
        for row in reversed(kept)
    ]
    return lines, len(rows) > len(kept)


def details_of(connection: Connection, message_ids: Collection[int]) -> dict[tuple[int, str], dict[str, Any]]:
    """(Mail id, reason) → the details of the newest decision with that reason."""
    statement = (
        select(DECISION.c.message_id, DECISION.c.reason, DECISION.c.details)
        .where(DECISION.c.message_id.in_(message_ids), DECISION.c.details.is_not(None))
        .order_by(DECISION.c.id)
    )
    return {(row.message_id, row.reason): row.details for row in connection.execute(statement)}


def attempt_lines(connection: Connection, teller: Teller, message_id: int) -> list[Line]:
    """Every handing over to the provider, with its answer; one without an answer may still be on its way."""
    statement = (
        select(ATTEMPT, MESSAGE.c.playbook, MESSAGE.c.step)
        .join(MESSAGE, MESSAGE.c.id == ATTEMPT.c.message_id)
        .where(ATTEMPT.c.message_id == message_id)
        .order_by(ATTEMPT.c.number)
    )
    lines = []
    for row in connection.execute(statement):
        details = {"number": row.number, "status": row.status, "detail": row.detail, "until": None}
        reason = row.reason or "handing_over"
        lines.append(
            Line(
                at=row.started_at,
                playbook=row.playbook,
                step=row.step,
                verdict="attempt",
                reason=reason,
                sentence=_attempt_sentence(teller, row, reason, details),
                message=message_id,
                until=row.ended_at,
            )
        )
    return lines


def _attempt_sentence(teller: Teller, row: Any, reason: str, details: dict[str, Any]) -> str:
    """`#2: The provider took it (202)`."""
    more = "; ".join(str(part) for part in (row.status, row.detail) if part)
    return f"#{row.number}: {teller.say('attempt', reason, details)}" + (f" ({more})" if more else "")


def event_lines(connection: Connection, teller: Teller, message_id: int) -> list[Line]:
    """What the provider told later, as it happened (not as it arrived)."""
    statement = (
        select(DELIVERY_EVENT, MESSAGE.c.playbook, MESSAGE.c.step)
        .join(MESSAGE, MESSAGE.c.id == DELIVERY_EVENT.c.message_id)
        .where(DELIVERY_EVENT.c.message_id == message_id)
        .order_by(DELIVERY_EVENT.c.at, DELIVERY_EVENT.c.id)
    )
    return [
        Line(
            at=row.at,
            playbook=row.playbook,
            step=row.step,
            verdict="event",
            reason="mail_machine" if row.is_machine else f"mail_{row.kind}",
            sentence=teller.say("event", "mail_machine" if row.is_machine else f"mail_{row.kind}", {"kind": row.kind}),
            message=message_id,
        )
        for row in connection.execute(statement)
    ]
