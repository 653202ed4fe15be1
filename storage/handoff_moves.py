"""What may happen to a hand-off; with handoff_merging.py the only writer of its state, owner, snooze and clocks. Each
move locks the row, is conditional and leaves its traces (handoff_deeds.py), in the caller's transaction.
Called by the hand-off step, escalate, the CLI and Slack; a card is posted later, from `posting`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from storage.handoff_answers import NOTE, Answer, record_answers, tell_done, write_note
from storage.handoff_deeds import (
    MACHINE,
    Deed,
    Move,
    again,
    card_after,
    carry_out,
    look,
    record,
    refused,
    reminder_of,
    unknown,
)
from storage.handoff_views import HandoffRecord, get, list_handoffs, list_open
from storage.handoffs import Handoff, HandoffState

__all__ = [
    "LATE",
    "MACHINE",
    "REMINDED",
    "HandoffRecord",
    "Move",
    "acknowledge",
    "annotate",
    "ask_whether_needed",
    "cover",
    "dismiss",
    "done",
    "escalate",
    "flag",
    "follow_customer",
    "get",
    "leave",
    "list_handoffs",
    "list_open",
    "nudge",
    "raise_late",
    "reassign",
    "remind",
    "snooze",
    "wake",
    "withdraw",
]

REMINDED = "reminded"
LATE = "late"
BATCH = 500

_handoffs = Handoff.__table__  # type: ignore[attr-defined]


def acknowledge(
    connection: Connection, handoff_id: int, *, by: str, at: datetime, key: str, takes_over: bool = False
) -> Move:
    """Somebody takes an open hand-off on; the first wins, and an unowned one becomes theirs. `takes_over`: one that was
    another person's does too."""
    deed = Deed(act="acknowledged", by=by, at=at, key=key, details={})
    row, refusal = look(connection, handoff_id, deed)
    if row is None or refusal is not None:
        return refusal or unknown(handoff_id)
    if row["state"] == HandoffState.ACKNOWLEDGED:
        return refused(row, "taken")
    values = {"state": HandoffState.ACKNOWLEDGED, "acknowledged_by": by, "acknowledged_at": at, "snoozed_until": None}
    owner = by if takes_over else row["owner"] or by
    if row["owner"] is not None and owner != row["owner"]:
        deed = replace(deed, details={"owner": owner, "before": row["owner"]})
    return carry_out(connection, row, deed, {**values, "owner": owner}, HandoffState.ACKNOWLEDGED)


def snooze(
    connection: Connection,
    handoff_id: int,
    *,
    by: str,
    at: datetime,
    key: str,
    until: datetime,
    reason: str | None = None,
) -> Move:
    """Puts a hand-off off, at most to its due time. The clock of acknowledging stands still meanwhile (S27)."""
    row, refusal = look(connection, handoff_id, Deed(act="snoozed", by=by, at=at, key=key, details={}))
    if row is None or refusal is not None:
        return refusal or unknown(handoff_id)
    wakes = min(until, row["due_at"]) if row["due_at"] else until
    if wakes <= at:
        return refused(row, "too_late")
    values: dict[str, Any] = {"snoozed_until": wakes}
    if row["acknowledge_by"]:
        # What was left of the clock when it stopped is left when it goes on.
        values["acknowledge_by"] = wakes + max(row["acknowledge_by"] - at, timedelta())
        values["remind_at"] = reminder_of(wakes, values["acknowledge_by"])
    deed = Deed(act="snoozed", by=by, at=at, key=key, details={"until": wakes.isoformat(), "reason": reason})
    return carry_out(connection, row, deed, values, HandoffState(row["state"]))


