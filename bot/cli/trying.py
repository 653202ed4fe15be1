"""`test`: plays the workspace's playbook tests, and says of each failure what was expected, what came instead, and why."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import PurePosixPath
from typing import Annotated

import typer

from bot.app import read_workspace
from bot.authoring.playbook_test_files import ENDING, TESTS, PlacedCase
from bot.authoring.workspace import Workspace
from bot.cli.opening import AsJson, settings_of
from bot.cli.printing import print_json, print_line
from bot.cli.publishing import print_findings
from bot.errors import UsageError
from bot.trying.run import CaseResult, run_cases


def play_tests(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PLAYBOOK]...", help="Only the tests of these playbooks (or these files)."),
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", metavar="WORDS", help="Only cases whose name holds this.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play the playbook tests: who gets what, and who does not.

    Each case of playbooks/tests/*.test.yml plays on a database of its own with the real passes and a simulated clock; nothing
    real is touched. Ends with 1 when a case fails or the workspace has errors.

    Example: `journeybot test renewal_90_days`
    """
    files, workspace = read_workspace(settings_of(context))
    if workspace.errors:
        if as_json:
            print_json([finding.as_dict() for finding in workspace.errors])
        else:
            print_findings(tuple(workspace.errors))
        raise typer.Exit(1)
    cases = _chosen(workspace, names or [], only)
    results = run_cases(files, workspace, cases)
    if as_json:
        print_json([result.as_dict() for result in results])
    else:
        _print(results)
    if not all(result.passed for result in results):
        raise typer.Exit(1)


def _chosen(workspace: Workspace, names: Sequence[str], only: str | None) -> list[PlacedCase]:
    """Raises: UsageError for a name without tests, and where nothing is left to play."""
    by_name: dict[str, list[PlacedCase]] = {}
    for placed in workspace.cases:
        by_name.setdefault(_stem(placed.file), []).append(placed)
    for name in names:
        if _stem(name) not in by_name:
            hint = f"there are tests of: {', '.join(by_name)}" if by_name else f"write {TESTS}{_stem(name)}{ENDING}"
            raise UsageError(f"There is no test of `{_stem(name)}`", hint=hint)
    wanted = {_stem(name) for name in names} or set(by_name)
    chosen = [placed for name, cases in by_name.items() if name in wanted for placed in cases]
    chosen = [placed for placed in chosen if only is None or only.casefold() in placed.case.name.casefold()]
    if not chosen:
        hint = f"write {TESTS}NAME{ENDING}, or ask for other words with --only"
        raise UsageError("There is no playbook test to play", hint=hint)
    return chosen


def _stem(name: str) -> str:
    return PurePosixPath(name).name.removesuffix(ENDING)


def _print(results: Sequence[CaseResult]) -> None:
    for file, mine in groupby(results, key=lambda result: result.placed.file):
        of_file = list(mine)
        failed = [result for result in of_file if not result.passed]
        seconds = sum(result.seconds for result in of_file)
        told = f"{len(of_file) - len(failed)} passed" + (f", {len(failed)} failed" if failed else "")
        print_line(f"{PurePosixPath(file).name:<44} {told} ({seconds:.1f} s)", style="red" if failed else "")
        for result in failed:
            _print_failed(result)
    failed_count = sum(not result.passed for result in results)
    seconds = sum(result.seconds for result in results)
    ending = f"{len(results) - failed_count} passed, {failed_count} failed in {seconds:.1f} s."
    print_line(ending, style="red" if failed_count else "green")


def _print_failed(result: CaseResult) -> None:
    print_line(f"  ✗ {result.placed.case.name}", style="red")
    for failure in result.failures:
        print_line(f"    {result.placed.file}:{failure.line}")
        for word, lines in (
            ("expected", (failure.expected,)),
            ("instead", failure.instead),
            ("why", failure.why),
            ("hint", (failure.hint,) if failure.hint else ()),
        ):
            for number, line in enumerate(lines):
                print_line(f"      {word if number == 0 else '':<9} {line}")
