"""What people say when they close a hand-off becomes facts: the event `handoff.done`, a note on the timeline, and for each
answer to an `ask:` an event `handoff.answered` and an attribute of the customer. Writes in the caller's transaction. Called
by handoff_moves.py only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, RowMapping, Select, and_, bindparam, insert, or_, select, update

from storage import written_facts
from storage.accounts import Customer
from storage.columns import BigKey
from storage.facts import Event
from storage.handoffs import Handoff, HandoffState

OWN_SOURCE = "journeybot"
#: The question whose answer is a note.
NOTE = "note"
ATTRIBUTE = "attributes."

Answer: TypeAlias = str | float | bool

_customers = Customer.__table__  # type: ignore[attr-defined]
_handoffs = Handoff.__table__  # type: ignore[attr-defined]


def record_answers(
    connection: Connection, row: RowMapping, answers: Mapping[str, Answer], *, by: str, at: datetime
) -> None:
    """`row` is the hand-off's, locked. Where no customer is concerned there is nobody to know it of."""
    if row["customer_id"] is None:
        return
    given = {question: answer for question, answer in answers.items() if answer != ""}
    note = given.pop(NOTE, None)
    if note is not None:
        write_note(connection, row, str(note), by=by, at=at, key="done")
    if given:
        _write_attributes(connection, row["customer_id"], given)
    for question, answer in given.items():
        connection.execute(insert(Event).values(**_answered(row, question, answer, at)))


def write_note(connection: Connection, row: RowMapping, text: str, *, by: str, at: datetime, key: str) -> None:
    """`key` tells the notes of one hand-off apart."""
    if row["customer_id"] is None:
        return
    named = f"handoff-{row['id']}-{key}"
    written_facts.write_note(connection, row["customer_id"], text, by=by, at=at, source=OWN_SOURCE, key=named)


def _write_attributes(connection: Connection, customer_id: int, given: Mapping[str, Answer]) -> None:
    mine = _customers.c.id == customer_id
    before = connection.scalar(select(_customers.c.attributes).where(mine).with_for_update())
    after = {**(before or {}), **{name.removeprefix(ATTRIBUTE): answer for name, answer in given.items()}}
    connection.execute(update(_customers).where(mine).values(attributes=after))


def _answered(row: RowMapping, question: str, answer: Answer, at: datetime) -> dict[str, Any]:
    told = {"question": question.removeprefix(ATTRIBUTE), "answer": answer, "handoff": row["step"], "kind": row["kind"]}
    return {
        "customer_id": row["customer_id"],
        "contact_id": row["contact_id"],
        "name": "handoff.answered",
        "at": at,
        "properties": {**told, "playbook": row["playbook"]},
        "source": OWN_SOURCE,
        "key": f"handoff-answered-{row['id']}-{question}",
        "received_at": at,
        "is_new": True,
    }


def tell_done(connection: Connection, handoff_id: int, at: datetime) -> None:
    """One event for each of its causes, because playbooks ask for a hand-off by its step (S28)."""
    rows = list(connection.execute(_CAUSES, {"handoff": handoff_id}).mappings())
    outcome = next(row["outcome"] for row in rows if row["id"] == handoff_id)
    # Where no customer is concerned, no customer's walk waits for it.
    for row in (row for row in rows if row["customer_id"] is not None):
        told = {"handoff": row["step"], "kind": row["kind"], "outcome": outcome, "playbook": row["playbook"]}
        event = {
            "customer_id": row["customer_id"],
            "contact_id": row["contact_id"],
            "name": "handoff.done",
            "at": at,
            "properties": told,
            "source": OWN_SOURCE,
            "key": f"handoff-done-{row['id']}",
            "received_at": at,
            "is_new": True,
        }
        connection.execute(_TELLING, event)


def _causes() -> Select[Any]:
    """A hand-off and those that joined it."""
    handoff = bindparam("handoff", type_=BigKey)
    joined = and_(_handoffs.c.merged_into == handoff, _handoffs.c.state == HandoffState.MERGED)
    return select(_handoffs).where(or_(_handoffs.c.id == handoff, joined)).order_by(_handoffs.c.id)


_CAUSES = _causes()
_TELLING = insert(Event.__table__)  # type: ignore[attr-defined]
