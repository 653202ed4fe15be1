"""What people do to success plans by hand: agree, share, close, change owner and date; objectives reached, opened again, added,
taken out, tasks ticked off. Each is recorded with who did it; progress and ends follow in the next derive pass. In the caller's
transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Float, Row, Select, case, func, insert, literal, or_, select, update

from bot.errors import ConditionError, UsageError
from bot.pipeline.plan_cards import redraw_cards, withdraw_cards
from bot.pipeline.plan_news import OBJECTIVE, PLAN, tell_event
from bot.pipeline.scopes import CUSTOMER, Ground
from bot.rules.condition_checks import check_condition
from bot.rules.condition_sql import value_sql
from bot.rules.conditions import parse_condition
from bot.rules.plan_targets import starting_values
from bot.rules.plans import MOST_OBJECTIVES
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.marks import mark_customers
from storage.plans import ObjectiveState, PlanState


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """Who does something to which plan, and when."""

    connection: Connection
    plan_id: int
    by: str
    at: datetime


def approve(doing: Doing) -> None:
    """Raises: UsageError when it does not wait for that."""
    plan = _open_plan(doing)
    if plan.state != PlanState.PROPOSED:
        raise UsageError(f"The plan waits for nobody's agreement: it is {plan.state}")
    _change(doing, plan, state=PlanState.APPROVED.value, approved_at=doing.at, approved_by=doing.by)
    withdraw_cards(doing.connection, _this(plan), reason="plan_approved", at=doing.at)
    _record(doing, plan, "plan_approved")


def share(doing: Doing) -> None:
    """The customer has seen it; an agreed plan becomes active. Raises: UsageError while it waits for agreement."""
    plan = _open_plan(doing)
    if plan.state == PlanState.PROPOSED:
        hint = f"first `journeybot plans approve {plan.id}`, or the hand-off that asks for it"
        raise UsageError("Nobody has agreed to the plan yet, so it is not for the customer", hint=hint)
    if plan.shared_at is not None and plan.state == PlanState.ACTIVE:
        raise UsageError("The customer sees it already")
    _change(doing, plan, state=PlanState.ACTIVE.value, shared_at=plan.shared_at or doing.at)
    _record(doing, plan, "plan_shared")


def close(doing: Doing, reason: str) -> None:
    """Raises: UsageError for a plan that is over."""
    plan = _open_plan(doing)
    values = {"ended_at": doing.at, "ended_by": doing.by, "reason": reason, "state": PlanState.CLOSED.value}
    _change(doing, plan, **values)
    withdraw_cards(doing.connection, _this(plan), reason="plan_ended", at=doing.at)
    _record(doing, plan, "plan_closed", because=reason)
    tell_event(doing.connection, "plan.ended", doing.at, PLAN.c.id == plan.id)


def change(doing: Doing, *, number: int | None = None, owner: str | None = None, due_on: date | None = None) -> None:
    """Another owner or date, of the plan or of one objective. Raises: UsageError for a date that is past."""
    plan = _open_plan(doing)
    if due_on is not None and due_on < doing.at.date():
        raise UsageError(f"{due_on} is past", hint="name a day to come, or close the plan")
    if number is None:
        values: dict[str, Any] = {"owners": [owner, *plan.owners[1:]]} if owner else {}
        _change(doing, plan, **values, **({"due_on": due_on} if due_on else {}))
        if due_on is not None:
            _move_objectives(doing, plan, due_on)
    else:
        values = {"owner": owner} if owner else {}
        _change_objective(doing, _objective(doing, plan, number), **values, **({"due_on": due_on} if due_on else {}))
    changed = {name: value for name, value in (("owner", owner), ("due", due_on)) if value}
    if not changed:
        raise UsageError("That changes nothing", hint="say --owner or --due")
    _record(doing, plan, "plan_changed", changes={name: str(value) for name, value in changed.items()})


def _move_objectives(doing: Doing, plan: Row[Any], due_on: date) -> None:
    """Those that were due with the plan, or would be due after it."""
    moved = or_(OBJECTIVE.c.due_on == plan.due_on, OBJECTIVE.c.due_on > due_on)
    mine = (OBJECTIVE.c.plan_id == plan.id, OBJECTIVE.c.state == ObjectiveState.OPEN.value, moved)
    doing.connection.execute(update(OBJECTIVE).where(*mine).values(due_on=due_on))


def reach(doing: Doing, number: int) -> None:
    """A person says that an objective is reached. Raises: UsageError when it is not open."""
    plan = _open_plan(doing)
    found = _objective(doing, plan, number)
    if found.state != ObjectiveState.OPEN:
        raise UsageError(f"Objective {number} is {found.state} already")
    _change_objective(doing, found, state=ObjectiveState.MET.value, progress=1.0, met_at=doing.at, met_by=doing.by)
    _record(doing, plan, "objective_done", objective=found.title)


def reopen(doing: Doing, number: int) -> None:
    """It is not reached after all. A target that still holds completes it again."""
    plan = _open_plan(doing)
    found = _objective(doing, plan, number)
    if found.state == ObjectiveState.OPEN:
        raise UsageError(f"Objective {number} is open")
    nothing = {"met_at": None, "met_by": None, "evidence": None}
    _change_objective(doing, found, state=ObjectiveState.OPEN.value, progress=0.0, **nothing)
    _record(doing, plan, "objective_reopened", objective=found.title)


def drop(doing: Doing, number: int, reason: str) -> None:
    """It counts no more. Raises: UsageError for the last one that counts."""
    plan = _open_plan(doing)
    found = _objective(doing, plan, number)
    if found.state == ObjectiveState.DROPPED:
        raise UsageError(f"Objective {number} was taken out already")
    if _counting(doing, plan) <= 1:
        raise UsageError("A plan without objectives is none", hint=f"close it: `journeybot plans close {plan.id}`")
    _change_objective(doing, found, state=ObjectiveState.DROPPED.value)
    _record(doing, plan, "objective_dropped", objective=found.title, because=reason)


def tick_off(doing: Doing, number: int, task: int, *, is_done: bool) -> None:
    """`task` from 1. Raises: UsageError for a task it does not have."""
    plan = _open_plan(doing)
    found = _objective(doing, plan, number)
    if not 1 <= task <= len(found.tasks):
        have = f"it has {len(found.tasks)}" if found.tasks else "it has none"
        raise UsageError(f"Objective {number} has no task {task}", hint=f"{have}, counted from 1")
    others = {place for place in found.ticked if place != task - 1}
    ticked = sorted(others | ({task - 1} if is_done else set()))
    if ticked == sorted(found.ticked):
        return
    _change_objective(doing, found, ticked=ticked)
    reason = "plan_task_ticked" if is_done else "plan_task_unticked"
    _record(doing, plan, reason, objective=found.title, task=found.tasks[task - 1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How an objective is to stand; `state` None: as it does. Tasks from 1."""

    state: ObjectiveState | None = None
    done: frozenset[int] = frozenset()
    undone: frozenset[int] = frozenset()


