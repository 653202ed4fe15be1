"""Which alerts are useless: per playbook and step how many hand-offs were opened within half a year, how they ended, and why people
dismissed them. A cause that joined another card (S28) ends as that card did. Read-only, two statements at any size."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from storage.handoffs import Handoff, HandoffAct, HandoffState

LOOKS_BACK = timedelta(days=180)
DISMISSED = "dismissed"
MOST_WORDS = 3

HANDOFF = Handoff.__table__  # type: ignore[attr-defined]
ACT = HandoffAct.__table__  # type: ignore[attr-defined]
_card = HANDOFF.alias("card")
_joined = HANDOFF.outerjoin(_card, _card.c.id == HANDOFF.c.merged_into)
_state = func.coalesce(_card.c.state, HANDOFF.c.state)


def report_handoffs(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """One row per playbook and step, the ones that are dismissed most often first; `useless` is the share of the dismissed among
    those that people closed, `why` the causes with their number, the most frequent first, and the latest words."""
    since = HANDOFF.c.opened_at >= now - LOOKS_BACK
    counts = (
        select(
            HANDOFF.c.playbook,
            HANDOFF.c.step,
            func.count().label("opened"),
            _number(_state.in_((HandoffState.OPEN.value, HandoffState.ACKNOWLEDGED.value))).label("unfinished"),
            _number(_state == HandoffState.DONE.value).label("done"),
            _number(_state == HandoffState.DISMISSED.value).label("dismissed"),
            _number(_state == HandoffState.WITHDRAWN.value).label("withdrawn"),
            _number(func.coalesce(_card.c.escalations, HANDOFF.c.escalations) > 0).label("escalated"),
        )
        .select_from(_joined)
        .where(since)
        .group_by(HANDOFF.c.playbook, HANDOFF.c.step)
    )
    why = _dismissals(connection, now)
    rows = [_row(row, why[row["playbook"], row["step"]]) for row in connection.execute(counts).mappings()]
    return sorted(rows, key=lambda row: (-row["dismissed"], -row["opened"], row["playbook"], row["step"]))


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _dismissals(connection: Connection, now: datetime) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """The details of each dismissal, the newest first; those of who was erased are empty."""
    of_card = ACT.c.handoff_id == func.coalesce(_card.c.id, HANDOFF.c.id)
    found = (
        select(HANDOFF.c.playbook, HANDOFF.c.step, ACT.c.details)
        .select_from(_joined.join(ACT, of_card))
        .where(ACT.c.act == DISMISSED, HANDOFF.c.opened_at >= now - LOOKS_BACK)
        .order_by(ACT.c.id.desc())
    )
    grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in connection.execute(found):
        grouped[row.playbook, row.step].append(row.details or {})
    return grouped


def _row(row: Mapping[Any, Any], dismissals: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    closed = row["done"] + row["dismissed"]
    causes = Counter(str(details.get("cause") or "other") for details in dismissals)
    words = dict.fromkeys(str(details["reason"]) for details in dismissals if details.get("reason"))
    return {
        **row,
        "useless": round(row["dismissed"] / closed, 2) if closed else None,
        "why": [{"cause": cause, "times": times} for cause, times in causes.most_common()],
        "words": list(words)[:MOST_WORDS],
    }


def reasons_of(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Below the table: why, per step that was ever dismissed."""
    for row in (row for row in rows if row["why"]):
        causes = ", ".join(f"{found['cause']} {found['times']}" for found in row["why"])
        yield f"{row['playbook']} → {row['step']}: {causes}"
        yield from (f"  “{' '.join(text.split())}”" for text in row["words"])
