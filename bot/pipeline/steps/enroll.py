"""The enroll step: gives the walker an occasion to enter another playbook, whose `when` and `again` decide; the parent
does not wait (S21). In the holdout nothing happens (S33)."""

from __future__ import annotations

from typing import cast

from sqlalchemy import select

from bot.pipeline.batch import CONTACT, Batch, go
from bot.rules.program import Node
from bot.rules.steps_model import EnrollStep
from storage.enrollments import Walk
from storage.journal import Verdict
from storage.journeys import OccasionState


def run(batch: Batch, node: Node, walks: list[Walk]) -> None:
    child = cast(EnrollStep, node.step).playbook
    walks_contacts = _walks_contacts(batch, child)
    contacts = _contacts_of(batch, walks) if walks_contacts else {}
    for walk in walks:
        if walk.is_holdout:
            batch.decide(walk, Verdict.SKIPPED, "holdout")
        else:
            walkers = _walkers(walk, contacts) if walks_contacts else [None]
            for contact_id in walkers:
                key = f"by:enroll:{walk.id}:{walk.step}"
                waiting = OccasionState.WAITING.value
                batch.occasions.append((child, walk.customer_id, contact_id, key, batch.now, None, waiting, False))
            batch.decide(walk, Verdict.DID, "enrolled", playbook=child)
        go(walk, node.next, walk.since)


def _walks_contacts(batch: Batch, child: str) -> bool:
    versions = batch.published.versions
    return any(
        versions[row.version_id].playbook.walks == "contact" for row in batch.published.playbooks if row.name == child
    )


def _walkers(walk: Walk, contacts: dict[int, list[int]]) -> list[int]:
    """The parent's contact; a customer's walk brings all contacts that are still there."""
    return [walk.contact_id] if walk.contact_id is not None else contacts.get(walk.customer_id, [])


def _contacts_of(batch: Batch, walks: list[Walk]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    customers = {walk.customer_id for walk in walks if walk.contact_id is None}
    statement = select(CONTACT.c.customer_id, CONTACT.c.id).where(
        CONTACT.c.customer_id.in_(customers), CONTACT.c.gone_at.is_(None)
    )
    for customer_id, contact_id in batch.connection.execute(statement):
        found.setdefault(customer_id, []).append(contact_id)
    return found
