"""Where the active walks of a customer stand, since when, until when at the latest, and what they wait for, with the leaves
of that condition. Read-only. Used by explain.py beside the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select

from bot.insight.explanation import Line, SeenLeaf, Teller
from bot.insight.journal_lines import details_of
from bot.insight.leaf_columns import LeafColumns
from bot.pipeline.fuses import Blown, blown_fuses, title_of
from bot.pipeline.published import Published
from bot.pipeline.scopes import Ground, walk_joins
from bot.rules.conditions import parse_condition
from bot.rules.steps_model import EmailStep, Step, WaitStep
from storage.accounts import Contact
from storage.enrollments import ENROLLMENT, rows_not_paused
from storage.journeys import EnrollmentStatus
from storage.outbox import OVER, MessageState
from storage.outbox_moves import MESSAGE

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
INSIDE = "inside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is known about all the walks that are told of."""

    published: Published
    ground: Ground
    now: datetime
    running: frozenset[int]
    fuses: tuple[Blown, ...]
    owed: dict[int, Row[Any]]
    told: dict[tuple[int, str], dict[str, Any]]


def inside_lines(
    connection: Connection,
    teller: Teller,
    published: Published,
    ground: Ground,
    customer_id: int,
    playbook: str | None = None,
) -> list[Line]:
    """One line for each active walk, the oldest first."""
    where = [ENROLLMENT.c.customer_id == customer_id, ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value]
    if playbook is not None:
        where.append(ENROLLMENT.c.playbook == playbook)
    statement = (
        select(ENROLLMENT, CONTACT.c.key.label("contact"))
        .select_from(ENROLLMENT.outerjoin(CONTACT, CONTACT.c.id == ENROLLMENT.c.contact_id))
        .where(*where)
        .order_by(ENROLLMENT.c.id)
    )
    walks = connection.execute(statement).all()
    ids = [walk.id for walk in walks]
    free = select(ENROLLMENT.c.id).where(ENROLLMENT.c.id.in_(ids), rows_not_paused(connection, ENROLLMENT))
    owed = _owed(connection, ids)
    look = Look(
        published=published,
        ground=ground,
        now=teller.now,
        running=frozenset(connection.scalars(free)),
        fuses=tuple(fuse for fuse in blown_fuses(connection) if fuse.kind.holds_mails),
        owed=owed,
        told=details_of(connection, [mail.id for mail in owed.values()]),
    )
    return [_line(connection, teller, look, walk) for walk in walks]


def _owed(connection: Connection, ids: Sequence[int]) -> dict[int, Row[Any]]:
    """Walk id → the first of its mails that is not over yet."""
    statement = (
        select(MESSAGE)
        .where(MESSAGE.c.enrollment_id.in_(ids), MESSAGE.c.state.not_in([state.value for state in OVER]))
        .order_by(MESSAGE.c.id.desc())
    )
    return {row.enrollment_id: row for row in connection.execute(statement)}


def _line(connection: Connection, teller: Teller, look: Look, walk: Row[Any]) -> Line:
    version = look.published.versions.get(walk.version_id)
    node = version.program.nodes.get(walk.step) if version else None
    step = node.step if node else None
    reason, details = _reason(teller, look, walk, step)
    waits = isinstance(step, WaitStep) and step.until is not None
    return teller.line(
        INSIDE,
        reason,
        details,
        playbook=walk.playbook,
        step=walk.step,
        contact=walk.contact,
        since=walk.step_since or walk.entered_at,
        until=_until(look, walk, step),
        leaves=_leaves(connection, look, walk, step.until) if waits and isinstance(step, WaitStep) else (),
    )


def _reason(teller: Teller, look: Look, walk: Row[Any], step: Step | None) -> tuple[str, dict[str, Any]]:
    if walk.fault:
        return "walk_fault", {"error": walk.fault}
    fuse = next((fuse for fuse in look.fuses if fuse.playbook == walk.playbook), None)
    if walk.id not in look.running:
        return ("paused", {}) if fuse is None else ("held_by_fuse", _told_of(teller, fuse))
    if walk.due_at is not None and walk.due_at <= look.now:
        return "due_now", {}
    owed = look.owed.get(walk.id)
    if isinstance(step, EmailStep) and owed is not None:
        return "waits_for_mail", {"template": owed.template, "state": owed.state, "why": _why(teller, look, owed)}
    return _asleep(walk, step)


def _told_of(teller: Teller, fuse: Blown) -> dict[str, Any]:
    told = title_of(fuse)
    return {"fuse": told.get(teller.locale.split("-")[0], told["en"]), "number": fuse.id}


def _asleep(walk: Row[Any], step: Step | None) -> tuple[str, dict[str, Any]]:
    details = {"until": walk.due_at, "condition": step.until if isinstance(step, WaitStep) else None}
    if details["condition"]:
        return ("waits_without_end" if walk.due_at is None else "waits_for_condition"), details
    return ("nobody_wakes" if walk.due_at is None else "waits_for_time"), details


def _why(teller: Teller, look: Look, owed: Row[Any]) -> str:
    """What the mail itself waits for; a fuse of all mails lets walks go on and holds only them."""
    fuse = next((fuse for fuse in look.fuses if fuse.playbook is None or fuse.playbook == owed.playbook), None)
    if fuse is not None and owed.reason in (None, "paused"):
        return teller.say(INSIDE, "held_by_fuse", _told_of(teller, fuse))
    if owed.reason is None:
        return teller.say(INSIDE, "waits_for_worker")
    verdict = "held" if owed.state == MessageState.HELD else "deferred"
    told = look.told.get((owed.id, owed.reason), {})
    return teller.say(verdict, owed.reason, {**told, "template": owed.template, "until": owed.not_before})


def _until(look: Look, walk: Row[Any], step: Step | None) -> datetime | None:
    """When it goes on at the latest: the deadline, or the time at which its mail expires."""
    owed = look.owed.get(walk.id)
    if isinstance(step, EmailStep) and owed is not None:
        expires: datetime | None = owed.expires_at
        return expires
    due: datetime | None = walk.due_at
    return due


def _leaves(connection: Connection, look: Look, walk: Row[Any], text: str | None) -> tuple[SeenLeaf, ...]:
    contact = walk.contact_id is not None
    columns = LeafColumns(parse_condition(text or "true"), look.ground.scope(contact=contact, walk=True))
    statement = select(*columns.columns()).select_from(walk_joins(contact)).where(ENROLLMENT.c.id == walk.id)
    return columns.seen(connection.execute(statement).one())


def count_inside(connection: Connection, playbook: str) -> dict[str, int]:
    """Step → active walks that stand on it."""
    statement = (
        select(ENROLLMENT.c.step, func.count())
        .where(ENROLLMENT.c.playbook == playbook, ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value)
        .group_by(ENROLLMENT.c.step)
        .order_by(func.count().desc(), ENROLLMENT.c.step)
    )
    return {step: number for step, number in connection.execute(statement)}
