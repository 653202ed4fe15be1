"""`customers`: whom we serve, one customer with its contacts and walks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from bot.cli import forgetting, telling
from bot.cli.opening import AsJson, AtMost, clock_at, local_text, looking, zone_of_workspace
from bot.cli.printing import cell, print_cut, print_json, print_line, print_table
from bot.insight.listings import LIMIT
from bot.insight.listings_customers import list_customers, show_customer

commands = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Customers with contacts and walks.")

LISTED = ("customer", "name", "stage", "tier", "csm", "renewal_date", "contacts", "enrollments")
SIGNALS = ("signal", "since")
SCORES = ("score", "value", "band", "state", "band_since", "was", "confidence", "facts")
PLANS = ("plan", "kind", "title", "state", "progress", "behind", "due_on")
CONTACTS = ("contact", "name", "email", "roles", "locale", "consent", "bounced_at")
MOMENTS = ("since", "bounced_at", "due_at")
WALKS = ("playbook", "version", "contact", "status", "outcome", "step", "due_at")

commands.command("export")(forgetting.export)
commands.command("erase")(forgetting.erase)
commands.command("timeline")(telling.timeline)
commands.command("note")(telling.note)
commands.command("meeting")(telling.meeting)


@commands.command("list")
def list_all(
    context: typer.Context,
    stage: Annotated[str | None, typer.Option("--stage", help='In one stage; "" asks for those without.')] = None,
    csm: Annotated[
        str | None, typer.Option("--csm", metavar="KEY", help='Of one CSM; "" asks for those without.')
    ] = None,
    playbook: Annotated[str | None, typer.Option("--playbook", "-p", metavar="NAME", help="Who walks it now.")] = None,
    limit: AtMost = LIMIT,
    as_json: AsJson = False,
) -> None:
    """List customers by key.

    Example: `journeybot customers list --stage onboarding`
    """
    with looking(context) as opened, opened.database.read() as connection:
        rows = list_customers(connection, stage=stage, csm=csm, playbook=playbook, limit=limit)
    if as_json:
        print_json(rows)
    elif rows:
        print_table(LISTED, [[row[name] for name in LISTED] for row in rows])
        print_cut(len(rows), limit)
    else:
        print_line("No customers.")


@commands.command("show")
def show(
    context: typer.Context,
    customer: Annotated[str, typer.Argument(metavar="KEY", help="The customer's key.")],
    as_json: AsJson = False,
) -> None:
    """Show one customer with its scores (now and 30 days ago), open signals and plans, contacts and walks.

    Example: `journeybot customers show sakura-cafe`
    """
    with looking(context) as opened, opened.database.read() as connection:
        found = show_customer(connection, customer, clock_at(opened.settings, None).now())
    if as_json:
        print_json(found)
        return
    zone = zone_of_workspace(opened.settings)
    lists = {"scores": SCORES, "signals": SIGNALS, "plans": PLANS, "contacts": CONTACTS, "enrollments": WALKS}
    for name, value in found.items():
        if name not in lists and value not in (None, ""):
            print_line(f"{name + ':':<20} {cell(value)}")
    for score in found["scores"]:
        score["facts"] = _facts(score["facts"], score["was_facts"])
    for name, columns in lists.items():
        print_line()
        if found[name]:
            print_table(columns, [[_local(column, row[column], zone) for column in columns] for row in found[name]])
        else:
            print_line(f"No {name}.")


def _facts(facts: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """`nps = 2 (was 9), license_use = 0.4`."""
    return ", ".join(
        f"{name} = {cell(value)}" + (f" (was {cell(before[name])})" if before.get(name, value) != value else "")
        for name, value in facts.items()
    )


def _local(column: str, value: Any, zone: str) -> Any:
    """Moments on the workspace's clock."""
    return local_text(datetime.fromisoformat(value), zone) if value and column in MOMENTS else value
