"""What doctor says: complaints, and checks that are one statement each: the rows it finds are what is wrong. Counting and
naming examples is the same for all. Never repairs anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Select, func, select

Severity = Literal["error", "warning", "note"]
ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}
EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One thing that is wrong (error: a promise is broken; warning: somebody should act; note: good to know). `count` is
    how many rows it is true of, `examples` a few of them."""

    name: str
    severity: Severity
    sentence: str
    hint: str = ""
    count: int = 1
    examples: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "examples": list(self.examples)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Complains when `rows` finds any; its first column names an example. `{n}` in the sentence is the count."""

    name: str
    severity: Severity
    sentence: str
    rows: Select[Any]
    hint: str = ""


def run_checks(connection: Connection, checks: Iterable[Check]) -> list[Complaint]:
    return [complaint for check in checks if (complaint := _run(connection, check)) is not None]


def _run(connection: Connection, check: Check) -> Complaint | None:
    count = connection.scalar(select(func.count()).select_from(check.rows.order_by(None).subquery())) or 0
    if not count:
        return None
    examples = tuple(str(row[0]) for row in connection.execute(check.rows.limit(EXAMPLES)))
    return Complaint(
        name=check.name,
        severity=check.severity,
        sentence=check.sentence.format(n=count),
        hint=check.hint,
        count=count,
        examples=examples,
    )
