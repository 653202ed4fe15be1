"""May a person still send the mail of a walk's hand-off (S29)? While it is so, a wait that asks for that mail is not in vain
(S10). An expression over `enrollment`; asked by the wait step and, so that its end is noticed, by wake."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Table, exists

from bot.rules.program import Program
from bot.rules.steps_model import HandoffStep
from storage.enrollments import ENROLLMENT
from storage.handoff_mails import HANDOFF_MAIL
from storage.handoff_views import UNFINISHED
from storage.handoffs import Handoff, Way

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]


def has_mail_to_write(steps: Collection[str]) -> ColumnElement[bool]:
    """Of the walk of the enclosing statement, for any of these steps."""
    elsewhere = exists().where(HANDOFF_MAIL.c.handoff_id == HANDOFF.c.id, HANDOFF_MAIL.c.way == Way.ELSEWHERE.value)
    return (
        exists()
        .where(
            HANDOFF.c.enrollment_id == ENROLLMENT.c.id,
            HANDOFF.c.step.in_(sorted(steps)),
            HANDOFF.c.prepare.is_not(None),
            HANDOFF.c.state.in_([state.value for state in UNFINISHED]),
            ~elsewhere,
        )
        .correlate(ENROLLMENT)
    )


def prepares_mail(program: Program, steps: Collection[str]) -> bool:
    """Whether any of these steps is a hand-off with a mail."""
    found = (program.nodes[step].step for step in steps if step in program.nodes)
    return any(isinstance(step, HandoffStep) and step.prepare for step in found)
