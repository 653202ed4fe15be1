"""The vocabulary about the machine itself: what this walk sent and what became of it, hand-offs and their outcomes
(semantics.md S16). Without a walk nothing was sent. `step_over_at` is what `since="step"` means everywhere."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table, and_, cast, exists, false, func, null, or_, select

from bot.rules.condition_scope import Scope, table_of
from bot.rules.condition_tree import ValueType
from bot.rules.vocabulary_entry import Arguments, Entry, Parameter, Shape, Topic
from storage.columns import UtcDateTime
from storage.handoffs import Handoff, HandoffMail, HandoffState, Way
from storage.journal import Decision, Verdict
from storage.journeys import Enrollment
from storage.outbox import Message, MessageState

_STEP = (Parameter(name="step", shape=Shape.STEP, is_required=True),)


def _of_this_walk(scope: Scope, table: Table, step: str) -> ColumnElement[bool]:
    assert scope.enrollment is not None
    return and_(table.c.enrollment_id == scope.enrollment.c.id, table.c.step == step)


def step_over_at(scope: Scope, step: str) -> ColumnElement[Any]:
    """The instant a step of this walk was over: its mail accepted (or finally not sent), its hand-off opened, else the
    decision that it was done. Empty while it is not."""
    if scope.enrollment is None:
        return cast(null(), UtcDateTime())
    message, handoff, decision = table_of(Message), table_of(Handoff), table_of(Decision)
    mail = select(func.max(func.coalesce(message.c.accepted_at, message.c.over_at)))
    card = select(func.max(handoff.c.opened_at))
    deed = select(func.max(decision.c.at)).where(decision.c.verdict.in_((Verdict.DID, Verdict.CHOSE)))
    ways = ((mail, message), (card, handoff), (deed, decision))
    return func.coalesce(
        *(
            query.where(_of_this_walk(scope, table, step)).correlate(*scope.outer).scalar_subquery()
            for query, table in ways
        ),
        type_=UtcDateTime(),
    )


def _mail(name: str, meaning: str, example: str, column: str) -> Entry:
    def sql(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
        if scope.enrollment is None:
            return false()
        message = table_of(Message)
        happened: ColumnElement[bool] = message.c[column].is_not(None)
        if column == "accepted_at":
            happened = or_(happened, message.c.state == MessageState.ACCEPTED)
        asked = select(1).where(_of_this_walk(scope, message, arguments.text("step")), happened)
        found = exists(asked.correlate(*scope.outer))
        return or_(found, _written_elsewhere(scope, arguments.text("step"))) if name == "sent" else found

    return Entry(
        name=name,
        type=ValueType.BOOL,
        topic=Topic.MACHINE,
        meaning=meaning,
        example=example,
        is_function=True,
        parameters=_STEP,
        sql=sql,
        needs_walk=True,
        asks_mail=True,
    )


def _written_elsewhere(scope: Scope, step: str) -> ColumnElement[bool]:
    """A person said of this walk's hand-off: I wrote it myself (S29)."""
    handoff, mail = table_of(Handoff), table_of(HandoffMail)
    asked = (
        select(1)
        .select_from(handoff.join(mail, mail.c.handoff_id == handoff.c.id))
        .where(_of_this_walk(scope, handoff, step), mail.c.way == Way.ELSEWHERE)
    )
    return exists(asked.correlate(*scope.outer))


def _done(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    if scope.enrollment is None:
        return false()
    handoff, card = table_of(Handoff), table_of(Handoff).alias()
    asked = (
        select(1)
        .select_from(handoff.join(card, _is_card_of(handoff, card)))
        .where(_of_this_walk(scope, handoff, arguments.text("step")), card.c.state == HandoffState.DONE)
    )
    return exists(asked.correlate(*scope.outer))


def _is_card_of(handoff: Table, card: FromClause) -> ColumnElement[bool]:
    """A cause that joined another's card ends as that card ends (S28)."""
    return card.c.id == func.coalesce(handoff.c.merged_into, handoff.c.id)


def _outcome(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    """A hand-off's outcome, or that of the playbook an enroll step of this name started (S21)."""
    if scope.enrollment is None:
        return null()
    step, handoff, child = arguments.text("step"), table_of(Handoff), table_of(Enrollment).alias()
    main = handoff.alias()
    card = (
        select(main.c.outcome)
        .select_from(handoff.join(main, _is_card_of(handoff, main)))
        .where(_of_this_walk(scope, handoff, step), main.c.outcome.is_not(None))
        .order_by(handoff.c.id.desc())
        .limit(1)
    )
    walk = (
        select(child.c.outcome)
        .where(
            child.c.customer_id == scope.enrollment.c.customer_id,
            child.c.playbook == step,
            child.c.contact_id.is_not_distinct_from(scope.enrollment.c.contact_id),
            child.c.entered_at >= scope.enrollment.c.entered_at,
            child.c.id != scope.enrollment.c.id,
        )
        .order_by(child.c.id.desc())
        .limit(1)
    )
    return func.coalesce(card.correlate(*scope.outer).scalar_subquery(), walk.correlate(*scope.outer).scalar_subquery())


def _open_handoffs(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    handoff = table_of(Handoff)
    query = select(func.count()).where(
        handoff.c.customer_id == scope.customer_id,
        handoff.c.state.in_((HandoffState.OPEN, HandoffState.ACKNOWLEDGED)),
    )
    if arguments.has("kind"):
        query = query.where(handoff.c.kind.in_(arguments.texts("kind")))
    if arguments.has("flagged"):
        is_flagged = handoff.c.flagged_at
        query = query.where(is_flagged.is_not(None) if arguments.flag("flagged") else is_flagged.is_(None))
    return query.correlate(*scope.outer).scalar_subquery()


ENTRIES: tuple[Entry, ...] = (
    _mail(
        "sent",
        "Whether this walk's mail of the step was accepted for anybody, or its hand-off's mail sent or written elsewhere.",
        'sent("notice")',
        "accepted_at",
    ),
    _mail("opened", "Whether a person opened this walk's mail of the step.", 'opened("notice")', "opened_at"),
    _mail("clicked", "Whether a person clicked in this walk's mail of the step.", 'clicked("notice")', "clicked_at"),
    _mail("replied", "Whether somebody answered this walk's mail of the step.", 'replied("notice")', "replied_at"),
    Entry(
        name="done",
        type=ValueType.BOOL,
        topic=Topic.MACHINE,
        meaning="Whether this walk's hand-off of the step was closed as done.",
        example='done("call")',
        is_function=True,
        parameters=_STEP,
        sql=_done,
        needs_walk=True,
    ),
    Entry(
        name="outcome",
        type=ValueType.TEXT,
        topic=Topic.MACHINE,
        meaning="The outcome of this walk's hand-off of the step, or of the playbook an enroll step started.",
        example='outcome("call") == "trouble"',
        is_function=True,
        parameters=_STEP,
        sql=_outcome,
        needs_walk=True,
    ),
    Entry(
        name="open_handoffs",
        type=ValueType.NUMBER,
        topic=Topic.MACHINE,
        meaning="How many hand-offs of the customer are open or acknowledged; `flagged=true`: that a person flagged for the "
        "company's attention, `flagged=false`: that nobody did.",
        example='open_handoffs(kind="risk", flagged=true) >= 1',
        is_function=True,
        parameters=(Parameter(name="kind", shape=Shape.NAMES), Parameter(name="flagged", shape=Shape.FLAG)),
        sql=_open_handoffs,
    ),
)
