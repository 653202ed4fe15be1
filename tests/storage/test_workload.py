"""Counts and heartbeats say what the tables say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Table, insert

from storage.accounts import Customer
from storage.database import Database
from storage.handoffs import Handoff
from storage.heartbeats import heartbeats, record_fault, record_success
from storage.outbox import Message, MessageState
from storage.workload import count_workload

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
MESSAGE: Table = Message.__table__  # type: ignore[attr-defined]


def _message(number: int, state: str, not_before: datetime) -> dict[str, object]:
    names = {"playbook": "p", "step": f"s{number}", "occurrence": "1", "template": "t", "sender": "workspace"}
    times = {"due_at": NOW, "not_before": not_before, "created_at": NOW}
    return {**names, **times, "customer_id": 1, "state": state, "priority": 50, "token": 0, "claims": 0, "attempts": 0}


def _fill(database: Database) -> None:
    documents: dict[str, object] = {"tags": [], "owners": {}, "limits": {}, "attributes": {}}
    messages = [
        _message(1, "pending", NOW - timedelta(minutes=10)),
        _message(2, "pending", NOW + timedelta(days=1)),
        _message(3, "accepted", NOW - timedelta(days=9)),
    ]
    handoffs = [
        {"customer_id": 1, "playbook": "p", "step": "h", "occurrence": str(number), "title": {}, "kind": "call"}
        | {"urgency": "normal", "state": state, "opened_at": NOW, "escalations": 0, "brief": [], "tasks": []}
        | {"outcomes": [], "notify": [], "posting": "wanted", "post_attempts": 0}
        for number, state in enumerate(("open", "open", "acknowledged", "done"))
    ]
    with database.write() as connection:
        connection.execute(insert(CUSTOMER).values(id=1, key="c", bucket=1, name="C", created_at=NOW, **documents))
        connection.execute(insert(MESSAGE), messages)
        connection.execute(insert(HANDOFF), handoffs)


def test_messages_and_handoffs_are_counted_by_state_zeros_included(database: Database) -> None:
    _fill(database)
    with database.read() as connection:
        found = count_workload(connection, NOW)
    assert set(found.messages) == {state.value for state in MessageState}
    assert (found.messages["pending"], found.messages["accepted"], found.messages["unknown"]) == (2, 1, 0)
    assert found.handoffs == {"open": 2, "acknowledged": 1}


def test_the_oldest_is_the_one_that_could_have_left_longest_ago(database: Database) -> None:
    _fill(database)
    with database.read() as connection:
        assert count_workload(connection, NOW).oldest_pending_seconds == 600
        assert count_workload(connection, NOW - timedelta(hours=1)).oldest_pending_seconds == 0


def test_an_empty_database_has_no_work(database: Database) -> None:
    with database.read() as connection:
        found = count_workload(connection, NOW)
    assert (found.due_walks, found.oldest_pending_seconds, sum(found.messages.values())) == (0, 0, 0)


def test_a_success_clears_the_fault_and_keeps_the_count(database: Database) -> None:
    with database.write() as connection:
        record_fault(connection, "tick", NOW, "it broke")
        record_fault(connection, "tick", NOW + timedelta(minutes=1), "it broke again")
    with database.read() as connection:
        broken = heartbeats(connection)["tick"]
    assert (broken.fault, broken.faults, broken.finished_at) == ("it broke again", 2, None)
    with database.write() as connection:
        record_success(connection, "tick", NOW + timedelta(minutes=2))
    with database.read() as connection:
        well = heartbeats(connection)["tick"]
    assert (well.fault, well.faults, well.finished_at) == (None, 2, NOW + timedelta(minutes=2))
    assert well.fault_at == NOW + timedelta(minutes=1)
