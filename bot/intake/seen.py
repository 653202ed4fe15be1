"""Remembers which keys a file has given already, on disk and not in memory, so that a second row with the same key and
other values is a problem of that row however far apart they stand. Lives as long as the import of one file."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum, auto
from typing import Any

import orjson

from bot.intake.rows import Record


class Repeat(Enum):
    """What a row is to the rows before it."""

    FIRST = auto()  #: its key is new
    SAME = auto()  #: its key and values stand before
    OTHER = auto()  #: its key stands before, with other values


def digest_of(*parts: Any) -> str:
    """A short, stable name for these values: 16 hex digits."""
    return hashlib.blake2b(orjson.dumps(parts, default=str), digest_size=8).hexdigest()


class SeenKeys:
    """The keys of one file."""

    def __init__(self) -> None:
        # An empty name is SQLite's private temporary database: a small cache in memory, the rest in a file that
        # disappears with the connection. Nothing in it is worth a sync.
        self._disk = sqlite3.connect("", isolation_level=None)
        self._disk.execute("PRAGMA cache_size=-4096")
        self._disk.execute("PRAGMA synchronous=OFF")
        self._disk.execute("PRAGMA journal_mode=OFF")
        self._disk.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, digest TEXT, line INTEGER) WITHOUT ROWID")

    def look(self, rows: Sequence[tuple[str, Record]]) -> Iterator[tuple[Record, Repeat, int]]:
        """Each record with what it is and the line (its own, if it is the first) on which its key stands first."""
        digests = [digest_of(record.values) for _, record in rows]
        self._remember((key, digest, record.line) for (key, record), digest in zip(rows, digests, strict=True))
        keys = orjson.dumps([key for key, _ in rows]).decode()
        stored = self._disk.execute(
            "SELECT key, digest, line FROM seen WHERE key IN (SELECT value FROM json_each(?))", (keys,)
        )
        known = {key: (digest, line) for key, digest, line in stored}
        for (key, record), digest in zip(rows, digests, strict=True):
            first_digest, first_line = known[key]
            if first_line == record.line:
                yield record, Repeat.FIRST, record.line
            else:
                yield record, Repeat.SAME if digest == first_digest else Repeat.OTHER, first_line

    def has(self, key: str) -> bool:
        """Whether the file gave this key."""
        return self._disk.execute("SELECT 1 FROM seen WHERE key = ?", (key,)).fetchone() is not None

    def close(self) -> None:
        self._disk.close()

    def _remember(self, rows: Iterable[tuple[str, str, int]]) -> None:
        self._disk.execute("BEGIN")
        self._disk.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", rows)
        self._disk.execute("COMMIT")
