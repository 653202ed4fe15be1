"""The vocabulary about success plans: how the customer's plan of a kind stands, and what a value was when the plan opened. Entries
only; the pipeline's kept_plans keeps progress and ends plans."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, literal, or_, select

from bot.rules.condition_scope import Scope, table_of
from bot.rules.condition_tree import ValueType
from bot.rules.vocabulary_entry import Arguments, Entry, Parameter, Shape, Topic
from storage.dialects import json_number, json_text
from storage.plans import ObjectiveState, PlanObjective, PlanState, SuccessPlan

PLAN = table_of(SuccessPlan)
OBJECTIVE = table_of(PlanObjective)
NAME = Parameter(name="kind", shape=Shape.NAME, is_required=True)
#: Only the target of an objective may ask for it.
AT_START = "at_start"


def start_key(text: str) -> str:
    """The name under which an objective keeps what a value was when the plan opened; `text` is the value's own."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _latest(scope: Scope, arguments: Arguments, what: ColumnElement[Any], *, only_open: bool) -> ColumnElement[Any]:
    found = select(what).where(PLAN.c.customer_id == scope.customer_id, PLAN.c.kind == arguments.text("kind"))
    if only_open:
        found = found.where(PLAN.c.ended_at.is_(None))
    return found.order_by(PLAN.c.id.desc()).limit(1).correlate(*scope.outer).scalar_subquery()


def _state(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return _latest(scope, arguments, PLAN.c.state, only_open=False)


def _behind(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return _latest(scope, arguments, PLAN.c.behind, only_open=True)


def _progress(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return _latest(scope, arguments, PLAN.c.progress, only_open=False)


def _due(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    return _latest(scope, arguments, PLAN.c.due_on, only_open=True)


def _objectives(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    """Only of a plan that the customer may see: shared, or agreed on."""
    # A quote would end the path by which SQLite reads a key.
    locale = arguments.text("locale").replace('"', "") if arguments.has("locale") else "en"
    title = func.coalesce(*(json_text(OBJECTIVE.c.title, literal(key, String())) for key in (locale, "", "en", "ja")))
    is_seen = or_(PLAN.c.shared_at.is_not(None), PLAN.c.state == PlanState.APPROVED.value)
    listed = (
        select(cast(title, String()).label("title"))
        .select_from(OBJECTIVE.join(PLAN, PLAN.c.id == OBJECTIVE.c.plan_id))
        .where(
            PLAN.c.customer_id == scope.customer_id,
            PLAN.c.kind == arguments.text("kind"),
            PLAN.c.ended_at.is_(None),
            is_seen,
            OBJECTIVE.c.state != ObjectiveState.DROPPED.value,
        )
        .order_by(OBJECTIVE.c.number)
        .correlate(*scope.outer)
        .subquery("listed")
    )
    separator = "、" if locale.startswith("ja") else ", "
    return select(func.aggregate_strings(listed.c.title, separator)).scalar_subquery()


def _at_start(scope: Scope, arguments: Arguments) -> ColumnElement[Any]:
    """While the plan is being opened, the value as it is now."""
    if scope.objective is None:
        return arguments.sql("value")
    return json_number(scope.objective.c.start, start_key(arguments.written["value"]))


def _about_plan(name: str, type_: ValueType, meaning: str, example: str, sql: Any) -> Entry:
    return Entry(
        name=name,
        type=type_,
        topic=Topic.PLANS,
        meaning=meaning,
        example=example,
        is_function=True,
        parameters=(NAME,),
        sql=sql,
        moves=True,
    )


ENTRIES: tuple[Entry, ...] = (
    _about_plan(
        "plan",
        ValueType.TEXT,
        "The state of the customer's latest success plan of a kind: `proposed`, `approved`, `active`, `achieved`, `missed`, "
        "`closed`; empty without one.",
        'plan("recovery") == "active"',
        _state,
    ),
    _about_plan(
        "plan_behind",
        ValueType.NUMBER,
        "How far the open plan is behind, as a share: what should be reached by now less what is, on average over its "
        "objectives.",
        'plan_behind("objective") > 0.2',
        _behind,
    ),
    _about_plan(
        "plan_progress",
        ValueType.NUMBER,
        "How much of the latest plan is reached, as a share.",
        'plan_progress("adoption") >= 0.5',
        _progress,
    ),
    _about_plan(
        "plan_due",
        ValueType.DATE,
        "The last day of the open plan.",
        'days_until(plan_due("account")) <= 14',
        _due,
    ),
    Entry(
        name="plan_objectives",
        type=ValueType.TEXT,
        topic=Topic.PLANS,
        meaning="The titles of the open plan's objectives in a language (English unless said), for mails; empty while the customer "
        "may not see the plan.",
        example='plan_objectives("recovery", locale="ja") is not none',
        is_function=True,
        parameters=(NAME, Parameter(name="locale", shape=Shape.NAME)),
        sql=_objectives,
        moves=True,
    ),
    Entry(
        name=AT_START,
        type=ValueType.NUMBER,
        topic=Topic.PLANS,
        meaning="In the target of a plan's objective: what the number was when the plan opened.",
        example='metric("dau") >= 1.2 * at_start(metric("dau"))',
        is_function=True,
        parameters=(Parameter(name="value", shape=Shape.NUMBER, is_required=True),),
        sql=_at_start,
    ),
)
