"""The stage on which cases play: one throw-away database that holds the deployed workspace and nobody, put back before each case;
what was compiled once stays compiled. Mails go nowhere. Before it: the checked workspace; after it: playing.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import SecretStr
from sqlalchemy import Table, delete, select, update

from bot.app import App
from bot.authoring.playbook_test_files import PlacedCase
from bot.authoring.workspace import Workspace
from bot.channels.memory import MemoryChannel
from bot.clock import FixedClock
from bot.intake.events import raise_feeds
from bot.pipeline.deploying import deploy
from bot.pipeline.derive import DERIVATIONS
from bot.pipeline.published import Published
from bot.pipeline.scopes import Ground
from bot.pipeline.ticking import tick
from bot.rules.condition_feeds import IMPORTED_USAGE, OTHER_FEEDS
from bot.rules.conditions import Condition, parse_condition
from bot.settings import Settings
from bot.trying.moments import IS_SOMEBODY_LATE
from bot.trying.needed import Wanted, moves_with_time, needed_by, only
from storage.database import Database
from storage.deployments import PLAYBOOK
from storage.health import DerivedItem
from storage.snapshots import Snapshot, make_tables

ITEM: Table = DerivedItem.__table__  # type: ignore[attr-defined]
#: When the workspace is deployed on the stage: before every case.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
#: Links in mails lead nowhere.
NOWHERE = {
    "public_url": "https://journeys.example",
    "secret_key": SecretStr("signs what playbook tests send to nobody"),
}


class Stage:
    """Use as a context manager. `folder` must be empty; it holds the database."""

    def __init__(self, folder: Path, files: Mapping[str, str], workspace: Workspace) -> None:
        self.workspace = workspace
        self.zone = workspace.settings.timezone
        self.clock = FixedClock(LONG_AGO)
        database = Database(f"sqlite:///{folder / 'cases.db'}", survives_power_loss=False)
        make_tables(database)
        channel, staff = MemoryChannel(self.clock.monotonic), MemoryChannel(self.clock.monotonic)
        settings = Settings(workspace=folder, email="folder", outbox_dir=folder / "outbox", **NOWHERE)
        self.app = App.open(settings, clock=self.clock, channel=channel, staff_channel=staff, database=database)
        with database.write() as connection:
            deploy(connection, files, workspace, LONG_AGO)
        self._beginning = Snapshot(database)
        self._feeds = _feeds_of(workspace)
        self._kept: dict[Wanted, tuple[dict[Any, Any], dict[Any, Any], Workspace]] = {}
        self._wanted: Wanted = frozenset()
        #: Whether a new day alone may change anything in the case that plays.
        self.minds_days = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._beginning.close()
        self.app.close()

    @property
    def database(self) -> Database:
        return self.app.database

    def begin(self, at: datetime, placed: PlacedCase) -> None:
        """An empty world in which only the case's journeys let people in, since `at`, and only what it needs is worked out."""
        self._beginning.put_back(self.database)
        self.clock.move_to(at)
        self._wanted = needed_by(placed, self.workspace)
        self.minds_days = moves_with_time(placed, self.workspace, self._wanted)
        lives = {"state": "live", "live_since": at, "last_moment": at}
        with self.database.write() as connection:
            connection.execute(update(PLAYBOOK).values(state="retired"))
            connection.execute(update(PLAYBOOK).where(PLAYBOOK.c.name.in_(placed.acting)).values(**lives))
            for kind, name in connection.execute(select(ITEM.c.kind, ITEM.c.name)).all():
                if (kind, name) not in {(derived.kind, derived.name) for derived in self._wanted}:
                    connection.execute(delete(ITEM).where(ITEM.c.kind == kind, ITEM.c.name == name))

    def published(self) -> Published:
        """What acts in this case. What was put together for a case with the same needs is used again."""
        whole = self.app.require_published()
        if self._wanted not in self._kept:
            company = only(whole.workspace.company, self._wanted)
            self._kept[self._wanted] = ({}, {}, replace(whole.workspace, company=company))
        grounds, terms, workspace = self._kept[self._wanted]
        return replace(whole, workspace=workspace, grounds=grounds, terms=terms)

    def ground(self) -> Ground:
        return self.app.ground(self.published())

    def tick(self, published: Published) -> None:
        """One tick, and what becomes of those who were asked in vain. Every feed is as fresh as can be, so that silence is
        believed (S2)."""
        now = self.clock.now()
        with self.database.write() as connection:
            raise_feeds(connection, dict.fromkeys(self._feeds, now), now)
        report = tick(self.database, published, self.app.channel, self.clock, installation=self.app.installation)
        if report.faults:
            raise StageFault("; ".join(report.faults))
        with self.database.read() as connection:
            is_somebody_late = connection.execute(IS_SOMEBODY_LATE, {"now": now}).scalar_one()
        if is_somebody_late:
            self.app.escalate(published)


class StageFault(Exception):
    """A pass broke while a case was played."""


def _feeds_of(workspace: Workspace) -> tuple[str, ...]:
    """Every feed that some condition of the workspace asks."""
    asked: list[Condition] = [
        each for kind in DERIVATIONS for item in kind.items(workspace.company) for each in item.asks
    ]
    asked += [
        parse_condition(found.text) for parsed in workspace.playbooks.values() for found in parsed.source.conditions
    ]
    named = {feed for condition in asked for feed in condition.feeds if feed != "*"}
    return tuple(sorted({*named, *OTHER_FEEDS, IMPORTED_USAGE}))
