"""Connections and transactions. `write()` is a transaction that locks before it reads (BEGIN IMMEDIATE on SQLite),
`read()` one that never writes. With dialects.py and bulk.py the only place that knows SQLite from PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.pool import ConnectionPoolEntry

#: What a statement over everybody sorts or takes back may be larger than memory, so it may lie in a file beside; little stays in
#: memory all the same.
SQLITE_PRAGMAS = (
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=15000",
    "PRAGMA temp_store=FILE",
    "PRAGMA cache_size=-65536",
)

WAL_TRIES = 300
WAL_PAUSE_SECONDS = 0.05
#: A process that is frozen in the middle of a transaction holds its locks no longer than its lease (design/delivery.md).
FROZEN_SECONDS = 90
#: `random_page_cost`: as for a disk without a moving arm. The default makes it read a whole table of 20,000 rows for each batch of
#: 500 that are asked for by their keys.
POSTGRES_SETTINGS = (
    "timezone=UTC",
    "jit=off",
    "random_page_cost=1.1",
    f"idle_in_transaction_session_timeout={FROZEN_SECONDS}s",
)
#: Compiled statements that are kept: every condition of every playbook is a few, in a few shapes (one per mix of days).
STATEMENTS = 8000
#: Of them SQLite keeps so many prepared; a tick has some hundreds, and each would be parsed and planned anew.
PREPARED = 1000


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


class Database:
    """One database by its URL. Safe to share between threads; connections are not. `survives_power_loss=False` is for
    databases of invented data that nobody would miss: SQLite then does not wait for the disk."""

    def __init__(self, url: str, *, echo: bool = False, survives_power_loss: bool = True) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.url = parsed
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        sync = "FULL" if survives_power_loss else "OFF"
        self.engine = _sqlite_engine(parsed, echo, sync) if self.is_sqlite else _postgres_engine(parsed, echo)
        self._survives_power_loss = survives_power_loss
        self._beside: dict[str, Database] = {}
        self._opening = threading.Lock()

    @property
    def dialect(self) -> str:
        return "sqlite" if self.is_sqlite else "postgresql"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end of the block, or rolls back when it raises."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent look; nothing may be written."""
        with self.engine.connect() as connection:
            connection = connection.execution_options(journeybot_reads=True)
            with connection.begin():
                yield connection

    def turns(self) -> AbstractContextManager[Any]:
        """For threads of one process that write by turns: SQLite has one writer at a time, and whoever waits in it sleeps longer
        than the other writes. PostgreSQL has as many as there are."""
        return threading.Lock() if self.is_sqlite else nullcontext()

    def beside(self, suffix: str, table: Table) -> Database:
        """A second SQLite file next to this one, with this table alone and a lock of its own."""
        with self._opening:
            found = self._beside.get(suffix)
            if found is None:
                url = self.url.set(database=f"{self.url.database}{suffix}").render_as_string(False)
                found = Database(url, survives_power_loss=self._survives_power_loss)
                with found.write() as connection:
                    table.create(connection, checkfirst=True)
                self._beside[suffix] = found
            return found

    def dispose(self) -> None:
        for other in self._beside.values():
            other.dispose()
        self.engine.dispose()


def _use_wal(dbapi: Any) -> None:
    """The first connection turns write-ahead logging on. SQLite answers that with "locked" at once while another process
    does the same, whatever the busy time-out says, so it is asked again for as long."""
    for _ in range(WAL_TRIES):
        try:
            dbapi.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            threading.Event().wait(WAL_PAUSE_SECONDS)
    dbapi.execute("PRAGMA journal_mode=WAL")


def _sqlite_engine(url: Any, echo: bool, sync: str) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        echo=echo,
        connect_args={
            "isolation_level": None,
            "check_same_thread": False,
            "timeout": 15,
            "cached_statements": PREPARED,
        },
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        query_cache_size=STATEMENTS,
    )

    @event.listens_for(engine, "connect")
    def set_pragmas(dbapi: Any, _entry: ConnectionPoolEntry) -> None:
        _use_wal(dbapi)
        for pragma in (f"PRAGMA synchronous={sync}", *SQLITE_PRAGMAS):
            dbapi.execute(pragma)

    @event.listens_for(engine, "begin")
    def lock_before_reading(connection: Connection) -> None:
        # A deferred transaction that reads and then writes fails at once when another wrote in between, whatever
        # busy_timeout says; so writers take the lock first (design/delivery.md).
        reads = connection.get_execution_options().get("journeybot_reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _postgres_engine(url: Any, echo: bool) -> Engine:
    return create_engine(
        url,
        echo=echo,
        pool_pre_ping=True,
        pool_size=10,
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        query_cache_size=STATEMENTS,
        connect_args={"options": " ".join(f"-c {setting}" for setting in POSTGRES_SETTINGS)},
    )
