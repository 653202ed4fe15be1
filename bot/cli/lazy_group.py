"""The top group of commands: lists them from a table and imports a command's module only when it is run or asked for help.
What a command raises becomes a readable refusal (refusals.py); only Typer's own exceptions pass through."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from bot.cli.command_table import COMMANDS, CommandPlace
from bot.cli.refusals import refuse
from bot.garbage import search_seldom


class LazyCommand(TyperCommand):
    """Stands for a command until somebody needs the real one."""

    def __init__(self, place: CommandPlace) -> None:
        super().__init__(
            name=place.name, help=place.says, hidden=place.is_hidden, callback=None, rich_help_panel=place.panel
        )
        self.place = place

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return load_command(self.place).make_context(info_name, args, parent=parent, **extra)


class LazyGroup(TyperGroup):
    """All commands of journeybot."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": {place.name: LazyCommand(place) for place in COMMANDS}})

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (TyperException, typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except Exception as error:
            raise refuse(error, is_debugging=bool(ctx.params.get("debug"))) from error


def load_command(place: CommandPlace) -> Any:
    """The real command, its module imported."""
    module, _, attribute = place.place.partition(":")
    found = getattr(import_module(module), attribute)
    if not gc.isenabled():  # `main` started the program, not a test
        search_seldom()
    if isinstance(found, typer.Typer):
        command: Any = typer.main.get_group(found)  # get_command would offer shell completion in every group
    else:
        command = typer.main.get_command(_alone(place.name, found))
    command.name = place.name
    return command


def _alone(name: str, function: Any) -> typer.Typer:
    group = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    group.command(name)(function)
    return group
