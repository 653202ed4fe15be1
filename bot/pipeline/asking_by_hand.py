"""A hand-off that a person asks for, from a Slack message or the console: opened once by its key, told like those of
journeys, with its own trace in the journal. In the caller's transaction; posting its card is escalate's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.new_handoffs import HANDOFF, NewHandoff, open_handoff

BY_HAND = "by hand"
KIND = "request"
STEP = "asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of whom. `about` is shown on the card as what happened; `key` is the same in every repetition."""

    customer_id: int
    title: str
    owner: str
    urgency: str
    due_at: datetime | None
    about: dict[str, Any]
    key: str


def ask_by_hand(connection: Connection, request: Request, *, by: str, at: datetime) -> int:
    """The hand-off's id; that of the one that stands already when this was asked before."""
    mine = (HANDOFF.c.playbook == BY_HAND, HANDOFF.c.occurrence == request.key)
    standing = connection.scalar(select(HANDOFF.c.id).where(HANDOFF.c.customer_id == request.customer_id, *mine))
    if standing is not None:
        return int(standing)
    handoff = NewHandoff(
        customer_id=request.customer_id,
        playbook=BY_HAND,
        step=STEP,
        occurrence=request.key,
        title={"": request.title},
        kind=KIND,
        urgency=request.urgency,
        owner=request.owner,
        opened_at=at,
        due_at=request.due_at,
        brief=("event", "last_activities"),
        event=request.about,
    )
    handoff_id = open_handoff(connection, handoff)
    entry = Entry(
        at=at,
        verdict=Verdict.OPERATED,
        reason="handoff_asked",
        customer_id=request.customer_id,
        step=STEP,
        details={"handoff": handoff_id, "by": by, "owner": request.owner},
    )
    write_entries(connection, [entry])
    return handoff_id
