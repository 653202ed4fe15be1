"""Advancing 100,000 walks through an email step, against the driver writing the same rows (message, decision, walk) with a
commit per batch: executemany on SQLite, COPY and UPDATE … FROM unnest on PostgreSQL. `python -m tests.bench.bench_advance`.
Bound: at least half of it."""

from __future__ import annotations

from sqlalchemy import Table, text

from bot.clock import FixedClock
from bot.pipeline.advance import BATCH, advance
from bot.pipeline.batch import MESSAGE_COLUMNS
from storage.bulk import insert_rows, update_rows
from storage.database import Database
from storage.enrollments import ENROLLMENT, MOVED
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


def rows_of(house: House, table: Table, columns: tuple[str, ...]) -> list[tuple[object, ...]]:
    """What the engine wrote, as plain values: the floor writes exactly these."""
    with house.database.read() as connection:
        found = connection.execute(table.select().order_by(table.c.id))
        return [tuple(row._mapping[name] for name in columns) for row in found]


def empty(house: House) -> None:
    """Take back what advancing did, so that the floor starts from the same state."""
    with house.database.write() as connection:
        connection.execute(text("DELETE FROM message"))
        connection.execute(text("DELETE FROM decision WHERE verdict = 'did'"))
        connection.execute(ENROLLMENT.update().values(has_arrived=False, step_since=None, due_at=NOW))


Rows = list[tuple[object, ...]]


def floor(house: House, messages: Rows, decisions: Rows, walks: Rows) -> None:
    for start in range(0, len(walks), BATCH):
        end = start + BATCH
        with house.database.write() as connection:
            insert_rows(connection, MESSAGE, MESSAGE_COLUMNS, messages[start:end])
            insert_rows(connection, DECISION, DECISION_COLUMNS, decisions[start:end])
            update_rows(connection, ENROLLMENT, MOVED, walks[start:end])


def measure(found: Database, engine: str, many: int) -> None:
    with found.write() as connection:
        add_customers(connection, many)
    house = publish(found, workspace_files({"note_play": PLAYBOOK}), FixedClock(NOW))
    assert enroll_all(house) == many
    our_time = seconds(lambda: advance(found, house.published, NOW))
    messages = rows_of(house, MESSAGE, MESSAGE_COLUMNS)
    decisions = [row for row in rows_of(house, DECISION, DECISION_COLUMNS) if row[1] == "did"]
    walks = rows_of(house, ENROLLMENT, ("id", *MOVED))
    assert len(messages) == len(decisions) == len(walks) == many
    memory = peak_memory_mb()
    empty(house)
    floor_time = seconds(lambda: floor(house, messages, decisions, walks))
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
