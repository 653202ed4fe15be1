"""The whole program: global options, the lazy group of all commands, and `main`, where it starts."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.lazy_group import LazyGroup
from bot.cli.session import Session

HELP = """Walk every customer through journeys kept as code.

Playbooks and mails are files of a workspace. A first run:

`journeybot demo` shows everything at once; `journeybot init acme` makes a workspace of your own. Inside it: `journeybot import
example`, `journeybot check`, `journeybot deploy`, `journeybot tick`.

Exit codes: 0 fine, 1 findings, 2 usage or configuration, 3 a fault of journeybot itself.
"""

program = typer.Typer(
    name="journeybot",
    cls=LazyGroup,
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from importlib import metadata  # a quarter of the start-up time, and needed here only

        try:
            print(f"journeybot {metadata.version('journeybot')}")
        except metadata.PackageNotFoundError:
            print("journeybot 0+source (run from its folder, not installed)")
        raise typer.Exit


@program.callback()
def start(
    context: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-w",
            help="The folder with playbooks/ and templates/ (default: JOURNEYBOT_WORKSPACE, else here).",
        ),
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error (also: JOURNEYBOT_DEBUG=1).")
    ] = False,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Global options. `debug` is read by LazyGroup, `show_version` has ended the program."""
    del debug, show_version
    context.obj = Session(workspace=workspace)


def main() -> None:
    """The console script. Nothing that is imported ever becomes garbage: looking for some meanwhile would take a sixth of the
    start-up time, and later searches need not look at it either (load_command)."""
    gc.disable()
    program(prog_name="journeybot")
