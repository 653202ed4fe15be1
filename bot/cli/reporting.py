"""`report`: figures for people and, with --json, for programs. A new report is one line in REPORTS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from bot.cli.opening import AsJson, At, clock_at, looking
from bot.cli.printing import cell, print_json, print_line, print_table, shown
from bot.errors import UsageError
from bot.insight.report_activity import report_activity, untouched_of
from bot.insight.report_churn_reasons import links_of, report_churn_reasons
from bot.insight.report_content import report_content
from bot.insight.report_coverage import has_holes, holes_of, report_coverage
from bot.insight.report_edits import diff_of, report_edits
from bot.insight.report_features import report_features
from bot.insight.report_handoffs import reasons_of, report_handoffs
from bot.insight.report_health import report_health
from bot.insight.report_invariants import examples_of, is_broken, report_invariants
from bot.insight.report_nps import report_nps
from bot.insight.report_plans import most_behind_of, report_plans
from bot.insight.report_playbooks import report_playbooks
from bot.insight.report_retention import report_retention
from bot.insight.report_signals import report_signals
from bot.insight.report_stages import report_stages, stuck_of
from bot.insight.report_whitespace import customers_of, report_whitespace

Report = Callable[[Connection, datetime], list[dict[str, Any]]]
REPORTS: dict[str, Report] = {
    "nps": report_nps,
    "edits": report_edits,
    "handoffs": report_handoffs,
    "invariants": report_invariants,
    "signals": report_signals,
    "health": report_health,
    "stages": report_stages,
    "coverage": report_coverage,
    "playbooks": report_playbooks,
    "retention": report_retention,
    "features": report_features,
    "content": report_content,
    "whitespace": report_whitespace,
    "churn-reasons": report_churn_reasons,
    "plans": report_plans,
    "activity": report_activity,
}
#: What is printed below the figures, for reports that have more to say than a table holds.
BELOW: dict[str, Callable[[Sequence[Mapping[str, Any]]], Iterator[str]]] = {
    "edits": diff_of,
    "handoffs": reasons_of,
    "invariants": examples_of,
    "stages": stuck_of,
    "coverage": holes_of,
    "whitespace": customers_of,
    "churn-reasons": links_of,
    "plans": most_behind_of,
    "activity": untouched_of,
}
#: Reports of promises, and of holes: exit code 1 when one is broken, or open.
BROKEN: dict[str, Callable[[Sequence[Mapping[str, Any]]], bool]] = {"invariants": is_broken, "coverage": has_holes}


def report(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"Which: {', '.join(REPORTS)}.")],
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

    Example: `journeybot report nps`
    """
    name = name.replace("_", "-")  # as `reports:` of workspace.yml writes it
    found = REPORTS.get(name)
    if found is None:
        raise UsageError(f"There is no report `{name}`", hint=f"there are: {', '.join(REPORTS)}")
    with looking(context) as opened, opened.database.read() as connection:
        rows = found(connection, clock_at(opened.settings, at).now())
    if as_json:
        print_json(rows)
    elif rows:
        columns = tuple(name for name, value in rows[0].items() if not isinstance(value, list))
        print_table(columns, [[cell(row[column]) for column in columns] for row in rows])
        for line in BELOW[name](rows) if name in BELOW else ():
            print_line(shown(line))
    else:
        print_line("Nothing to report yet.")
    fail_if_broken(name, rows)


def fail_if_broken(name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if name in BROKEN and BROKEN[name](rows):
        raise typer.Exit(1)
