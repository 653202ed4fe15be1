"""`import`: files into the database, with a progress bar in bytes, a table of what happened and the first problems with row
and column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bot.cli.opening import AsJson, At, opened, zone_of_workspace
from bot.cli.printing import print_json, print_line, print_table, shown
from bot.errors import UsageError
from bot.intake.importer import import_paths
from bot.intake.report import FileReport, ImportReport
from bot.intake.report import Progress as Reached
from bot.rules.zones import is_zone

MOST_PROBLEMS = 10


def import_files(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="CSV, JSON Lines, or folders of them.")],
    map_name: Annotated[
        str | None,
        typer.Option("--map", metavar="MAP", help="A file that names columns, or a shipped map (`ravenstack`)."),
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="What the files hold, where their names do not tell (`customers` …).")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Whose word it is; only what changed at its source is written.")
    ] = None,
    day_first: Annotated[
        bool | None, typer.Option("--day-first/--month-first", help="How 03/04/2026 is read, where nothing proves it.")
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option("--zone", metavar="ZONE", help="The time zone of times that name none; else the workspace's."),
    ] = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="csms.csv names all of our people: who is missing has left.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything, then take it back.")] = False,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Import customers, contacts and facts from CSV or JSON Lines.

    A file's name tells what it holds: `customers.csv`, `contacts.csv`, `csms`, `events`, `usage`, `tickets`, `surveys`,
    `subscriptions`, `meetings`, `notes`, `suppressions`. Importing the same file again changes nothing. Bad rows are listed
    with row and column and do not stop the others; then it ends with 1.

    Example: `journeybot import data/ --dry-run`
    """
    if zone is not None and not is_zone(zone):
        raise UsageError(f"`{zone}` is not a time zone", where="--zone", hint="write it like `Asia/Tokyo`")
    with opened(context, at) as app, _bars(is_shown=not as_json) as progress:
        report = import_paths(
            app.database,
            [path.expanduser() for path in paths],
            now=app.clock.now(),
            map_name=map_name,
            dry_run=dry_run,
            source=source,
            day_first=day_first,
            default_zone=zone or zone_of_workspace(app.settings),
            progress=progress,
            kind=kind,
            is_complete=complete,
        )
    if as_json:
        print_json(report.as_dict())
    else:
        _print_report(report)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


@contextmanager
def _bars(*, is_shown: bool) -> Iterator[Callable[[Reached], None] | None]:
    """One bar per file, on stderr and only on a terminal, so that output can be piped."""
    console = Console(stderr=True)
    if not (is_shown and console.is_terminal):
        yield None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[rows]} rows"),
        TimeElapsedColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console) as bars:

        def tell(reached: Reached) -> None:
            if reached.file not in tasks:
                tasks[reached.file] = bars.add_task(shown(reached.file), rows=0)
            bars.update(tasks[reached.file], completed=reached.bytes_done, total=reached.bytes_total, rows=reached.rows)

        yield tell


def _print_report(report: ImportReport) -> None:
    columns = ("file", "kind", "rows", "changed", "unchanged", "rejected", "flawed")
    print_table(columns, [[getattr(file, name) for name in columns] for file in report.files])
    for file in report.files:
        print_problems(file)
    for warning in report.warnings:
        print_line(f"Note: {warning}")
    if report.waiting and not report.is_dry_run:
        print_line(
            f"{report.waiting} of the rejected rows wait for a customer nobody has brought yet; "
            "the import that brings it attaches them."
        )
    if report.is_dry_run:
        print_line("Dry run: nothing was stored.")


def print_problems(file: FileReport) -> None:
    for warning in file.warnings:
        print_line(f"Note: {file.file}: {warning}")
    for problem in file.problems[:MOST_PROBLEMS]:
        print_line(str(problem), style="yellow")
    rest = sum(file.problem_counts.values()) - min(len(file.problems), MOST_PROBLEMS)
    if rest > 0:
        print_line(f"… and {rest} more in {file.file}:")
        for rule, count in sorted(file.problem_counts.items(), key=lambda item: (-item[1], item[0])):
            print_line(f"  {count} × {rule}")
