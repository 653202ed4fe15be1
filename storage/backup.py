"""Copies a whole database to a file while it is in use: VACUUM INTO on SQLite, pg_dump on PostgreSQL. Never overwrites
anything, and the file appears under its name only when it is whole. It holds personal data, so only its owner may read it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from storage.database import Database


class BackupFailed(RuntimeError):
    """There is no backup. `hint` says what to do."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


def backup(database: Database, path: Path) -> None:
    """`path` becomes a SQLite database, or a file for pg_restore. Raises: BackupFailed."""
    if path.exists():
        raise BackupFailed(f"{path} exists already", "choose another name; backups are never overwritten")
    if not path.parent.is_dir():
        raise BackupFailed(f"{path.parent} is no folder", "make it first, on a disk with room for the whole database")
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    try:
        partial.touch(mode=0o600, exist_ok=False)
        _copy_sqlite(database, partial) if database.is_sqlite else _dump_postgresql(database, partial)
        _flush(partial)
        partial.rename(path)
    except OSError as error:
        raise BackupFailed(f"{path} cannot be written: {error.strerror}", "choose a folder you may write to") from error
    finally:
        partial.unlink(missing_ok=True)


def _copy_sqlite(database: Database, path: Path) -> None:
    """VACUUM INTO takes a consistent copy without keeping writers out, and accepts an empty file as its target."""
    with database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        try:
            driver.execute("VACUUM INTO ?", (str(path),))
        except sqlite3.Error as error:
            raise BackupFailed(f"SQLite could not copy the database: {error}", "look for room on the disk") from error


def _dump_postgresql(database: Database, path: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise BackupFailed(
            "pg_dump is not installed here", "install PostgreSQL's client programs, of the server's version"
        )
    url = database.url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    # The password goes by the environment: arguments are visible to everybody on the machine.
    environment = {**os.environ, **({"PGPASSWORD": str(database.url.password)} if database.url.password else {})}
    command = [program, "--format=custom", "--no-password", f"--file={path}", f"--dbname={url}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        # The first line is the error, the second names the versions where they do not fit.
        said = "; ".join(line.removeprefix("pg_dump: ") for line in done.stderr.strip().splitlines()[:2])
        raise BackupFailed(
            f"pg_dump failed: {said or done.returncode}",
            "put a pg_dump first on the PATH that is at least as new as the server"
            if "version mismatch" in said
            else "look at the database's address and at the room on the disk",
        )


def _flush(path: Path) -> None:
    """A backup that a power cut empties is none."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
