"""Queries about walks: claiming what is due, writing moved walks, waking sleepers, pauses. Inside the caller's
transaction; decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    case,
    exists,
    false,
    literal_column,
    not_,
    or_,
    select,
    true,
    update,
)

from storage.accounts import Contact, Customer, Pause
from storage.asking import NOW
from storage.bulk import update_rows
from storage.columns import UtcDateTime
from storage.dialects import among_given
from storage.fuses import EVERY_MAIL, FUSE_PAUSE, RELEASE
from storage.journeys import Enrollment, EnrollmentStatus
from storage.outbox import OVER, Message

ENROLLMENT: Table = Enrollment.__table__  # type: ignore[attr-defined]
MESSAGE: Table = Message.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
PAUSE: Table = Pause.__table__  # type: ignore[attr-defined]

#: Written into the statement, because SQLite takes a partial index only for a constant it can see.
ACTIVE: ColumnElement[str] = literal_column(f"'{EnrollmentStatus.ACTIVE.value}'")

MOVED = ("step", "has_arrived", "step_since", "due_at", "status", "outcome", "ended_at", "fault")
#: What changes on a walk that stays on its step. Fewer columns leave the indexes on step and status alone.
STAYED = ("has_arrived", "step_since", "due_at")


@dataclass(slots=True)
class Walk:
    """A claimed walk while a pass moves it; written back in bulk. Times are instants in the walk's own time:
    `due_at` is when its present step was due, not when we came to look; `stood_on` the step on which it was claimed. The
    fields stand in the order of WALK_COLUMNS."""

    id: int
    playbook: str
    version_id: int
    customer_id: int
    contact_id: int | None
    occurrence: str
    priority: int
    is_holdout: bool
    step: str
    has_arrived: bool
    step_since: datetime | None
    due_at: datetime | None
    resumed_at: datetime | None
    entered_at: datetime
    stood_on: str
    fault: str | None
    status: str = EnrollmentStatus.ACTIVE
    outcome: str | None = None
    ended_at: datetime | None = None

    @property
    def since(self) -> datetime:
        """The moment from which the next thing counts."""
        return self.due_at or self.step_since or self.entered_at

    @property
    def has_stayed(self) -> bool:
        """Whether it still stands, without a fault, on the step on which it was claimed."""
        return self.step == self.stood_on and self.status == EnrollmentStatus.ACTIVE and self.fault is None

    @property
    def fell_due_in_pause(self) -> bool:
        """Whether its present step was due while it stood still (S37)."""
        return self.resumed_at is not None and self.since < self.resumed_at


WALK_COLUMNS = [
    ENROLLMENT.c[name]
    for name in (
        "id",
        "playbook",
        "version_id",
        "customer_id",
        "contact_id",
        "occurrence",
        "priority",
        "is_holdout",
        "step",
        "has_arrived",
        "step_since",
        "due_at",
        "resumed_at",
        "entered_at",
        "step",
        "fault",
    )
]


Pauses = tuple[tuple[str, str], ...]

#: Walks whose time has come, paused or not (storage.asking).
DUE_WALKS = select(ENROLLMENT.c.id).where(ENROLLMENT.c.status == ACTIVE, ENROLLMENT.c.due_at <= NOW)


def due_walk_ids(connection: Connection, now: datetime, limit: int, skip: Collection[int] = ()) -> list[int]:
    """Ids of active, unpaused walks whose time has come, oldest first."""
    statement = _due_walks(standing_pauses(connection))
    if skip:
        statement = statement.where(ENROLLMENT.c.id.not_in(list(skip)))
    return list(connection.scalars(statement, {"now": now, "most": limit}).all())


@lru_cache(maxsize=16)
def _due_walks(pauses: Pauses) -> Select[Any]:
    first = DUE_WALKS.where(_not_paused_in(pauses, ENROLLMENT)).order_by(ENROLLMENT.c.due_at, ENROLLMENT.c.id)
    return first.limit(bindparam("most", type_=Integer))


def claim_walks(connection: Connection, ids: Sequence[int], now: datetime) -> list[Walk]:
    """Lock those of the given walks that are still due, oldest first; another worker's rows are passed over."""
    return [Walk(*row) for row in connection.execute(_CLAIMING, {"keys": list(ids), "now": now}).all()]


