"""`demo`: a complete run on invented customers, in a folder of its own."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.cli.opening import AsJson
from bot.cli.printing import print_json
from bot.cli.starter import find_starter
from bot.demo.company import SMALLEST
from bot.demo.run import CUSTOMERS, DAYS, SEED, DemoPlan, run_demo
from bot.demo.story import print_summary

FOLDER = "journeybot-demo"
PROGRAM = "journeybot"


def demo(
    seed: Annotated[
        int, typer.Option("--seed", help="Another seed is another company; the same one is the same run.")
    ] = SEED,
    days: Annotated[int, typer.Option("--days", min=1, max=730, help="Simulated days.")] = DAYS,
    customers: Annotated[
        int, typer.Option("--customers", min=SMALLEST, max=5000, help="Invented customers.")
    ] = CUSTOMERS,
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help=f"A new folder (default: {FOLDER}, then {FOLDER}-2 …).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """See a complete run: 200 invented customers, 120 days, nothing real.

    No keys and no network are needed. The mails lie as .eml files in the folder, which is a workspace: `journeybot
    --workspace journeybot-demo explain …` works in it.

    Example: `journeybot demo --days 30`
    """
    chosen = (folder or _free_folder()).expanduser().absolute()
    plan = DemoPlan(starter=find_starter(), folder=chosen, seed=seed, customers=customers, days=days)
    summary = run_demo(plan, Console(stderr=as_json))
    if as_json:
        print_json(summary)
    else:
        print_summary(Console(), summary, command=command_from(chosen))


def command_from(folder: Path) -> str:
    """How to start this program again from within `folder`: by its name where the shell finds it, else by its path."""
    started = Path(sys.argv[0])
    if not started.is_file():
        return PROGRAM
    found = shutil.which(PROGRAM)
    is_on_path = found is not None and Path(found).resolve() == started.resolve()
    if is_on_path or started.stem != PROGRAM:
        return PROGRAM
    return min(os.path.relpath(started, folder), str(started.absolute()), key=len)


def _free_folder() -> Path:
    """The first name that nobody uses, so that a second run does not touch the first."""
    names = itertools.chain([FOLDER], (f"{FOLDER}-{number}" for number in itertools.count(2)))
    return next(path for path in map(Path, names) if not path.exists())
