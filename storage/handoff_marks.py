"""Tasks of an unfinished hand-off that people tick off, without changing where it stands. In the caller's transaction, with
the traces of every deed (handoff_deeds.py). Called by the CLI and Slack."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from storage.handoff_deeds import Deed, Move, carry_out, look, unknown
from storage.handoffs import HandoffState


def tick(
    connection: Connection,
    handoff_id: int,
    *,
    by: str,
    at: datetime,
    key: str,
    done: Collection[int],
    undone: Collection[int] = (),
) -> Move:
    """Ticks tasks off, by their places, or takes ticks back. Places that the hand-off has not are left out."""
    row, refusal = look(connection, handoff_id, Deed(act="ticked", by=by, at=at, key=key, details={}))
    if row is None or refusal is not None:
        return refusal or unknown(handoff_id)
    before = set(row["ticked"] or ())
    after = sorted(((before | set(done)) - set(undone)) & set(range(len(row["tasks"]))))
    deed = Deed(act="ticked", by=by, at=at, key=key, details={"done": len(after), "of": len(row["tasks"])})
    return carry_out(connection, row, deed, {"ticked": after}, HandoffState(row["state"]))
