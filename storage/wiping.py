"""After an erasure: makes SQLite's files forget what their tables have forgotten. A deleted row stays readable in free pages
and in the write-ahead log until they are overwritten. PostgreSQL's vacuum does that by itself, in its own time."""

from __future__ import annotations

import sqlite3

from storage.database import Database
from storage.posts import ROOMS, waiting_room


def wipe_free_space(database: Database) -> bool:
    """Rewrites the files without their free pages and empties their logs. False: another process is using one now, so it is
    still to be done. The tables have forgotten either way."""
    if not database.is_sqlite:
        return True
    wiped = [_rewrite(file) for file in (database, *(waiting_room(database, room) for room in ROOMS))]
    return all(wiped)


def _rewrite(database: Database) -> bool:
    raw = database.engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("VACUUM")
        is_busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return not is_busy
    except sqlite3.OperationalError:
        return False
    finally:
        raw.close()
