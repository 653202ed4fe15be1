"""Whether a way out is open: a rate limit or the breaker holds the whole transport, not one message (delivery.md)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Table, insert, select, update

from storage.outbox import Transport

TRANSPORT: Table = Transport.__table__  # type: ignore[attr-defined]


def blocked_until(connection: Connection, name: str, now: datetime) -> datetime | None:
    """Until when nothing may be handed over this way; None: it is open."""
    statement = select(TRANSPORT.c.blocked_until).where(TRANSPORT.c.name == name, TRANSPORT.c.blocked_until > now)
    return connection.scalar(statement)


def block(connection: Connection, name: str, *, until: datetime, reason: str, at: datetime) -> bool:
    """Close a way out for a while; whether that is news (the alert is given once, not per message)."""
    row = connection.execute(select(TRANSPORT.c.reason).where(TRANSPORT.c.name == name).with_for_update()).one_or_none()
    if row is None:
        connection.execute(insert(TRANSPORT).values(name=name, blocked_until=until, reason=reason, since=at))
        return True
    is_news = bool(row.reason != reason)
    values = {"blocked_until": until, "reason": reason, **({"since": at} if is_news else {})}
    connection.execute(update(TRANSPORT).where(TRANSPORT.c.name == name).values(**values))
    return is_news


def open_again(connection: Connection, name: str) -> None:
    """The provider accepts again."""
    closed = TRANSPORT.c.reason.is_not(None)
    connection.execute(
        update(TRANSPORT).where(TRANSPORT.c.name == name, closed).values(blocked_until=None, reason=None, since=None)
    )
