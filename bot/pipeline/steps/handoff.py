"""The hand-off step: opens a call to action for a person and goes on at once. Due and acknowledge-by count the owner's
working hours (S18, S27); one about an open card of the same owner joins it (S28). In the holdout nothing is opened (S33). The
card is posted by escalate, never here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select

from bot.pipeline.batch import Batch, Whereabouts, go
from bot.pipeline.owners import Owners, Person
from bot.pipeline.published import calendar_for
from bot.rules.calendar import add_working_time, parse_working_hours, resolve_moment
from bot.rules.durations import parse_duration, parse_moment
from bot.rules.program import Node
from bot.rules.steps_model import HandoffStep
from storage.enrollments import ENROLLMENT, Walk
from storage.handoff_deeds import reminder_of
from storage.handoff_merging import OF_A_STEP, write_handoffs
from storage.handoffs import HandoffState
from storage.journal import Verdict
from storage.new_handoffs import HANDOFF


def run(batch: Batch, node: Node, walks: list[Walk]) -> None:
    step = cast(HandoffStep, node.step)
    acting = [walk for walk in walks if not walk.is_holdout and not batch.is_left_out(walk)]
    if acting:
        _open(batch, step, acting)
    for walk in walks:
        if walk.is_holdout:
            batch.decide(walk, Verdict.SKIPPED, "holdout")
        elif batch.is_left_out(walk):
            batch.decide(walk, Verdict.SKIPPED, "expired_in_pause")
        go(walk, node.next, walk.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """When a hand-off is due, and by when somebody must have taken it on."""

    due_at: datetime | None
    acknowledge_by: datetime | None


def _open(batch: Batch, step: HandoffStep, walks: list[Walk]) -> None:
    owners = Owners(batch.connection, batch.published.settings, batch.now)
    places = batch.whereabouts(walks)
    events = _events(batch, walks) if "event" in step.brief else {}
    rows: dict[int, dict[str, Any]] = {}
    for walk in walks:
        place = places[walk.id]
        owner = owners.resolve(step.owner, place)
        clocks = clocks_of(step, owners.person(owner), place, batch)
        values = {
            "enrollment_id": walk.id,
            "customer_id": walk.customer_id,
            "contact_id": walk.contact_id,
            "playbook": walk.playbook,
            "step": walk.step,
            "occurrence": OF_A_STEP,
            "title": dict(step.title),
            "kind": step.category,
            "urgency": step.urgency,
            "owner": owner,
            "state": HandoffState.OPEN.value,
            "opened_at": batch.now,
            "due_at": clocks.due_at,
            "acknowledge_by": clocks.acknowledge_by,
            "remind_at": reminder_of(batch.now, clocks.acknowledge_by),
            "acknowledge_within": step.acknowledge_within,
            "escalate_to": owners.resolve(step.escalate_to, place) if step.escalate_to else None,
            "escalations": 0,
            "brief": list(step.brief),
            "tasks": [dict(task) for task in step.tasks],
            "outcomes": list(step.outcomes),
            "notify": _told(owners, step, place),
            "prepare": step.prepare,
            "ask": dict(step.ask) or None,
            "event": events.get(walk.id),
            "posting": "wanted",
            "post_attempts": 0,
        }
        rows[walk.id] = values
    merged = write_handoffs(batch.connection, list(rows.values()), batch.now)
    batch.changes((walk.customer_id for walk in walks), HANDOFF)  # conditions and risk colours ask for open hand-offs
    for walk in walks:
        owner, card = rows[walk.id]["owner"], merged.get(walk.id)
        if card is None:
            batch.decide(walk, Verdict.DID, "handed_over", kind=step.category, owner=owner)
        else:
            batch.decide(walk, Verdict.DID, "handoff_merged", kind=step.category, owner=owner, handoff=card)


def _told(owners: Owners, step: HandoffStep, place: Whereabouts) -> list[str]:
    """Who else is told: channels, and the persons behind the roles. A word that leads to nobody stays, so that `doctor` names it."""
    found = (word if word.startswith("#") else owners.named(word, place) or word for word in step.notify)
    return list(dict.fromkeys(found))


def clocks_of(step: HandoffStep, owner: Person | None, place: Whereabouts, batch: Batch) -> Clocks:
    """Both clocks run in the owner's working hours from now; without an owner, in the workspace's."""
    settings = batch.published.settings
    zone = owner.zone if owner else settings.timezone
    hours = parse_working_hours(owner.working_hours if owner else "")
    calendar = calendar_for(settings, None)

    def reach(text: str | None) -> datetime | None:
        if not text:
            return None
        try:
            return add_working_time(batch.now, parse_duration(text), hours, zone, calendar)
        except ValueError:
            return resolve_moment(parse_moment(text), batch.now, zone, calendar)

    return Clocks(due_at=reach(step.due), acknowledge_by=reach(step.acknowledge_within))


def _events(batch: Batch, walks: list[Walk]) -> dict[int, Any]:
    rows = batch.connection.execute(
        select(ENROLLMENT.c.id, ENROLLMENT.c.event).where(ENROLLMENT.c.id.in_([walk.id for walk in walks]))
    )
    return {row.id: row.event for row in rows}
