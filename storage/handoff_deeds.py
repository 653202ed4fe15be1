"""What every move of a hand-off shares: the locked row, why a deed cannot be done, and its traces (one act, one decision,
a mark that wakes the customer's walks). Decides nothing. Used by handoff_moves.py, handoff_merging.py, handoff_mails.py only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, case, insert, or_, select, update

from storage.facts import Event
from storage.handoff_views import UNFINISHED
from storage.handoffs import CALLS_ANEW, Handoff, HandoffAct, HandoffMail, HandoffState
from storage.journal import Decision, Verdict
from storage.marks import mark_changed

MACHINE = "journeybot"

_handoffs = Handoff.__table__  # type: ignore[attr-defined]
_acts = HandoffAct.__table__  # type: ignore[attr-defined]
_decisions = Decision.__table__  # type: ignore[attr-defined]
_mails = HandoffMail.__table__  # type: ignore[attr-defined]
_events = Event.__table__  # type: ignore[attr-defined]
#: What a deed may change beside the hand-off: its mail, and the event that tells of an answer.
CHANGED_BY_DEEDS = (_handoffs, _mails, _events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """How a move ended. Done: `by` and `at` are the mover's; not done: those of who was first. `reason` is a stable word
    (done, repeated, taken, finished, merged, unknown, unknown_outcome, too_late, not_yours, has_it), `sentence_reason` the
    same for a person, without `at`: whoever shows it writes the time on the reader's clock."""

    is_done: bool
    state: HandoffState
    by: str | None
    at: datetime | None
    sentence_reason: str
    reason: str = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody does to one hand-off, before it is known whether it still may."""

    act: str
    by: str
    at: datetime
    key: str
    details: dict[str, Any]


def look(
    connection: Connection, handoff_id: int, deed: Deed, *, finished_too: bool = False
) -> tuple[RowMapping | None, Move | None]:
    """The locked row, and why the deed cannot be done: repeated, or too late because the hand-off is finished."""
    row = connection.execute(_LOCKED, {"handoff": handoff_id}).mappings().one_or_none()
    if row is None:
        return None, None
    repeated = connection.execute(_BEFORE, {"handoff": handoff_id, "deed": deed.key}).one_or_none()
    if repeated is not None:
        state = HandoffState(row["state"])
        sentence = f"Hand-off {handoff_id}: this was recorded already"
        return row, Move(
            is_done=True, state=state, by=repeated.by, at=repeated.at, sentence_reason=sentence, reason="repeated"
        )
    if row["state"] == HandoffState.MERGED:
        return row, refused(row, "merged")
    if row["state"] not in UNFINISHED and not finished_too:
        return row, refused(row, "finished")
    return row, None


_LOCKED = select(_handoffs).where(_handoffs.c.id == bindparam("handoff")).with_for_update()
_BEFORE = select(_acts.c.by, _acts.c.at).where(
    _acts.c.handoff_id == bindparam("handoff"), _acts.c.key == bindparam("deed")
)
_ACTS, _DECISIONS = insert(_acts), insert(_decisions)


def carry_out(connection: Connection, row: RowMapping, deed: Deed, values: dict[str, Any], state: HandoffState) -> Move:
    changed = {**card_after(is_new=deed.act in CALLS_ANEW), **values}
    unchanged = (_handoffs.c.id == row["id"], _handoffs.c.state == row["state"])
    if connection.execute(update(_handoffs).where(*unchanged).values(**changed)).rowcount != 1:
        raise RuntimeError(f"hand-off {row['id']} changed under its lock")
    record(connection, [row], deed)
    sentence = f"Hand-off {row['id']} is {deed.act} by {deed.by}"
    return Move(is_done=True, state=state, by=deed.by, at=deed.at, sentence_reason=sentence)


@cache
def card_after(*, is_new: bool) -> dict[str, Any]:
    """What a deed means for the card: a new one, or the posted one brought up to date. A card that is wanted already may
    be on its way this moment; then its attempts and its lease stay, or it would be posted twice. One that was given up
    is tried again, with one attempt counted, so that posting looks whether it stands after all. One that waits for its
    owner's hours is looked at again."""
    is_wanted = _handoffs.c.posting == "wanted"
    is_tried = and_(is_wanted, _handoffs.c.post_attempts > 0)
    has_no_card = _handoffs.c.posted_ts.is_(None)
    return {
        "posting": case((or_(is_wanted, has_no_card), "wanted"), else_="wanted" if is_new else "stale"),
        "post_not_before": case((is_tried, _handoffs.c.post_not_before), else_=None),
        "post_attempts": case((is_wanted, _handoffs.c.post_attempts), (has_no_card, 1), else_=0),
    }


def reminder_of(at: datetime, acknowledge_by: datetime | None) -> datetime | None:
    """When three quarters of the time to acknowledge are over."""
    return None if acknowledge_by is None else at + (acknowledge_by - at) * 3 / 4


def again(row: RowMapping, at: datetime) -> datetime | None:
    if row["acknowledge_by"] is None:
        return None
    span: timedelta = row["acknowledge_by"] - row["opened_at"]
    return at + max(span, timedelta())


def record(connection: Connection, rows: list[RowMapping], deed: Deed) -> None:
    connection.execute(
        _ACTS,
        [
            {
                "handoff_id": r["id"],
                "key": deed.key,
                "act": deed.act,
                "by": deed.by,
                "at": deed.at,
                "details": deed.details,
            }
            for r in rows
        ],
    )
    connection.execute(_DECISIONS, [_decision(row, deed) for row in rows])
    customers = {row["customer_id"] for row in rows if row["customer_id"] is not None}
    mark_changed(connection, customers, *CHANGED_BY_DEEDS)


def _decision(row: RowMapping, deed: Deed) -> dict[str, Any]:
    return {
        "at": deed.at,
        "verdict": Verdict.OPERATED,
        "reason": f"handoff_{deed.act}",
        "customer_id": row["customer_id"],
        "contact_id": row["contact_id"],
        "playbook": row["playbook"],
        "enrollment_id": row["enrollment_id"],
        "step": row["step"],
        "details": {"handoff": row["id"], "by": deed.by, **deed.details},
    }


def _first(row: RowMapping) -> tuple[str | None, datetime | None]:
    if row["closed_at"] is not None:
        return row["closed_by"], row["closed_at"]
    return row["acknowledged_by"], row["acknowledged_at"]


def refused(row: RowMapping, reason: str) -> Move:
    by, at = (row["owner"], None) if reason in ("not_yours", "has_it") else _first(row)
    state = HandoffState(row["state"])
    sentence = {
        "taken": f"Hand-off {row['id']} was acknowledged by {by}",
        "merged": f"Hand-off {row['id']} is part of hand-off {row['merged_into']}: act on that one",
        "finished": f"Hand-off {row['id']} is over: {state.value} by {by}",
        "unknown_outcome": f"Hand-off {row['id']} closes with one of: {', '.join(row['outcomes'])}",
        "not_yours": f"Hand-off {row['id']} is {row['owner']}'s: only they, their manager and who covers for them may act on it",
        "has_it": f"Hand-off {row['id']} is {row['owner']}'s already",
        "too_late": f"Hand-off {row['id']} cannot be snoozed: that time, or its due time, is already past",
    }[reason]
    return Move(is_done=False, state=state, by=by, at=at, sentence_reason=sentence, reason=reason)


def unknown(handoff_id: int) -> Move:
    sentence = f"There is no hand-off {handoff_id}"
    return Move(
        is_done=False, state=HandoffState.WITHDRAWN, by=None, at=None, sentence_reason=sentence, reason="unknown"
    )
