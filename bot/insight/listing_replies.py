"""Readers' answers as a list: what they said, to which mail, and what was made of it. Read-only; used by the command line."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, select

from bot.insight.listings import checked_word, dated
from storage.accounts import Customer
from storage.inbound import Reply

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
REPLY: Table = Reply.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRow:
    """One answer; `mail` and `customer` are empty where it fits none."""

    received_at: datetime
    verdict: str
    mail: int | None
    customer: str | None
    from_address: str
    subject: str
    text: str
    attachments: list[str]

    def as_dict(self) -> dict[str, Any]:
        return dated(asdict(self))


def list_replies(connection: Connection, *, verdict: str | None = None, limit: int | None = None) -> list[ReplyRow]:
    """The newest first. Raises: UsageError for a verdict that does not exist."""
    columns = ("received_at", "verdict", "from_address", "subject", "text", "attachments")
    statement = (
        select(*(REPLY.c[name] for name in columns), REPLY.c.message_id.label("mail"), CUSTOMER.c.key.label("customer"))
        .select_from(REPLY.outerjoin(CUSTOMER, CUSTOMER.c.id == REPLY.c.customer_id))
        .order_by(REPLY.c.id.desc())
        .limit(limit)
    )
    if verdict is not None:
        from bot.pipeline.replies import ReplyVerdict  # with it come the conditions, which a plain list does without

        statement = statement.where(REPLY.c.verdict == checked_word(verdict, [each.value for each in ReplyVerdict]))
    return [ReplyRow(**row._mapping) for row in connection.execute(statement)]
