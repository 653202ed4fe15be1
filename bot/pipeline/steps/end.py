"""The end step: ends the walk with an outcome, at any depth (S11)."""

from __future__ import annotations

from typing import cast

from bot.pipeline.batch import Batch, end
from bot.rules.program import Node
from bot.rules.steps_model import EndStep
from storage.enrollments import Walk


def run(batch: Batch, node: Node, walks: list[Walk]) -> None:
    for walk in walks:
        end(walk, cast(EndStep, node.step).outcome, walk.since)
