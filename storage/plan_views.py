"""Reading success plans: one with its objectives, those of a customer, lists by kind and state. For commands, cards, explain and
reports; a list is one statement. Never writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from storage.accounts import Csm, Customer
from storage.dialects import among, json_list_has, json_text
from storage.plans import ObjectiveState, PlanObjective, SuccessPlan

PLAN = SuccessPlan.__table__  # type: ignore[attr-defined]
OBJECTIVE = PlanObjective.__table__  # type: ignore[attr-defined]
CUSTOMER = Customer.__table__  # type: ignore[attr-defined]
CSM = Csm.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveView:
    """One objective; `progress` is a share, `ticked` are places in `tasks`, `evidence` the parts of the target when the data
    said that it is reached."""

    number: int
    title: Mapping[str, str]
    target: str | None
    owner: str | None
    due_on: date
    state: ObjectiveState
    progress: float
    tasks: Sequence[Mapping[str, str]]
    ticked: Sequence[int]
    met_at: datetime | None
    met_by: str | None
    evidence: Sequence[Mapping[str, Any]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """One plan. `objectives` is empty in lists; `reached` of `counted` are met of those that were not taken out."""

    id: int
    customer: str
    customer_name: str
    kind: str
    title: Mapping[str, str]
    state: str
    owners: Sequence[str]
    opened_on: date
    opened_by: str
    due_on: date
    shared_at: datetime | None
    approve: str | None
    approved_by: str | None
    review_at: datetime | None
    progress: float
    behind: float
    reached: int
    counted: int
    ended_at: datetime | None
    ended_by: str | None
    reason: str | None
    objectives: tuple[ObjectiveView, ...] = ()


def list_plans(
    connection: Connection,
    *,
    customer_id: int | None = None,
    kind: str | None = None,
    state: str | None = None,
    only_open: bool = True,
    limit: int | None = None,
) -> list[PlanView]:
    """Those due first come first."""
    asked: list[ColumnElement[bool]] = [PLAN.c.ended_at.is_(None)] if only_open else []
    for column, wanted in ((PLAN.c.customer_id, customer_id), (PLAN.c.kind, kind), (PLAN.c.state, state)):
        if wanted is not None:
            asked.append(column == wanted)
    rows = connection.execute(_statement().where(*asked).order_by(PLAN.c.due_on, PLAN.c.id).limit(limit))
    return [_plan(row, ()) for row in rows]


def plan_of(connection: Connection, plan_id: int) -> PlanView | None:
    """One plan with its objectives."""
    row = connection.execute(_statement().where(PLAN.c.id == plan_id)).one_or_none()
    return None if row is None else _plan(row, _objectives(connection, [plan_id]).get(plan_id, ()))


def open_plans_of(connection: Connection, customer_id: int) -> list[PlanView]:
    """The open plans of a customer with their objectives."""
    mine = (PLAN.c.customer_id == customer_id, PLAN.c.ended_at.is_(None))
    rows = connection.execute(_statement().where(*mine).order_by(PLAN.c.id)).all()
    objectives = _objectives(connection, [row.id for row in rows]) if rows else {}
    return [_plan(row, objectives.get(row.id, ())) for row in rows]


def plans_of_person(
    connection: Connection, person: str, *, roles: Collection[str], teams: Collection[str], limit: int
) -> tuple[list[PlanView], int]:
    """The open plans that a CSM answers for, or an objective of, the furthest behind first; and how many there are. `roles`: those
    of workspace.yml; `teams`: theirs."""

    led = select(CSM.c.key).where(CSM.c.manager == person)
    of_customer = {
        "csm": CUSTOMER.c.csm == person,
        "csm.manager": CUSTOMER.c.csm.in_(led),
        **{role: json_text(CUSTOMER.c.owners, role) == person for role in roles if role != "csm"},
    }
    named = [person, *teams, *(f"round_robin({team})" for team in teams)]
    mine: list[ColumnElement[bool]] = [json_list_has(PLAN.c.owners, word) for word in named]
    for role, is_theirs in of_customer.items():
        customers = select(CUSTOMER.c.id).where(is_theirs)
        mine.append(and_(json_list_has(PLAN.c.owners, role), PLAN.c.customer_id.in_(customers)))
    own = select(OBJECTIVE.c.plan_id).where(OBJECTIVE.c.owner == person, OBJECTIVE.c.state == ObjectiveState.OPEN.value)
    asked = (PLAN.c.ended_at.is_(None), or_(*mine, PLAN.c.id.in_(own)))
    first = (PLAN.c.behind.desc(), PLAN.c.id)
    found = connection.execute(
        select(PLAN.c.id, func.count().over().label("number")).where(*asked).order_by(*first).limit(limit)
    ).all()
    if not found:
        return [], 0
    rows = connection.execute(_statement().where(among(PLAN.c.id, [row.id for row in found])).order_by(*first))
    return [_plan(row, ()) for row in rows], found[0].number


def customer_of(connection: Connection, plan_id: int) -> int:
    """The id of its customer. Raises: sqlalchemy.exc.NoResultFound."""
    return int(connection.execute(select(PLAN.c.customer_id).where(PLAN.c.id == plan_id)).scalar_one())


def _statement() -> Any:
    def number_of(*where: ColumnElement[bool]) -> ColumnElement[int]:
        counted = select(func.count()).where(OBJECTIVE.c.plan_id == PLAN.c.id, *where)
        return counted.correlate(PLAN).scalar_subquery()

    return select(
        PLAN,
        CUSTOMER.c.key.label("customer"),
        CUSTOMER.c.name.label("customer_name"),
        number_of(OBJECTIVE.c.state == ObjectiveState.MET.value).label("reached"),
        number_of(OBJECTIVE.c.state != ObjectiveState.DROPPED.value).label("counted"),
    ).select_from(PLAN.join(CUSTOMER, CUSTOMER.c.id == PLAN.c.customer_id))


def _plan(row: Row[Any], objectives: tuple[ObjectiveView, ...]) -> PlanView:
    names = (name for name in PlanView.__dataclass_fields__ if name != "objectives")
    return PlanView(**{name: getattr(row, name) for name in names}, objectives=objectives)


def _objectives(connection: Connection, plan_ids: Sequence[int]) -> dict[int, tuple[ObjectiveView, ...]]:
    found: dict[int, list[ObjectiveView]] = {}
    mine = select(OBJECTIVE).where(among(OBJECTIVE.c.plan_id, plan_ids))
    for row in connection.execute(mine.order_by(OBJECTIVE.c.plan_id, OBJECTIVE.c.number)):
        values = {name: getattr(row, name) for name in ObjectiveView.__dataclass_fields__}
        view = ObjectiveView(**{**values, "state": ObjectiveState(row.state)})
        found.setdefault(row.plan_id, []).append(view)
    return {plan_id: tuple(views) for plan_id, views in found.items()}
