"""The step `plan`: opens a success plan of plans.yml for the customer and goes on at once. One that is open already stays
(S20); a kind that plans.yml lost meanwhile is passed over. In the holdout nothing is opened (S33)."""

from __future__ import annotations

from typing import cast

from bot.pipeline.batch import Batch, go
from bot.pipeline.opening_plans import Opening, open_plans, who_left
from bot.pipeline.plan_news import PLANS
from bot.rules.program import Node
from bot.rules.steps_model import PlanStep
from storage.enrollments import Walk
from storage.journal import Verdict


def run(batch: Batch, node: Node, walks: list[Walk]) -> None:
    step = cast(PlanStep, node.step)
    acting = [walk for walk in walks if not walk.is_holdout and not batch.is_left_out(walk)]
    for walk in walks:
        if walk.is_holdout:
            batch.decide(walk, Verdict.SKIPPED, "holdout")
        elif batch.is_left_out(walk):
            batch.decide(walk, Verdict.SKIPPED, "expired_in_pause")
        elif step.name not in batch.published.company.plans:
            batch.decide(walk, Verdict.SKIPPED, "plan_unknown", plan=step.name)
    if acting and step.name in batch.published.company.plans:
        _open(batch, step, acting)
    for walk in walks:
        go(walk, node.next, walk.since)


def _open(batch: Batch, step: PlanStep, walks: list[Walk]) -> None:
    firsts = {walk.customer_id: walk for walk in reversed(walks)}  # contacts of one customer open one plan
    openings = [
        Opening(
            customer_id=walk.customer_id,
            by=f"{walk.playbook}:{walk.step}",
            enrollment_id=walk.id,
            owner=step.owner,
        )
        for walk in firsts.values()
    ]
    opened = open_plans(batch.connection, batch.published, batch.ground, step.name, openings, batch.now)
    batch.changes(opened, *PLANS)
    without = firsts.keys() - opened
    left = who_left(batch.connection, batch.published, batch.ground, step.name, without) if without else set()
    for walk in walks:
        plan = opened.get(walk.customer_id)
        if walk.customer_id in left:
            batch.decide(walk, Verdict.SKIPPED, "plan_not_for_left", plan=step.name)
            continue
        if plan is None or firsts[walk.customer_id] is not walk:
            batch.decide(walk, Verdict.DID, "plan_open_already", plan=step.name)
            continue
        details = {"title": dict(plan.title), "objectives": plan.objectives, "due": plan.due_on.isoformat()}
        batch.decide(walk, Verdict.DID, "plan_opened", plan=step.name, **details)
