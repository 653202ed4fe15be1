"""Rows for lists: mails and hand-offs, as the CLI prints them and JSON names them. One statement a list, stable order,
filters as values. Read-only. Customers and playbooks are in listings_customers.py and listings_playbooks.py."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, select

from bot.errors import UsageError
from storage.accounts import Contact, Customer
from storage.handoff_views import HandoffRecord
from storage.handoff_views import list_handoffs as handoff_records
from storage.handoffs import HandoffState
from storage.mail_texts import contents_of
from storage.outbox import MessageContent, MessageState
from storage.outbox_moves import MESSAGE

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
CONTENT: Table = MessageContent.__table__  # type: ignore[attr-defined]

LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One mail owed. `to` is the address it was made for, else the contact's; `subject` stands once it was rendered."""

    id: int
    customer: str
    contact: str | None
    to: str | None
    playbook: str
    step: str
    template: str
    subject: str | None
    state: str
    reason: str | None
    due_at: datetime
    accepted_at: datetime | None

    def as_dict(self) -> dict[str, Any]:
        return dated(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class MailText:
    """One mail in full; the text parts are None before it was rendered."""

    row: OutboxRow
    not_before: datetime
    expires_at: datetime | None
    attempts: int
    reviewed_by: str | None
    provider: str | None
    provider_message_id: str | None
    delivered_at: datetime | None
    opened_at: datetime | None
    clicked_at: datetime | None
    replied_at: datetime | None
    bounced_at: datetime | None
    delivery: str | None
    from_email: str | None
    from_name: str | None
    category: str | None
    locale: str | None
    html: str | None
    text: str | None
    is_edited: bool | None

    def as_dict(self) -> dict[str, Any]:
        values = asdict(self)
        return dated({**values.pop("row"), **values})


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffRow:
    """One hand-off in a list."""

    id: int
    customer: str
    kind: str
    urgency: str
    owner: str | None
    state: str
    due_at: datetime | None
    playbook: str
    step: str
    title: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        return dated(asdict(self))


def list_outbox(
    connection: Connection,
    *,
    state: str | None = None,
    customer: str | None = None,
    playbook: str | None = None,
    limit: int | None = LIMIT,
) -> list[OutboxRow]:
    """The newest first. Raises: UsageError for a state that does not exist."""
    statement = _mails(*_outbox_columns()).order_by(MESSAGE.c.id.desc()).limit(limit)
    if state is not None:
        statement = statement.where(MESSAGE.c.state == checked_word(state, [each.value for each in MessageState]))
    if customer is not None:
        statement = statement.where(CUSTOMER.c.key == customer)
    if playbook is not None:
        statement = statement.where(MESSAGE.c.playbook == playbook)
    return [OutboxRow(**row._mapping) for row in connection.execute(statement)]


def show_mail(connection: Connection, message_id: int) -> MailText:
    """Raises: UsageError when there is no such mail."""
    mine = [
        MESSAGE.c[name]
        for name in MailText.__dataclass_fields__
        if name in MESSAGE.c and name not in OutboxRow.__slots__
    ]
    texts = [CONTENT.c[name] for name in ("from_email", "from_name", "category", "locale", "text", "is_edited")]
    statement = _mails(*_outbox_columns(), *mine, *texts).where(MESSAGE.c.id == message_id)
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise UsageError(f"There is no mail {message_id}", hint="see `journeybot outbox list`")
    return _mail_text(row, contents_of(connection, [message_id]).get(message_id, {}).get("html"))


def _mail_text(row: Row[Any], html: str | None) -> MailText:
    values = {**row._mapping, "html": html}
    listed = {name: values.pop(name) for name in OutboxRow.__dataclass_fields__}
    return MailText(row=OutboxRow(**listed), **values)


def _mails(*columns: ColumnElement[Any]) -> Select[Any]:
    rows = (
        MESSAGE.join(CUSTOMER, CUSTOMER.c.id == MESSAGE.c.customer_id)
        .outerjoin(CONTACT, CONTACT.c.id == MESSAGE.c.contact_id)
        .outerjoin(CONTENT, CONTENT.c.message_id == MESSAGE.c.id)
    )
    return select(*columns).select_from(rows)


def _outbox_columns() -> list[ColumnElement[Any]]:
    return [
        MESSAGE.c.id,
        CUSTOMER.c.key.label("customer"),
        CONTACT.c.key.label("contact"),
        func.coalesce(CONTENT.c.to_email, CONTACT.c.email).label("to"),
        CONTENT.c.subject,
        *(MESSAGE.c[name] for name in ("playbook", "step", "template", "state", "reason", "due_at", "accepted_at")),
    ]


def list_handoffs(
    connection: Connection,
    *,
    state: str | None = None,
    owner: str | None = None,
    customer: str | None = None,
    playbook: str | None = None,
    limit: int | None = LIMIT,
) -> list[HandoffRow]:
    """Open and acknowledged ones unless a state is asked for; those due first come first. Raises: UsageError for a
    state that does not exist."""
    states: dict[str, Any] = {}
    if state is not None:
        states = {"states": [checked_word(state, [each.value for each in HandoffState])]}
    found = handoff_records(connection, owner=owner, customer=customer, playbook=playbook, limit=limit, **states)
    return [_handoff_row(record) for record in found]


def _handoff_row(record: HandoffRecord) -> HandoffRow:
    names = HandoffRow.__dataclass_fields__
    return HandoffRow(**{**{name: getattr(record, name) for name in names}, "state": record.state.value})


def checked_word(word: str, known: list[str], what: str = "state") -> str:
    """Raises: UsageError that names the words there are."""
    if word not in known:
        raise UsageError(f"There is no {what} `{word}`", hint=f"the {what}s are {', '.join(known)}")
    return word


def dated(values: dict[str, Any]) -> dict[str, Any]:
    """The same with instants and days as ISO texts, for JSON."""
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()}
