"""The steps that choose a way: `if`, `branch` (the first case that holds) and `split` (by a stable hash of the customer,
S23). One statement per condition and batch; the way taken is recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, cast

from bot.pipeline.batch import Batch, go
from bot.rules.conditions import parse_condition
from bot.rules.program import Node
from bot.rules.steps_model import IfStep
from storage.enrollments import Walk
from storage.journal import Verdict


def run_if(batch: Batch, node: Node, walks: list[Walk]) -> None:
    step = cast(IfStep, node.step)
    found = batch.answers(parse_condition(step.condition), walks)
    for walk in walks:
        holds, evidence = walk.id in found.holding, found.evidence(walk)
        batch.decide(walk, Verdict.CHOSE, "then" if holds else "else", condition=step.condition, **evidence)
        go(walk, node.then if holds else node.otherwise, walk.since)


def run_branch(batch: Batch, node: Node, walks: list[Walk]) -> None:
    undecided = list(walks)
    refused: dict[int, list[Mapping[str, Any]]] = {walk.id: [] for walk in walks}
    for condition, target in node.cases:
        found = batch.answers(parse_condition(condition), undecided)
        for walk in undecided:
            if walk.id in found.holding:
                batch.decide(walk, Verdict.CHOSE, "then", condition=condition, **found.evidence(walk))
                go(walk, target, walk.since)
            refused[walk.id] += found.seen.get(walk.id, ())
        undecided = [walk for walk in undecided if walk.id not in found.holding]
    for walk in undecided:
        evidence = {"leaves": refused[walk.id]} if refused[walk.id] else {}
        batch.decide(walk, Verdict.CHOSE, "else", condition="no case holds", **evidence)
        go(walk, node.otherwise, walk.since)


def run_split(batch: Batch, node: Node, walks: list[Walk]) -> None:
    places = batch.whereabouts(walks)
    total = sum(weight for _, weight, _ in node.arms)
    for walk in walks:
        point = arm_point(walk.playbook, node.id, places[walk.id].key) * total
        for arm, weight, target in node.arms:
            point -= weight
            if point < 0:
                batch.decide(walk, Verdict.CHOSE, "arm", arm=arm)
                go(walk, target, walk.since)
                break


def arm_point(playbook: str, step: str, customer: str) -> float:
    """A stable, even number in [0, 1) for a customer at a split."""
    digest = hashlib.sha256(f"{playbook}\0{step}\0{customer}".encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56
