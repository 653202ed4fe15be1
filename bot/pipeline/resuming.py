"""What the end of a standstill does to due times (semantics.md S37): `shift` moves them by its length, `catch_up` does at once
what fell due, `expire` leaves it out. Standstills that overlap count once: the last to end settles. Called by operate
within its transaction; it moves no walk itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    case,
    false,
    literal,
    not_,
    or_,
    select,
    true,
    union,
    update,
)

from bot.pipeline.scopes import CONTACT, CUSTOMER
from storage.accounts import Pause
from storage.columns import UtcDateTime
from storage.dialects import add_seconds, among
from storage.enrollments import ENROLLMENT, wake_walks_of_messages
from storage.fuses import EVERY_MAIL
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.journeys import EnrollmentStatus
from storage.marks import mark_selected
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE, cancel_messages

PAUSE: Table = Pause.__table__  # type: ignore[attr-defined]
PauseKind = Literal["all", "playbook", "customer", "contact", "fuse"]
WAITING = (MessageState.PENDING.value, MessageState.HELD.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """A pause and since when it stands."""

    kind: PauseKind
    key: str
    since: datetime

    def concerns(self, table: Table) -> ColumnElement[bool]:
        """Rows of a table with playbook, customer_id and contact_id; never unknown."""
        match self.kind:
            case "all":
                return true()
            case "playbook":
                return table.c.playbook == self.key
            case "fuse":
                of_all = true() if table is MESSAGE else false()  # walks go on; only mails wait
                return of_all if self.key == EVERY_MAIL else table.c.playbook == self.key
            case "customer":
                return table.c.customer_id.in_(select(CUSTOMER.c.id).where(CUSTOMER.c.key == self.key))
            case "contact":
                people = select(CONTACT.c.id).where(CONTACT.c.key == self.key)
                return and_(table.c.contact_id.is_not(None), table.c.contact_id.in_(people))


def settle_standstill(connection: Connection, ended: Standstill, now: datetime, on_resume: Mapping[str, str]) -> None:
    """`ended` is no longer among the pauses. `on_resume`: playbook → rule, shift where not said."""
    walking = ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value
    owed = MESSAGE.c.state.in_(WAITING)
    names = connection.scalars(
        union(
            select(ENROLLMENT.c.playbook).where(walking, ended.concerns(ENROLLMENT)),
            select(MESSAGE.c.playbook).where(owed, ended.concerns(MESSAGE)),
        )
    ).all()
    standing = _still_standing(connection, ended)
    for name in names:
        _settle_playbook(connection, name, ended, standing, now, on_resume.get(name, "shift"))


def look_anew(connection: Connection, ended: Standstill) -> None:
    """What happened meanwhile is news for whoever stood still: a goal reached in a pause ends the walk before its mail."""
    walking = (
        select(ENROLLMENT.c.customer_id)
        .where(ended.concerns(ENROLLMENT), ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value)
        .distinct()
    )
    mark_selected(connection, walking)


def _still_standing(connection: Connection, ended: Standstill) -> list[Standstill]:
    """Other pauses that may hold the same walks, the oldest first."""
    rows = connection.execute(select(PAUSE.c.kind, PAUSE.c.key, PAUSE.c.since).order_by(PAUSE.c.since))
    found = (Standstill(kind=row.kind, key=row.key, since=row.since) for row in rows)
    return [other for other in found if other.kind != ended.kind or other.kind in ("contact", "fuse")]


def _settle_playbook(
    connection: Connection, name: str, ended: Standstill, standing: Sequence[Standstill], now: datetime, rule: str
) -> None:
    earlier: list[Standstill] = []
    for other in standing:
        part = _Part(name=name, ended=ended, held_by=other, not_held_by=tuple(earlier))
        _shift_part(connection, part, (min(other.since, now) - ended.since).total_seconds(), rule, None)
        earlier.append(other)
    free = _Part(name=name, ended=ended, held_by=None, not_held_by=tuple(earlier))
    _shift_part(connection, free, (now - ended.since).total_seconds(), rule, now)
    if rule == "shift":
        return
    connection.execute(update(ENROLLMENT).where(free.walks()).values(resumed_at=now))
    if rule == "expire":
        _expire_mails(connection, free, now)
    else:
        connection.execute(update(MESSAGE).where(free.mails(), MESSAGE.c.not_before < now).values(not_before=now))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Walks and mails of one playbook that a standstill held, by what still holds them (None: nothing)."""

    name: str
    ended: Standstill
    held_by: Standstill | None
    not_held_by: tuple[Standstill, ...]

    def rows(self, table: Table) -> ColumnElement[bool]:
        held = self.held_by.concerns(table) if self.held_by else true()
        earlier = or_(false(), *(other.concerns(table) for other in self.not_held_by))
        return and_(table.c.playbook == self.name, self.ended.concerns(table), held, not_(earlier))

    def walks(self) -> ColumnElement[bool]:
        return and_(self.rows(ENROLLMENT), ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value)

    def mails(self) -> ColumnElement[bool]:
        return and_(self.rows(MESSAGE), MESSAGE.c.state.in_(WAITING))


def _shift_part(connection: Connection, part: _Part, seconds: float, rule: str, goes_on_at: datetime | None) -> None:
    """Move times by so long. Whatever the rule, a standstill uses up no mail's welcome. A walk that was woken while it
    stood still is looked at when it goes on; its step works out anew when it is over."""
    if seconds <= 0:
        return
    moved = ["due_at", "expires_at"]
    if rule == "shift":
        moved.append("not_before")
        due, began = ENROLLMENT.c.due_at, ENROLLMENT.c.step_since
        later: ColumnElement[Any] = add_seconds(due, seconds)
        if goes_on_at is not None:
            woken = and_(ENROLLMENT.c.has_arrived, due > part.ended.since, due <= goes_on_at)
            later = case((woken, literal(goes_on_at, UtcDateTime)), else_=later)
        connection.execute(
            update(ENROLLMENT)
            .where(part.walks())
            .values(
                due_at=later,
                step_since=case((ENROLLMENT.c.has_arrived, add_seconds(began, seconds)), else_=began),
            )
        )
    for name in moved:
        column = MESSAGE.c[name]
        given = and_(part.mails(), column.is_not(None))
        connection.execute(update(MESSAGE).where(given).values({name: add_seconds(column, seconds)}))


def _expire_mails(connection: Connection, part: _Part, now: datetime) -> None:
    """Mails that might have gone meanwhile are not sent, and their walks go on."""
    due = and_(part.mails(), MESSAGE.c.state == MessageState.PENDING.value, MESSAGE.c.not_before <= now)
    rows = cancel_messages(connection, due, now, "expired_in_pause")
    known = {
        row.id: row
        for row in connection.execute(
            select(MESSAGE.c.id, MESSAGE.c.contact_id, MESSAGE.c.step).where(
                among(MESSAGE.c.id, [row.id for row in rows])
            )
        )
    }
    entries = [
        Entry(
            at=now,
            verdict=Verdict.NOT_SENT,
            reason="expired_in_pause",
            customer_id=row.customer_id,
            contact_id=known[row.id].contact_id,
            playbook=part.name,
            enrollment_id=row.enrollment_id,
            message_id=row.id,
            step=known[row.id].step,
        )
        for row in rows
    ]
    write_entries(connection, entries)
    wake_walks_of_messages(connection, [row.enrollment_id for row in rows], now)
