"""Decisions about a batch of walks, kept in the order in which they were taken. Neighbours that say the same about many
walks are written by one statement that reads who they are about from the walks; the rest row by row. Part of advance."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, String, bindparam, insert, select

from storage.bulk import MANY_ALIKE
from storage.columns import Document, KeyList, UtcDateTime
from storage.dialects import is_among
from storage.enrollments import ENROLLMENT, Walk
from storage.journal import Verdict
from storage.journal_entries import DECISION, DecisionRow, write_decisions


@dataclass(slots=True, kw_only=True)
class _Alike:
    """One decision about several walks."""

    verdict: Verdict
    reason: str
    step: str
    details: dict[str, Any]
    walks: list[Walk]


@dataclass(slots=True)
class WalkDecisions:
    """What was decided since the last flush."""

    _runs: list[_Alike] = field(default_factory=list)

    def add(self, walk: Walk, verdict: Verdict, reason: str, details: dict[str, Any]) -> None:
        last = self._runs[-1] if self._runs else None
        if (
            last is not None
            and last.reason == reason
            and last.step == walk.step
            and last.verdict is verdict
            and last.details == details
        ):
            last.walks.append(walk)
        else:
            self._runs.append(_Alike(verdict=verdict, reason=reason, step=walk.step, details=details, walks=[walk]))

    def write(self, connection: Connection, at: datetime) -> None:
        """Store them in their order, and forget them."""
        single: list[DecisionRow] = []
        for run in self._runs:
            if len(run.walks) < MANY_ALIKE:
                single += _rows(run, at)
                continue
            write_decisions(connection, single)
            single.clear()
            _write_at_once(connection, run, at)
        write_decisions(connection, single)
        self._runs.clear()


def _rows(run: _Alike, at: datetime) -> list[DecisionRow]:
    """In the order of storage.journal_entries.COLUMNS."""
    verdict, reason, step, details = run.verdict.value, run.reason, run.step, run.details or None
    return [
        (at, verdict, reason, walk.customer_id, walk.contact_id, walk.playbook, walk.id, None, step, details, None)
        for walk in run.walks
    ]


def _write_at_once(connection: Connection, run: _Alike, at: datetime) -> None:
    values = {"at": at, "verdict": run.verdict.value, "reason": run.reason, "step": run.step}
    ids = [walk.id for walk in run.walks]
    connection.execute(AT_ONCE, {**values, "details": run.details or None, "walks": ids})


AT_ONCE = insert(DECISION).from_select(
    ["at", "verdict", "reason", "step", "details", "customer_id", "contact_id", "playbook", "enrollment_id"],
    select(
        bindparam("at", type_=UtcDateTime()),
        bindparam("verdict", type_=String()),
        bindparam("reason", type_=String()),
        bindparam("step", type_=String()),
        bindparam("details", type_=Document),
        ENROLLMENT.c.customer_id,
        ENROLLMENT.c.contact_id,
        ENROLLMENT.c.playbook,
        ENROLLMENT.c.id,
    ).where(is_among(ENROLLMENT.c.id, bindparam("walks", type_=KeyList()))),
)
