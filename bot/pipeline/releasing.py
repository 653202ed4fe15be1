"""Lets a send-paused host hand over again (send_guard.py), by a person's word: shows first what would leave and which of it may have
left before, then admits the host and, where asked, expires what fell due until a moment. One transaction of the caller's; deliver and
escalate do the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, case, func, literal, select, update

from bot.pipeline.intents import finish
from bot.pipeline.send_guard import HostGuard
from storage.handoffs import Handoff
from storage.hosts import SendPause, count_hosts
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.outbox import MessageState
from storage.outbox_moves import COLUMNS, MESSAGE, MessageRow, reap_expired_leases, write_moves

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]

EXPIRED_AT_RELEASE = "expired_at_release"
PART = 1000
WAITING = (MessageState.PENDING.value, MessageState.CLAIMED.value)
UNSETTLED = (MessageState.SUBMITTING.value, MessageState.UNKNOWN.value, MessageState.UNCONFIRMED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingMails:
    """What one playbook would send. `due`: at once; `doubtful`: fell due before the last hand-over that this host knows of, so it
    may have been sent already."""

    playbook: str
    mails: int
    due: int
    doubtful: int
    oldest_due: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePreview:
    """What a release would let go. `unsettled`: handed over or about to be when the database was copied; never sent again by
    themselves. `cards`: hand-off cards for Slack. `hosts`: how many may hand over what this database decides."""

    pause: SendPause | None
    playbooks: tuple[WaitingMails, ...]
    unsettled: int
    cards: int
    hosts: int


def preview_release(connection: Connection, guard: HostGuard, now: datetime) -> ReleasePreview:
    pause = guard.pause(connection)
    until = pause.handed_over_until if pause is not None else None
    is_doubtful: ColumnElement[bool] = MESSAGE.c.due_at <= until if until is not None else literal(False)
    statement = (
        select(
            MESSAGE.c.playbook,
            func.count().label("mails"),
            func.sum(case((MESSAGE.c.not_before <= now, 1), else_=0)).label("due"),
            func.sum(case((is_doubtful, 1), else_=0)).label("doubtful"),
            func.min(MESSAGE.c.due_at).label("oldest_due"),
        )
        .where(MESSAGE.c.state.in_(WAITING))
        .group_by(MESSAGE.c.playbook)
        .order_by(MESSAGE.c.playbook)
    )
    unsettled = select(func.count()).select_from(MESSAGE).where(MESSAGE.c.state.in_(UNSETTLED))
    cards = select(func.count()).select_from(HANDOFF).where(HANDOFF.c.posting.in_(("wanted", "stale")))
    return ReleasePreview(
        pause=pause,
        playbooks=tuple(WaitingMails(**row._mapping) for row in connection.execute(statement)),
        unsettled=int(connection.scalar(unsettled) or 0),
        cards=int(connection.scalar(cards) or 0),
        hosts=count_hosts(connection),
    )


def release(
    connection: Connection, guard: HostGuard, now: datetime, *, by: str, expire_until: datetime | None = None
) -> int:
    """Admit this host; with `expire_until`, what fell due until then expires instead of leaving. Returns how many expired.

    Raises: OSError where the host's marker cannot be written; then nothing is changed."""
    pause = guard.pause(connection)
    finish(connection, [(row, row.reason or "", None) for row in reap_expired_leases(connection, now)], now)
    expired = _expire(connection, expire_until, now) if expire_until is not None else 0
    # A card that was posted after the backup stands in Slack already: each is looked for there before it is posted.
    once_tried = and_(HANDOFF.c.posting == "wanted", HANDOFF.c.post_attempts == 0)
    connection.execute(update(HANDOFF).where(once_tried).values(post_attempts=1))
    details = {
        "by": by,
        "host": guard.name,
        "why": pause.cause.value if pause is not None else None,
        "expired": expired,
        "until": expire_until.isoformat() if expire_until is not None else None,
    }
    entry = Entry(at=now, verdict=Verdict.OPERATED, reason="sending_released", details=details)
    write_entries(connection, [entry])
    guard.admit(connection, now, by=by)
    return expired


def _expire(connection: Connection, until: datetime, now: datetime) -> int:
    """By the time at which the walk owed them: what a tick caught up with after the restore fell due long before."""
    late = (
        select(*COLUMNS)
        .where(MESSAGE.c.state == MessageState.PENDING.value, MESSAGE.c.due_at <= until)
        .order_by(MESSAGE.c.id)
        .limit(PART)
        .with_for_update()
    )
    expired = 0
    while before := [MessageRow._make(row) for row in connection.execute(late)]:
        after = [row.to(MessageState.EXPIRED, now, reason=EXPIRED_AT_RELEASE) for row in before]
        write_moves(connection, list(zip(before, after, strict=True)))
        finish(connection, [(row, EXPIRED_AT_RELEASE, None) for row in after], now)
        expired += len(after)
    return expired
