"""`on_unknown: resend_once` (delivery.md, promise 3): a mail whose fate stays unknown is sent a second time by itself, where
its step asks for that. At most two acceptances: only after exactly one attempt that may have got through, and not before the
provider had time to tell. Part of deliver's tidying; a workspace that never asks for it costs no statement."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from bot.pipeline.published import Published
from bot.rules.steps_model import EmailStep
from storage.asking import from_now
from storage.enrollments import ENROLLMENT, rows_not_paused
from storage.outbox import MessageState
from storage.outbox_moves import ATTEMPT, COLUMNS, MESSAGE, MessageRow, write_moves

RESEND_ONCE = "resend_once"
#: The provider's first word about a mail it took comes within seconds; an hour covers a slow webhook, and the mail is still
#: welcome. Later words count as well: they settle the mail whatever it is doing then (rule b).
TIME_TO_TELL = timedelta(hours=1)
#: How an attempt ended that the provider may have accepted all the same.
DOUBTFUL = ("unknown", "accepted")


#: Mails whose fate the provider had time to tell (storage.asking).
DOUBTED = select(MESSAGE.c.id).where(
    MESSAGE.c.state == MessageState.UNKNOWN.value, MESSAGE.c.over_at <= from_now(-TIME_TO_TELL)
)


def resend_unknown(connection: Connection, published: Published, now: datetime) -> list[MessageRow]:
    """Move them back to pending; returns the rows moved."""
    steps = choosing(published)
    if not steps:
        return []
    chosen = or_(*(and_(ENROLLMENT.c.version_id == version, MESSAGE.c.step.in_(names)) for version, names in steps))
    statement = (
        select(*COLUMNS)
        .where(
            MESSAGE.c.state == MessageState.UNKNOWN.value,
            MESSAGE.c.over_at <= now - TIME_TO_TELL,
            or_(MESSAGE.c.expires_at.is_(None), MESSAGE.c.expires_at > now),
            MESSAGE.c.enrollment_id.in_(select(ENROLLMENT.c.id).where(chosen)),
            _possible_acceptances() == 1,
            rows_not_paused(connection, MESSAGE),
        )
        .with_for_update(skip_locked=True)
    )
    before = [MessageRow._make(row) for row in connection.execute(statement)]
    moves = [(row, row.to(MessageState.PENDING, now, reason=RESEND_ONCE, not_before=now, claims=0)) for row in before]
    write_moves(connection, moves)
    return [after for _, after in moves]


def choosing(published: Published) -> list[tuple[int, list[str]]]:
    """Versions with the ids of their steps that ask for it."""
    found = []
    for version in published.versions.values():
        steps = (node.step for node in version.program.nodes.values())
        names = [step.id for step in steps if isinstance(step, EmailStep) and step.on_unknown == RESEND_ONCE]
        if names:
            found.append((version.id, [str(name) for name in names]))
    return found


def _possible_acceptances() -> ColumnElement[int]:
    """Attempts that may have got through: their fate is unknown, or their worker died before it knew."""
    doubtful = or_(ATTEMPT.c.outcome.is_(None), ATTEMPT.c.outcome.in_(DOUBTFUL))
    return (
        select(func.count())
        .select_from(ATTEMPT)
        .where(ATTEMPT.c.message_id == MESSAGE.c.id, doubtful)
        .correlate(MESSAGE)
        .scalar_subquery()
    )
