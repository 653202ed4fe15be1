"""Whether a way out is open: a rate limit or the breaker holds the whole transport, not one message (delivery.md)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from storage.asking import NOW
from storage.outbox import Transport

TRANSPORT: Table = Transport.__table__  # type: ignore[attr-defined]
#: So many mails try whether a way out that was closed takes mails again.
TRIAL = 10


#: Any way out that is closed now (storage.asking).
CLOSED = select(TRANSPORT.c.name).where(TRANSPORT.c.blocked_until > NOW)


def blocked_until(connection: Connection, name: str, now: datetime) -> datetime | None:
    """Until when nothing may be handed over this way; None: it is open."""
    return connection.scalar(_BLOCKED, {"way": name, "now": now})


_STANDING = select(TRANSPORT.c.blocked_until, TRANSPORT.c.reason).where(TRANSPORT.c.name == bindparam("way"))
_BLOCKED = _STANDING.with_only_columns(TRANSPORT.c.blocked_until).where(TRANSPORT.c.blocked_until > NOW)


def most_to_claim(connection: Connection, name: str, batch: int, now: datetime) -> int:
    """How many mails may be taken for this way out now: none while it is closed, a few to try whether it is open again."""
    row = connection.execute(_STANDING, {"way": name}).one_or_none()
    if row is None or row.reason is None:
        return batch
    is_closed = row.blocked_until is not None and row.blocked_until > now
    return 0 if is_closed else min(batch, TRIAL)


def block(connection: Connection, name: str, *, until: datetime, reason: str, at: datetime) -> bool:
    """Close a way out for a while; whether that is news (the alert is given once, not per message)."""
    standing = select(TRANSPORT.c.reason, TRANSPORT.c.blocked_until).where(TRANSPORT.c.name == name).with_for_update()
    row = connection.execute(standing).one_or_none()
    if row is None:
        connection.execute(insert(TRANSPORT).values(name=name, blocked_until=until, reason=reason, since=at))
        return True
    is_news = bool(row.reason != reason)
    if not is_news and row.blocked_until is not None:
        until = max(until, row.blocked_until)
    values = {"blocked_until": until, "reason": reason, **({"since": at} if is_news else {})}
    connection.execute(update(TRANSPORT).where(TRANSPORT.c.name == name).values(**values))
    return is_news


def closed_since(connection: Connection, name: str, reason: str) -> datetime | None:
    """Since when it has been closed for this reason, without one mail accepted in between."""
    return connection.scalar(select(TRANSPORT.c.since).where(TRANSPORT.c.name == name, TRANSPORT.c.reason == reason))


_OPENING = (
    update(TRANSPORT)
    .where(
        TRANSPORT.c.name == bindparam("way"),
        TRANSPORT.c.reason.is_not(None),
        TRANSPORT.c.blocked_until <= bindparam("now"),
    )
    .values(blocked_until=None, reason=None, since=None)
)


def open_again(connection: Connection, name: str, now: datetime) -> None:
    """The provider accepts again. What it accepted while we had closed it was on its way before, and proves nothing."""
    connection.execute(_OPENING, {"way": name, "now": now})
