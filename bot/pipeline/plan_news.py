"""What is told of success plans: decisions that say why, and the events `plan.opened` and `plan.ended`. A few set-based
statements, each once for what it tells of. Used by the derive pass, which achieves and misses plans, and by whoever opens or
closes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, Table, case, cast, func, literal, or_, select

from storage.bulk import insert_selected
from storage.columns import UtcDateTime
from storage.fact_documents import document_of
from storage.facts import Event
from storage.journal import Verdict
from storage.journal_entries import DECISION
from storage.plans import ObjectiveState, PlanObjective, PlanState, SuccessPlan

PLAN: Table = SuccessPlan.__table__  # type: ignore[attr-defined]
OBJECTIVE: Table = PlanObjective.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]

#: What a plan that is opened, moves or ends changes: itself, its objectives, and the events that are told of it.
PLANS = (PLAN, OBJECTIVE, EVENT)
#: Steps of a plan's own hand-offs.
APPROVE, REVIEW = "approve", "review"
#: Why a plan was closed, where no person wrote it.
NOT_AGREED, KIND_REMOVED, CUSTOMER_LEFT = "not_agreed", "kind_removed", "customer_left"
SOURCE = "journeybot"
EVENT_COLUMNS = ("customer_id", "name", "at", "properties", "source", "key", "received_at", "is_new")
DECISION_COLUMNS = ("at", "verdict", "reason", "customer_id", "enrollment_id", "details", "once")


def card_key(plan_id: ColumnElement[int]) -> ColumnElement[str]:
    """The occurrence of the plan's own hand-offs, or what it begins with."""
    return literal("plan-") + cast(plan_id, String())


def tell_met(connection: Connection, kind: str, now: datetime) -> None:
    """Decisions for the objectives that the data said were reached now."""
    facts = {"plan": PLAN.c.kind, "title": PLAN.c.title, "objective": OBJECTIVE.c.title, "because": OBJECTIVE.c.target}
    once = literal("objective-met:") + cast(OBJECTIVE.c.id, String()) + ":" + cast(OBJECTIVE.c.met_at, String())
    rows = (
        _decision(literal("objective_met"), facts, once, now)
        .select_from(OBJECTIVE.join(PLAN, PLAN.c.id == OBJECTIVE.c.plan_id))
        .where(PLAN.c.kind == kind, OBJECTIVE.c.met_at == now, OBJECTIVE.c.met_by.is_(None))
    )
    insert_selected(connection, DECISION, DECISION_COLUMNS, rows)


def tell_approved(connection: Connection, kind: str, now: datetime) -> None:
    facts = {"plan": PLAN.c.kind, "title": PLAN.c.title, "by": PLAN.c.approved_by}
    once = literal("plan-approved:") + cast(PLAN.c.id, String())
    rows = _decision(literal("plan_approved"), facts, once, now).where(PLAN.c.kind == kind, PLAN.c.approved_at == now)
    insert_selected(connection, DECISION, DECISION_COLUMNS, rows)


def tell_ended(connection: Connection, kind: str, now: datetime) -> None:
    """Decisions and events for the plans of a kind that ended now by themselves or were not agreed on."""
    by_itself = or_(PLAN.c.ended_by.is_(None), PLAN.c.reason == NOT_AGREED)
    ended = (PLAN.c.kind == kind, PLAN.c.ended_at == now, by_itself)
    facts = {
        "plan": PLAN.c.kind,
        "title": PLAN.c.title,
        "by": PLAN.c.ended_by,
        "met": _number_of(ObjectiveState.MET),
        "open": _number_of(ObjectiveState.OPEN),
    }
    reason = case(
        (PLAN.c.reason == NOT_AGREED, "plan_declined"),
        (PLAN.c.reason == KIND_REMOVED, "plan_kind_removed"),
        (PLAN.c.reason == CUSTOMER_LEFT, "plan_customer_left"),
        (PLAN.c.state == PlanState.ACHIEVED.value, "plan_achieved"),
        else_="plan_missed",
    )
    once = literal("plan-ended:") + cast(PLAN.c.id, String())
    insert_selected(connection, DECISION, DECISION_COLUMNS, _decision(reason, facts, once, now).where(*ended))
    tell_event(connection, "plan.ended", now, *ended)


def tell_event(connection: Connection, name: str, now: datetime, *where: ColumnElement[bool]) -> None:
    """One event for each plan, with its kind and state."""
    at = literal(now, UtcDateTime)
    rows = select(
        PLAN.c.customer_id,
        literal(name),
        at,
        document_of({"kind": PLAN.c.kind, "state": PLAN.c.state}),
        literal(SOURCE),
        literal(f"{name}:") + cast(PLAN.c.id, String()),
        at,
        literal(True),
    ).where(*where)
    insert_selected(connection, EVENT, EVENT_COLUMNS, rows)


def _number_of(state: ObjectiveState) -> ColumnElement[Any]:
    asked = select(func.count()).where(OBJECTIVE.c.plan_id == PLAN.c.id, OBJECTIVE.c.state == state.value)
    return asked.correlate(PLAN).scalar_subquery()


def _decision(
    reason: ColumnElement[Any], facts: Mapping[str, ColumnElement[Any]], once: ColumnElement[Any], now: datetime
) -> Any:
    """One per row of the enclosing statement over `success_plan`."""
    return select(
        literal(now, UtcDateTime),
        literal(Verdict.DID.value),
        reason,
        PLAN.c.customer_id,
        PLAN.c.enrollment_id,
        document_of(facts),
        once,
    )
