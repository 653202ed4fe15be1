"""Owes mails for a step: one message per recipient, then the walk waits until all of them are over (S9, S10). Nobody to write
to: the message is held and the owner is asked (S24). In the holdout nothing is owed (S33). Used by the steps that mail."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import cast

from sqlalchemy import bindparam, select

from bot.pipeline.batch import Batch, go, sleep
from bot.pipeline.recipients import find_recipients
from bot.rules.pacing import smooth_offset, span_of
from bot.rules.program import Node
from bot.rules.steps_model import EmailStep
from storage.consent import TRANSACTIONAL
from storage.dialects import among_given
from storage.enrollments import Walk
from storage.journal import Verdict
from storage.outbox import OVER, MessageState
from storage.outbox_moves import MESSAGE

OCCURRENCE = "1"


#: Which of these contacts are not to be written to, and the reason of the decision that says so.
PassOver = Callable[[Batch, Collection[int]], set[int]]


def owe_mails(
    batch: Batch, node: Node, walks: list[Walk], *, pass_over: PassOver | None = None, reason: str = ""
) -> None:
    """Arriving walks owe their mail; walks whose mails are over go on from then, whatever woke them."""
    arriving: list[Walk] = []
    waiting = _still_owed(batch, node, [walk.id for walk in walks if walk.has_arrived])
    for walk in walks:
        if walk.id in waiting:
            sleep(walk, None)
        elif walk.has_arrived:
            go(walk, node.next, walk.since)
        elif walk.is_holdout:
            batch.decide(walk, Verdict.SKIPPED, "holdout")
            go(walk, node.next, walk.since)
        elif batch.is_left_out(walk):
            batch.decide(walk, Verdict.SKIPPED, "expired_in_pause")
            go(walk, node.next, batch.now)
        else:
            arriving.append(walk)
    if arriving:
        _owe(batch, node, arriving, pass_over, reason)


def _still_owed(batch: Batch, node: Node, ids: list[int]) -> set[int]:
    """Walks of which a mail of this step is not over (S9)."""
    if not ids:
        return set()
    return set(batch.connection.scalars(_STILL_OWED, {"keys": ids, "node": node.id}))


_STILL_OWED = select(MESSAGE.c.enrollment_id).where(
    among_given(MESSAGE.c.enrollment_id),
    MESSAGE.c.step == bindparam("node"),
    MESSAGE.c.state.not_in([state.value for state in OVER]),
)


def _owe(batch: Batch, node: Node, walks: list[Walk], pass_over: PassOver | None, reason: str) -> None:
    step = cast(EmailStep, node.step)
    category = _category(batch, step)
    found = find_recipients(batch.connection, batch.ground, step.to, category, [walk.id for walk in walks])
    everybody = {contact for contacts in found.values() for contact in contacts}
    passed = pass_over(batch, everybody) if pass_over is not None and everybody else set()
    for walk in walks:
        # The pause does not count as lateness; waits before it keep the walk's own time.
        due = walk.resumed_at if walk.fell_due_in_pause and walk.resumed_at else walk.since
        recipients = [contact for contact in found.get(walk.id, ()) if contact not in passed]
        if len(recipients) < len(found.get(walk.id, ())):
            batch.decide(walk, Verdict.NOT_SENT, reason)
            if not recipients:
                go(walk, node.next, walk.since)
                continue
        for contact_id in recipients:
            batch.messages.append(_message(batch, walk, step, contact_id, MessageState.PENDING, None, due))
        if recipients:
            batch.decide(walk, Verdict.DID, "mail_owed")
        else:
            _owe_to_nobody(batch, walk, step, due)
        walk.due_at = due
        sleep(walk, None)


def _category(batch: Batch, step: EmailStep) -> str:
    """Of a template that was deleted since nobody knows; its mail is owed all the same and deliver sets it aside."""
    templates = batch.published.templates
    if step.template not in templates.names:
        return TRANSACTIONAL
    return templates.pick(step.template, (batch.published.settings.locale,)).category


def _owe_to_nobody(batch: Batch, walk: Walk, step: EmailStep, due: datetime) -> None:
    """A contact walk writes to its contact whatever happens (it ends suppressed, S30); else a person is asked."""
    if walk.contact_id is not None and "contact" in step.to:
        batch.messages.append(_message(batch, walk, step, walk.contact_id, MessageState.PENDING, None, due))
        batch.decide(walk, Verdict.DID, "mail_owed")
        return
    # Pending without a contact: deliver works out when it expires, holds it and asks the owner, as for every other gap.
    batch.messages.append(_message(batch, walk, step, None, MessageState.PENDING, "nobody_to_write_to", due))
    batch.decide(walk, Verdict.DID, "mail_owed")


def _message(
    batch: Batch,
    walk: Walk,
    step: EmailStep,
    contact_id: int | None,
    state: MessageState,
    reason: str | None,
    due: datetime,
) -> tuple[object, ...]:
    smooth = batch.version_of(walk).playbook.smooth
    not_before = due if smooth is None else due + smooth_offset(span_of(smooth), walk.id)
    return (
        walk.id,
        walk.customer_id,
        contact_id,
        walk.playbook,
        walk.step,
        OCCURRENCE,
        step.template,
        step.sender,
        state.value,
        reason,
        walk.priority,
        due,
        not_before,
        None,
        0,
        0,
        0,
        batch.now,
    )
