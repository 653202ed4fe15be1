"""`init` and `schema`: a new workspace, and the files by which editors complete and check while people type."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.authoring.schema import write_schemas
from bot.cli.opening import settings_of
from bot.cli.printing import print_line
from bot.cli.starter import EXAMPLE, SCHEMAS, copy_starter


def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")]) -> None:
    """Make a new workspace from the starter journeys.

    It gets playbooks, mails in English and Japanese, example customers, a `.env.example` and the schemas for your editor.
    Nothing that is there already is overwritten.

    Example: `journeybot init acme`
    """
    folder = folder.expanduser()
    copy_starter(folder)
    journeys = len(list((folder / "playbooks" / "journeys").glob("**/*.yml")))
    print_line(f"Made {folder} with {journeys} journeys. Next:")
    for command, says in (
        (f"cd {folder}", ""),
        ("$EDITOR playbooks/workspace.yml", "your company's name, address and time zone"),
        (f"journeybot import {EXAMPLE} --at 2027-04-01T06:00", "example customers, on the example's calendar"),
        ("journeybot check", "then deploy, tick, explain: see README.md"),
    ):
        print_line(f"  {command:<52} {says}".rstrip())


def schema(context: typer.Context) -> None:
    """Write playbooks/.schema, by which editors complete and check.

    Run it after an upgrade of journeybot.

    Example: `journeybot schema`
    """
    settings = settings_of(context)
    for path in write_schemas(settings.workspace / SCHEMAS):
        print_line(str(path.relative_to(settings.workspace)))