def done(
    connection: Connection,
    handoff_id: int,
    *,
    by: str,
    at: datetime,
    key: str,
    outcome: str | None = None,
    note: str | None = None,
    answers: Mapping[str, Answer] | None = None,
) -> Move:
    """Closes a hand-off as done and tells it as the event `handoff.done`, which playbooks may enter on. The note goes to the
    customer's timeline; `answers`, to what the hand-off asks, become facts."""
    deed = Deed(act="done", by=by, at=at, key=key, details={"outcome": outcome, "note": note})
    row, refusal = look(connection, handoff_id, deed)
    if row is not None and refusal is None and outcome and row["outcomes"] and outcome not in row["outcomes"]:
        return refused(row, "unknown_outcome")
    move = _close(connection, handoff_id, deed, HandoffState.DONE, {"outcome": outcome, "note": note})
    if row is not None and move.is_done and move.reason == "done":
        notes = [text for text in (note, (answers or {}).get(NOTE)) if text]
        told = {**(answers or {}), NOTE: "\n".join(map(str, notes))}
        record_answers(connection, row, told, by=by, at=at)
        tell_done(connection, handoff_id, at)
    return move


def dismiss(
    connection: Connection, handoff_id: int, *, by: str, at: datetime, key: str, reason: str, cause: str = "other"
) -> Move:
    """Closes a hand-off as not needed; `cause` is one of DISMISSALS."""
    deed = Deed(act="dismissed", by=by, at=at, key=key, details={"reason": reason, "cause": cause})
    return _close(connection, handoff_id, deed, HandoffState.DISMISSED, {"note": reason})


def reassign(
    connection: Connection,
    handoff_id: int,
    *,
    by: str,
    at: datetime,
    key: str,
    owner: str | None,
    acknowledge_by: datetime | None = None,
) -> Move:
    """Gives a hand-off to somebody else, who has not acknowledged it yet: it is open again and its card is posted anew.
    `acknowledge_by`: the restarted clock (S27); not given, the time it had from its opening is counted again."""
    deed = Deed(act="reassigned", by=by, at=at, key=key, details={})
    return _give(connection, handoff_id, deed, owner, acknowledge_by)


def follow_customer(
    connection: Connection,
    handoff_id: int,
    *,
    at: datetime,
    key: str,
    owner: str,
    acknowledge_by: datetime | None = None,
) -> Move:
    """The customer has another CSM: what the former one had goes to `owner`, who has not acknowledged it yet."""
    deed = Deed(act="followed", by=MACHINE, at=at, key=key, details={})
    return _give(connection, handoff_id, deed, owner, acknowledge_by)


def cover(
    connection: Connection,
    handoff_id: int,
    *,
    at: datetime,
    key: str,
    owner: str,
    acknowledge_by: datetime | None = None,
) -> Move:
    """Its owner is away: an open hand-off that nobody took goes to `owner`, who stands in."""
    deed = Deed(act="covered", by=MACHINE, at=at, key=key, details={})
    return _give(connection, handoff_id, deed, owner, acknowledge_by, only_untaken=True)


def leave(
    connection: Connection,
    handoff_id: int,
    *,
    at: datetime,
    key: str,
    owner: str | None,
    acknowledge_by: datetime | None = None,
) -> Move:
    """Its owner has left us: it goes to `owner`, or (None) to whoever acknowledges it in the channel."""
    return _give(
        connection, handoff_id, Deed(act="left", by=MACHINE, at=at, key=key, details={}), owner, acknowledge_by
    )


def _give(
    connection: Connection,
    handoff_id: int,
    deed: Deed,
    owner: str | None,
    acknowledge_by: datetime | None,
    *,
    only_untaken: bool = False,
) -> Move:
    """`only_untaken`: refused when somebody is on it already."""
    row, refusal = look(connection, handoff_id, deed)
    if row is None or refusal is not None:
        return refusal or unknown(handoff_id)
    if only_untaken and row["state"] != HandoffState.OPEN:
        return refused(row, "taken")
    deed = replace(deed, details={"owner": owner, "before": row["owner"]})
    return carry_out(connection, row, deed, _given(row, deed.at, owner, acknowledge_by), HandoffState.OPEN)


