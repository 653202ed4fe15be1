"""What people do to success plans from the command line, one function each; pipeline.plan_acts records who did what. plans.py names
the commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlalchemy import Connection

from bot.cli.acting import ActCall, Doer, doing
from bot.cli.names import By
from bot.cli.opening import AsJson, At, opened
from bot.cli.printing import print_json, print_line
from bot.errors import UsageError
from bot.insight.customer_keys import customer_id_of
from bot.insight.listings import dated
from bot.rules.field_types import say
from bot.rules.plans import due_day
from bot.rules.zones import local_date
from storage.plan_views import PlanView, plan_of

if TYPE_CHECKING:
    from bot.pipeline.plan_acts import Doing

PlanId = Annotated[int, typer.Argument(metavar="ID", help="The plan's number in `plans list`.")]
Number = Annotated[int, typer.Argument(metavar="OBJECTIVE", help="The objective's number in `plans show`.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept in the journal.")]
Owner = Annotated[str | None, typer.Option("--owner", metavar="WHO", help="A role of ours, or a person's key.")]
Due = Annotated[
    str | None, typer.Option("--due", metavar="WHEN", help="`2027-06-30`, `30 days` from today, `end of quarter`.")
]


def open_one(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="objective, recovery, adoption or account.")],
    customer: Annotated[str, typer.Option("--customer", "-c", metavar="KEY", help="For whom.")],
    owner: Owner = None,
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Open a plan of plans.yml for a customer.

    Example: `journeybot plans open recovery --customer sakura-cafe --by sato`
    """
    from bot.pipeline.opening_plans import open_by_hand  # with it come the templates

    with opened(context, at) as app:
        published = app.require_published()
        ground = app.ground(published)
        with doing(ActCall(context=context, by=by, at=at, as_json=as_json), app) as doer:
            whom = customer_id_of(doer.connection, customer)
            plan = open_by_hand(doer.connection, published, ground, kind, whom, owner=owner, by=doer.by, at=doer.at)
        with app.database.read() as connection:
            _tell(connection, plan, as_json, f"Opened for {customer}")


def approve(context: typer.Context, plan: PlanId, by: By = None, at: At = None, as_json: AsJson = False) -> None:
    """Agree to a plan that waits for it, instead of by its hand-off.

    Example: `journeybot plans approve 3 --by mori`
    """
    from bot.pipeline import plan_acts  # with it come the templates

    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    _act(call, plan, "Agreed", lambda doing, _: plan_acts.approve(doing))


def share(context: typer.Context, plan: PlanId, by: By = None, at: At = None, as_json: AsJson = False) -> None:
    """Say that the customer has seen a plan; an agreed one becomes active.

    Example: `journeybot plans share 3 --by sato`
    """
    from bot.pipeline import plan_acts  # with it come the templates

    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    _act(call, plan, "Shared", lambda doing, _: plan_acts.share(doing))


def close(
    context: typer.Context, plan: PlanId, reason: Why, by: By = None, at: At = None, as_json: AsJson = False
) -> None:
    """Close a plan by hand.

    Example: `journeybot plans close 3 --reason "They merge with another customer"`
    """
    from bot.pipeline import plan_acts  # with it come the templates

    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    _act(call, plan, "Closed", lambda doing, _: plan_acts.close(doing, _said(reason)))


