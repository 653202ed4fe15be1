"""Opens success plans from the templates of plans.yml: for the walks of a step `plan`, or for one customer by hand. One statement asks
where every customer stands with every target, so that progress counts from there. In the caller's transaction; kept_plans
looks at what was opened in the next derive pass."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Float, Row, cast, select

from bot.authoring.nearest import suggestion
from bot.errors import UsageError
from bot.pipeline.plan_cards import PlanCard, open_cards
from bot.pipeline.plan_news import APPROVE, OBJECTIVE, PLAN, tell_event
from bot.pipeline.plan_reviews import next_review
from bot.pipeline.published import Published
from bot.pipeline.scopes import CUSTOMER, Ground
from bot.rules.condition_sql import value_sql
from bot.rules.conditions import Scope, compile_condition, parse_condition
from bot.rules.plan_targets import starting_values
from bot.rules.plans import ObjectiveTemplate, PlanTemplate, due_day
from storage.bulk import insert_new_rows, insert_rows
from storage.dialects import among
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.marks import mark_customers
from storage.plans import ObjectiveState, PlanState

PLAN_COLUMNS = (
    "customer_id", "enrollment_id", "kind", "title", "state", "owners", "approve", "max_objectives", "opened_at",
    "opened_on", "opened_by", "due_on", "shared_at", "review", "review_at", "progress", "behind", "changed_at",
)  # fmt: skip
OBJECTIVE_COLUMNS = (
    "plan_id", "customer_id", "number", "title", "target", "owner", "due_on", "state", "progress", "start", "tasks",
    "ticked",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """For whom a plan is to be opened, and by whom (`playbook:step`, or a person). `owner`: instead of the template's."""

    customer_id: int
    by: str
    enrollment_id: int | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A plan that was opened."""

    id: int
    title: Mapping[str, str]
    objectives: int
    due_on: date


def open_plans(
    connection: Connection, published: Published, ground: Ground, kind: str, openings: Sequence[Opening], now: datetime
) -> dict[int, Opened]:
    """Customer → its new plan; whoever has an open one of the kind, or has left, is left out. `kind` must be one of
    plans.yml."""
    template = published.company.plans[kind]
    having = select(PLAN.c.customer_id).where(PLAN.c.kind == kind, PLAN.c.ended_at.is_(None))
    ids = {opening.customer_id for opening in openings}
    taken = set(connection.scalars(having.where(among(PLAN.c.customer_id, ids))))
    taken |= who_left(connection, published, ground, kind, ids)
    wanted = {opening.customer_id: opening for opening in openings if opening.customer_id not in taken}
    if not wanted:
        return {}
    standing = _standing(connection, template, ground.scope(), wanted)
    rows = [
        _plan_row(kind, template, opening, standing[found].today, published.settings.timezone, now)
        for found, opening in wanted.items()
    ]
    insert_new_rows(connection, PLAN, PLAN_COLUMNS, rows)
    mine = select(PLAN).where(PLAN.c.kind == kind, PLAN.c.ended_at.is_(None), among(PLAN.c.customer_id, wanted))
    plans = [
        row
        for row in connection.execute(mine.order_by(PLAN.c.id))
        if (row.opened_at, row.opened_by, row.enrollment_id)
        == (now, wanted[row.customer_id].by, wanted[row.customer_id].enrollment_id)
    ]  # another process may have been quicker
    objectives: list[tuple[Any, ...]] = []
    opened: dict[int, Opened] = {}
    for plan in plans:
        chosen = _chosen(template, standing[plan.customer_id])
        objectives += [
            _objective_row(plan, place, template.objectives[number], standing[plan.customer_id].starts[number])
            for place, number in enumerate(chosen, start=1)
        ]
        opened[plan.customer_id] = Opened(id=plan.id, title=plan.title, objectives=len(chosen), due_on=plan.due_on)
    insert_rows(connection, OBJECTIVE, OBJECTIVE_COLUMNS, objectives)
    propose(connection, published, plans, now)
    if opened:
        tell_event(connection, "plan.opened", now, among(PLAN.c.id, [plan.id for plan in plans]))
    return opened


def who_left(
    connection: Connection, published: Published, ground: Ground, kind: str, customer_ids: Collection[int]
) -> set[int]:
    """Those for whom a plan of the kind would be closed at once, because they are no customers any more."""
    if not published.company.plans[kind].exit_on_churn:
        return set()
    left = select(CUSTOMER.c.id).where(among(CUSTOMER.c.id, customer_ids), ground.has_left())
    return set(connection.scalars(left))


def open_by_hand(
    connection: Connection,
    published: Published,
    ground: Ground,
    kind: str,
    customer_id: int,
    *,
    owner: str | None,
    by: str,
    at: datetime,
) -> int:
    """The plan's id. Raises: UsageError for an unknown kind, for a customer who left, or where one is open already."""
    if kind not in published.company.plans:
        hint = suggestion(kind, published.company.plans) or "write playbooks/plans.yml and deploy it"
        raise UsageError(f"The deployed plans.yml has no plan `{kind}`", hint=hint)
    opened = open_plans(connection, published, ground, kind, [Opening(customer_id=customer_id, by=by, owner=owner)], at)
    if customer_id not in opened and who_left(connection, published, ground, kind, [customer_id]):
        hint = f"correct what the exits of workspace.yml ask, or give the kind {kind} `exit_on_churn: false`"
        raise UsageError("The customer has left, so a plan would be closed at once", hint=hint)
    if customer_id not in opened:
        hint = "see `journeybot plans list`; close it before you open another"
        raise UsageError(f"The customer has an open plan of the kind {kind}", hint=hint)
    plan = opened[customer_id]
    details = {"plan": kind, "title": dict(plan.title), "objectives": plan.objectives, "due": plan.due_on.isoformat()}
    entry = Entry(
        at=at, verdict=Verdict.OPERATED, reason="plan_opened", customer_id=customer_id, details={**details, "by": by}
    )
    write_entries(connection, [entry])
    mark_customers(connection, [customer_id])
    return plan.id