def _given(row: RowMapping, at: datetime, owner: str | None, acknowledge_by: datetime | None) -> dict[str, Any]:
    """With another person it is open again, and its clock starts anew."""
    clock = acknowledge_by or again(row, at)
    return {
        "acknowledge_by": clock,
        "remind_at": reminder_of(at, clock),
        "snoozed_until": None,
        "owner": owner,
        "state": HandoffState.OPEN,
        "acknowledged_by": None,
        "acknowledged_at": None,
    }


def escalate(
    connection: Connection,
    handoff_id: int,
    *,
    at: datetime,
    level: int,
    owner: str | None,
    acknowledge_by: datetime | None = None,
) -> Move:
    """The machine gives an open hand-off that nobody took to the next person, once per level (1, 2 …; S27). Acknowledging
    wins over escalation. `acknowledge_by`: when the next level is due; not given, the first span is counted again."""
    deed = Deed(act="escalated", by=MACHINE, at=at, key=f"escalated-{level}", details={})
    row, refusal = look(connection, handoff_id, deed)
    if row is None or refusal is not None:
        return refusal or unknown(handoff_id)
    if row["state"] != HandoffState.OPEN:
        return refused(row, "taken")
    deed = replace(deed, details={"owner": owner, "before": row["owner"], "level": level})
    clock = acknowledge_by or again(row, at)
    values = {"owner": owner, "escalations": level, "acknowledge_by": clock, "snoozed_until": None}
    values["remind_at"] = reminder_of(at, clock)
    return carry_out(connection, row, deed, values, HandoffState.OPEN)


def nudge(connection: Connection, handoff_id: int, *, at: datetime) -> Move:
    """Its time to be acknowledged is nearly over: the card is posted anew, once for each such time (S27)."""
    row, refusal = look(connection, handoff_id, Deed(act="nudged", by=MACHINE, at=at, key="", details={}))
    if row is None or refusal is not None:
        return refusal or unknown(handoff_id)
    if row["state"] != HandoffState.OPEN or row["acknowledge_by"] is None:
        return refused(row, "taken")
    until = row["acknowledge_by"].isoformat()
    deed = Deed(act="nudged", by=MACHINE, at=at, key=f"nudged-{until}", details={"owner": row["owner"], "until": until})
    return carry_out(connection, row, deed, {"remind_at": None}, HandoffState.OPEN)


def remind(connection: Connection, handoff_id: int, *, at: datetime) -> Move:
    """It is past due: the card is posted anew, once for each due time (S27)."""
    row, refusal = look(connection, handoff_id, Deed(act=REMINDED, by=MACHINE, at=at, key="", details={}))
    if row is None or refusal is not None:
        return refusal or unknown(handoff_id)
    due = row["due_at"].isoformat() if row["due_at"] else ""
    deed = Deed(act="reminded", by=MACHINE, at=at, key=f"reminded-{due}", details={"owner": row["owner"]})
    return carry_out(connection, row, deed, {}, HandoffState(row["state"]))


def raise_late(
    connection: Connection, handoff_id: int, *, at: datetime, owner: str | None, acknowledge_by: datetime | None = None
) -> Move:
    """It stayed past due: it goes to the next person, also if somebody was on it, once for each due time (S27)."""
    row, refusal = look(connection, handoff_id, Deed(act=LATE, by=MACHINE, at=at, key="", details={}))
    if row is None or refusal is not None:
        return refusal or unknown(handoff_id)
    due = row["due_at"].isoformat() if row["due_at"] else ""
    details = {"owner": owner, "before": row["owner"]}
    deed = Deed(act="late", by=MACHINE, at=at, key=f"late-{due}", details=details)
    return carry_out(connection, row, deed, _given(row, at, owner, acknowledge_by), HandoffState.OPEN)


def wake(connection: Connection, handoff_id: int, *, at: datetime) -> Move:
    """A snooze is over: the card is posted anew, or nobody would see it."""
    row, refusal = look(connection, handoff_id, Deed(act="woken", by=MACHINE, at=at, key="", details={}))
    if row is None or refusal is not None:
        return refusal or unknown(handoff_id)
    until = row["snoozed_until"]
    if until is None or until > at:
        return refused(row, "too_late")
    deed = Deed(act="woken", by=MACHINE, at=at, key=f"woken-{until.isoformat()}", details={})
    return carry_out(connection, row, deed, {"snoozed_until": None}, HandoffState(row["state"]))


