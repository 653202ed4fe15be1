"""A backup is whole, private and never replaces anything."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import text

from storage.backup import BackupFailed, backup
from storage.database import Database
from storage.upgrade import is_current


def _add_csm(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("INSERT INTO csm (key, name) VALUES ('k', 'K')"))


@pytest.fixture
def sqlite_database(sqlite_database_url: str) -> Database:
    from storage.upgrade import upgrade

    database = Database(sqlite_database_url)
    upgrade(database)
    _add_csm(database)
    return database


def test_a_copy_of_sqlite_holds_everything_and_is_private(sqlite_database: Database, tmp_path: Path) -> None:
    path = tmp_path / "copy.db"
    backup(sqlite_database, path)
    assert path.stat().st_mode & 0o077 == 0
    copy = Database(f"sqlite:///{path}")
    assert is_current(copy)
    with copy.read() as connection:
        assert connection.execute(text("SELECT name FROM csm")).scalar_one() == "K"
        assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
    copy.dispose()
    sqlite_database.dispose()


def test_a_copy_is_taken_while_somebody_writes(sqlite_database: Database, tmp_path: Path) -> None:
    with sqlite_database.write() as connection:
        connection.execute(text("INSERT INTO csm (key, name) VALUES ('late', 'Late')"))
        backup(sqlite_database, tmp_path / "copy.db")
    copy = Database(f"sqlite:///{tmp_path / 'copy.db'}")
    with copy.read() as connection:
        assert connection.execute(text("SELECT key FROM csm")).scalars().all() == ["k"]
    copy.dispose()
    sqlite_database.dispose()


def test_nothing_is_overwritten(sqlite_database: Database, tmp_path: Path) -> None:
    path = tmp_path / "copy.db"
    path.write_text("precious")
    with pytest.raises(BackupFailed, match="exists already"):
        backup(sqlite_database, path)
    assert path.read_text() == "precious"
    sqlite_database.dispose()


def test_a_missing_folder_is_named(sqlite_database: Database, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="is no folder"):
        backup(sqlite_database, tmp_path / "nowhere" / "copy.db")
    sqlite_database.dispose()


def test_without_pg_dump_the_error_names_it(
    postgresql_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    database = Database(postgresql_database_url)
    with pytest.raises(BackupFailed, match="pg_dump is not installed"):
        backup(database, tmp_path / "dump")
    assert list(tmp_path.iterdir()) == []
    database.dispose()


def test_postgresql_is_dumped_or_the_reason_is_told(postgresql_database_url: str, tmp_path: Path) -> None:
    """A pg_dump older than the server refuses; then nothing is left behind."""
    program, server_major = shutil.which("pg_dump"), 0
    database = Database(postgresql_database_url)
    _add_csm(database)
    with database.read() as connection:
        server_major = int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10_000
    if program is None:
        pytest.skip("no pg_dump on this machine")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    path = tmp_path / "dump"
    if int(version.split()[2].split(".")[0]) < server_major:
        with pytest.raises(BackupFailed, match="pg_dump failed"):
            backup(database, path)
        assert list(tmp_path.iterdir()) == []
    else:
        backup(database, path)
        assert path.read_bytes().startswith(b"PGDMP")
    database.dispose()
