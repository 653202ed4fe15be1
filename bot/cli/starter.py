"""The starter workspace: found in the installed package or in the repository, copied with what a team needs beside it.
Never overwrites what is there."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

from bot.authoring.schema import write_schemas
from bot.errors import UsageError
from bot.settings import WORKSPACE_VARIABLE, describe_settings

FOLDERS = ("playbooks", "templates/emails", "docs/example")
EXAMPLE = "example"
SCHEMAS = "playbooks/.schema"
GITIGNORE = """# Secrets, and the database with customers' data: never commit them.
.env
.journeybot/
# What this host remembers beside the database; another host must not have it.
.journeybot-host/
"""
README = """# Our customer journeys

Journeys are files in `playbooks/journeys/`, mails are files in `templates/emails/`, and what holds for the whole company
stands in `playbooks/workspace.yml`: put your company's name and address there first.

    journeybot import example --at 2027-04-01T06:00    # the example customers; later your own CSV files
    journeybot check                                   # finds every mistake, with file and line
    journeybot deploy --at 2027-04-01T08:00            # publishes; saving a file changes nothing
    journeybot tick --at 2027-04-01T10:00              # walks whoever is due
    journeybot outbox list                             # mails are .eml files in .journeybot/outbox until you connect a provider
    journeybot explain sakura-cafe                     # why this customer got what it got

`--at` plays with the calendar; leave it out for real, and let `journeybot run` do the ticking. Settings: `.env.example`.
"""


def find_starter() -> Path:
    """The folder with `playbooks/`, `templates/emails/` and `docs/example/`. Raises: UsageError when the installation
    lacks it."""
    package = Path(str(resources.files("bot")))
    for folder in (package / "starter", package.parent):
        if (folder / "playbooks" / "journeys").is_dir():
            return folder
    raise UsageError("This installation has no starter workspace", hint="install journeybot again")


def copy_starter(folder: Path) -> None:
    """Raises: UsageError when something is in the folder already (a `.git` may be)."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", hint="name a new folder")
    if folder.is_dir() and any(entry.name != ".git" for entry in folder.iterdir()):
        raise UsageError(f"{folder} is not empty, and nothing of yours is overwritten", hint="name a new folder")
    starter = find_starter()
    hidden = shutil.ignore_patterns(".*", "__pycache__")
    for name in FOLDERS:
        target = folder / (EXAMPLE if name.startswith("docs") else name)
        shutil.copytree(starter / name, target, ignore=hidden)
    write_schemas(folder / SCHEMAS)
    for name, text in ((".gitignore", GITIGNORE), (".env.example", env_example()), ("README.md", README)):
        (folder / name).write_text(text, encoding="utf-8")


def env_example() -> str:
    """Every setting with its meaning, all commented out."""
    lines = ["# Copy to .env and fill in what you need. The environment wins over this file.", ""]
    for setting in describe_settings():
        if setting.variable == WORKSPACE_VARIABLE:  # a workspace's .env lies in the workspace
            continue
        lines += [f"# {setting.says}", f"# {setting.variable}={setting.default}", ""]
    return "\n".join(lines)