def annotate(connection: Connection, handoff_id: int, *, by: str, at: datetime, key: str, note: str) -> Move:
    """Adds a person's note to the hand-off and to the customer's timeline; finished hand-offs may be annotated too."""
    deed = Deed(act="noted", by=by, at=at, key=key, details={"note": note})
    row, refusal = look(connection, handoff_id, deed, finished_too=True)
    if row is None or refusal is not None:
        return refusal or unknown(handoff_id)
    write_note(connection, row, note, by=by, at=at, key=key)
    return carry_out(connection, row, deed, {}, HandoffState(row["state"]))


def flag(connection: Connection, handoff_id: int, *, by: str, at: datetime, key: str, is_flagged: bool = True) -> Move:
    """Calls for the company's attention, which turns a risk measure red; or takes the call back."""
    deed = Deed(act="flagged" if is_flagged else "unflagged", by=by, at=at, key=key, details={})
    row, refusal = look(connection, handoff_id, deed)
    if row is None or refusal is not None:
        return refusal or unknown(handoff_id)
    return carry_out(connection, row, deed, {"flagged_at": at if is_flagged else None}, HandoffState(row["state"]))


def withdraw(connection: Connection, ids: Iterable[int], *, reason: str, at: datetime) -> list[int]:
    """The machine takes back those that nobody took yet (S13); acknowledged ones stay. Returns the ids withdrawn."""
    remaining = iter(sorted(set(ids)))
    withdrawn: list[int] = []
    while batch := list(islice(remaining, BATCH)):
        withdrawn += _withdraw(connection, batch, reason, at)
    return withdrawn


def ask_whether_needed(connection: Connection, ids: Iterable[int], *, reason: str, at: datetime) -> list[int]:
    """Tells those that somebody is on that their walk is over; they stay, and card and thread ask (S13)."""
    mine = (_handoffs.c.id.in_(sorted(set(ids))), _handoffs.c.state == HandoffState.ACKNOWLEDGED)
    rows = list(
        connection.execute(select(_handoffs).where(*mine).order_by(_handoffs.c.id).with_for_update()).mappings()
    )
    found = [int(row["id"]) for row in rows]
    if rows:
        connection.execute(update(_handoffs).where(_handoffs.c.id.in_(found)).values(**card_after(is_new=False)))
        record(connection, rows, Deed(act="outlived", by=MACHINE, at=at, key="outlived", details={"reason": reason}))
    return found


def _withdraw(connection: Connection, batch: list[int], reason: str, at: datetime) -> list[int]:
    # Locked in the order of ids, so that two transactions with overlapping batches do not wait for each other in a ring.
    mine = (_handoffs.c.id.in_(batch), _handoffs.c.state == HandoffState.OPEN)
    rows = list(
        connection.execute(select(_handoffs).where(*mine).order_by(_handoffs.c.id).with_for_update()).mappings()
    )
    if not rows:
        return []
    found = [int(row["id"]) for row in rows]
    connection.execute(
        update(_handoffs)
        .where(_handoffs.c.id.in_(found), _handoffs.c.state == HandoffState.OPEN)
        .values(
            state=HandoffState.WITHDRAWN,
            closed_by=MACHINE,
            closed_at=at,
            note=reason,
            **card_after(is_new=False),
        )
    )
    deed = Deed(act="withdrawn", by=MACHINE, at=at, key="withdrawn", details={"reason": reason})
    record(connection, rows, deed)
    return found


def _close(connection: Connection, handoff_id: int, deed: Deed, state: HandoffState, values: dict[str, Any]) -> Move:
    row, refusal = look(connection, handoff_id, deed)
    if row is None or refusal is not None:
        return refusal or unknown(handoff_id)
    closed = {"state": state, "closed_by": deed.by, "closed_at": deed.at, "snoozed_until": None, **values}
    return carry_out(connection, row, deed, closed, state)
