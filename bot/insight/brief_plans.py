"""The item `plan` of a hand-off's brief (S44): the customer's open plans, how far they are, and what is still to be reached, those due
first. Words only; plan_views reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from sqlalchemy import Connection

from bot.insight.explanation import Line, Teller
from bot.rules.field_types import say
from storage.plan_views import ObjectiveView, PlanView, list_plans, open_plans_of
from storage.plans import ObjectiveState, PlanState

Says = Callable[[str, str], str]
MOST_OBJECTIVES = 4
#: From so far behind on it is said.
BEHIND = 0.05
STATES = {
    PlanState.PROPOSED: ("waits for agreement", "承認待ち"),
    PlanState.APPROVED: ("agreed, not shared yet", "承認済み・未共有"),
    PlanState.ACTIVE: ("active", "進行中"),
}


def plan_lines(connection: Connection, customer_id: int, says: Says, locale: str) -> Iterator[str]:
    for plan in open_plans_of(connection, customer_id):
        yield summary_of(plan, says, locale)
        waiting = [each for each in plan.objectives if each.state is ObjectiveState.OPEN]
        waiting.sort(key=lambda each: (each.due_on, each.number))
        yield from (_objective(each, plan, says, locale) for each in waiting[:MOST_OBJECTIVES])
        if len(waiting) > MOST_OBJECTIVES:
            more = len(waiting) - MOST_OBJECTIVES
            yield says(f"and {more} more", f"ほか{more}件")


def recovery_lines(connection: Connection, customer_id: int, says: Says, locale: str) -> Iterator[str]:
    """The open recovery plan in one line: who acts should know that others are on it."""
    for plan in list_plans(connection, customer_id=customer_id, kind="recovery"):
        yield summary_of(plan, says, locale)


def standing_plans(connection: Connection, teller: Teller, customer_id: int) -> list[Line]:
    """One line for each open plan, for `explain`."""
    return [
        teller.line(
            "plan",
            "plan_stands",
            {
                "title": dict(plan.title),
                "plan": plan.kind,
                "state": plan.state,
                "progress": f"{plan.progress:.0%}",
                "behind": f"{plan.behind:.0%}",
                "due": plan.due_on.isoformat(),
            },
            playbook=None,
        )
        for plan in open_plans_of(connection, customer_id)
    ]


def summary_of(plan: PlanView, says: Says, locale: str) -> str:
    """`Recovery: 1 of 3 reached, 45 %, 12 % behind, until 2027-04-30 (active)`."""
    state = says(*STATES[PlanState(plan.state)])
    reached = says(f"{plan.reached} of {plan.counted} reached", f"{plan.counted}件中{plan.reached}件達成")
    parts = [reached, f"{plan.progress:.0%}"]
    if plan.behind >= BEHIND:
        parts.append(says(f"{plan.behind:.0%} behind", f"{plan.behind:.0%}遅れ"))
    parts.append(says(f"until {plan.due_on}", f"期限 {plan.due_on}"))
    return says(
        f"{say(plan.title, locale)}: {', '.join(parts)} ({state})",
        f"{say(plan.title, locale)}：{'、'.join(parts)}（{state}）",
    )


def _objective(objective: ObjectiveView, plan: PlanView, says: Says, locale: str) -> str:
    text = f"– {say(objective.title, locale)} {objective.progress:.0%}"
    due: date | None = objective.due_on if objective.due_on != plan.due_on else None
    told = [part for part in (objective.owner, says(f"until {due}", f"期限 {due}") if due else None) if part]
    return text + (f" ({', '.join(told)})" if told else "")
