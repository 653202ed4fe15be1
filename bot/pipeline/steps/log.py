"""The log step: one line on the customer's timeline, in both languages."""

from __future__ import annotations

from typing import cast

from bot.pipeline.batch import Batch, go
from bot.rules.program import Node
from bot.rules.steps_model import LogStep
from storage.enrollments import Walk
from storage.journal import Verdict


def run(batch: Batch, node: Node, walks: list[Walk]) -> None:
    for walk in walks:
        batch.decide(walk, Verdict.DID, "logged", text=dict(cast(LogStep, node.step).text))
        go(walk, node.next, walk.since)
