"""The assign step: gives contacts a curriculum of content.yml, from today on; conditions then know what of it is overdue. Who has
it already keeps the days it had (S20). Nobody to learn, or a curriculum that is gone: a decision says so. In the holdout nothing
is assigned (S33)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from sqlalchemy import Table, select

from bot.pipeline.batch import Batch, go
from bot.pipeline.recipients import find_recipients
from bot.rules.program import Node
from bot.rules.steps_model import AssignStep
from bot.rules.zones import local_date
from storage.bulk import insert_new_rows
from storage.consent import TRANSACTIONAL
from storage.curricula import CurriculumAssignment
from storage.dialects import among
from storage.enrollments import Walk
from storage.journal import Verdict

ASSIGNMENT: Table = CurriculumAssignment.__table__  # type: ignore[attr-defined]
COLUMNS = ("customer_id", "contact_id", "curriculum", "assigned_on", "assigned_at", "playbook")
WALKER = "contact"


def run(batch: Batch, node: Node, walks: list[Walk]) -> None:
    step = cast(AssignStep, node.step)
    is_known = step.name in batch.published.company.catalogue.curricula
    acting = [walk for walk in walks if not walk.is_holdout and is_known]
    learners = _learners(batch, step, acting)
    learning = _learning(batch, step.name, {contact for contacts in learners.values() for contact in contacts})
    places = batch.whereabouts(acting) if acting else {}
    rows: list[tuple[object, ...]] = []
    for walk in walks:
        new = [contact for contact in learners.get(walk.id, ()) if contact not in learning]
        if walk.is_holdout:
            batch.decide(walk, Verdict.SKIPPED, "holdout")
        elif not is_known:
            batch.decide(walk, Verdict.SKIPPED, "curriculum_gone", curriculum=step.name)
        elif not learners.get(walk.id):
            batch.decide(walk, Verdict.SKIPPED, "nobody_to_learn", curriculum=step.name)
        elif not new:
            batch.decide(walk, Verdict.DID, "assigned_already", curriculum=step.name)
        else:
            today = local_date(batch.now, places[walk.id].zone)
            rows += [(walk.customer_id, contact, step.name, today, batch.now, walk.playbook) for contact in new]
            learning |= set(new)
            batch.changes([walk.customer_id], ASSIGNMENT)
            batch.decide(walk, Verdict.DID, "assigned", curriculum=step.name, contacts=len(new))
        go(walk, node.next, walk.since)
    insert_new_rows(batch.connection, ASSIGNMENT, COLUMNS, rows)


def _learners(batch: Batch, step: AssignStep, walks: list[Walk]) -> dict[int, list[int]]:
    """Walk id → contacts. The walker learns whether or not they can be mailed; of a role, who can be reached."""
    if not walks:
        return {}
    if step.to == (WALKER,):
        return {walk.id: [walk.contact_id] for walk in walks if walk.contact_id is not None}
    return find_recipients(batch.connection, batch.ground, step.to, TRANSACTIONAL, [walk.id for walk in walks])


def _learning(batch: Batch, curriculum: str, contacts: Iterable[int]) -> set[int]:
    """Who has the curriculum already."""
    mine = (among(ASSIGNMENT.c.contact_id, contacts), ASSIGNMENT.c.curriculum == curriculum)
    return set(batch.connection.scalars(select(ASSIGNMENT.c.contact_id).where(*mine)))
