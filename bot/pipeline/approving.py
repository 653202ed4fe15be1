"""Approving many mails at once that wait for review: all of a playbook, a template or a customer. Each is approved by the same
rules, with a decision of its own; whatever waits for something else, or is no longer welcome, stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, or_, select

from bot.errors import UsageError
from bot.pipeline.outbox_acts import REVIEW, approve
from bot.pipeline.scopes import CUSTOMER
from storage.outbox import MessageState
from storage.outbox_moves import CONTENT, MESSAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """Ids of the mails that may go, and why the others may not."""

    ids: tuple[int, ...]
    refused: tuple[str, ...]


def approve_all(
    connection: Connection,
    *,
    by: str,
    at: datetime,
    playbook: str | None = None,
    template: str | None = None,
    customer: str | None = None,
) -> Approved:
    """The oldest first. Raises: UsageError when nothing narrows it."""
    narrowed = [
        MESSAGE.c.playbook == playbook if playbook else None,
        MESSAGE.c.template == template if template else None,
        MESSAGE.c.customer_id.in_(select(CUSTOMER.c.id).where(CUSTOMER.c.key == customer)) if customer else None,
    ]
    where = [condition for condition in narrowed if condition is not None]
    if not where:
        raise UsageError("All mails of what?", hint="add --playbook, --template or --customer")
    edited = select(CONTENT.c.message_id).where(CONTENT.c.is_edited)
    waits = and_(MESSAGE.c.state == MessageState.HELD.value, or_(MESSAGE.c.reason == REVIEW, MESSAGE.c.id.in_(edited)))
    ids = connection.scalars(select(MESSAGE.c.id).where(waits, *where).order_by(MESSAGE.c.id)).all()
    approved: list[int] = []
    refused: list[str] = []
    for found in ids:
        try:
            approve(connection, found, by=by, at=at)
        except UsageError as error:
            refused.append(error.sentence)
        else:
            approved.append(found)
    return Approved(ids=tuple(approved), refused=tuple(refused))
