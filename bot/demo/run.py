"""Runs the demo: a copy of the starter workspace, a fresh database, the invented company's history, then day after day the
morning's files, several ticks on a simulated clock and what people did meanwhile. Connects to nothing real."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from sqlalchemy import Table, insert

from bot.app import App
from bot.clock import FixedClock, SystemClock
from bot.demo.acting import Actors
from bot.demo.by_hand import start_by_hand, starts
from bot.demo.company import build_company
from bot.demo.facts import DayFacts, write_csvs
from bot.demo.life import Life
from bot.demo.summary import HOME_ZONE, DemoSummary, summarize
from bot.errors import UsageError
from bot.intake.importer import import_paths
from bot.rules.zones import local_to_utc
from bot.settings import Settings
from storage.database import Database
from storage.journeys import Installation
from storage.upgrade import upgrade

INSTALLATION: Table = Installation.__table__  # type: ignore[attr-defined]

SEED = 2027
CUSTOMERS = 200
DAYS = 120
START = date(2027, 4, 1)
COMPANY = "Hanabi Cloud"
#: Local times of the ticks. At half past midnight America and Europe are awake; in the afternoon the day's files have
#: come, offices are open, and restaurants can be reached.
AFTERNOON = time(14, 35)
TICKS = (time(0, 30), AFTERNOON)
SOURCE = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """What to run and where. `starter` holds `playbooks/` and `templates/`; `folder` becomes the demo's workspace."""

    starter: Path
    folder: Path
    seed: int = SEED
    customers: int = CUSTOMERS
    days: int = DAYS
    start: date = START

    @property
    def last_day(self) -> date:
        return self.start + timedelta(days=self.days - 1)

    @property
    def outbox(self) -> Path:
        return self.folder / ".journeybot" / "outbox"

    @property
    def inbox(self) -> Path:
        """Where each morning's CSV files lie before they are imported."""
        return self.folder / "data"

    @property
    def settings(self) -> Settings:
        database = self.folder / ".journeybot" / "journeybot.db"
        return Settings(
            workspace=self.folder, database_url=f"sqlite:///{database}", email="folder", outbox_dir=self.outbox
        )


def run_demo(plan: DemoPlan, console: Console) -> DemoSummary:
    """Raises: UsageError when the folder is not empty, so that nobody's workspace is written over."""
    stopwatch = SystemClock()
    began = stopwatch.monotonic()
    copy_workspace(plan.starter, plan.folder)
    life = Life(build_company(plan.seed, plan.customers, plan.start), plan.seed, days=plan.days)
    clock = FixedClock(_moment(plan.start - timedelta(days=1), time(18, 0)))
    app = _open(plan, clock)
    try:
        _Days(plan=plan, app=app, clock=clock, life=life).live(console)
        with app.database.read() as connection:
            return summarize(
                connection,
                company=COMPANY,
                first_day=plan.start,
                last_day=plan.last_day,
                seconds=stopwatch.monotonic() - began,
                folder=plan.folder,
                outbox=plan.outbox,
            )
    finally:
        app.close()


def _open(plan: DemoPlan, clock: FixedClock) -> App:
    """The database gets its name here: a drawn one would be in every mail's Message-ID, and no two runs the same. While
    the demo runs it does not wait for the disk; whoever works with the database afterwards does."""
    database = Database(plan.settings.database_url, survives_power_loss=False)
    upgrade(database)
    with database.write() as connection:
        connection.execute(insert(INSTALLATION).values(id=f"demo{plan.seed:04d}", created_at=clock.now()))
    return App.open(plan.settings, clock=clock, database=database)


def copy_workspace(starter: Path, folder: Path) -> None:
    """Copies what people edit; raises: UsageError when something is there already."""
    if folder.exists() and any(folder.iterdir()):
        raise UsageError("The folder is not empty", where=str(folder), hint="choose another one, or empty it")
    for name in ("playbooks", "templates"):
        shutil.copytree(starter / name, folder / name)


class _Days:
    """The simulated days of one run."""

    def __init__(self, *, plan: DemoPlan, app: App, clock: FixedClock, life: Life) -> None:
        self._plan = plan
        self._app = app
        self._clock = clock
        self._life = life
        self._starts = tuple(starts(life))

    @cached_property
    def _actors(self) -> Actors:
        """They know what can be clicked in our mails once it is published."""
        life, catalogue = self._life, self._app.require_published().company.catalogue
        customers = {customer.key: customer for customer in life.customers}
        dead_address = life.company.dead_address
        return Actors(self._app.database, customers, self._plan.seed, dead_address=dead_address, catalogue=catalogue)

    def live(self, console: Console) -> None:
        with _progress(console, self._plan.days + 1) as (progress, task):
            progress.update(task, description="history")
            self._import(self._life.history())
            self._app.deploy()
            progress.advance(task)
            for offset in range(self._plan.days):
                day = self._plan.start + timedelta(days=offset)
                progress.update(task, description=f"{day:%d %b %Y}")
                self._live_through(day)
                progress.advance(task)

    def _live_through(self, day: date) -> None:
        for at in TICKS:
            self._clock.move_to(_moment(day, at))
            self._actors.act(self._clock.now())
            if at == AFTERNOON:
                self._import(self._life.day(day))
                for start in self._starts:
                    if start.day == day:
                        start_by_hand(self._app.database, self._app.require_published(), start, self._clock.now())
            self._app.tick()
            self._actors.watch(self._clock.now())

    def _import(self, facts: DayFacts) -> None:
        paths = write_csvs(self._plan.inbox / facts.day.isoformat(), facts)
        import_paths(self._app.database, paths, now=self._clock.now(), source=SOURCE, default_zone=HOME_ZONE)


@contextmanager
def _progress(console: Console, steps: int) -> Iterator[tuple[Progress, TaskID]]:
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as progress:
        yield progress, progress.add_task("", total=steps)


def _moment(day: date, at: time) -> datetime:
    return local_to_utc(datetime.combine(day, at), HOME_ZONE)
