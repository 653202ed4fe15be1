"""What the global options of one call said. Commands open the settings or the whole App through it. Light on purpose: it is
imported for every `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`workspace`: what `--workspace` said; None leaves it to JOURNEYBOT_WORKSPACE and the current folder."""

    workspace: Path | None


def session_of(context: typer.Context) -> Session:
    found = context.find_object(Session)
    return found or Session(workspace=None)
