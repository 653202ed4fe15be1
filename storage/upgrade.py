"""Brings a database to this program's tables, one transaction for all missing migrations. Two processes may start at once:
the second waits and finds nothing to do. Never touches a database that is newer than the program, or whose tables it did
not make. Before it: storage.database opened it; after it: everything else. Going back means restoring a backup."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from storage.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "alembic_version"
#: Any number that nobody else's advisory lock has.
UPGRADE_LOCK = 7_405_926_113


class SchemaError(RuntimeError):
    """The database cannot be upgraded by this program. `hint` says what to do."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


def head() -> str:
    """The newest revision this program knows; revisions are numbered files."""
    return max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def current(database: Database) -> str | None:
    """The revision of the database; None: it has no tables of ours yet."""
    with database.read() as connection:
        return _revision(connection)


def is_current(database: Database) -> bool:
    return current(database) == head()


def upgrade(database: Database) -> None:
    """Run all missing migrations. Raises: SchemaError."""
    if is_current(database):
        return
    with _alone(database) as connection:
        before = _revision(connection)  # somebody may have been faster
        if before != head():
            _check_known(connection, before)
            run_migrations(connection)


def mark_current(connection: Connection) -> None:
    """For tables that were made from the models at once (tests): no migration has to run any more."""
    connection.execute(text(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text(f"INSERT INTO {VERSION_TABLE} (version_num) VALUES (:head)"), {"head": head()})


def run_migrations(connection: Connection, to: str = "head") -> None:
    """Inside the caller's transaction and lock."""
    # Imported here because it takes longer than most commands run, and is needed once per release.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    with warnings.catch_warnings():
        # Neither can read back an index over an expression on SQLite, nor needs to: migrations name their indexes.
        warnings.filterwarnings("ignore", message="Skipped unsupported reflection of expression-based index")
        command.upgrade(config, to)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()
    return None if found is None else str(found)


def _check_known(connection: Connection, revision: str | None) -> None:
    if revision is not None and revision > head():
        raise SchemaError(
            f"the database is at revision {revision}, this journeybot knows revisions up to {head()}",
            "install the newer journeybot again, or restore a backup from before its upgrade",
        )
    if revision is None:
        from storage.tables import metadata  # all of them: a command that only looks needs a few

        strangers = sorted(set(inspect(connection).get_table_names()) & set(metadata.tables))
        if strangers:
            raise SchemaError(
                f"the database has a table `{strangers[0]}` and no revision, so it is not known whose it is",
                "point JOURNEYBOT_DATABASE_URL at an empty database",
            )


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """A transaction that no other upgrade runs beside."""
    with database.engine.connect() as connection:
        if not database.is_sqlite:
            with connection.begin():
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK})
                yield connection
            return
        # A batch migration copies a table and drops the old one, which would delete or refuse by foreign key. The switch
        # is ignored inside a transaction, so it goes to the driver before BEGIN IMMEDIATE takes the lock.
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
                _check_references(connection)
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def _check_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise SchemaError(
            f"a migration left a row of `{broken[0]}` without the `{broken[2]}` it belongs to; nothing was changed",
            "report this with the revision that `journeybot doctor` shows",
        )