_CLAIMING = (
    select(*WALK_COLUMNS)
    .where(among_given(ENROLLMENT.c.id), ENROLLMENT.c.status == ACTIVE, ENROLLMENT.c.due_at <= NOW)
    .order_by(ENROLLMENT.c.due_at, ENROLLMENT.c.id)
    .with_for_update(skip_locked=True)
)


def write_walks(connection: Connection, walks: Iterable[Walk]) -> None:
    """Store where the walks stand now; a walk that moved has no fault any more."""
    stayed, moved = [], []
    for w in walks:
        if w.has_stayed:
            stayed.append((w.id, w.has_arrived, w.step_since, w.due_at))
        else:
            moved.append(
                (w.id, w.step, w.has_arrived, w.step_since, w.due_at, str(w.status), w.outcome, w.ended_at, None)
            )
    update_rows(connection, ENROLLMENT, STAYED, stayed)
    update_rows(connection, ENROLLMENT, MOVED, moved)


#: Said so that the index of what is due does not fit: PostgreSQL would read all walks that wait for something, not those few.
_WAITS_FOR_SOMETHING = case(
    (ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value, ENROLLMENT.c.due_at.is_(None)), else_=false()
)
_WAKING = (
    update(ENROLLMENT)
    .where(
        among_given(ENROLLMENT.c.id),
        _WAITS_FOR_SOMETHING,
        ~exists().where(
            MESSAGE.c.enrollment_id == ENROLLMENT.c.id,
            MESSAGE.c.step == ENROLLMENT.c.step,
            MESSAGE.c.state.not_in([state.value for state in OVER]),
        ),
    )
    .values(due_at=bindparam("at", type_=UtcDateTime()))
)


def wake_walks_of_messages(connection: Connection, enrollment_ids: Collection[int | None], at: datetime) -> None:
    """A mail is over: its walk is looked at again, unless another mail of the same step is still owed (S9)."""
    ids = [found for found in set(enrollment_ids) if found is not None]
    if ids:
        connection.execute(_WAKING, {"keys": ids, "at": at})


def standing_pauses(connection: Connection) -> Pauses:
    """Everything that stands still now, as (kind, key)."""
    return tuple((kind, key) for kind, key in connection.execute(_PAUSES))


_PAUSES = select(PAUSE.c.kind, PAUSE.c.key).order_by(PAUSE.c.kind, PAUSE.c.key)


def not_paused(
    pauses: Pauses,
    playbook: ColumnElement[Any],
    customer_id: ColumnElement[Any],
    contact_id: ColumnElement[Any],
) -> ColumnElement[bool]:
    """A filter over whoever walks that leaves out whatever stands still (S37)."""
    if not pauses:
        return true()
    keys: dict[str, list[str]] = {}
    for kind, key in pauses:
        keys.setdefault(kind, []).append(key)
    if "all" in keys:
        return false()
    filters: list[ColumnElement[bool]] = []
    names = [*keys.get("playbook", ()), *(key for key in keys.get(FUSE_PAUSE, ()) if key != EVERY_MAIL)]
    if names:
        filters.append(playbook.not_in(names))
    if "customer" in keys:
        paused = select(CUSTOMER.c.id).where(CUSTOMER.c.key.in_(keys["customer"]))
        filters.append(customer_id.not_in(paused))
    if "contact" in keys:
        stopped = select(CONTACT.c.id).where(CONTACT.c.key.in_(keys["contact"]))
        filters.append(or_(contact_id.is_(None), contact_id.not_in(stopped)))
    return and_(true(), *filters)


def rows_not_paused(connection: Connection, table: Table) -> ColumnElement[bool]:
    """The same for a table with playbook, customer_id and contact_id. A mail that a person let pass a fuse may go."""
    return _not_paused_in(standing_pauses(connection), table)


def _not_paused_in(pauses: Pauses, table: Table) -> ColumnElement[bool]:
    columns = (table.c.playbook, table.c.customer_id, table.c.contact_id)
    by_fuse = [key for kind, key in pauses if kind == FUSE_PAUSE]
    if table is not MESSAGE or not by_fuse:
        return not_paused(pauses, *columns)
    by_hand = not_paused(tuple(found for found in pauses if found[0] != FUSE_PAUSE), *columns)
    held = true() if EVERY_MAIL in by_fuse else table.c.playbook.in_(by_fuse)
    return and_(by_hand, or_(not_(held), table.c.id.in_(select(RELEASE.c.message_id))))
