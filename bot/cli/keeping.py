"""`doctor` and `db`: the audit, the database's tables, a backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.app import App
from bot.cli.opening import AsJson, At, opened, settings_of
from bot.cli.printing import print_json, print_line
from bot.cli.releasing import release
from bot.errors import UsageError
from bot.insight.doctor import Complaint, examine
from storage.backup import backup
from storage.database import Database
from storage.upgrade import current, upgrade
from storage.wiping import wipe_free_space

WithSlack = Annotated[bool, typer.Option("--slack", help="Ask Slack too whether the app can do its work.")]
STYLES = {"error": "red", "warning": "yellow", "note": ""}
database_commands = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Upgrade or back up the database; release what a restored one would send.",
)
database_commands.command("release")(release)


def doctor(context: typer.Context, at: At = None, slack: WithSlack = False, as_json: AsJson = False) -> None:
    """Audit the invariants, the configuration and the connections.

    With --slack it asks Slack itself: the key, its scopes, the channel, everybody's user id, and how clicks come in. Ends with
    1 when it finds an error or a warning; notes are good to know.

    Example: `journeybot doctor --slack`
    """
    with opened(context, at) as app:
        complaints = examine(app.database, app.published(), app.clock.now(), app.settings, app.guard)
        complaints += _slack(app) if slack else []
        label = app.settings.database_label
    if as_json:
        print_json([complaint.as_dict() for complaint in complaints])
    else:
        for complaint in complaints:
            _print_complaint(complaint)
        print_line(f"{len(complaints)} findings in {label}." if complaints else f"All is well in {label}.")
    if any(complaint.severity != "note" for complaint in complaints):
        raise typer.Exit(1)


def _slack(app: App) -> list[Complaint]:
    """What Slack itself says is wrong."""
    from bot.slack.doctor_slack import (
        people_to_reach,
        slack_complaints,
    )  # loads Slack's packages: only where somebody asks

    token = app.settings.slack_app_token
    with app.database.read() as connection:
        people = people_to_reach(connection)
    return slack_complaints(people, app.slack_settings(), token.get_secret_value() if token else None, app.clock)


def _print_complaint(complaint: Complaint) -> None:
    print_line(f"{complaint.severity}: {complaint.sentence}", style=STYLES[complaint.severity])
    if complaint.examples:
        print_line(f"    such as {', '.join(complaint.examples)}")
    if complaint.hint:
        print_line(f"    → {complaint.hint}")


@database_commands.command("upgrade")
def upgrade_tables(context: typer.Context) -> None:
    """Bring the database to this version's tables.

    Every command does it by itself when it starts; this one is for deployments that want it as a step of its own.

    Example: `journeybot db upgrade`
    """
    settings = settings_of(context)
    database = Database(settings.database_url)
    try:
        before = current(database)
        upgrade(database)
        after = current(database)
    finally:
        database.dispose()
    if before == after:
        print_line(f"{settings.database_label} is at revision {after} already.")
    else:
        print_line(f"{settings.database_label} went from {before or 'nothing'} to revision {after}.")


@database_commands.command("backup")
def back_up(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A file that does not exist yet.")],
) -> None:
    """Copy the whole database to a file while everything runs.

    SQLite by VACUUM INTO, PostgreSQL by pg_dump. It holds customers' data: keep it like the database itself.

    Example: `journeybot db backup backup-2027-04-01.db`
    """
    with opened(context) as app:
        backup(app.database, path.expanduser().absolute())
    print_line(f"{path} holds the whole database.")


@database_commands.command("wipe")
def wipe(context: typer.Context) -> None:
    """Rewrite SQLite's file without the free space in which deleted rows linger; `customers erase` does it by itself.

    Example: `journeybot db wipe`
    """
    with opened(context) as app:
        is_wiped = wipe_free_space(app.database)
    if not is_wiped:
        raise UsageError("Another process uses the database", hint="stop `journeybot run`, then try again")
    print_line("The file holds nothing that its tables do not.")
