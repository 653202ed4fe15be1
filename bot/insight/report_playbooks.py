"""Do the journeys work? Per playbook: who entered, who is inside, how many reached the goal, and whether more often
than the holdout that got nothing (semantics.md S33). Read-only, one statement."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, not_, select

from storage.enrollments import ENROLLMENT
from storage.journeys import EnrollmentStatus

GOAL = "goal"
#: Smaller groups tell nothing.
ENOUGH = 50


def report_playbooks(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """One row per playbook that somebody entered, the most walked first. Rates are shares of the walks that are over, None without
    one; `lift` is the difference to the holdout's rate."""
    walk = ENROLLMENT.c
    is_over, is_goal = walk.status == EnrollmentStatus.ENDED.value, walk.outcome == GOAL
    held = walk.is_holdout
    rows = connection.execute(
        select(
            walk.playbook,
            _count(not_(held)).label("entered"),
            _count(and_(not_(held), not_(is_over))).label("inside"),
            _count(and_(not_(held), is_over)).label("over"),
            _count(and_(not_(held), is_over, is_goal)).label("goal"),
            _count(held).label("held_out"),
            _count(and_(held, is_over)).label("held_over"),
            _count(and_(held, is_over, is_goal)).label("held_goal"),
        )
        .group_by(walk.playbook)
        .order_by(func.count().desc(), walk.playbook)
    )
    return [_row(row) for row in rows]


def _row(row: Any) -> dict[str, Any]:
    rate, held_rate = _share(row.goal, row.over), _share(row.held_goal, row.held_over)
    lift: float | str | None = None
    if row.held_out:
        is_enough = min(row.over, row.held_over) >= ENOUGH
        lift = (
            round(rate - held_rate, 3)
            if is_enough and rate is not None and held_rate is not None
            else "too few to tell"
        )
    return {
        "playbook": row.playbook,
        "entered": row.entered,
        "inside": row.inside,
        "goal": row.goal,
        "goal_rate": rate,
        "held_out": row.held_out,
        "goal_rate_held_out": held_rate,
        "lift": lift,
    }


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None
