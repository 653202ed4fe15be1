"""What people do in a case: open and click mails, approve those held for review, close hand-offs, start journeys by hand. Through
the same doors as real people. What there is nothing to do with is a fault of the case."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, or_, select

from bot.authoring.workspace_file import WorkspaceSettings
from bot.errors import UsageError
from bot.pipeline.handoff_acts import Actor, dismiss, done
from bot.pipeline.handoff_questions import questions_of
from bot.pipeline.operate import enroll_by_hand
from bot.pipeline.outbox_acts import REVIEW, approve
from bot.pipeline.published import Published
from bot.rules.playbook_tests import Fact
from storage.accounts import Customer
from storage.bulk import insert_rows
from storage.handoff_answers import Answer
from storage.handoff_views import UNFINISHED, HandoffRecord, list_handoffs
from storage.outbox import DeliveryEvent, MessageState
from storage.outbox_moves import MESSAGE

DELIVERY: Table = DeliveryEvent.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
DELIVERY_COLUMNS = ("key", "message_id", "kind", "at", "is_machine", "details", "is_new")


def act(connection: Connection, published: Published, fact: Fact, line: int, at: datetime) -> None:
    """Raises: UsageError where there is nothing to act on, or the act is refused."""
    match fact.what:
        case "opened" | "clicked":
            mail = _mail(connection, getattr(fact, fact.what), MESSAGE.c.accepted_at.is_not(None), "was sent before")
            row: tuple[object, ...] = (f"test-{line}", mail.id, fact.what, at, False, {}, True)
            insert_rows(connection, DELIVERY, DELIVERY_COLUMNS, [row])
        case "approved":
            held = (MESSAGE.c.state == MessageState.HELD.value) & (MESSAGE.c.reason == REVIEW)
            mail = _mail(connection, fact.approved or "", held, "waits for review then")
            by = connection.scalar(select(CUSTOMER.c.csm).where(CUSTOMER.c.id == mail.customer_id))
            approve(connection, mail.id, by=by or "us", at=at)
        case "done" | "dismissed":
            _close(connection, published.settings, fact, line, at)
        case "enrolled":
            enroll_by_hand(connection, published, fact.enrolled or "", at, request=f"test-{line}")


def _mail(connection: Connection, name: str, is_so: Any, words: str) -> Row[Any]:
    named = or_(MESSAGE.c.step == name, MESSAGE.c.template == name)
    newest = select(MESSAGE).where(named, is_so).order_by(MESSAGE.c.id.desc()).limit(1)
    found = connection.execute(newest).one_or_none()
    if found is None:
        raise UsageError(f"no mail `{name}` {words}", hint="move the fact, or look at what came instead")
    return found


def _close(connection: Connection, settings: WorkspaceSettings, fact: Fact, line: int, at: datetime) -> None:
    name = fact.done or fact.dismissed or ""
    found = [each for each in list_handoffs(connection, states=UNFINISHED) if is_called(each, name)]
    if not found:
        raise UsageError(f"no hand-off `{name}` is open then", hint="move the fact, or look at what came instead")
    handoff = found[0]
    by = handoff.owner or "us"
    actor = Actor(connection=connection, settings=settings, by=by, at=at, key=f"test-{line}", is_operator=True)
    if fact.dismissed:
        move = dismiss(actor, handoff.id, reason="not needed", cause="other")
    else:
        outcome = fact.outcome or next(iter(handoff.outcomes), None)
        move = done(actor, handoff.id, outcome=outcome, answers=_answers(connection, handoff, fact))
    if not move.is_done:
        raise UsageError(move.sentence_reason, hint=f"outcomes: {', '.join(handoff.outcomes) or 'none'}")


def _answers(connection: Connection, handoff: HandoffRecord, fact: Fact) -> dict[str, Answer]:
    questions = {question.name: question for question in questions_of(connection, handoff)}
    answers: dict[str, Answer] = {}
    for name, text in fact.answers.items():
        if name not in questions:
            raise UsageError(
                f"the hand-off does not ask `{name}`", hint=f"it asks: {', '.join(questions) or 'nothing'}"
            )
        try:
            answers[name] = questions[name].read(str(text))
        except ValueError as error:
            raise UsageError(str(error)) from error
    return answers


def is_called(handoff: HandoffRecord, name: str) -> bool:
    """By its step's id, or its title in any language."""
    return name in (handoff.step, *handoff.title.values())
