"""`plans list` and `show`: success plans as they stand. What people do to them is in plan_commands.py."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bot.cli.opening import AsJson, AtMost, OfCustomer, local_text, looking, zone_of_workspace
from bot.cli.plan_commands import ACTS, PlanId, as_dict, found_plan
from bot.cli.printing import print_cut, print_json, print_line, print_table
from bot.insight.customer_keys import customer_id_of
from bot.insight.listings import LIMIT, checked_word
from bot.rules.field_types import say
from bot.rules.plans import KINDS
from storage.plan_views import ObjectiveView, PlanView, list_plans
from storage.plans import ObjectiveState, PlanState

commands = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Success plans: open, follow, close.")

MARKS = {ObjectiveState.OPEN: "open", ObjectiveState.MET: "reached", ObjectiveState.DROPPED: "taken out"}


@commands.command("list")
def list_all(
    context: typer.Context,
    customer: OfCustomer = None,
    kind: Annotated[str | None, typer.Option("--kind", help="objective, recovery, adoption or account.")] = None,
    state: Annotated[
        str | None,
        typer.Option(
            "--state", "-s", help="proposed, approved, active, achieved, missed or closed (default: the open)."
        ),
    ] = None,
    limit: AtMost = LIMIT,
    as_json: AsJson = False,
) -> None:
    """List success plans, those due first come first.

    Example: `journeybot plans list --kind recovery`
    """
    if state is not None:
        checked_word(state, [each.value for each in PlanState])
    if kind is not None:
        checked_word(kind, list(KINDS), "kind")
    with looking(context) as found, found.database.read() as connection:
        customer_id = customer_id_of(connection, customer) if customer else None
        rows = list_plans(
            connection, customer_id=customer_id, kind=kind, state=state, only_open=state is None, limit=limit
        )
    if as_json:
        print_json([as_dict(row) for row in rows])
    elif rows:
        columns = ("id", "customer", "kind", "what", "state", "owners", "reached", "progress", "behind", "due")
        print_table(columns, [_line(row) for row in rows])
        print_cut(len(rows), limit)
    else:
        print_line("No plans.")


def _line(plan: PlanView) -> tuple[Any, ...]:
    reached = f"{plan.reached} of {plan.counted}"
    shares = (f"{plan.progress:.0%}", f"{plan.behind:.0%}" if plan.behind else "")
    what = (say(plan.title, "en"), plan.state, ", ".join(plan.owners), reached)
    return plan.id, plan.customer, plan.kind, *what, *shares, plan.due_on


@commands.command("show")
def show(
    context: typer.Context,
    plan: PlanId,
    locale: Annotated[str, typer.Option("--locale", help="The language of titles: en, ja.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Show one plan with its objectives, targets and tasks.

    Example: `journeybot plans show 3`
    """
    with looking(context) as found:
        zone = zone_of_workspace(found.settings)
        with found.database.read() as connection:
            view = found_plan(connection, plan)
    if as_json:
        print_json(as_dict(view))
        return
    for name, value in _facts(view, locale, zone).items():
        if value:
            print_line(f"{name + ':':<12} {value}")
    for objective in view.objectives:
        _print_objective(objective, locale)


def _facts(plan: PlanView, locale: str, zone: str) -> dict[str, str]:
    ended = f"{local_text(plan.ended_at, zone)} {plan.state}" if plan.ended_at else ""
    because = ": ".join(part for part in (plan.ended_by, plan.reason) if part)
    return {
        "plan": f"{plan.id} {say(plan.title, locale)} ({plan.kind}, {plan.state})",
        "customer": plan.customer,
        "owners": ", ".join(plan.owners),
        "opened": f"{plan.opened_on} by {plan.opened_by}",
        "due": str(plan.due_on),
        "progress": f"{plan.progress:.0%}, {plan.reached} of {plan.counted} reached",
        "behind": f"{plan.behind:.0%}" if plan.behind else "",
        "agreed by": plan.approved_by or (f"waits for {plan.approve}" if plan.state == "proposed" else ""),
        "shared": local_text(plan.shared_at, zone) or "",
        "next review": local_text(plan.review_at, zone) or "" if not plan.ended_at else "",
        "ended": f"{ended} ({because})" if ended and because else ended,
    }


def _print_objective(objective: ObjectiveView, locale: str) -> None:
    print_line()
    state = MARKS[objective.state] + (f" by {objective.met_by}" if objective.met_by else "")
    print_line(f"{objective.number}. {say(objective.title, locale)}: {state}, {objective.progress:.0%}")
    told = (("target", objective.target), ("owner", objective.owner), ("due", str(objective.due_on)))
    print_line("   " + ", ".join(f"{name} {value}" for name, value in told if value))
    for place, task in enumerate(objective.tasks):
        print_line(f"   [{'x' if place in objective.ticked else ' '}] {place + 1}. {say(task, locale)}")


for name, act in ACTS.items():
    commands.command(name)(act)
