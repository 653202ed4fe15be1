"""Lets a send-paused host hand over again (send_guard.py), by a person's word: shows first what would leave and which of it may have
left before, then admits the host and, where asked, expires what fell due until a moment. One transaction of the caller's; deliver and
escalate do the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, case, func, literal, or_, select, update

from bot.pipeline.intents import finish
from bot.pipeline.send_guard import HostGuard
from storage.enrollments import ENROLLMENT
from storage.handoffs import Handoff
from storage.hosts import PauseCause, SendPause, count_hosts
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
    """What one playbook would send. `due`: at once; `doubtful`: may have been sent already, because it fell due before the last
    hand-over that this host knows of, or its walk began after the last that the database knows of."""

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
    statement = (
        select(
            MESSAGE.c.playbook,
            func.count().label("mails"),
            func.sum(case((MESSAGE.c.not_before <= now, 1), else_=0)).label("due"),
            func.sum(case((_is_doubtful(pause), 1), else_=0)).label("doubtful"),
            func.min(MESSAGE.c.due_at).label("oldest_due"),
        )
        .select_from(MESSAGE.outerjoin(ENROLLMENT, ENROLLMENT.c.id == MESSAGE.c.enrollment_id))
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


def _is_doubtful(pause: SendPause | None) -> ColumnElement[bool]:
    """What is known of a copy ends with the copy; of a restored backup this host knows more."""
    if pause is None:
        return literal(False)
    doubts: list[ColumnElement[bool]] = [literal(False)]
    if pause.handed_over_until is not None:
        doubts.append(MESSAGE.c.due_at <= pause.handed_over_until)
    if pause.known_until is not None:
        doubts.append(ENROLLMENT.c.entered_at > pause.known_until)
    return or_(*doubts) if pause.cause == PauseCause.RESTORED else literal(True)


def release(
    connection: Connection, guard: HostGuard, now: datetime, *, by: str, expire_until: datetime | None = None
) -> int:
    """Admit this host; with `expire_until`, what fell due until then expires instead of leaving. Returns how many expired.

    Raises: OSError where the host's marker cannot be written; then nothing is changed."""
    pause = guard.pause(connection)
    finish(connection, [(row, row.reason or "", None) for row in reap_expired_leases(connection, now)], now)
    expired = _expire(connection, expire_until, now) if expire_until is not None else 0
    if pause is not None and pause.handed_over_until is not None:
        _look_for_cards(connection, pause.handed_over_until)
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


def _look_for_cards(connection: Connection, until: datetime) -> None:
    """A card that was posted after the backup stands in Slack already: it is looked for before it is posted. Younger hand-offs
    may have numbers that others had before the restore, whose cards are not theirs."""
    untried = and_(HANDOFF.c.posting == "wanted", HANDOFF.c.post_attempts == 0, HANDOFF.c.opened_at <= until)
    connection.execute(update(HANDOFF).where(untried).values(post_attempts=1))


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