def propose(connection: Connection, published: Published, plans: Sequence[Row[Any]], now: datetime) -> None:
    """Ask those who must agree on these plans."""
    cards = [
        PlanCard(
            plan_id=plan.id,
            customer_id=plan.customer_id,
            title=plan.title,
            owners=[plan.approve],
            occurrence=f"plan-{plan.id}",
        )
        for plan in plans
        if plan.approve
    ]
    if cards:
        open_cards(connection, published.settings, APPROVE, cards, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """Where a customer stands: its day, and for each objective of the template whether its target holds and what its
    values are."""

    today: date
    holds: tuple[bool | None, ...]
    starts: tuple[dict[str, float], ...]


def _standing(
    connection: Connection, template: PlanTemplate, scope: Scope, customer_ids: Mapping[int, Opening]
) -> dict[int, _Standing]:
    verdicts: dict[int, Any] = {}
    values: dict[tuple[int, str], Any] = {}
    for number, objective in enumerate(template.objectives):
        if objective.target is None:
            continue
        target = parse_condition(objective.target)
        verdicts[number] = compile_condition(target, scope).label(f"holds_{number}")
        for name, node in starting_values(target).items():
            values[number, name] = cast(value_sql(node, scope), Float).label(f"start_{number}_{name}")
    columns = [CUSTOMER.c.id, scope.today().label("today"), *verdicts.values(), *values.values()]
    rows = connection.execute(select(*columns).where(among(CUSTOMER.c.id, customer_ids)))
    return {
        row.id: _Standing(
            today=row.today,
            holds=tuple(
                getattr(row, f"holds_{number}") if number in verdicts else None
                for number in range(len(template.objectives))
            ),
            starts=tuple(
                {
                    name: float(value)
                    for place, name in values
                    if place == number and (value := getattr(row, f"start_{number}_{name}")) is not None
                }
                for number in range(len(template.objectives))
            ),
        )
        for row in rows
    }


def _chosen(template: PlanTemplate, standing: _Standing) -> list[int]:
    """Which objectives a plan gets, in the file's order: all, or as many as allowed, those not reached yet first."""
    numbers = range(len(template.objectives))
    if template.max_objectives is None:
        return list(numbers)
    first = sorted(numbers, key=lambda number: (standing.holds[number] is True, number))
    return sorted(first[: template.max_objectives])


def _plan_row(
    kind: str, template: PlanTemplate, opening: Opening, today: date, zone: str, now: datetime
) -> tuple[Any, ...]:
    state = PlanState.PROPOSED if template.approve else PlanState.ACTIVE
    owners = [opening.owner] if opening.owner else list(template.owners)
    due_on = due_day(template.due, today)
    return (
        opening.customer_id, opening.enrollment_id, kind, dict(template.title), state.value, owners, template.approve,
        template.max_objectives, now, today, opening.by, due_on, now if template.shared else None, template.review,
        next_review(template.review, zone, now), 0.0, 0.0, now,
    )  # fmt: skip


def _objective_row(
    plan: Row[Any], number: int, objective: ObjectiveTemplate, start: Mapping[str, float]
) -> tuple[Any, ...]:
    due_on = due_day(objective.due, plan.opened_on) if objective.due else plan.due_on
    return (
        plan.id, plan.customer_id, number, dict(objective.title), objective.target, objective.owner, due_on,
        ObjectiveState.OPEN.value, 0.0, dict(start), [dict(task) for task in objective.tasks], [],
    )  # fmt: skip
