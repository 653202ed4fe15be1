"""A SQLite database as it stood at one moment, kept in memory and put back as often as one likes: a new beginning costs a
millisecond. For playbook tests. Never for a database that somebody would miss."""

from __future__ import annotations

import sqlite3

from storage.database import Database
from storage.tables import metadata
from storage.upgrade import mark_current


def make_tables(database: Database) -> None:
    """All tables at once, of a new database that will not live long enough to be migrated."""
    with database.write() as connection:
        metadata.create_all(connection)
        mark_current(connection)


class Snapshot:
    """What the database holds now."""

    def __init__(self, database: Database) -> None:
        self._kept = sqlite3.connect(":memory:", check_same_thread=False)
        _driver(database).backup(self._kept)

    def put_back(self, database: Database) -> None:
        """The database holds that again; nobody may be in a transaction."""
        self._kept.backup(_driver(database))

    def close(self) -> None:
        self._kept.close()


def _driver(database: Database) -> sqlite3.Connection:
    with database.engine.connect() as connection:
        driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver
