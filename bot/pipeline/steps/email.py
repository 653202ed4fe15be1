"""The email step: owes its mail and waits until it is over (bot/pipeline/owing.py)."""

from __future__ import annotations

from bot.pipeline.batch import Batch
from bot.pipeline.owing import owe_mails
from bot.rules.program import Node
from storage.enrollments import Walk


def run(batch: Batch, node: Node, walks: list[Walk]) -> None:
    owe_mails(batch, node, walks)
