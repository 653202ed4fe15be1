"""What people do to journeys by hand: pause and resume, enroll and exit. Each is one transaction of the caller's, with its
decision in the journal; the passes do the rest (semantics.md S21, S37)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, literal, select, update

from bot.errors import UsageError
from bot.pipeline.batch import Batch
from bot.pipeline.leaving import leave
from bot.pipeline.occasions import walkers
from bot.pipeline.published import Published
from bot.pipeline.resuming import PauseKind, Standstill, look_anew, settle_standstill
from bot.pipeline.scopes import CONTACT, CUSTOMER, Ground
from storage.accounts import Pause
from storage.asking import NOW
from storage.bulk import insert_selected
from storage.columns import UtcDateTime
from storage.enrollments import ENROLLMENT, WALK_COLUMNS, Walk, write_walks
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.journeys import EnrollmentStatus, Occasion, OccasionState

OCCASION: Table = Occasion.__table__  # type: ignore[attr-defined]
PAUSE: Table = Pause.__table__  # type: ignore[attr-defined]


def pause(connection: Connection, kind: PauseKind, key: str, now: datetime, *, until: datetime | None = None) -> bool:
    """Stop whoever this names, until then or until `resume`; whether it went on before. The last word about `until` counts.
    Raises: UsageError for a name that is unknown and a moment that is past."""
    _refuse_unknown(connection, kind, key)
    if until is not None and until <= now:
        raise UsageError(f"{until:%Y-%m-%d %H:%M} UTC is past, so nothing was paused", hint="name a later day")
    mine = (PAUSE.c.kind == kind, PAUSE.c.key == key)
    standing = connection.execute(select(PAUSE.c.until).where(*mine)).one_or_none()
    if standing is None:
        connection.execute(insert(PAUSE).values(kind=kind, key=key, since=now, until=until))
    elif standing.until == until:
        return False
    else:
        connection.execute(update(PAUSE).where(*mine).values(until=until))
    reason = "paused" if until is None else "paused_until"
    write_entries(connection, [_operated(connection, now, reason, kind, key, until)])
    return standing is None


#: Pauses until a moment that has come (storage.asking).
PAUSES_OVER = select(PAUSE.c.key).where(PAUSE.c.until <= NOW)


def resume_due(connection: Connection, now: datetime, on_resume: Mapping[str, str] | None = None) -> int:
    """Lets go on what was paused until a moment that has come, as of that moment, however late we look; returns how many
    pauses ended."""
    over = select(PAUSE.c.kind, PAUSE.c.key, PAUSE.c.until).where(PAUSE.c.until <= now)
    rows = connection.execute(over.order_by(PAUSE.c.until, PAUSE.c.kind, PAUSE.c.key)).all()
    return sum(resume(connection, row.kind, row.key, row.until, on_resume) for row in rows)


def resume(
    connection: Connection, kind: PauseKind, key: str, now: datetime, on_resume: Mapping[str, str] | None = None
) -> bool:
    """Let it go on. `on_resume` (playbook → shift, catch_up, expire) says what the standstill does to due times; shift
    moves them by its length. Whether anything was paused."""
    since = connection.scalar(select(PAUSE.c.since).where(PAUSE.c.kind == kind, PAUSE.c.key == key))
    if since is None:
        return False
    connection.execute(delete(PAUSE).where(PAUSE.c.kind == kind, PAUSE.c.key == key))
    ended = Standstill(kind=kind, key=key, since=since)
    settle_standstill(connection, ended, now, on_resume or {})
    look_anew(connection, ended)
    write_entries(connection, [_operated(connection, now, "resumed", kind, key)])
    return True


def enroll_by_hand(
    connection: Connection,
    published: Published,
    playbook: str,
    now: datetime,
    *,
    customer: str | None = None,
    contact: str | None = None,
    request: str | None = None,
) -> int:
    """Give whoever is named (or everybody) an occasion to enter; the next tick judges it. Returns how many."""
    row = next((row for row in published.playbooks if row.name == playbook), None)
    if row is None:
        raise UsageError(f"There is no playbook `{playbook}`", hint="see `journeybot playbooks list`")
    if row.state != "live":
        raise UsageError(f"`{playbook}` is {row.state}", hint="set `state: live` and run `journeybot deploy`")
    version = published.versions[row.version_id]
    if contact is not None and version.playbook.walks == "customer":
        raise UsageError(f"`{playbook}` walks customers, not contacts", hint="use --customer")
    wanted: list[ColumnElement[bool]] = []
    if customer is not None:
        _refuse_unknown(connection, "customer", customer)
        wanted.append(CUSTOMER.c.key == customer)
    if contact is not None:
        _refuse_unknown(connection, "contact", contact)
        wanted.append(CONTACT.c.key == contact)
    columns = ("playbook", "customer_id", "contact_id", "key", "opened_at", "state", "is_open")
    rows = (
        select(
            literal(playbook),
            CUSTOMER.c.id,
            CONTACT.c.id if version.playbook.walks == "contact" else literal(None, CONTACT.c.id.type),
            literal(f"by:hand:{request or uuid.uuid4().hex[:12]}"),
            literal(now, UtcDateTime),
            literal(OccasionState.WAITING.value),
            literal(False),
        )
        .select_from(walkers(version))
        .where(CUSTOMER.c.erased_at.is_(None), *wanted)
    )
    return insert_selected(connection, OCCASION, columns, rows)


def exit_by_hand(
    connection: Connection,
    published: Published,
    ground: Ground,
    playbook: str,
    now: datetime,
    *,
    customer: str | None = None,
    contact: str | None = None,
) -> int:
    """End the active walks of whoever is named (or everybody) with outcome `exited`; returns how many."""
    wanted = [ENROLLMENT.c.playbook == playbook, ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value]
    if customer is not None:
        _refuse_unknown(connection, "customer", customer)
        wanted.append(ENROLLMENT.c.customer_id.in_(select(CUSTOMER.c.id).where(CUSTOMER.c.key == customer)))
    if contact is not None:
        _refuse_unknown(connection, "contact", contact)
        wanted.append(ENROLLMENT.c.contact_id.in_(select(CONTACT.c.id).where(CONTACT.c.key == contact)))
    left = 0
    while True:
        statement = select(*WALK_COLUMNS).where(*wanted).order_by(ENROLLMENT.c.id).limit(500).with_for_update()
        walks = [Walk(*row) for row in connection.execute(statement).all()]
        if not walks:
            return left
        batch = Batch(connection=connection, published=published, ground=ground, now=now)
        leave(batch, [(walk, "exited") for walk in walks])
        batch.flush()
        write_walks(connection, walks)
        left += len(walks)


def _refuse_unknown(connection: Connection, kind: PauseKind, key: str) -> None:
    table = {"customer": CUSTOMER, "contact": CONTACT}.get(kind)
    if table is None:
        return
    if connection.scalar(select(table.c.id).where(table.c.key == key).limit(1)) is None:
        raise UsageError(f"There is no {kind} `{key}`", hint="see `journeybot customers list`")


def _operated(
    connection: Connection, now: datetime, reason: str, kind: PauseKind, key: str, until: datetime | None = None
) -> Entry:
    customer_id = None
    if kind == "customer":
        customer_id = connection.scalar(select(CUSTOMER.c.id).where(CUSTOMER.c.key == key))
    return Entry(
        at=now,
        verdict=Verdict.OPERATED,
        reason=reason,
        customer_id=customer_id,
        playbook=key if kind == "playbook" else None,
        details={"kind": kind, "key": key, **({"until": until.isoformat()} if until is not None else {})},
    )
