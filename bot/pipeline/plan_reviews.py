"""Reviews of plans: when one is due, the plan's owner gets a hand-off, and those who own its objectives are told. Part of the derive
pass, which asks in every tick; the hand-offs are those of plan_cards."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from bot.authoring.workspace_file import WorkspaceSettings
from bot.pipeline.plan_cards import PLAYBOOK, PlanCard, open_cards
from bot.pipeline.plan_news import OBJECTIVE, PLAN, REVIEW
from bot.rules.plans import parse_review
from bot.rules.zones import local_to_utc, to_local
from storage.asking import NOW
from storage.dialects import among
from storage.handoffs import HandoffState
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.marks import mark_customers
from storage.new_handoffs import HANDOFF
from storage.plans import ObjectiveState, PlanState

#: Plans whose review may be due (storage.asking).
REVIEWS_DUE = select(PLAN.c.id).where(PLAN.c.review_at <= NOW, PLAN.c.ended_at.is_(None))
#: Asked for in one tick.
BATCH = 500


_DUE = (
    select(PLAN)
    .where(PLAN.c.review_at <= NOW, PLAN.c.ended_at.is_(None))
    .order_by(PLAN.c.review_at, PLAN.c.id)
    .limit(BATCH)
)


def ask_for_reviews(connection: Connection, settings: WorkspaceSettings, now: datetime) -> int:
    """A hand-off to the owner of each plan whose review is due, and to nobody who has the last one still open; those who own
    its objectives are told. How many plans were due."""
    plans = connection.execute(_DUE, {"now": now}).all()
    if not plans:
        return 0
    asked = {plan.id for plan in plans if plan.state != PlanState.PROPOSED} - _under_review(connection, plans)
    helpers = _owners_of_objectives(connection, asked)
    cards = [
        PlanCard(
            plan_id=plan.id,
            customer_id=plan.customer_id,
            title=plan.title,
            owners=[*plan.owners, *helpers.get(plan.id, [])],
            occurrence=f"plan-{plan.id}:{plan.review_at.isoformat()}",
        )
        for plan in plans
        if plan.id in asked
    ]
    given = open_cards(connection, settings, REVIEW, cards, now)
    for plan in plans:
        following = next_review(plan.review, settings.timezone, now)
        connection.execute(update(PLAN).where(PLAN.c.id == plan.id).values(review_at=following))
    entries = [
        Entry(
            at=now,
            verdict=Verdict.DID,
            reason="plan_review_asked",
            customer_id=plan.customer_id,
            enrollment_id=plan.enrollment_id,
            details={"plan": plan.kind, "title": plan.title, "owner": given[plan.id]},
        )
        for plan in plans
        if plan.id in given
    ]
    write_entries(connection, entries)
    mark_customers(connection, [plan.customer_id for plan in plans if plan.id in given])
    return len(plans)


def next_review(review: str | None, zone: str, after: datetime) -> datetime | None:
    """The instant of the next review, on the workspace's clock."""
    if review is None:
        return None
    local = to_local(after, zone).replace(tzinfo=None)
    following = parse_review(review).next_after(local, local)
    return None if following is None else local_to_utc(following, zone)


def _under_review(connection: Connection, plans: Sequence[Row[Any]]) -> set[int]:
    """Plans whose last review nobody has closed."""
    mine = (among(HANDOFF.c.customer_id, [plan.customer_id for plan in plans]), HANDOFF.c.playbook == PLAYBOOK)
    unfinished = (HandoffState.OPEN.value, HandoffState.ACKNOWLEDGED.value)
    standing = select(HANDOFF.c.occurrence).where(*mine, HANDOFF.c.step == REVIEW, HANDOFF.c.state.in_(unfinished))
    names = {found.partition(":")[0] for found in connection.scalars(standing)}
    return {plan.id for plan in plans if f"plan-{plan.id}" in names}


def _owners_of_objectives(connection: Connection, plan_ids: Collection[int]) -> dict[int, list[str]]:
    mine = (among(OBJECTIVE.c.plan_id, plan_ids), OBJECTIVE.c.state == ObjectiveState.OPEN.value)
    named = select(OBJECTIVE.c.plan_id, OBJECTIVE.c.owner).where(*mine, OBJECTIVE.c.owner.is_not(None))
    found: dict[int, list[str]] = {}
    for row in connection.execute(named.order_by(OBJECTIVE.c.plan_id, OBJECTIVE.c.number)):
        found.setdefault(row.plan_id, []).append(row.owner)
    return found
