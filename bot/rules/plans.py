"""What plans.yml may say: the four kinds of success plan, each a template of objectives with targets, dates and owners. Pure: it
reads the file's words and counts days; opening_plans makes plans of it, kept_plans follows them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated

from pydantic import Field

from bot.rules.durations import Duration, parse_duration, parse_schedule
from bot.rules.field_types import ConditionText, Name, Part, Text, Word, Words, readable_by
from bot.rules.schedules import Schedule, add_days, add_months

KINDS = ("objective", "recovery", "adoption", "account")
MOST_OBJECTIVES = 20
#: `end of …` → the months it has.
PERIODS = {"month": 1, "quarter": 3, "year": 12}
REVIEWED_AT = "09:00"


def parse_due(text: str) -> Duration | int:
    """`3 months` → its duration; `end of quarter` → the months of the period. Raises: ValueError."""
    words = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    if words.startswith("end of"):
        months = PERIODS.get(words.removeprefix("end of").strip().removeprefix("the "))
        if months is None:
            raise ValueError(f"`{text}` is no end; write `end of quarter`, `end of month` or `end of year`")
        return months
    length = parse_duration(text)
    if not (length.months or length.days):
        raise ValueError(f"`{text}` is no date of a plan; write it in days, weeks or months, or `end of quarter`")
    return length


def due_day(text: str, opened_on: date) -> date:
    """The last day, counted from the day of opening. What opens on the last day of a period is due at the end of the next."""
    found = parse_due(text)
    if isinstance(found, Duration):
        return add_months(opened_on, found.months) if found.months else add_days(opened_on, found.days)
    return next(day for day in _ends(found, opened_on) if day > opened_on)


def _ends(months: int, around: date) -> Iterator[date]:
    """The last days of the periods of so many months, from the one around a day on."""
    first = date(around.year, around.month - (around.month - 1) % months, 1)
    while True:
        first = add_months(first, months)
        yield first - timedelta(days=1)


def parse_review(text: str) -> Schedule:
    """`every monday`, `every 2 weeks`, `day 1`; without a time of day it is 09:00. Raises: ValueError."""
    try:
        return parse_schedule(text)
    except ValueError:
        if ":" in text:
            raise
    try:
        return parse_schedule(f"{text} {REVIEWED_AT}")
    except ValueError as refusal:
        raise ValueError(str(refusal).replace(f" {REVIEWED_AT}", "")) from None


DueText = Annotated[str, readable_by(parse_due)]
ReviewText = Annotated[str, readable_by(parse_review)]


class ObjectiveTemplate(Part):
    """One objective of a plan."""

    title: Text = Field(description="What is to be reached.")
    target: ConditionText | None = Field(
        None, description="When it is reached: a condition about the customer. Without one a person says so."
    )
    due: DueText | None = Field(None, description="By when: `30 days`, `end of month`; without it, the plan's date.")
    owner: Word | None = Field(None, description="Who sees to it, as in `handoff`; without it, the plan's first owner.")
    tasks: tuple[Text, ...] = Field((), max_length=20, description="What is to be done for it, ticked off one by one.")


class PlanTemplate(Part):
    """One kind of plan."""

    title: Text = Field(description="What people read.")
    due: DueText = Field(description="Until when: `3 months`, `end of quarter`.")
    objectives: tuple[ObjectiveTemplate, ...] = Field(
        min_length=1, max_length=MOST_OBJECTIVES, description="What is to be reached, in the order of importance."
    )
    shared: bool = Field(False, description="Whether the customer sees it from the beginning.")
    owners: Words = Field(("csm",), min_length=1, description="Who answers for it; the first gets the hand-offs.")
    approve: Word | None = Field(None, description="Who must agree first, as in `owner`: `csm.manager`.")
    max_objectives: int | None = Field(
        None, ge=1, le=MOST_OBJECTIVES, description="At most so many: those not reached yet first, in the file's order."
    )
    review: ReviewText | None = Field(None, description="When its owner is asked to go through it: `every monday`.")
    exit_on_churn: bool = Field(
        True, description="`false`: the exits of workspace.yml do not close it, for plans to win somebody back."
    )


class PlansFile(Part):
    """plans.yml."""

    named: dict[Name, PlanTemplate] = Field(
        default_factory=dict, description="The plans by kind: objective, recovery, adoption, account."
    )
