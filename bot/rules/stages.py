"""What stages.yml may say: the stages of a customer's life with named completion checks, where each leads, how long it should
take. Pure; kept_stages looks whose checks hold and moves them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from bot.rules.durations import parse_duration
from bot.rules.field_types import ConditionText, Name, Part, Text, readable_by, refused

DAYS_A_MONTH = 30
#: The name of the check of a stage whose `complete_when` is one condition.
DONE = "done"
_CHECKS_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}},
    ]
}


def parse_expected(text: str) -> int:
    """Days, with a month as 30. Raises: ValueError for hours and business days."""
    found = parse_duration(text)
    if found.business_days or found.business_minutes or found.minutes:
        raise ValueError(f"`{text}` is not a number of days; write it like `60 days` or `3 months`")
    return found.days + DAYS_A_MONTH * found.months


def read_checks(value: object) -> object:
    """One condition → one check; a mapping of names stays."""
    if isinstance(value, Mapping) and not value:
        raise refused("`complete_when` names no check", "write a condition, or names with one each")
    return {DONE: value} if isinstance(value, str) else value


def read_next(value: object) -> object:
    """`adoption` → where everybody goes; a list stays."""
    return ({"to": value},) if isinstance(value, str) else value


class NextStage(Part):
    """One way on."""

    to: Name = Field(description="The next stage.")
    when: ConditionText | None = Field(None, description="For whom; the first way that holds wins.")


_NEXT_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"to": {"type": "string"}, "when": {"type": "string"}},
                "required": ["to"],
                "additionalProperties": False,
            },
        },
    ]
}


class Stage(Part):
    """One stage."""

    stage: Name = Field(description="Its name, as in the column `stage` of customers.csv.")
    title: Text = Field(description="What people read in reports and cards.")
    expected: Annotated[str, readable_by(parse_expected)] | None = Field(
        None, description="How long it should take: `60 days`. Longer is `stage_overdue`."
    )
    complete_when: Annotated[
        dict[Name, ConditionText], BeforeValidator(read_checks), WithJsonSchema(_CHECKS_SCHEMA)
    ] = Field(
        default_factory=dict,
        description="A condition, or named checks of which all must hold: the report then says where a customer is stuck.",
    )
    next: Annotated[tuple[NextStage, ...], BeforeValidator(read_next), WithJsonSchema(_NEXT_SCHEMA)] = Field(
        (), description="Where it leads: one stage, or a list of `to` and `when`."
    )
    final: bool = Field(False, description="Nobody moves on from here by itself.")

    @property
    def expected_days(self) -> int | None:
        return None if self.expected is None else parse_expected(self.expected)


class StagesFile(Part):
    """stages.yml."""

    listed: tuple[Stage, ...] = Field((), description="The stages, in the order in which they are walked.")


def expected_days(stages: Iterable[Stage]) -> dict[str, int]:
    """Stage → the days it should take, where it says so."""
    return {stage.stage: days for stage in stages if (days := stage.expected_days) is not None}


def rings_without_end(stages: Collection[Stage]) -> Iterator[tuple[str, ...]]:
    """Stages that lead to one another without asking anything: whoever comes in goes round for ever."""
    ways = {
        stage.stage: [each.to for each in stage.next if each.when is None]
        for stage in stages
        if not stage.complete_when and not stage.final
    }
    seen: set[frozenset[str]] = set()
    for first in ways:
        walked = [first]
        while (onward := ways.get(walked[-1])) and onward[0] not in walked:
            walked.append(onward[0])
        if ways.get(walked[-1]) and ways[walked[-1]][0] == first and frozenset(walked) not in seen:
            seen.add(frozenset(walked))
            yield tuple(walked)
