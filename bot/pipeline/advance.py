"""Fourth pass: moves every due walk as far as it can go now, in batches of one transaction each: goal, exits, then the
step (S12), at most twenty steps a tick. Steps owe mails and hand-offs; nothing is sent here. A walk that breaks is set
aside with a named fault and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import structlog
from sqlalchemy import update
from sqlalchemy.exc import InterfaceError, OperationalError

from bot.failpoints import Place, pass_by
from bot.pipeline.batch import Batch, go
from bot.pipeline.leaving import leave_early, note_ends
from bot.pipeline.news import local_days
from bot.pipeline.published import Published
from bot.pipeline.scopes import Ground
from bot.pipeline.steps import RUNNERS
from bot.rules.conditions import LocalDays, parse_condition
from storage.database import Database
from storage.enrollments import ENROLLMENT, Walk, claim_walks, due_walk_ids, write_walks
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.journeys import EnrollmentStatus

log = structlog.get_logger()

BATCH = 500
STEPS_A_TICK = 20
FAULT_RETRY = timedelta(hours=1)


@dataclass(slots=True)
class AdvanceCount:
    """What the pass did: walks looked at, and walks set aside with a fault."""

    moved: int = 0
    faults: int = 0


def advance(
    database: Database,
    published: Published,
    now: datetime,
    *,
    batch_size: int = BATCH,
    is_stopping: Callable[[], bool] = lambda: False,
) -> AdvanceCount:
    """Move all due walks. Each batch commits by itself, so a crash loses at most one batch's work, never a walk."""
    count = AdvanceCount()
    days: LocalDays | None = None
    while not is_stopping():
        with database.read() as connection:
            ids = due_walk_ids(connection, now, batch_size)
            if not ids:
                break
            days = days or local_days(connection, now, published.settings.timezone)
        ground = published.ground(days)
        _advance_ids(database, published, ground, ids, now, count)
    return count


def _advance_ids(
    database: Database, published: Published, ground: Ground, ids: Sequence[int], now: datetime, count: AdvanceCount
) -> None:
    """Move these walks; when something breaks, halve the batch until the one that breaks is alone."""
    try:
        count.moved += _advance_batch(database, published, ground, ids, now)
    except (OperationalError, InterfaceError):
        raise  # the database itself: no walk is to blame
    except Exception as error:  # noqa: BLE001  (one customer must never stop the others)
        if len(ids) == 1:
            _set_aside(database, ids[0], now, error)
            count.faults += 1
            return
        middle = len(ids) // 2
        _advance_ids(database, published, ground, ids[:middle], now, count)
        _advance_ids(database, published, ground, ids[middle:], now, count)


def _advance_batch(database: Database, published: Published, ground: Ground, ids: Sequence[int], now: datetime) -> int:
    with database.write() as connection:
        walks = claim_walks(connection, ids, now)
        if not walks:
            return 0
        batch = Batch(connection=connection, published=published, ground=ground, now=now)
        moving = walks
        for _ in range(STEPS_A_TICK):
            moving = _one_step(batch, moving)
            batch.flush()
            if not moving:
                break
        for walk in moving:  # twenty steps done: the rest at the next tick
            walk.due_at = now + timedelta(seconds=1)
        write_walks(connection, walks)
        pass_by(Place.ADVANCE_COMMIT)
    pass_by(Place.ADVANCED)
    return len(walks)


def _one_step(batch: Batch, walks: list[Walk]) -> list[Walk]:
    """One step for every walk; returns those that can take another one now."""
    staying = leave_early(batch, walks)
    for _, group in _grouped(staying):
        _run_step(batch, group)
    note_ends(batch, [walk for walk in staying if walk.status == EnrollmentStatus.ENDED])
    return [
        walk
        for walk in staying
        if walk.status == EnrollmentStatus.ACTIVE and walk.due_at is not None and walk.due_at <= batch.now
    ]


def _grouped(walks: list[Walk]) -> Iterator[tuple[tuple[int, str, bool], list[Walk]]]:
    def place(walk: Walk) -> tuple[int, str, bool]:
        return walk.version_id, walk.step, walk.contact_id is None

    for key, group in groupby(sorted(walks, key=place), key=place):
        yield key, list(group)


def _run_step(batch: Batch, walks: list[Walk]) -> None:
    """Run the step on which these walks stand, passing over those whose `when` does not hold."""
    node = batch.version_of(walks[0]).program.nodes[walks[0].step]
    if node.step.when:
        arriving = [walk for walk in walks if not walk.has_arrived]
        found = batch.answers(parse_condition(node.step.when), arriving)
        for walk in arriving:
            if walk.id not in found.holding:
                evidence = found.evidence(walk)
                batch.decide(walk, Verdict.SKIPPED, "when_does_not_hold", condition=node.step.when, **evidence)
                go(walk, node.next, walk.since)
        walks = [walk for walk in walks if walk.has_arrived or walk.id in found.holding]
    if walks:
        RUNNERS[node.step.kind](batch, node, walks)


def _set_aside(database: Database, walk_id: int, now: datetime, error: Exception) -> None:
    """Name the fault on the walk and try again in an hour; doctor and the journal show it."""
    sentence = f"{type(error).__name__}: {str(error)[:300]}"
    log.error("walk_fault", enrollment=walk_id, error=type(error).__name__)
    with database.write() as connection:
        connection.execute(
            update(ENROLLMENT).where(ENROLLMENT.c.id == walk_id).values(fault=sentence, due_at=now + FAULT_RETRY)
        )
        row = connection.execute(ENROLLMENT.select().where(ENROLLMENT.c.id == walk_id)).one()
        entry = Entry(
            at=now,
            verdict=Verdict.FAULT,
            reason="walk_fault",
            customer_id=row.customer_id,
            contact_id=row.contact_id,
            playbook=row.playbook,
            enrollment_id=walk_id,
            step=row.step,
            details={"error": sentence},
            once=f"walk-fault:{walk_id}:{row.step}:{sentence[:120]}",
        )
        write_entries(connection, [entry])
