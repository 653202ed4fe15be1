"""`sync`: what changed at the sources of `playbooks/sources.yml` since the last time, with a table of what each pull did and the
first problems with column and value."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from bot.cli.importing import print_problems
from bot.cli.opening import AsJson, At, opened, zone_of_workspace
from bot.cli.printing import print_json, print_line, print_table
from bot.errors import UsageError
from bot.insight.customer_states import states_of
from bot.intake.pulls.base import PullSource
from bot.intake.pulls.sources_file import load_sources
from bot.intake.pulls.sync import PullReport, Setting, open_puller, sync_sources
from bot.intake.values import nearest
from bot.settings import read_environment

COLUMNS = ("source", "pull", "rows", "changed", "unchanged", "rejected", "gone", "written_back")


def sync(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE", help="Only these sources; without one, all.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget how far it came and read everything again.")] = False,
    believe_gone: Annotated[
        bool, typer.Option("--believe-gone", help="Mark what is missing at a source as gone, however much it is.")
    ] = False,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Pull customers and facts from your warehouse or CRM.

    The sources are named in `playbooks/sources.yml`; only what changed is fetched. Each source resumes where it stood, and
    running it again changes nothing. A source that fails is named, keeps what was stored, and does not stop the others; then
    it ends with 1. Call it as often as you like, for instance from cron.

    Example: `journeybot sync crm`
    """
    with opened(context, at) as app:
        sources = _chosen(load_sources(app.settings.workspace), names or [])
        setting = Setting(
            database=app.database,
            now=app.clock.now(),
            zone=zone_of_workspace(app.settings),
            fresh=fresh,
            believes_gone=believe_gone,
        )
        environment = read_environment(app.settings.workspace)
        reports = sync_sources(
            setting, sources, partial(open_puller, environment=environment), partial(states_of, now=setting.now)
        )
    if as_json:
        print_json([report.as_dict() for report in reports])
    else:
        _print(reports)
    if any(report.failure or report.rejected for report in reports):
        raise typer.Exit(1)


def _chosen(sources: tuple[PullSource, ...], names: list[str]) -> list[PullSource]:
    known = {source.name: source for source in sources}
    for name in names:
        if name not in known:
            meant = nearest(name, list(known))
            hint = f"did you mean {meant}?" if meant else f"there are: {', '.join(known)}"
            raise UsageError(f"There is no source `{name}`", where="playbooks/sources.yml", hint=hint)
    return [source for source in sources if not names or source.name in names]


def _print(reports: list[PullReport]) -> None:
    print_table(COLUMNS, [[getattr(report, name) for name in COLUMNS] for report in reports])
    for report in reports:
        if report.file is not None:
            print_problems(report.file)
        if report.failure:
            print_line(f"Failed: {report.failure}", style="red")
