"""Prepares what every case begins with: a workspace, its database with a few customers who are owed a mail at once, a warm
forge. The opted-out customer of the cast is among them: nobody may ever mail that one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import make_url

from storage.database import Database
from storage.upgrade import upgrade
from tests.moving_database import MovingDatabase
from tests.pipeline.scenes import company, journey
from tests.postgresql import new_database
from tests.promise.door import open_door
from tests.promise.forge import SharedClock
from tests.promise.smithy import Forge, Smithy
from tests.world import BEGINNING, World

CUSTOMERS = 4
Prepare = Callable[[World], None]


def a_few_who_are_owed_a_mail(world: World) -> None:
    world.mail("hello")
    journey(world, "greeting", "- email: hello\n  to: champion\n- wait: 10 minutes\n- log: Greeted")
    world.deploy()
    for number in range(CUSTOMERS):
        company(world, f"c{number}")


@contextmanager
def open_smithy(
    folder: Path,
    prepare: Prepare = a_few_who_are_owed_a_mail,
    *,
    postgresql: tuple[str, str] | None = None,
) -> Iterator[Smithy]:
    """`postgresql`: a server and the name of its template database; else SQLite in the folder."""
    with ExitStack() as stack:
        template, scratch = stack.enter_context(_prepared(folder, prepare, postgresql))
        clock = SharedClock(folder / "clock")
        clock.move_to(BEGINNING)
        database = MovingDatabase(scratch)
        smithy = Smithy(
            template=template,
            folder=folder,
            workspace=folder / "workspace",
            clock=clock,
            start_at=BEGINNING,
            forge=Forge(folder / "workspace", clock.path, scratch, folder / "children.log"),
            database=database,
            events_url=stack.enter_context(open_door(folder / "workspace", clock, database)),
        )
        stack.callback(smithy.close)
        yield smithy


@contextmanager
def _prepared(folder: Path, prepare: Prepare, postgresql: tuple[str, str] | None) -> Iterator[tuple[str, str]]:
    """The template's URL and a copy's, to warm up on."""
    if postgresql is None:
        url, scratch = f"sqlite:///{folder / 'template.db'}", f"sqlite:///{folder / 'scratch.db'}"
        _prepare(folder, url, prepare)
        shutil.copyfile(folder / "template.db", folder / "scratch.db")
        yield url, scratch
        return
    server, tables = postgresql
    name = f"smithy_{os.getpid()}_{abs(hash(folder)) % 10**6}"
    with new_database(server, name, template=tables) as url:
        _prepare(folder, url, prepare)
        with new_database(server, f"{name}_scratch", template=str(make_url(url).database)) as scratch:
            yield url, scratch


def _prepare(folder: Path, url: str, prepare: Prepare) -> None:
    database = Database(url)
    upgrade(database)
    prepare(World(database, folder / "workspace", at=BEGINNING))
    database.dispose()
