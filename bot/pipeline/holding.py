"""Holds: a person wants one step's mail of one walk to wait, owed already or only to come. Whoever holds it first is
recorded; deliver asks here in the transaction that commits the intent, so a hold that is stored in time always wins.
A held mail expires as any other (S39), so nothing lies for ever."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Table, select

from bot.errors import UsageError
from bot.pipeline.preflight import Judgement
from storage.desk import held_messages, hold_step, release_step
from storage.enrollments import ENROLLMENT
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.journeys import EnrollmentStatus
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE, lock_messages, write_moves

WALK: Table = ENROLLMENT
HELD_BY_HAND = "held_by_hand"
#: What a person can still stop.
WAITING = (MessageState.PENDING.value, MessageState.HELD.value)


def hold_mail(connection: Connection, enrollment_id: int, step: str, *, by: str, at: datetime) -> bool:
    """False: somebody held it already. Raises: UsageError when it is too late, or the walk is over."""
    walk = _walk(connection, enrollment_id)
    owed = lock_messages(connection, _mails(connection, enrollment_id, step)).values()
    if owed and not any(row.state in WAITING for row in owed):
        raise UsageError("That mail left already, or is on its way this moment", hint="see `journeybot outbox list`")
    if not hold_step(connection, enrollment_id, step, by=by, at=at):
        return False
    _record(connection, walk, enrollment_id, step, "mail_held", by, at)
    return True


def release_mail(connection: Connection, enrollment_id: int, step: str, *, by: str, at: datetime) -> bool:
    """It may go; a mail that was due meanwhile goes with the next tick. False: nobody held it."""
    walk = _walk(connection, enrollment_id)
    if not release_step(connection, enrollment_id, step):
        return False
    rows = lock_messages(connection, _mails(connection, enrollment_id, step)).values()
    held = [row for row in rows if row.state == MessageState.HELD and row.reason == HELD_BY_HAND]
    moves = [(row, row.to(MessageState.PENDING, at, reason="released", not_before=at)) for row in held]
    write_moves(connection, moves)
    _record(connection, walk, enrollment_id, step, "mail_released", by, at)
    return True


def keep_held(connection: Connection, judgements: dict[int, Judgement]) -> None:
    """Mails that would go now and that a person wants to wait are held."""
    going = [found for found, judgement in judgements.items() if judgement.state is MessageState.SUBMITTING]
    for found in held_messages(connection, going) if going else ():
        judgements[found] = Judgement(
            state=MessageState.HELD, reason=HELD_BY_HAND, expires_at=judgements[found].expires_at
        )


def _mails(connection: Connection, enrollment_id: int, step: str) -> list[int]:
    mine = (MESSAGE.c.enrollment_id == enrollment_id, MESSAGE.c.step == step)
    return list(connection.scalars(select(MESSAGE.c.id).where(*mine).order_by(MESSAGE.c.id)))


def _walk(connection: Connection, enrollment_id: int) -> tuple[int, int | None, str]:
    """Raises: UsageError when there is no such walk, or it is over."""
    columns = (WALK.c.customer_id, WALK.c.contact_id, WALK.c.playbook, WALK.c.status)
    row = connection.execute(select(*columns).where(WALK.c.id == enrollment_id)).one_or_none()
    if row is None or row.status != EnrollmentStatus.ACTIVE:
        raise UsageError("That journey is over, so nothing more is sent", hint="see `journeybot explain`")
    return row.customer_id, row.contact_id, row.playbook


def _record(
    connection: Connection,
    walk: tuple[int, int | None, str],
    enrollment_id: int,
    step: str,
    deed: str,
    by: str,
    at: datetime,
) -> None:
    customer_id, contact_id, playbook = walk
    entry = Entry(
        at=at,
        verdict=Verdict.OPERATED,
        reason=deed,
        customer_id=customer_id,
        contact_id=contact_id,
        playbook=playbook,
        enrollment_id=enrollment_id,
        step=step,
        details={"by": by},
    )
    write_entries(connection, [entry])
