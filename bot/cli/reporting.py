"""`report`: figures for people and, with --json, for programs. Which there are, says bot.insight.reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from bot.authoring.nearest import suggestion
from bot.cli.opening import AsJson, At, clock_at, looking
from bot.cli.printing import cell, print_json, print_line, print_table, shown
from bot.errors import UsageError
from bot.insight.reports import BELOW, BROKEN, figures_of, why_nothing
from bot.rules.reports import OF_ONE_CSM, REPORTS, report_name


def report(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"Which: {', '.join(REPORTS)}.")],
    csm: Annotated[
        str | None,
        typer.Option("--csm", metavar="KEY", help=f"Only of this CSM's customers: {', '.join(OF_ONE_CSM)}."),
    ] = None,
    first_days: Annotated[
        int | None,
        typer.Option("--first-days", min=1, max=365, help="For metric-discovery: how many first days (default: 30)."),
    ] = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Show a report: health, stages, signals, coverage, NPS, useless alerts and more.

    `nps` counts the latest answer of each person within half a year, for all, by stage and by segment. `edits` says how
    often the mails that hand-offs prepare are sent as they are, and what people change, as a diff. `handoffs` says which
    alerts are useless: how hand-offs end per playbook and step, and why people dismiss them. `invariants` says per week
    whether every hand-off has one owner and one end; exit code 1 when one is lost, or has no end or two.
    `signals` says for each signal how many customers it is open for, what opened and closed within a week, and the revenue.
    `health` counts customers by band for each card and measure, now and against 30 days ago. `stages` says who is where, how
    long a stage takes against the time expected, who is stuck at what, and whether those who move on renew and grow more.
    `playbooks` says how many reached the goal of each journey, against the holdout. `retention` counts the months of a year: gross
    and net revenue retention, customers and revenue lost (paid to free is lost), lifetime value.
    `coverage` lists stage × signal × play; exit code 1 when there is a hole: a signal in a stage on which nobody acts.
    `features` says how many customers use each feature well, a little, or hardly. `content` shows per item how many of those
    whom it fits know of it and viewed it, the minutes of 30 days, and the characters made. `whitespace` names per product who
    could have it and has not, the next renewal first. `churn-reasons` counts why customers left within a year, and what share
    of the lost revenue each link of the value chain answers for.
    `plans` says by kind how many success plans are open, how far and how far behind, and how the others ended.
    `activity` counts what people did within 30 days per CSM (meetings, notes, hand-offs, mails by hand) against what
    `touch: … touches_a_month:` of workspace.yml asks for their customers, and names the customers without a touch.
    `metric-discovery` finds which measure of the first 30 days tells apart who stayed and who left later, and from which number on:
    candidates for the key metric of the first month. It says so where the groups are too small to tell.

    Example: `journeybot report nps`
    """
    name = _checked(name, csm)
    with looking(context) as opened, opened.database.read() as connection:
        rows = figures_of(connection, name, clock_at(opened.settings, at).now(), csm, first_days)
        nothing = "" if rows else why_nothing(connection, name)
    if as_json:
        print_json(rows)
    elif rows:
        columns = tuple(name for name, value in rows[0].items() if not isinstance(value, list))
        print_table(columns, [[cell(row[column]) for column in columns] for row in rows])
        for line in BELOW[name](rows) if name in BELOW else ():
            print_line(shown(line))
    else:
        print_line(f"Nothing to report yet: {nothing}.")
    fail_if_broken(name, rows)


def _checked(text: str, csm: str | None) -> str:
    name = report_name(text)
    if name not in REPORTS:
        raise UsageError(f"There is no report `{text}`", hint=suggestion(name, REPORTS))
    if csm is not None and name not in OF_ONE_CSM:
        hint = f"leave --csm out, or take one of {', '.join(OF_ONE_CSM)}"
        raise UsageError(f"The report `{name}` is of all customers together", hint=hint)
    return name


def fail_if_broken(name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if name in BROKEN and BROKEN[name](rows):
        raise typer.Exit(1)
