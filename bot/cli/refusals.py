"""What a person reads when a command cannot do what was asked: the sentence, where, and what to do, on stderr, without a
traceback. An unexpected error is one line and how to report it; `--debug` (or JOURNEYBOT_DEBUG) shows the traceback."""

from __future__ import annotations

import os
import sys
import traceback

import typer

from bot.cli.printing import shown
from bot.errors import Finding, JourneybotError, WorkspaceError

DEBUG_VARIABLE = "JOURNEYBOT_DEBUG"
#: Neither fine (0), findings (1) nor usage (2): a fault of journeybot itself.
FAULT = 3
MOST_FINDINGS = 10


def refuse(error: Exception, *, is_debugging: bool = False) -> typer.Exit:
    """Print the error; what to raise so that the program ends with the right code."""
    is_debugging = is_debugging or bool(os.environ.get(DEBUG_VARIABLE))
    if is_debugging:
        traceback.print_exception(error)
    readable = _readable(error)
    if readable is None:
        _say(f"journeybot broke: {type(error).__name__}: {_first_line(error)}")
        if not is_debugging:
            _say(
                "  → run it again with --debug and report what it prints (it may name customers: look before you send)"
            )
        return typer.Exit(FAULT)
    _say(f"Error: {readable.sentence}")
    if readable.where:
        _say(f"  in {readable.where}")
    for finding in _findings(readable):
        _say(f"  {finding}")
    if readable.hint:
        _say(f"  → {readable.hint}")
    return typer.Exit(readable.exit_code)


def _readable(error: Exception) -> JourneybotError | None:
    """Faults of the database and of its files are somebody's to repair too; the driver's words say what is wrong."""
    if isinstance(error, JourneybotError):
        return error
    if isinstance(error, OSError) and error.filename is not None:
        return JourneybotError(f"{error.strerror}", where=str(error.filename), hint="choose a place you may use")
    sentence, hint = getattr(error, "sentence", None), getattr(error, "hint", None)
    if sentence and hint:  # the errors of storage, which knows nothing of bot.errors
        return JourneybotError(str(sentence).capitalize(), hint=str(hint))
    if type(error).__name__ == "OperationalError":
        said = _first_line(getattr(error, "orig", None) or error)
        is_behind = "no such" in said or "does not exist" in said
        hint = "`journeybot doctor` says what it lacks" if is_behind else "look at its address, the server and the disk"
        return JourneybotError(f"The database cannot be used: {said}", where="JOURNEYBOT_DATABASE_URL", hint=hint)
    return None


def _findings(error: JourneybotError) -> list[str]:
    found: list[Finding] = error.findings if isinstance(error, WorkspaceError) else []
    rest = len(found) - MOST_FINDINGS
    return [str(finding) for finding in found[:MOST_FINDINGS]] + ([f"… and {rest} more"] if rest > 0 else [])


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0]


def _say(line: str) -> None:
    print("\n".join(shown(part) for part in line.splitlines()), file=sys.stderr)