def settle(doing: Doing, wanted: Mapping[int, Wanted], reason: str) -> None:
    """All that a person said of a plan at once, by the number of the objective; what stands so already stays. `reason`: of what
    is taken out. Raises: UsageError, as the single acts do."""
    plan = _open_plan(doing)
    for number, want in wanted.items():
        for task in sorted(want.done | want.undone):
            tick_off(doing, number, task, is_done=task in want.done)
        if want.state in (None, _objective(doing, plan, number).state):
            continue
        if want.state == ObjectiveState.MET:
            reach(doing, number)
        elif want.state == ObjectiveState.OPEN:
            reopen(doing, number)
        else:
            drop(doing, number, reason)


def add(doing: Doing, ground: Ground, title: str, *, target: str | None, due_on: date | None, owner: str | None) -> int:
    """One more objective; returns its number. Raises: UsageError for a target that cannot be asked, or one too many."""
    plan = _open_plan(doing)
    most = plan.max_objectives or MOST_OBJECTIVES
    if _counting(doing, plan) >= most:
        hint = f"take one out first: `journeybot plans drop {plan.id} NUMBER --reason …`"
        raise UsageError(f"The plan has {most} objectives, and no more are allowed", hint=hint)
    highest = select(func.coalesce(func.max(OBJECTIVE.c.number), 0)).where(OBJECTIVE.c.plan_id == plan.id)
    number = int(doing.connection.execute(highest).scalar_one()) + 1
    values = {
        "plan_id": plan.id,
        "customer_id": plan.customer_id,
        "number": number,
        "title": {"": title},
        "target": target,
        "owner": owner,
        "due_on": due_on or plan.due_on,
        "state": ObjectiveState.OPEN.value,
        "progress": 0.0,
        "start": _start(doing, ground, plan, target) if target else {},
        "tasks": [],
        "ticked": [],
    }
    doing.connection.execute(insert(OBJECTIVE).values(**values))
    _change(doing, plan)
    _record(doing, plan, "objective_added", objective={"": title})
    return number


