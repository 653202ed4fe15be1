"""The survey step: owes the mail that asks, but to nobody who was asked anything lately; a decision says so. The answer comes by
the page behind the mail's links (bot/pipeline/answering.py)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from functools import partial
from typing import cast

from sqlalchemy import select

from bot.pipeline.batch import Batch
from bot.pipeline.owing import owe_mails
from bot.rules.pacing import span_of
from bot.rules.program import Node
from bot.rules.steps_model import SurveyStep
from bot.rules.surveys import TEMPLATE
from storage.dialects import among
from storage.enrollments import Walk
from storage.outbox import OVER, MessageState
from storage.outbox_moves import MESSAGE

ASKED_LATELY = "asked_lately"
DEFAULT_PAUSE = timedelta(days=90)
#: These reached nobody, or nobody knows of it.
NOT_ASKED = tuple(state.value for state in OVER if state not in (MessageState.ACCEPTED, MessageState.UNKNOWN))


def run(batch: Batch, node: Node, walks: list[Walk]) -> None:
    survey = batch.published.company.surveys.get(cast(SurveyStep, node.step).name)
    pause = DEFAULT_PAUSE if survey is None else span_of(survey.ask_again_after)
    owe_mails(batch, node, walks, pass_over=partial(_asked_lately, pause=pause), reason=ASKED_LATELY)


def _asked_lately(batch: Batch, contacts: Collection[int], *, pause: timedelta) -> set[int]:
    """Whom a mail of any survey reached within the pause, or will reach."""
    statement = select(MESSAGE.c.contact_id).where(
        among(MESSAGE.c.contact_id, contacts),
        MESSAGE.c.template.startswith(TEMPLATE, autoescape=True),
        MESSAGE.c.state.not_in(NOT_ASKED),
        MESSAGE.c.due_at > batch.now - pause,
    )
    return set(batch.connection.scalars(statement))
