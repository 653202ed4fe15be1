"""The report on success plans: by kind, how many are open and how far, which are behind, how the others ended. Read-only, one
statement; the plans most behind stand below it by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from bot.rules.field_types import say
from storage.plan_views import CUSTOMER, PLAN
from storage.plans import PlanState

#: From so far behind on a plan counts as behind, as a share.
BEHIND = 0.2
MOST_EXAMPLES = 5


def report_plans(connection: Connection, now: datetime, csm: str | None = None) -> list[dict[str, Any]]:
    """One row for each kind that was ever opened. `progress` and `behind` are means over the open ones in per cent, `arr` the
    revenue of their customers; `examples` the open plans most behind. `csm`: only of this CSM's customers."""
    is_open, mine = PLAN.c.ended_at.is_(None), () if csm is None else (CUSTOMER.c.csm == csm,)

    def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count(case((condition, 1)))

    def mean(value: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.avg(case((is_open, value)))

    statement = (
        select(
            PLAN.c.kind,
            count(is_open).label("open"),
            count(PLAN.c.state == PlanState.PROPOSED.value).label("proposed"),
            mean(PLAN.c.progress).label("progress"),
            mean(PLAN.c.behind).label("behind"),
            count(is_open & (PLAN.c.behind >= BEHIND)).label("plans_behind"),
            *(
                count(PLAN.c.state == state.value).label(state.value)
                for state in (PlanState.ACHIEVED, PlanState.MISSED, PlanState.CLOSED)
            ),
            func.coalesce(func.sum(case((is_open, CUSTOMER.c.arr))), 0.0).label("arr"),
        )
        .select_from(PLAN.join(CUSTOMER, CUSTOMER.c.id == PLAN.c.customer_id))
        .where(*mine)
        .group_by(PLAN.c.kind)
        .order_by(count(is_open).desc(), PLAN.c.kind)
    )
    return [
        {**row._mapping, **_shares(row), "examples": _most_behind(connection, row.kind, mine)}
        for row in connection.execute(statement).all()
    ]


def _shares(row: Any) -> dict[str, float | None]:
    values = {"progress": row.progress, "behind": row.behind}
    return {name: None if value is None else round(100 * float(value), 1) for name, value in values.items()}


def _most_behind(connection: Connection, kind: str, mine: Sequence[ColumnElement[bool]]) -> list[dict[str, Any]]:
    joined = PLAN.join(CUSTOMER, CUSTOMER.c.id == PLAN.c.customer_id)
    behind = (PLAN.c.kind == kind, PLAN.c.ended_at.is_(None), PLAN.c.behind > 0, *mine)
    found = (
        select(PLAN.c.id, PLAN.c.title, PLAN.c.behind, PLAN.c.due_on, CUSTOMER.c.key).select_from(joined).where(*behind)
    )
    rows = connection.execute(found.order_by(PLAN.c.behind.desc(), PLAN.c.id).limit(MOST_EXAMPLES))
    return [
        {
            "plan": row.id,
            "customer": row.key,
            "title": say(row.title, "en"),
            "behind": round(100 * row.behind, 1),
            "due_on": row.due_on.isoformat(),
        }
        for row in rows
    ]


def most_behind_of(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        for plan in row["examples"]:
            yield f"{plan['customer']}: {plan['title']} (plan {plan['plan']}) is {plan['behind']:g} % behind, due {plan['due_on']}"
