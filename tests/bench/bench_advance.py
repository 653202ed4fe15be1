"""Advancing 100,000 walks through an email step, against the driver writing the same rows (message, decision, walk) with a
commit per batch: executemany on SQLite, COPY and UPDATE … FROM unnest on PostgreSQL. `python -m tests.bench.bench_advance`.
Bound: at least half of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql

from bot.clock import FixedClock
from bot.pipeline.advance import BATCH, advance
from bot.pipeline.batch import MESSAGE_COLUMNS
from storage.database import Database
from storage.enrollments import ENROLLMENT
from storage.journal_entries import COLUMNS as DECISION_COLUMNS
from storage.journal_entries import DECISION
from storage.outbox_moves import MESSAGE
from tests.bench.bench_enroll import ours as enroll_all
from tests.bench.field import (
    NOW,
    House,
    Result,
    add_customers,
    arguments,
    database,
    engines,
    peak_memory_mb,
    publish,
    seconds,
    workspace_files,
)

PLAYBOOK = """
title: Note
state: live
walks: customer
enter: {when: arr >= 0, existing: enter}
steps:
  - email: note
    to: champion
  - wait: 5 days
"""


ROUNDS = 3
Rows = list[tuple[Any, ...]]
#: What owing a mail changes on its walk.
TOUCHED = ("has_arrived", "step_since", "due_at")


def rows_of(house: House, table: Table, columns: tuple[str, ...], where: str = "true") -> Rows:
    """What the engine wrote, as the driver itself gives and takes it: the floor converts nothing while it is timed."""
    with house.database.read() as connection:
        cursor = _cursor(connection)
        cursor.execute(f"SELECT {', '.join(columns)} FROM {table.name} WHERE {where} ORDER BY id")
        return list(cursor.fetchall())


def empty(house: House) -> None:
    """Take back what advancing did, so that the floor starts from the same state."""
    with house.database.write() as connection:
        connection.execute(text("DELETE FROM message"))
        connection.execute(text("DELETE FROM decision WHERE verdict = 'did'"))
        connection.execute(ENROLLMENT.update().values(has_arrived=False, step_since=None, due_at=NOW))
    if house.database.dialect == "postgresql":
        with house.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _cursor(connection: Connection) -> Any:
    driver = connection.connection.driver_connection
    assert driver is not None
    return driver.cursor()


Writer = Callable[[Any, Rows], None]


def sqlite_insert(table: Table, columns: tuple[str, ...]) -> Writer:
    statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    return lambda cursor, rows: cursor.executemany(statement, rows)


def sqlite_update(columns: tuple[str, ...]) -> Writer:
    """`rows` end with the id."""
    statement = f"UPDATE enrollment SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?"
    return lambda cursor, rows: cursor.executemany(statement, rows)


def postgresql_copy(table: Table, columns: tuple[str, ...]) -> Writer:
    statement = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN"

    def write(cursor: Any, rows: Rows) -> None:
        with cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    return write


def postgresql_update(columns: tuple[str, ...]) -> Writer:
    """`rows` end with the id."""
    names = (*columns, "id")
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    types = {name: ENROLLMENT.c[name].type.compile(dialect) for name in names}
    lists = ", ".join(f"%s::{types[name]}[]" for name in names)
    sets = ", ".join(f"{name} = given.{name}" for name in columns)
    statement = (
        f"UPDATE enrollment SET {sets} FROM unnest({lists}) AS given({', '.join(names)}) WHERE enrollment.id = given.id"
    )
    return lambda cursor, rows: cursor.execute(statement, list(map(list, zip(*rows, strict=True))))


def floor(house: House, work: list[tuple[Writer, Rows]]) -> None:
    """The same rows in the same batches, a commit each."""
    for start in range(0, len(work[0][1]), BATCH):
        with house.database.write() as connection:
            cursor = _cursor(connection)
            for write, rows in work:
                write(cursor, rows[start : start + BATCH])


def floor_work(house: House, many: int) -> list[tuple[Writer, Rows]]:
    messages = rows_of(house, MESSAGE, MESSAGE_COLUMNS)
    decisions = rows_of(house, DECISION, DECISION_COLUMNS, "verdict = 'did'")
    walks = rows_of(house, ENROLLMENT, (*TOUCHED, "id"))
    assert len(messages) == len(decisions) == len(walks) == many
    insert, update = (
        (sqlite_insert, sqlite_update) if house.database.is_sqlite else (postgresql_copy, postgresql_update)
    )
    return [
        (insert(MESSAGE, MESSAGE_COLUMNS), messages),
        (insert(DECISION, DECISION_COLUMNS), decisions),
        (update(TOUCHED), walks),
    ]


def best_times(house: House, work: list[tuple[Writer, Rows]]) -> tuple[float, float]:
    """Ours and the floor in turn, each from the same emptied tables: whoever went first would also pay for the file's growth
    (and ours for putting its statements together, once in the life of a process)."""
    ours, floors = [], []
    for _ in range(ROUNDS):
        ours.append(seconds(lambda: advance(house.database, house.published, NOW)))
        empty(house)
        floors.append(seconds(lambda: floor(house, work)))
        empty(house)
    return min(ours), min(floors)


def measure(found: Database, engine: str, many: int) -> None:
    with found.write() as connection:
        add_customers(connection, many)
    house = publish(found, workspace_files({"note_play": PLAYBOOK}), FixedClock(NOW))
    assert enroll_all(house) == many
    advance(found, house.published, NOW)
    memory = peak_memory_mb()
    work = floor_work(house, many)
    empty(house)
    our_time, floor_time = best_times(house, work)
    result = Result(
        name=f"advance {many:,} through an email step, {engine}",
        ours=f"{many / our_time:,.0f}/s",
        floor=f"{many / floor_time:,.0f}/s",
        ratio=floor_time / our_time,
        bound=0.5,
    )
    print(result, f"peak {memory:.0f} MB", flush=True)


def main() -> None:
    given = arguments(__doc__ or "", walks=100_000)
    for engine in engines(given.engine):
        with database(engine) as found:
            measure(found, engine, given.walks)


if __name__ == "__main__":
    main()
