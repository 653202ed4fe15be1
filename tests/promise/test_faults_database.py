"""Disk full, database locked, a connection that dies: the tick fails, the next one goes on, and no mail is doubled, lost or
falsely sent (delivery.md, faults that release depends on)."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import OperationalError

from bot import failpoints
from bot.failpoints import Place
from storage.database import Database
from storage.tables import metadata
from storage.upgrade import mark_current
from tests.pipeline.scenes import company, journey, states
from tests.world import World

CUSTOMERS = 30


def _owed(world: World) -> list[str]:
    world.mail("hello")
    journey(world, "p", "- email: hello\n- log: Over")
    world.deploy()
    keys = [f"c{number}" for number in range(CUSTOMERS)]
    for key in keys:
        company(world, key)
    return keys


def _ticks_until_calm(world: World) -> int:
    """How many ticks failed before one got through; two minutes between them."""
    for failed in range(60):
        try:
            world.tick()
        except OperationalError:
            world.jump(minutes=2)
            continue
        return failed
    raise AssertionError("no tick got through")


def _nothing_doubled_or_lost(world: World, keys: list[str]) -> None:
    references = [mail.reference for mail in world.channel.accepted]
    assert len(references) == len(set(references))
    found = {key: [state for _, state in states(world, key)] for key in keys}
    assert [key for key, standing in found.items() if len(standing) != 1] == []
    taken = {int(reference.split("-")[-2]) for reference in references}
    assert {mail.id for mail in world.outbox if mail.accepted_at} <= taken
    for mail in world.channel.accepted:
        world.tell(int(mail.reference.split("-")[-2]), "delivered")
    world.tick()
    assert {mail.id for mail in world.outbox if mail.accepted_at} == taken


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[World, list[int]]]:
    """A SQLite file that may not grow beyond a number of pages (the list's only member): SQLite itself says it is full."""
    database = Database(f"sqlite:///{tmp_path / 'journeybot.db'}")
    pages = [1_000_000]

    @event.listens_for(database.engine, "begin")
    def limit(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages[0]}")

    with database.write() as connection:
        metadata.create_all(connection)
        mark_current(connection)
    yield World(database, tmp_path / "workspace"), pages
    database.dispose()


def _pages(world: World) -> int:
    with world.database.read() as connection:
        return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())


@pytest.mark.parametrize("room", [0, 1, 2, 4, 8, 12, 20])
def test_disk_full(small_disk: tuple[World, list[int]], room: int) -> None:
    """A real SQLITE_FULL wherever in the tick the pages run out; then somebody makes room."""
    world, pages = small_disk
    keys = _owed(world)
    pages[0] = _pages(world) + room
    failed = 0
    for _ in range(3):
        try:
            world.tick()
        except OperationalError as error:
            failed += "full" in str(error.orig)
        world.jump(minutes=2)
    assert failed or room > 8
    pages[0] = 1_000_000
    world.jump(minutes=2)
    assert _ticks_until_calm(world) == 0
    world.time_passes(hours=1)
    _nothing_doubled_or_lost(world, keys)
    # What was at the provider when the disk ran full may be unknown; nothing else may be.
    assert {state for key in keys for _, state in states(world, key)} <= {"accepted", "unknown"}


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """Another program holds the database for writing."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[World]:
    """SQLite that waits a twentieth of a second for a lock, not a quarter of a minute."""
    database = Database(f"sqlite:///{tmp_path / 'journeybot.db'}")

    @event.listens_for(database.engine, "checkout")
    def hurry(dbapi: Any, _record: Any, _proxy: Any) -> None:
        dbapi.execute("PRAGMA busy_timeout=50")

    with database.write() as connection:
        metadata.create_all(connection)
        mark_current(connection)
    yield World(database, tmp_path / "workspace")
    database.dispose()


def test_database_locked(impatient: World) -> None:
    world = impatient
    keys = _owed(world)
    with _locked(str(world.database.url.database)), pytest.raises(OperationalError, match="locked"):
        world.tick()
    assert world.channel.offered == []
    assert _ticks_until_calm(world) == 0
    _nothing_doubled_or_lost(world, keys)
    assert {state for key in keys for _, state in states(world, key)} == {"accepted"}


def test_database_locked_while_answers_are_recorded(impatient: World) -> None:
    """The answers are the only copy of what the provider said: they are kept and written when the lock is gone."""
    world = impatient
    keys = _owed(world)
    path, locking = str(world.database.url.database), threading.Event()
    world.clock.sleep = lambda seconds: locking.wait(0.2) and None  # type: ignore[method-assign,assignment]
    with _meanwhile_locked(world, path):
        world.tick()
    assert {state for key in keys for _, state in states(world, key)} == {"accepted"}
    _nothing_doubled_or_lost(world, keys)


@contextmanager
def _meanwhile_locked(world: World, path: str) -> Iterator[None]:
    """From the first mail that is offered on, for a third of a second."""
    holder: list[threading.Thread] = []
    began = threading.Event()

    def hold() -> None:
        with _locked(path):
            began.set()
            threading.Event().wait(0.3)

    take = world.channel.send

    def send(batch: Any, on_answer: Any) -> None:
        thread = threading.Thread(target=hold)
        holder.append(thread)
        thread.start()
        assert began.wait(10)
        take(batch, on_answer)

    world.channel.send = send  # type: ignore[method-assign]
    yield
    for thread in holder:
        thread.join()


@pytest.mark.parametrize("place", [Place.LOOK_COMMIT, Place.ADVANCE_COMMIT, Place.INTENT_COMMIT, Place.CLAIM_COMMIT])
@pytest.mark.parametrize("action", ["disk-full", "locked"])
def test_a_database_that_fails_at_a_commit(world: World, place: Place, action: str) -> None:
    """On both engines: the second time we come by, and each time from then on until somebody repairs it."""
    keys = _owed(world)
    failpoints.arm(f"{place}={action}@1+")
    try:
        for _ in range(3):
            with pytest.raises(OperationalError):
                world.tick()
            world.jump(minutes=2)
    finally:
        failpoints.disarm()
    assert world.channel.offered == []
    assert _ticks_until_calm(world) == 0
    world.time_passes(hours=1)
    _nothing_doubled_or_lost(world, keys)


def test_a_connection_that_the_server_ends(world: World) -> None:
    """PostgreSQL restarts, or an administrator ends our session: the next tick connects anew."""
    keys = _owed(world)
    if world.database.is_sqlite:
        world.database.dispose()
    else:
        with world.database.engine.connect() as connection:
            mine = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> :mine"
            connection.execute(text(others), {"mine": mine})
    _ticks_until_calm(world)
    _nothing_doubled_or_lost(world, keys)
