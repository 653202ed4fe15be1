"""`fuses`: what is held because far more than usual was about to happen, and a person's answer (bot.pipeline.fuse_acts)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.acting import ActCall, Doer, doing
from bot.cli.names import By
from bot.cli.opening import AsJson, At, local_text, opened, zone_of_workspace
from bot.cli.printing import print_json, print_line, print_table
from bot.insight.listing_fuses import list_fuses
from bot.pipeline.fuse_acts import drop as drop_fuse
from bot.pipeline.fuse_acts import find_fuse
from bot.pipeline.fuse_acts import release as release_fuse
from bot.pipeline.fuses import Blown

if TYPE_CHECKING:
    from bot.app import App

commands = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="What waits because a fuse blew: release it, or drop it."
)

Which = Annotated[
    str, typer.Argument(metavar="FUSE", help="Its number in `fuses list`, or the playbook's name (`*`: all mails).")
]


@commands.command("list")
def list_blown(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Also those that were released or dropped.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the fuses that have blown, with their numbers and what they hold.

    Example: `journeybot fuses list`
    """
    with opened(context) as app:
        zone = zone_of_workspace(app.settings)
        with app.database.read() as connection:
            rows = list_fuses(connection, everything=everything)
    if as_json:
        print_json([row.as_dict() for row in rows])
        return
    if not rows:
        print_line("No fuse has blown.")
        return
    columns = ("id", "playbook", "why", "holds", "owner", "state", f"since ({zone})")
    print_table(
        columns,
        [(r.id, r.playbook, r.why, r.holds, r.owner, r.state, local_text(r.blown_at, zone)) for r in rows],
    )


@commands.command("release")
def release(
    context: typer.Context,
    fuse: Which,
    some: Annotated[
        int | None,
        typer.Option(
            "--some", metavar="N", min=1, help="Only the first N customers or mails; asks again for the rest."
        ),
    ] = None,
    by: By = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Let go what a fuse holds, all of it or the first few.

    Example: `journeybot fuses release newsletter --some 50 --by sato`
    """

    def let_go(app: App, doer: Doer, found: Blown) -> int:
        published = app.require_published()
        return release_fuse(doer.connection, published, found, by=doer.by, at=doer.at, some=some)

    _act(ActCall(context=context, by=by, at=at, as_json=as_json), fuse, let_go, "released")


@commands.command("drop")
def drop(context: typer.Context, fuse: Which, by: By = None, at: At = None, as_json: AsJson = False) -> None:
    """Give up what a fuse holds: those customers do not enter, those mails are not sent.

    Example: `journeybot fuses drop newsletter --by sato`
    """

    def give_up(app: App, doer: Doer, found: Blown) -> int:
        return drop_fuse(doer.connection, app.require_published(), found, by=doer.by, at=doer.at)

    _act(ActCall(context=context, by=by, at=at, as_json=as_json), fuse, give_up, "dropped")


def _act(call: ActCall, name: str, act: Callable[[App, Doer, Blown], int], word: str) -> None:
    with opened(call.context, call.at) as app:
        with doing(call, app) as doer:
            found = find_fuse(doer.connection, name)
            number = act(app, doer, found)
        if call.as_json:
            print_json({"fuse": found.id, "playbook": found.playbook, word: number})
        else:
            goes_on = " The next tick does the rest." if word == "released" else ""
            print_line(f"Fuse {found.id} ({found.playbook or 'all mails'}): {number} {word}.{goes_on}")
