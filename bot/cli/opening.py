"""Opens what a command needs: the settings, the database to look at, or the whole App, perhaps with a clock that stands where
`--at` says; refused as soon as anything real is connected. Before it: Typer has parsed; after it: the command acts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy import make_url

from bot.authoring import SETTINGS
from bot.cli.session import session_of
from bot.clock import Clock, FixedClock, SystemClock
from bot.errors import UsageError
from bot.rules.business_days import BusinessCalendar
from bot.rules.calendar import add
from bot.rules.durations import parse_duration
from bot.rules.zones import is_zone, local_to_utc, to_local
from bot.settings import Settings
from storage.database import Database
from storage.upgrade import upgrade

if TYPE_CHECKING:
    from bot.app import App

#: How nearly everybody writes the time zone in workspace.yml; anything else is left to the YAML reader.
PLAIN_TIMEZONE = re.compile(rb"^timezone:[ ]+([A-Za-z0-9_+/-]+)[ ]*(?:#.*)?\r?$", re.MULTILINE)

At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="ISO",
        help="Act as if it were this moment (`2027-04-01T09:00`, the workspace's time zone). "
        "Only where nothing real is connected.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
#: What lists can be narrowed to.
OfCustomer = Annotated[str | None, typer.Option("--customer", "-c", metavar="KEY", help="Of one customer.")]
OfPlaybook = Annotated[str | None, typer.Option("--playbook", "-p", metavar="NAME", help="Of one playbook.")]
AtMost = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]


def settings_of(context: typer.Context) -> Settings:
    """Raises: SettingsError."""
    return Settings.load(session_of(context).workspace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a list needs: no channel, no playbooks, nothing that acts."""

    settings: Settings
    database: Database


@contextmanager
def looking(context: typer.Context) -> Iterator[Look]:
    """The workspace's database, brought up to date: a third of the time that `opened` takes. Raises: SettingsError."""
    settings = settings_of(context)
    _refuse_strange_folder(settings)
    database = Database(settings.database_url)
    try:
        upgrade(database)
        yield Look(settings=settings, database=database)
    finally:
        database.dispose()


@contextmanager
def opened(context: typer.Context, at: str | None = None) -> Iterator[App]:
    """The App of the workspace, with its database up to date. Raises: SettingsError, UsageError."""
    from bot.app import App  # half of a light command's time

    settings = settings_of(context)
    _refuse_strange_folder(settings)
    with App.open(settings, clock=clock_at(settings, at)) as app:
        yield app


def _refuse_strange_folder(settings: Settings) -> None:
    """In a wrong folder a new, empty database would answer every question with nothing."""
    path = make_url(settings.database_url).database
    if path is None or Path(path).exists() or not settings.has_default_database:
        return
    if not (settings.workspace / "playbooks").is_dir():
        raise UsageError(
            f"{settings.workspace} is no workspace: it has neither a folder `playbooks` nor a database",
            hint="go to your workspace, name it with --workspace, or make one with `journeybot init DIR`",
        )


def clock_at(settings: Settings, at: str | None) -> Clock:
    """Raises: UsageError where the clock may not be turned."""
    if at is None:
        return SystemClock()
    if settings.is_connected:
        way = "Slack" if settings.email == "folder" else settings.email
        raise UsageError(
            f"--at turns the clock, and this workspace is connected to {way}: real people would be written to on a false date",
            hint="leave --at out, or try it in a workspace with JOURNEYBOT_EMAIL=folder and without SLACK_BOT_TOKEN",
        )
    return FixedClock(read_instant(at, zone_of_workspace(settings)))


def read_instant(text: str, zone: str) -> datetime:
    """`2027-04-01T09:00`, `2027-04-01 09:00`, `2027-04-01` (midnight) in `zone`, or with an offset of its own.

    Raises: UsageError."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"`{text}` is no moment", hint="write it like 2027-04-01T09:00, or 2027-04-01T09:00+09:00"
        ) from None
    return local_to_utc(found, zone) if found.tzinfo is None else found.astimezone(UTC)


def read_end(text: str, now: datetime, zone: str) -> datetime:
    """A moment, or a length of time from now: `2 days`, `4 hours`. Raises: UsageError."""
    if "T" in text or "-" in text:
        return read_instant(text, zone)
    try:
        return add(parse_duration(text), now, zone, BusinessCalendar())
    except ValueError as refusal:
        sentence, _, hint = str(refusal).partition("; ")
        raise UsageError(sentence, hint=hint or "write `2 days`, `4 hours` or 2027-04-01T09:00") from None


def zone_of_workspace(settings: Settings) -> str:
    """The time zone in which people of this workspace read and write moments. Raises: UsageError."""
    path = settings.workspace / SETTINGS
    text = path.read_bytes() if path.is_file() else b""
    written: list[bytes] = PLAIN_TIMEZONE.findall(text)
    if len(written) == 1 and is_zone(zone := written[0].decode()):
        return zone
    from bot.authoring.workspace_file import load_workspace_settings  # builds the reader of YAML

    found, _ = load_workspace_settings(text, SETTINGS)
    if found is None:
        raise UsageError(
            "The workspace's time zone is not known, because workspace.yml has errors",
            where=str(path),
            hint="run `journeybot check` and repair them",
        )
    return found.timezone


def local_text(instant: datetime | None, zone: str) -> str | None:
    """`2027-04-01 09:00` on the workspace's clock."""
    return None if instant is None else f"{to_local(instant, zone):%Y-%m-%d %H:%M}"
