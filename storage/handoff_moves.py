"""What may happen to a hand-off; the only writer of its state, owner, snooze and clocks. Each move locks the row, is
conditional and leaves one act, one decision and a mark that wakes the customer's walks, in the caller's transaction.
Called by the hand-off step, escalate, the CLI and Slack; a card is posted later, from `posting`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, RowMapping, case, insert, or_, select, update

from storage.accounts import CustomerChange
from storage.facts import Event, Note
from storage.handoff_views import UNFINISHED, HandoffRecord, get, list_handoffs, list_open
from storage.handoffs import CALLS_ANEW, Handoff, HandoffAct, HandoffState
from storage.journal import Decision, Verdict

__all__ = [
    "MACHINE",
    "HandoffRecord",
    "Move",
    "acknowledge",
    "annotate",
    "ask_whether_needed",
    "dismiss",
    "done",
    "escalate",
    "get",
    "list_handoffs",
    "list_open",
    "reassign",
    "snooze",
    "wake",
    "withdraw",
]

MACHINE = "journeybot"
OWN_SOURCE = "journeybot"
BATCH = 500

_handoffs = Handoff.__table__  # type: ignore[attr-defined]
_acts = HandoffAct.__table__  # type: ignore[attr-defined]
_decisions = Decision.__table__  # type: ignore[attr-defined]
_changes = CustomerChange.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """How a move ended. Done: `by` and `at` are the mover's; not done: those of who was first. `reason` is a stable word
    (done, repeated, taken, finished, unknown, unknown_outcome, too_late), `sentence_reason` the same for a person."""

    is_done: bool
    state: HandoffState
    by: str | None
    at: datetime | None
    sentence_reason: str
    reason: str = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Deed:
    """What somebody does to one hand-off, before it is known whether it still may."""

    act: str
    by: str
    at: datetime
    key: str
    details: dict[str, Any]


def acknowledge(connection: Connection, handoff_id: int, *, by: str, at: datetime, key: str) -> Move:
    """Somebody takes an open hand-off on; the first wins, and an unowned one becomes theirs."""
    deed = _Deed(act="acknowledged", by=by, at=at, key=key, details={})
    row, refusal = _look(connection, handoff_id, deed)
    if row is None or refusal is not None:
        return refusal or _unknown(handoff_id)
    if row["state"] == HandoffState.ACKNOWLEDGED:
        return _refused(row, "taken")
    values = {"state": HandoffState.ACKNOWLEDGED, "acknowledged_by": by, "acknowledged_at": at, "snoozed_until": None}
    return _move(connection, row, deed, {**values, "owner": row["owner"] or by}, HandoffState.ACKNOWLEDGED)


def snooze(connection: Connection, handoff_id: int, *, by: str, at: datetime, key: str, until: datetime) -> Move:
    """Puts a hand-off off, at most to its due time. The clock of acknowledging stands still meanwhile (S27)."""
    row, refusal = _look(connection, handoff_id, _Deed(act="snoozed", by=by, at=at, key=key, details={}))
    if row is None or refusal is not None:
        return refusal or _unknown(handoff_id)
    wakes = min(until, row["due_at"]) if row["due_at"] else until
    if wakes <= at:
        return _refused(row, "too_late")
    values: dict[str, Any] = {"snoozed_until": wakes}
    if row["acknowledge_by"]:
        # What was left of the clock when it stopped is left when it goes on.
        values["acknowledge_by"] = wakes + max(row["acknowledge_by"] - at, timedelta())
    deed = _Deed(act="snoozed", by=by, at=at, key=key, details={"until": wakes.isoformat()})
    return _move(connection, row, deed, values, HandoffState(row["state"]))


def done(
    connection: Connection,
    handoff_id: int,
    *,
    by: str,
    at: datetime,
    key: str,
    outcome: str | None = None,
    note: str | None = None,
) -> Move:
    """Closes a hand-off as done and tells it as the event `handoff.done`, which playbooks may enter on."""
    deed = _Deed(act="done", by=by, at=at, key=key, details={"outcome": outcome, "note": note})
    row, refusal = _look(connection, handoff_id, deed)
    if row is not None and refusal is None and outcome and row["outcomes"] and outcome not in row["outcomes"]:
        return _refused(row, "unknown_outcome")
    move = _close(connection, handoff_id, deed, HandoffState.DONE, {"outcome": outcome, "note": note})
    if move.is_done and move.reason == "done":
        _tell_done(connection, handoff_id, at)
    return move


def dismiss(connection: Connection, handoff_id: int, *, by: str, at: datetime, key: str, reason: str) -> Move:
    """Closes a hand-off as not needed."""
    deed = _Deed(act="dismissed", by=by, at=at, key=key, details={"reason": reason})
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
    row, refusal = _look(connection, handoff_id, _Deed(act="reassigned", by=by, at=at, key=key, details={}))
    if row is None or refusal is not None:
        return refusal or _unknown(handoff_id)
    deed = _Deed(act="reassigned", by=by, at=at, key=key, details={"owner": owner, "before": row["owner"]})
    values = {
        "acknowledge_by": acknowledge_by or _again(row, at),
        "snoozed_until": None,
        "owner": owner,
        "state": HandoffState.OPEN,
        "acknowledged_by": None,
        "acknowledged_at": None,
    }
    return _move(connection, row, deed, values, HandoffState.OPEN)


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
    deed = _Deed(act="escalated", by=MACHINE, at=at, key=f"escalated-{level}", details={})
    row, refusal = _look(connection, handoff_id, deed)
    if row is None or refusal is not None:
        return refusal or _unknown(handoff_id)
    if row["state"] != HandoffState.OPEN:
        return _refused(row, "taken")
    deed = replace(deed, details={"owner": owner, "before": row["owner"], "level": level})
    clock = acknowledge_by or _again(row, at)
    values = {"owner": owner, "escalations": level, "acknowledge_by": clock, "snoozed_until": None}
    return _move(connection, row, deed, values, HandoffState.OPEN)


def wake(connection: Connection, handoff_id: int, *, at: datetime) -> Move:
    """A snooze is over: the card is posted anew, or nobody would see it."""
    row, refusal = _look(connection, handoff_id, _Deed(act="woken", by=MACHINE, at=at, key="", details={}))
    if row is None or refusal is not None:
        return refusal or _unknown(handoff_id)
    until = row["snoozed_until"]
    if until is None or until > at:
        return _refused(row, "too_late")
    deed = _Deed(act="woken", by=MACHINE, at=at, key=f"woken-{until.isoformat()}", details={})
    return _move(connection, row, deed, {"snoozed_until": None}, HandoffState(row["state"]))


def annotate(connection: Connection, handoff_id: int, *, by: str, at: datetime, key: str, note: str) -> Move:
    """Adds a person's note to the hand-off and to the customer's timeline; finished hand-offs may be annotated too."""
    deed = _Deed(act="noted", by=by, at=at, key=key, details={"note": note})
    row, refusal = _look(connection, handoff_id, deed, finished_too=True)
    if row is None or refusal is not None:
        return refusal or _unknown(handoff_id)
    if row["customer_id"] is not None:
        connection.execute(
            insert(Note).values(
                customer_id=row["customer_id"],
                by=by,
                at=at,
                text=note,
                source=OWN_SOURCE,
                key=f"handoff-{handoff_id}-{key}",
            )
        )
    return _move(connection, row, deed, {}, HandoffState(row["state"]))


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
        connection.execute(update(_handoffs).where(_handoffs.c.id.in_(found)).values(**_card(is_new=False)))
        _record(connection, rows, _Deed(act="outlived", by=MACHINE, at=at, key="outlived", details={"reason": reason}))
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
            **_card(is_new=False),
        )
    )
    deed = _Deed(act="withdrawn", by=MACHINE, at=at, key="withdrawn", details={"reason": reason})
    _record(connection, rows, deed)
    return found


def _close(connection: Connection, handoff_id: int, deed: _Deed, state: HandoffState, values: dict[str, Any]) -> Move:
    row, refusal = _look(connection, handoff_id, deed)
    if row is None or refusal is not None:
        return refusal or _unknown(handoff_id)
    closed = {"state": state, "closed_by": deed.by, "closed_at": deed.at, "snoozed_until": None, **values}
    return _move(connection, row, deed, closed, state)


def _look(
    connection: Connection, handoff_id: int, deed: _Deed, *, finished_too: bool = False
) -> tuple[RowMapping | None, Move | None]:
    """The locked row, and why the deed cannot be done: repeated, or too late because the hand-off is finished."""
    found = select(_handoffs).where(_handoffs.c.id == handoff_id).with_for_update()
    row = connection.execute(found).mappings().one_or_none()
    if row is None:
        return None, None
    before = select(_acts.c.by, _acts.c.at).where(_acts.c.handoff_id == handoff_id, _acts.c.key == deed.key)
    repeated = connection.execute(before).one_or_none()
    if repeated is not None:
        state = HandoffState(row["state"])
        sentence = f"Hand-off {handoff_id}: this was recorded already"
        return row, Move(
            is_done=True, state=state, by=repeated.by, at=repeated.at, sentence_reason=sentence, reason="repeated"
        )
    if row["state"] not in UNFINISHED and not finished_too:
        return row, _refused(row, "finished")
    return row, None


def _move(connection: Connection, row: RowMapping, deed: _Deed, values: dict[str, Any], state: HandoffState) -> Move:
    changed = {**_card(is_new=deed.act in CALLS_ANEW), **values}
    unchanged = (_handoffs.c.id == row["id"], _handoffs.c.state == row["state"])
    if connection.execute(update(_handoffs).where(*unchanged).values(**changed)).rowcount != 1:
        raise RuntimeError(f"hand-off {row['id']} changed under its lock")
    _record(connection, [row], deed)
    sentence = f"Hand-off {row['id']} is {deed.act} by {deed.by}"
    return Move(is_done=True, state=state, by=deed.by, at=deed.at, sentence_reason=sentence)


def _card(*, is_new: bool) -> dict[str, Any]:
    """What a deed means for the card: a new one, or the posted one brought up to date. A card that is wanted already may
    be on its way this moment; then its attempts and its lease stay, or it would be posted twice. One that was given up
    is tried again, with one attempt counted, so that posting looks whether it stands after all."""
    is_wanted = _handoffs.c.posting == "wanted"
    has_no_card = _handoffs.c.posted_ts.is_(None)
    return {
        "posting": case((or_(is_wanted, has_no_card), "wanted"), else_="wanted" if is_new else "stale"),
        "post_not_before": case((is_wanted, _handoffs.c.post_not_before), else_=None),
        "post_attempts": case((is_wanted, _handoffs.c.post_attempts), (has_no_card, 1), else_=0),
    }


def _again(row: RowMapping, at: datetime) -> datetime | None:
    if row["acknowledge_by"] is None:
        return None
    span: timedelta = row["acknowledge_by"] - row["opened_at"]
    return at + max(span, timedelta())


def _record(connection: Connection, rows: list[RowMapping], deed: _Deed) -> None:
    connection.execute(
        insert(_acts),
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
    connection.execute(insert(_decisions), [_decision(row, deed) for row in rows])
    of_customers = [{"customer_id": row["customer_id"]} for row in rows if row["customer_id"] is not None]
    if of_customers:
        connection.execute(insert(_changes), of_customers)


def _decision(row: RowMapping, deed: _Deed) -> dict[str, Any]:
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


def _tell_done(connection: Connection, handoff_id: int, at: datetime) -> None:
    row = connection.execute(select(_handoffs).where(_handoffs.c.id == handoff_id)).mappings().one()
    if row["customer_id"] is None:
        return  # no customer's walk waits for it
    told = {"handoff": row["step"], "kind": row["kind"], "outcome": row["outcome"], "playbook": row["playbook"]}
    connection.execute(
        insert(Event).values(
            customer_id=row["customer_id"],
            contact_id=row["contact_id"],
            name="handoff.done",
            at=at,
            properties=told,
            source=OWN_SOURCE,
            key=f"handoff-done-{handoff_id}",
            received_at=at,
            is_new=True,
        )
    )


def _first(row: RowMapping) -> tuple[str | None, datetime | None]:
    if row["closed_at"] is not None:
        return row["closed_by"], row["closed_at"]
    return row["acknowledged_by"], row["acknowledged_at"]


def _refused(row: RowMapping, reason: str) -> Move:
    by, at = _first(row)
    state = HandoffState(row["state"])
    when = f" at {at:%Y-%m-%d %H:%M} UTC" if at else ""
    sentence = {
        "taken": f"Hand-off {row['id']} was acknowledged by {by}{when}",
        "finished": f"Hand-off {row['id']} is over: {state.value} by {by}{when}",
        "unknown_outcome": f"Hand-off {row['id']} closes with one of: {', '.join(row['outcomes'])}",
        "too_late": f"Hand-off {row['id']} cannot be snoozed: that time, or its due time, is already past",
    }[reason]
    return Move(is_done=False, state=state, by=by, at=at, sentence_reason=sentence, reason=reason)


def _unknown(handoff_id: int) -> Move:
    sentence = f"There is no hand-off {handoff_id}"
    return Move(
        is_done=False, state=HandoffState.WITHDRAWN, by=None, at=None, sentence_reason=sentence, reason="unknown"
    )
