"""Writes decisions in bulk. A `once` key makes a repeated no collide and be left out, so the journal stays readable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table

from storage.bulk import insert_new_rows, insert_rows
from storage.journal import Decision, Verdict

DECISION: Table = Decision.__table__  # type: ignore[attr-defined]
COLUMNS = (
    "at",
    "verdict",
    "reason",
    "customer_id",
    "contact_id",
    "playbook",
    "enrollment_id",
    "message_id",
    "step",
    "details",
    "once",
)

DecisionRow = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One decision to be written; fields as in storage.journal.Decision."""

    at: datetime
    verdict: Verdict
    reason: str
    customer_id: int | None = None
    contact_id: int | None = None
    playbook: str | None = None
    enrollment_id: int | None = None
    message_id: int | None = None
    step: str | None = None
    details: dict[str, Any] | None = None
    once: str | None = None

    def as_row(self) -> DecisionRow:
        return (
            self.at,
            self.verdict.value,
            self.reason,
            self.customer_id,
            self.contact_id,
            self.playbook,
            self.enrollment_id,
            self.message_id,
            self.step,
            self.details,
            self.once,
        )


def write_entries(connection: Connection, entries: Sequence[Entry]) -> None:
    """Store decisions; those whose `once` key stands already are left out."""
    write_decisions(connection, [entry.as_row() for entry in entries if entry.once is None])
    insert_new_rows(connection, DECISION, COLUMNS, [entry.as_row() for entry in entries if entry.once is not None])


def write_decisions(connection: Connection, rows: Sequence[DecisionRow]) -> None:
    """Store decisions that may repeat, each a plain row in the order of COLUMNS: for batches."""
    insert_rows(connection, DECISION, COLUMNS, rows)
