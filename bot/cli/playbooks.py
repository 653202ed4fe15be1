"""`playbooks`: what is deployed, in which state, who is inside at which step, how the walks ended."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer

from bot.cli.acting import ActCall, doing
from bot.cli.names import By, ForCustomer
from bot.cli.opening import AsJson, At, local_text, looking, opened, read_instant, zone_of_workspace
from bot.cli.printing import print_json, print_line, print_table
from bot.insight.listings_playbooks import PlaybookListing, list_playbooks, show_playbook
from bot.rules.field_types import say

commands = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Playbooks as they run now, and who walks."
)


@commands.command("list")
def list_all(
    context: typer.Context,
    state: Annotated[str | None, typer.Option("--state", "-s", help="draft, live, paused, retired.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the deployed playbooks.

    Example: `journeybot playbooks list --state live`
    """
    with looking(context) as found, found.database.read() as connection:
        rows = list_playbooks(connection, state=state)
    if as_json:
        print_json([row.as_dict() for row in rows])
    elif rows:
        columns = ("playbook", "title", "state", "version", "inside", "goal", "other endings", "fault")
        print_table(columns, [_listed(row) for row in rows])
    elif state is not None:
        print_line(f"No playbook is {state}.")
    else:
        print_line("Nothing is deployed yet: run `journeybot check`, then `journeybot deploy`.")


@commands.command("show")
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The playbook's name.")],
    as_json: AsJson = False,
) -> None:
    """Show one playbook: who is inside where, its versions, and the definition that acts.

    Example: `journeybot playbooks show welcome`
    """
    with looking(context) as base:
        zone = zone_of_workspace(base.settings)
        with base.database.read() as connection:
            found = show_playbook(connection, name)
    if as_json:
        print_json(found.as_dict())
        return
    listing = found.listing
    print_line(f"{listing.name}: {say(listing.title, 'en')}", style="bold")
    print_line(f"{listing.state}, version {listing.version}, live since {local_text(listing.live_since, zone) or '–'}")
    if listing.fault:
        print_line(f"broke: {listing.fault}", style="red")
    print_line(f"{listing.entered} entered, {listing.goal} reached the goal")
    for counts, what in ((listing.inside, "walks at"), (listing.others, "ended as")):
        for word, number in counts.items():
            print_line(f"  {number} {what} {word}")
    print_table(
        ("version", f"published ({zone})", "walks inside"),
        [
            (row["number"], local_text(read_instant(row["created_at"], zone), zone), row["inside"])
            for row in found.versions
        ],
    )
    for line in orjson.dumps(found.definition, option=orjson.OPT_INDENT_2).decode().splitlines():
        print_line(line)


@commands.command("skip")
def skip(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The playbook's name.")],
    customer: ForCustomer = None,
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Leave out the next occurrence of a playbook that enters by `every` or `once`, or (`at` too) of one customer.

    Asked again, it leaves out the one after.

    Example: `journeybot playbooks skip newsletter`
    """
    from bot.pipeline.skipping import skip_next  # half of a list's time

    call = ActCall(context=context, by=by, at=at, as_json=as_json)
    with opened(context, at) as app:
        published = app.require_published()
        ground = app.ground(published)
        with doing(call, app) as doer:
            skipped = skip_next(doer.connection, published, ground, name, doer.at, by=doer.by, customer=customer)
        zone = zone_of_workspace(app.settings)
    if as_json:
        print_json({"playbook": name, "customer": customer, "skipped": skipped.text})
        return
    when = local_text(skipped.moment, zone) if skipped.moment is not None else skipped.text
    print_line(f"`{name}` leaves out {when}{f' for {customer}' if customer else ''}.")


def _listed(row: PlaybookListing) -> tuple[object, ...]:
    inside = sum(row.inside.values())
    return (row.name, say(row.title, "en"), row.state, row.version, inside, row.goal, row.others, row.fault)