def change(
    context: typer.Context,
    plan: PlanId,
    objective: Annotated[int | None, typer.Option("--objective", metavar="N", help="Of one objective only.")] = None,
    owner: Owner = None,
    due: Due = None,
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Give a plan, or one of its objectives, another owner or date.

    Example: `journeybot plans change 3 --due 2027-06-30 --owner suzuki`
    """
    from bot.pipeline import plan_acts  # with it come the templates

    def give(doing: Doing, doer: Doer) -> None:
        plan_acts.change(doing, number=objective, owner=owner, due_on=read_day(due, doer.at, doer.zone))

    _act(ActCall(context=context, by=by, at=at, as_json=as_json), plan, "Changed", give)


def done(
    context: typer.Context, plan: PlanId, objective: Number, by: By = None, at: At = None, as_json: AsJson = False
) -> None:
    """Say that an objective is reached.

    Example: `journeybot plans done 3 1 --by sato`
    """
    from bot.pipeline import plan_acts  # with it come the templates

    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    _act(call, plan, "Reached", lambda doing, _: plan_acts.reach(doing, objective))


def reopen(
    context: typer.Context, plan: PlanId, objective: Number, by: By = None, at: At = None, as_json: AsJson = False
) -> None:
    """Say that an objective is not reached after all. A target that holds completes it again.

    Example: `journeybot plans reopen 3 1 --by sato`
    """
    from bot.pipeline import plan_acts  # with it come the templates

    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    _act(call, plan, "Opened again", lambda doing, _: plan_acts.reopen(doing, objective))


def add(
    context: typer.Context,
    plan: PlanId,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What is to be reached.")],
    target: Annotated[
        str | None, typer.Option("--target", metavar="CONDITION", help="When it is reached, as in plans.yml.")
    ] = None,
    owner: Owner = None,
    due: Due = None,
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Add an objective to a plan.

    Example: `journeybot plans add 3 "Ten people log in" --target 'users("login", days=7) >= 10'`
    """
    from bot.pipeline import plan_acts  # with it come the templates

    def put(doing: Doing, doer: Doer) -> None:
        ground = doer.app.ground(doer.app.require_published())
        due_on = read_day(due, doer.at, doer.zone)
        plan_acts.add(doing, ground, _said(title), target=target, due_on=due_on, owner=owner)

    _act(ActCall(context=context, by=by, at=at, as_json=as_json), plan, "Added", put)


def drop(
    context: typer.Context,
    plan: PlanId,
    objective: Number,
    reason: Why,
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Take an objective out of a plan; it counts no more.

    Example: `journeybot plans drop 3 2 --reason "They bought no cockpit"`
    """
    from bot.pipeline import plan_acts  # with it come the templates

    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    _act(call, plan, "Taken out", lambda doing, _: plan_acts.drop(doing, objective, _said(reason)))


def tick(
    context: typer.Context,
    plan: PlanId,
    objective: Number,
    task: Annotated[int, typer.Argument(metavar="TASK", help="The task's number in `plans show`.")],
    undo: Annotated[bool, typer.Option("--undo", help="It is not done after all.")] = False,
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Tick off a task of an objective.

    Example: `journeybot plans tick 3 1 2 --by sato`
    """
    from bot.pipeline import plan_acts  # with it come the templates

    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    _act(call, plan, "Noted", lambda doing, _: plan_acts.tick_off(doing, objective, task, is_done=not undo))


ACTS: Mapping[str, Callable[..., None]] = {
    "open": open_one,
    "approve": approve,
    "share": share,
    "close": close,
    "change": change,
    "done": done,
    "reopen": reopen,
    "add": add,
    "drop": drop,
    "tick": tick,
}


def found_plan(connection: Connection, plan: int) -> PlanView:
    """Raises: UsageError."""
    view = plan_of(connection, plan)
    if view is None:
        raise UsageError(f"There is no plan {plan}", hint="see `journeybot plans list`")
    return view


def as_dict(plan: PlanView) -> dict[str, Any]:
    """With its objectives, where it was read with them."""
    return {**dated(asdict(plan)), "objectives": [dated(asdict(each)) for each in plan.objectives]}


def read_day(text: str | None, now: datetime, zone: str) -> date | None:
    """A date, or a length of time from today. Raises: UsageError."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text) if "-" in text else due_day(text, local_date(now, zone))
    except ValueError as refusal:
        raise UsageError(f"`{text}` is no date of a plan", hint=str(refusal)) from None


def _act(call: ActCall, plan: int, said: str, act: Callable[[Doing, Doer], object]) -> None:
    from bot.pipeline.plan_acts import Doing  # with it come the templates

    with opened(call.context, call.at) as app:
        with doing(call, app) as doer:
            act(Doing(connection=doer.connection, plan_id=plan, by=doer.by, at=doer.at), doer)
        with app.database.read() as connection:
            _tell(connection, plan, call.as_json, said)


def _tell(connection: Connection, plan: int, as_json: bool, said: str) -> None:
    view = found_plan(connection, plan)
    if as_json:
        print_json(as_dict(view))
    else:
        print_line(f"{said}: plan {plan}, {say(view.title, 'en')} ({view.state}).")


def _said(text: str) -> str:
    """Raises: UsageError for nothing at all."""
    if not text.strip():
        raise UsageError("That says nothing", hint="write a sentence in quotes")
    return text.strip()
