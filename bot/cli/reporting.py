"""`report`: figures for people and, with --json, for programs. A new report is one line in REPORTS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from bot.cli.opening import AsJson, clock_at, looking
from bot.cli.printing import cell, print_json, print_line, print_table, shown
from bot.errors import UsageError
from bot.insight.report_edits import diff_of, report_edits
from bot.insight.report_handoffs import reasons_of, report_handoffs
from bot.insight.report_invariants import examples_of, is_broken, report_invariants
from bot.insight.report_nps import report_nps
from bot.insight.report_signals import report_signals

Report = Callable[[Connection, datetime], list[dict[str, Any]]]
REPORTS: dict[str, Report] = {
    "nps": report_nps,
    "edits": report_edits,
    "handoffs": report_handoffs,
    "invariants": report_invariants,
    "signals": report_signals,
}
#: What is printed below the figures, for reports that have more to say than a table holds.
BELOW: dict[str, Callable[[Sequence[Mapping[str, Any]]], Iterator[str]]] = {
    "edits": diff_of,
    "handoffs": reasons_of,
    "invariants": examples_of,
}
#: Reports of promises: exit code 1 when one is broken.
BROKEN: dict[str, Callable[[Sequence[Mapping[str, Any]]], bool]] = {"invariants": is_broken}


def report(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"Which: {', '.join(REPORTS)}.")],
    as_json: AsJson = False,
) -> None:
    """Show a report: NPS, what people change of mails, which alerts are useless, signals.

    `nps` counts the latest answer of each person within half a year, for all, by stage and by segment. `edits` says how
    often the mails that hand-offs prepare are sent as they are, and what people change, as a diff. `handoffs` says which
    alerts are useless: how hand-offs end per playbook and step, and why people dismiss them. `invariants` says per week
    whether every hand-off has one owner and one end; exit code 1 when one is lost, or has no end or two.
    `signals` says for each signal how many customers it is open for, what opened and closed within a week, and the revenue.

    Example: `journeybot report nps`
    """
    found = REPORTS.get(name)
    if found is None:
        raise UsageError(f"There is no report `{name}`", hint=f"there are: {', '.join(REPORTS)}")
    with looking(context) as opened, opened.database.read() as connection:
        rows = found(connection, clock_at(opened.settings, None).now())
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
