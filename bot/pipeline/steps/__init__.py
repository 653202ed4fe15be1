"""One small module per step kind. A runner gets the batch, the node and the walks that stand on it, moves the walks and
says what is to be written; it never commits and never calls the network. A new kind is one new file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.pipeline.batch import Batch
from bot.pipeline.steps import assign, choose, email, end, enroll, handoff, log, plan, set_fields, survey, wait, webhook
from bot.rules.program import Node
from storage.enrollments import Walk

Runner = Callable[[Batch, Node, list[Walk]], None]

RUNNERS: Mapping[str, Runner] = {
    "email": email.run,
    "survey": survey.run,
    "handoff": handoff.run,
    "wait": wait.run,
    "if": choose.run_if,
    "branch": choose.run_branch,
    "split": choose.run_split,
    "set": set_fields.run,
    "log": log.run,
    "assign": assign.run,
    "plan": plan.run,
    "enroll": enroll.run,
    "webhook": webhook.run,
    "end": end.run,
}
