"""docs/cli.md: every command with its arguments and options, read from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperArgument, TyperGroup

from bot.cli.command_table import COMMANDS
from bot.cli.lazy_group import load_command
from bot.cli.pages.markdown import GENERATED, code, table
from bot.settings import describe_settings

OPENING = f"""{GENERATED}
# Commands

`journeybot [--workspace DIR] [--debug] COMMAND …`; `python -m bot.cli` does the same. `--install-completion` adds completion to
your shell. `--json` prints JSON on everything that prints data: lists are one array, instants are ISO 8601 with their offset.

Exit codes: 0 fine; 1 findings (`check` found errors, rows were rejected, `doctor` found something, a mail was not sent);
2 usage or configuration; 3 a fault of journeybot itself (`--debug` shows the traceback).

`--at ISO` sets the clock of one call, for trying things out on an example's calendar. It is refused as soon as a mail provider
or Slack is connected.
"""


def command_reference() -> str:
    """The whole page."""
    parts = [OPENING]
    for place in COMMANDS:
        if not place.is_hidden:
            parts += _described(load_command(place), f"journeybot {place.name}", level=2)
    return "\n".join([*parts, _settings()])


def _described(command: Any, path: str, *, level: int) -> Iterator[str]:
    context = typer.Context(command, info_name=path)
    yield f"{'#' * level} {path.removeprefix('journeybot ')}\n"
    if isinstance(command, TyperGroup):
        yield f"{command.help}\n"
        for name, inner in command.commands.items():
            yield from _described(inner, f"{path} {name}", level=level + 1)
        return
    usage = _without_braces(" ".join(command.collect_usage_pieces(context)))
    yield f"```\n{path} {usage}\n```\n"
    yield f"{(command.help or '').strip()}\n"
    rows = [_row(parameter, context) for parameter in command.params]
    if rows:
        yield table(("argument or option", "default", "meaning"), rows)


def _row(parameter: Any, context: typer.Context) -> tuple[str, str, str]:
    name = (
        " ".join(parameter.get_usage_pieces(context))
        if isinstance(parameter, TyperArgument)
        else ", ".join(_options(parameter))
    )
    default = parameter.default
    shown = "required" if parameter.required else "" if default in (None, False, "", ()) else code(str(default))
    return code(name), shown, parameter.help or ""


def _without_braces(usage: str) -> str:
    """Typer puts names into braces; a reader would type them."""
    return usage.replace("{", "").replace("}", "")


def _options(parameter: Any) -> Iterator[str]:
    metavar = f" {parameter.metavar}" if parameter.metavar else ""
    for option in parameter.opts:
        yield option + metavar
    yield from parameter.secondary_opts


def _settings() -> str:
    rows = [
        (code(found.variable), code(found.default) if found.default else "–", found.says)
        for found in describe_settings()
    ]
    return f"""## Settings

From the environment or `.env` in the workspace; the environment wins. Unsafe values are refused with a sentence.

{table(("variable", "default", "meaning"), rows)}"""
