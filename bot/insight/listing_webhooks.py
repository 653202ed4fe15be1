"""Calls of webhook steps, as the command line prints them and JSON names them: what is owed, tried, delivered, given up. Read-only;
the pipeline's calling makes them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, select

from bot.errors import UsageError
from bot.insight.listings import LIMIT, checked_word, dated
from storage.accounts import Contact, Customer
from storage.handoff_views import installation_of
from storage.webhook_calls import CALL, CallState

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRow:
    """One call. `webhook_id`: the id under which the other side gets every try; `fault`: what the last try said; `next_at`: when
    it is tried again, None once it is over."""

    id: int
    webhook_id: str
    customer: str
    contact: str | None
    playbook: str
    step: str
    url: str
    state: str
    attempts: int
    fault: str | None
    created_at: datetime
    next_at: datetime | None
    over_at: datetime | None

    def as_dict(self) -> dict[str, Any]:
        return dated(asdict(self))


def list_webhooks(
    connection: Connection,
    *,
    state: str | None = None,
    customer: str | None = None,
    playbook: str | None = None,
    limit: int = LIMIT,
) -> list[WebhookRow]:
    """The newest first. Raises: UsageError for a state that no call has."""
    wanted = _calls()
    if state is not None:
        wanted = wanted.where(CALL.c.state == checked_word(state, [each.value for each in CallState]))
    if customer is not None:
        wanted = wanted.where(CUSTOMER.c.key == customer)
    if playbook is not None:
        wanted = wanted.where(CALL.c.playbook == playbook)
    installation = installation_of(connection)
    return [_row(row, installation) for row in connection.execute(wanted.order_by(CALL.c.id.desc()).limit(limit))]


def show_webhook(connection: Connection, call_id: int) -> tuple[WebhookRow, dict[str, Any]]:
    """The call, and what the other side gets as `data`. Raises: UsageError."""
    row = connection.execute(_calls().where(CALL.c.id == call_id)).one_or_none()
    if row is None:
        raise UsageError(f"There is no webhook call {call_id}", hint="`journeybot webhooks list` has their numbers")
    return _row(row, installation_of(connection)), dict(row.body)


def _calls() -> Select[Any]:
    joined = CALL.join(CUSTOMER, CUSTOMER.c.id == CALL.c.customer_id).outerjoin(
        CONTACT, CONTACT.c.id == CALL.c.contact_id
    )
    return select(CALL, CUSTOMER.c.key.label("customer"), CONTACT.c.key.label("contact")).select_from(joined)


def _row(row: Row[Any], installation: str) -> WebhookRow:
    return WebhookRow(
        id=row.id,
        webhook_id=f"{installation}.{row.id}",
        customer=row.customer,
        contact=row.contact,
        playbook=row.playbook,
        step=row.step,
        url=row.url,
        state=row.state,
        attempts=row.attempts,
        fault=row.fault,
        created_at=row.created_at,
        next_at=None if row.over_at else row.lease_until or row.not_before,
        over_at=row.over_at,
    )
