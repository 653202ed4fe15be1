"""Doctor sees from another process whether the server works."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.insight.doctor_running import running_complaints
from storage.database import Database
from storage.heartbeats import record_fault, record_success

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)


def _complaints(database: Database) -> list[tuple[str, str]]:
    with database.read() as connection:
        return [(complaint.name, complaint.severity) for complaint in running_complaints(connection, NOW)]


def test_a_server_that_never_ran_is_no_complaint(database: Database) -> None:
    assert _complaints(database) == []


def test_a_server_that_ticks_is_no_complaint(database: Database) -> None:
    with database.write() as connection:
        record_success(connection, "tick", NOW - timedelta(minutes=5))
    assert _complaints(database) == []


def test_a_server_that_stopped_is_a_warning(database: Database) -> None:
    with database.write() as connection:
        record_success(connection, "tick", NOW - timedelta(minutes=6))
    assert _complaints(database) == [("server_silent", "warning")]


def test_a_part_that_breaks_is_an_error_until_it_works_again(database: Database) -> None:
    with database.write() as connection:
        record_fault(connection, "tick", NOW - timedelta(minutes=1), "KeyError at advance:1 move")
    assert _complaints(database) == [("server_breaks", "error")]
    with database.write() as connection:
        record_success(connection, "tick", NOW)
    assert _complaints(database) == [("server_broke", "note")]
