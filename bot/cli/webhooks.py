"""`webhooks list` and `show`: calls of webhook steps as they stand. They are made and tried again by themselves."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from bot.cli.opening import AsJson, AtMost, OfCustomer, OfPlaybook, local_text, looking, zone_of_workspace
from bot.cli.printing import print_cut, print_json, print_line, print_table, shown
from bot.insight.listing_webhooks import list_webhooks, show_webhook
from bot.insight.listings import LIMIT

commands = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Calls of other systems: owed, tried, delivered, given up."
)


@commands.command("list")
def list_calls(
    context: typer.Context,
    state: Annotated[
        str | None, typer.Option("--state", "-s", help="pending, claimed, delivered or failed (given up).")
    ] = None,
    customer: OfCustomer = None,
    playbook: OfPlaybook = None,
    limit: AtMost = LIMIT,
    as_json: AsJson = False,
) -> None:
    """List webhook calls, the newest first.

    Example: `journeybot webhooks list --state failed`
    """
    with looking(context) as base:
        zone = zone_of_workspace(base.settings)
        with base.database.read() as connection:
            rows = list_webhooks(connection, state=state, customer=customer, playbook=playbook, limit=limit)
    if as_json:
        print_json([row.as_dict() for row in rows])
        return
    if not rows:
        print_line("No webhook calls.")
        return
    columns = ("id", "customer", "playbook", "step", "url", "state", "tries", "fault", f"next ({zone})")
    print_table(
        columns,
        [
            (r.id, r.customer, r.playbook, r.step, r.url, r.state, r.attempts, r.fault, local_text(r.next_at, zone))
            for r in rows
        ],
    )
    print_cut(len(rows), limit)


@commands.command("show")
def show(
    context: typer.Context,
    call: Annotated[int, typer.Argument(metavar="ID", help="The call's number in `webhooks list`.")],
    as_json: AsJson = False,
) -> None:
    """Show one webhook call, and what it tells the other system.

    Example: `journeybot webhooks show 3`
    """
    with looking(context) as base:
        zone = zone_of_workspace(base.settings)
        with base.database.read() as connection:
            row, data = show_webhook(connection, call)
    if as_json:
        print_json({**row.as_dict(), "data": data})
        return
    for name, value in {
        "call": f"{row.id} ({row.state})",
        "webhook-id": row.webhook_id,
        "to": row.url,
        "customer": row.customer,
        "contact": row.contact,
        "step": f"{row.playbook} → {row.step}",
        "tries": row.attempts,
        "last answer": row.fault,
        "owed": local_text(row.created_at, zone),
        "next try": local_text(row.next_at, zone),
        "over": local_text(row.over_at, zone),
    }.items():
        if value not in (None, ""):
            print_line(f"{name + ':':<13} {shown(str(value))}")
    print_line(json.dumps(data, ensure_ascii=False, indent=2))
