"""Runs playbook tests: the workspace is deployed once onto a stage, each case plays on it from the same beginning. Called by
`journeybot test` and by anybody's own tests."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.authoring.playbook_test_files import PlacedCase
from bot.authoring.workspace import Workspace
from bot.clock import Clock, SystemClock
from bot.trying.came import Came
from bot.trying.judging import Failure, judge
from bot.trying.playing import Unplayable, play
from bot.trying.stage import Stage, StageFault


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """How one case went. `seconds` are real ones."""

    placed: PlacedCase
    failures: tuple[Failure, ...]
    came: tuple[Came, ...]
    ticks: int
    seconds: float

    @property
    def passed(self) -> bool:
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        return {
            "file": self.placed.file,
            "line": self.placed.line,
            "name": self.placed.case.name,
            "playbooks": list(self.placed.acting),
            "passed": self.passed,
            "seconds": round(self.seconds, 3),
            "ticks": self.ticks,
            "failures": [
                {
                    "line": failure.line,
                    "expected": failure.expected,
                    "instead": list(failure.instead),
                    "why": list(failure.why),
                    "hint": failure.hint,
                }
                for failure in self.failures
            ],
            "came": [str(each) for each in self.came],
        }


def run_cases(
    files: Mapping[str, str],
    workspace: Workspace,
    cases: Sequence[PlacedCase],
    *,
    clock: Clock | None = None,
    tell: Callable[[CaseResult], None] = lambda result: None,
) -> list[CaseResult]:
    """`tell` hears of each result at once. Raises: WorkspaceError where the workspace has errors."""
    watch, results = clock or SystemClock(), []
    with (
        tempfile.TemporaryDirectory(prefix="journeybot-test-") as folder,
        Stage(Path(folder), files, workspace) as stage,
    ):
        for placed in cases:
            result = _run(stage, placed, watch)
            results.append(result)
            tell(result)
    return results


def _run(stage: Stage, placed: PlacedCase, watch: Clock) -> CaseResult:
    came: tuple[Came, ...] = ()
    began, ticks = watch.monotonic(), 0
    try:
        played = play(stage, placed)
        came, failures = judge(stage, placed, played)
        ticks = played.ticks
    except Unplayable as error:
        failures = [
            Failure(line=error.line, expected="a case that can be played", instead=(error.sentence,), hint=error.hint)
        ]
    except StageFault as error:
        hint = "this is a fault of journeybot: please report it with the case"
        failures = [Failure(line=placed.line, expected="a case that can be played", instead=(str(error),), hint=hint)]
    return CaseResult(
        placed=placed, failures=tuple(failures), came=came, ticks=ticks, seconds=watch.monotonic() - began
    )
