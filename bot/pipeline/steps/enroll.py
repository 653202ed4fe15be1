"""The enroll step: gives the walker an occasion to enter another playbook, whose `when` and `again` decide; the parent
does not wait (S21). A child that is not live is left out. In the holdout nothing happens (S33)."""

from __future__ import annotations

from typing import cast

from sqlalchemy import select

from bot.pipeline.batch import CONTACT, Batch, go
from bot.pipeline.published import Version
from bot.rules.program import Node
from bot.rules.steps_model import EnrollStep
from storage.enrollments import Walk
from storage.journal import Verdict
from storage.journeys import OccasionState


def run(batch: Batch, node: Node, walks: list[Walk]) -> None:
    child = cast(EnrollStep, node.step).playbook
    version = _entered_version(batch, child)
    walks_contacts = version is not None and version.playbook.walks == "contact"
    contacts = _contacts_of(batch, walks) if walks_contacts else {}
    for walk in walks:
        if walk.is_holdout:
            batch.decide(walk, Verdict.SKIPPED, "holdout")
        elif version is None:
            batch.decide(walk, Verdict.SKIPPED, "child_not_live", playbook=child)
        else:
            walkers = _walkers(walk, contacts) if walks_contacts else [None]
            for contact_id in walkers:
                key = f"by:enroll:{walk.id}:{walk.step}"
                waiting = OccasionState.WAITING.value
                batch.occasions.append((child, walk.customer_id, contact_id, key, batch.now, None, waiting, False))
            batch.decide(walk, Verdict.DID, "enrolled", playbook=child)
        go(walk, node.next, walk.since)


def _entered_version(batch: Batch, child: str) -> Version | None:
    """What newcomers of the child get now; None while it lets nobody in."""
    row = next((row for row in batch.published.live if row.name == child), None)
    return None if row is None else batch.published.versions[row.version_id]


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