def _start(doing: Doing, ground: Ground, plan: Row[Any], target: str) -> dict[str, float]:
    """What its values are now. Raises: UsageError."""
    problems = check_condition(target, walks="customer", steps=(), has_event=False, has_walk=False, of_plan=True)
    if problems:
        raise UsageError(f"The target `{target}` cannot be asked: {problems[0].message}", hint=problems[0].hint)
    try:
        wanted = starting_values(parse_condition(target))
        columns = {name: value_sql(node, ground.scope()).label(name) for name, node in wanted.items()}
    except ConditionError as fault:
        raise UsageError(f"The target `{target}` cannot be asked: {fault.sentence}", hint=fault.hint) from None
    if not columns:
        return {}
    row = doing.connection.execute(select(*columns.values()).where(CUSTOMER.c.id == plan.customer_id)).one()
    return {name: float(value) for name, value in row._mapping.items() if value is not None}


def _open_plan(doing: Doing) -> Row[Any]:
    """Locks it. Raises: UsageError for one that does not exist or is over."""
    found = select(PLAN).where(PLAN.c.id == doing.plan_id).with_for_update()
    plan = doing.connection.execute(found).one_or_none()
    if plan is None:
        raise UsageError(f"There is no plan {doing.plan_id}", hint="see `journeybot plans list`")
    if plan.ended_at is not None:
        raise UsageError(f"Plan {plan.id} is over: it was {plan.state}", hint="open a new one: `journeybot plans open`")
    return plan


def _this(plan: Row[Any]) -> Select[tuple[int]]:
    return select(PLAN.c.id).where(PLAN.c.id == plan.id)


def _objective(doing: Doing, plan: Row[Any], number: int) -> Row[Any]:
    mine = select(OBJECTIVE).where(OBJECTIVE.c.plan_id == plan.id, OBJECTIVE.c.number == number)
    found = doing.connection.execute(mine).one_or_none()
    if found is None:
        raise UsageError(f"Plan {plan.id} has no objective {number}", hint=f"see `journeybot plans show {plan.id}`")
    return found


def _counting(doing: Doing, plan: Row[Any]) -> int:
    mine = (OBJECTIVE.c.plan_id == plan.id, OBJECTIVE.c.state != ObjectiveState.DROPPED.value)
    return int(doing.connection.execute(select(func.count()).where(*mine)).scalar_one())


def _change(doing: Doing, plan: Row[Any], **values: Any) -> None:
    changed = update(PLAN).where(PLAN.c.id == plan.id).values(changed_at=doing.at, **values)
    doing.connection.execute(changed)
    redraw_cards(doing.connection, plan.id)
    mark_customers(doing.connection, [plan.customer_id])


def _change_objective(doing: Doing, objective: Row[Any], **values: Any) -> None:
    if values:
        doing.connection.execute(update(OBJECTIVE).where(OBJECTIVE.c.id == objective.id).values(**values))
        _count_anew(doing, objective.plan_id)
        redraw_cards(doing.connection, objective.plan_id)
    mark_customers(doing.connection, [objective.customer_id])


def _count_anew(doing: Doing, plan_id: int) -> None:
    """So that whoever acts sees how far the plan is now; the derive pass says how far behind."""
    share = case((OBJECTIVE.c.state == ObjectiveState.MET.value, literal(1.0, Float())), else_=OBJECTIVE.c.progress)
    mine = (OBJECTIVE.c.plan_id == plan_id, OBJECTIVE.c.state != ObjectiveState.DROPPED.value)
    mean = select(func.coalesce(func.avg(share), 0.0)).where(*mine).scalar_subquery()
    doing.connection.execute(update(PLAN).where(PLAN.c.id == plan_id).values(progress=mean))


def _record(doing: Doing, plan: Row[Any], reason: str, **details: Any) -> None:
    entry = Entry(
        at=doing.at,
        verdict=Verdict.OPERATED,
        reason=reason,
        customer_id=plan.customer_id,
        enrollment_id=plan.enrollment_id,
        details={"plan": plan.kind, "title": plan.title, "by": doing.by, **details},
    )
    write_entries(doing.connection, [entry])
