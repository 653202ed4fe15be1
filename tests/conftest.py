"""Fixtures: every test that asks for `database` runs on SQLite and on a real PostgreSQL, each with fresh tables. In CI
(CI=true) a skipped test is a failed run: nothing may pass there by not being tried."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from storage.database import Database
from storage.tables import metadata
from storage.upgrade import mark_current
from tests.moving_database import MovingDatabase
from tests.postgresql import (
    RUNTIME,
    SharedDatabase,
    begin_run,
    end_run,
    new_database,
    own_server,
    template_database,
)

if TYPE_CHECKING:
    from tests.world import World

# In CI the same examples every time: a change is judged by what it changes, not by luck. Everywhere else new ones are tried.
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")

RUN_FOLDER = "JOURNEYBOT_TEST_RUN_FOLDER"
RUN_FOLDER_KEY = pytest.StashKey[Path]()

_numbers = itertools.count()
#: One engine for all tests of a process: what it compiled serves the next test too.
MOVING: dict[str, MovingDatabase] = {}
# Statements are made of thousands of small objects that live long; looking through them so often costs a tenth of a run.
gc.set_threshold(50_000, 20, 50)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """The process that begins the run makes its folder; workers find it in their environment."""
    if not _is_worker(config):
        folder = begin_run()
        os.environ[RUN_FOLDER] = str(folder)
        # The server's package looks for it and warns where there is none, or one that others may enter.
        os.environ["XDG_RUNTIME_DIR"] = str(folder / RUNTIME)
    config.stash[RUN_FOLDER_KEY] = Path(os.environ[RUN_FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _is_worker(config):
        end_run(config.stash[RUN_FOLDER_KEY])


def _skipped(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", ())) if reporter and os.environ.get("CI") == "true" else 0


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if exitstatus == pytest.ExitCode.OK and not _is_worker(session.config) and _skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if _skipped(config):
        terminalreporter.write_line(
            f"CI=true and {_skipped(config)} skipped: the run has failed (pytest -rs names them)"
        )


@pytest.fixture(scope="session")
def postgresql_server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """The URL of a server of our own (or TEST_DATABASE_URL), and the name of its template database with the tables."""
    given = os.environ.get("TEST_DATABASE_URL")
    folder = request.config.stash[RUN_FOLDER_KEY] / os.environ.get("PYTEST_XDIST_WORKER", "alone")
    with nullcontext(given) if given else own_server(folder) as url, template_database(url) as template:
        yield url, template


@pytest.fixture(scope="session")
def postgresql_url(postgresql_server: tuple[str, str]) -> str:
    """A server's URL, for tests that make databases of their own."""
    return postgresql_server[0]


@pytest.fixture
def postgresql_database_url(postgresql_server: tuple[str, str]) -> Iterator[str]:
    """The URL of a fresh database with the tables in place; dropped afterwards."""
    url, template = postgresql_server
    with new_database(url, f"journeybot_{os.getpid()}_{next(_numbers)}", template=template) as found:
        yield found


@pytest.fixture(scope="session")
def shared_postgresql(postgresql_server: tuple[str, str]) -> Iterator[SharedDatabase]:
    found = SharedDatabase(*postgresql_server)
    yield found
    moving = MOVING.pop("postgresql", None)
    if moving is not None:
        moving.dispose()
    found.close()


@pytest.fixture
def postgresql_emptied_url(shared_postgresql: SharedDatabase) -> str:
    """The URL of the database that test after test uses, emptied."""
    moving = MOVING.get("postgresql")
    return shared_postgresql.emptied(moving.engine if moving else None)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables, to be copied: making them anew takes a test's tenth of a second."""
    path = tmp_path_factory.mktemp("template") / "journeybot.db"
    made = Database(f"sqlite:///{path}", survives_power_loss=False)
    with made.write() as connection:
        metadata.create_all(connection)
        mark_current(connection)
    made.dispose()  # the last connection folds the write-ahead log into the file
    return path


@pytest.fixture
def sqlite_database_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "journeybot.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite_database_url", "postgresql_emptied_url"], ids=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database with all tables, on both engines in turn."""
    found = MOVING.get(database_url.partition(":")[0])
    if found is None:
        found = MovingDatabase(database_url, survives_power_loss=False)
        MOVING[database_url.partition(":")[0]] = found
    if found.is_sqlite:
        found.move_to(database_url)
        yield found
        found.dispose()
    else:  # always the same database, to which its connections stay open
        yield found


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    """journeybot on an empty database with a workspace of nothing but settings (tests/world.py says how to use it). What it
    decided must have a sentence."""
    # Imported here, so that a test of one module does not need the whole product to be importable.
    from tests.world import World

    found = World(database, tmp_path / "workspace")
    yield found
    found.assert_explained()
