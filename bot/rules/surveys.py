"""What surveys.yml may say: each survey's scale, question and follow-up, and how often one person may be asked. And the arithmetic
of answers: which scores a scale has, what NPS they make. Pure. Read by authoring.company; used by the step and the page."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from bot.rules.field_types import DurationText, Name, Part, Text, readable_by

MOST_SCORES = 11
_SCALE = re.compile(r"(\d{1,2})\s*(?:-|to|–)\s*(\d{1,2})")
PROMOTER, DETRACTOR = 9, 6


def parse_scale(text: str) -> range:
    """`0-10` → its scores. Raises: ValueError."""
    found = _SCALE.fullmatch(text.strip())
    scores = range(int(found[1]), int(found[2]) + 1) if found else range(0)
    if not 2 <= len(scores) <= MOST_SCORES:
        raise ValueError(f"`{text}` is no scale; write the lowest and the highest score, like `0-10` or `1-5`")
    return scores


ScaleText = Annotated[str, readable_by(parse_scale)]


class Survey(Part):
    """One survey; its name is the kind of its answers (`nps`, `csat`)."""

    scale: ScaleText = Field(description="The lowest and the highest score: `0-10`, `1-5`.")
    question: Text = Field(description="What is asked, on the page and for templates.")
    lowest: Text | None = Field(None, description="What the lowest score means.")
    highest: Text | None = Field(None, description="What the highest score means.")
    follow_up: Text | None = Field(None, description="What is asked beside the box for a comment.")
    thanks: Text | None = Field(None, description="What is said after the answer.")
    ask_again_after: DurationText = Field(
        "90 days", description="Nobody is asked again sooner than this after the last survey, whichever it was."
    )

    @property
    def scores(self) -> range:
        return parse_scale(self.scale)


class SurveysFile(Part):
    """surveys.yml: name → survey."""

    named: dict[Name, Survey] = Field(default_factory=dict, description="The surveys by name.")


TEMPLATE = "survey_"


def survey_of(template: str) -> str | None:
    """The survey that a template of a mail asks; None for other mails."""
    return template.removeprefix(TEMPLATE) if template.startswith(TEMPLATE) else None


def read_score(text: str, scores: range) -> int:
    """A score as somebody sent it. Raises: ValueError with a sentence."""
    if not re.fullmatch(r"\d{1,2}", text.strip()) or int(text) not in scores:
        raise ValueError(f"`{text[:20]}` is no score; it goes from {scores[0]} to {scores[-1]}, in whole numbers")
    return int(text)


def nps_of(promoters: int, detractors: int, answers: int) -> float | None:
    """−100 to 100; None without answers."""
    return round(100 * (promoters - detractors) / answers, 1) if answers else None
