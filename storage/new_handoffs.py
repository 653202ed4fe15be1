"""Hand-offs that no step of a journey opened: the machine asks about a mail, a template or a fuse, or a person asks a colleague.
Those of steps are written with their walks (pipeline/recording.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, insert

from storage.bulk import insert_new_rows
from storage.handoffs import Handoff, HandoffState

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]

COLUMNS = (
    *(
        "enrollment_id",
        "customer_id",
        "contact_id",
        "playbook",
        "step",
        "occurrence",
        "title",
        "kind",
        "urgency",
        "owner",
    ),
    *("state", "opened_at", "due_at", "escalations", "brief", "tasks", "outcomes", "notify", "event", "posting"),
    "post_attempts",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHandoff:
    """What is asked of whom; see storage.handoffs.Handoff for the fields. `customer_id` None: it concerns no single customer."""

    playbook: str
    step: str
    occurrence: str
    title: Mapping[str, str]
    kind: str
    owner: str | None
    opened_at: datetime
    urgency: str = "normal"
    enrollment_id: int | None = None
    customer_id: int | None = None
    contact_id: int | None = None
    due_at: datetime | None = None
    brief: Sequence[str] = ()
    outcomes: Sequence[str] = ()
    notify: Sequence[str] = ()
    event: Mapping[str, Any] | None = None

    def as_row(self) -> tuple[Any, ...]:
        """In the order of `COLUMNS`: open, and its card is to be posted."""
        return (
            *(self.enrollment_id, self.customer_id, self.contact_id, self.playbook, self.step, self.occurrence),
            *(
                dict(self.title),
                self.kind,
                self.urgency,
                self.owner,
                HandoffState.OPEN.value,
                self.opened_at,
                self.due_at,
            ),
            *(0, list(self.brief), [], list(self.outcomes), list(self.notify), self.event, "wanted", 0),
        )


def open_handoffs(connection: Connection, handoffs: Sequence[NewHandoff]) -> None:
    """Those that stand already, by walk, step and occurrence, are left as they are."""
    insert_new_rows(connection, HANDOFF, COLUMNS, [handoff.as_row() for handoff in handoffs])


def open_handoff(connection: Connection, handoff: NewHandoff) -> int:
    """Returns its id."""
    row = dict(zip(COLUMNS, handoff.as_row(), strict=True))
    return int(connection.execute(insert(HANDOFF).values(row).returning(HANDOFF.c.id)).scalar_one())
