"""What scorecard.yml may say: cards of measures, each with a weight, a value and bands. A band is a comparison with the value
(`>= 70`) or a whole condition, as for risks whose colour comes from calls to action. Pure; kept_scores works the values out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

from pydantic import Field

from bot.rules.conditions import Condition, parse_condition, parse_value
from bot.rules.field_types import ConditionText, Name, Part, Text
from bot.rules.steps_model import key

Band = Literal["green", "yellow", "red"]
#: In the order in which they are asked: a red that is given comes first, so that one bad sign is not hidden by a good one.
BANDS: tuple[Band, ...] = ("red", "green", "yellow")
DEFAULTS: Mapping[Band, str] = {"green": ">= 70", "yellow": ">= 40"}
#: The entry of a card that speaks of the card itself.
OVERALL = "overall"
_THRESHOLD = re.compile(r"\s*(>=|<=|>|<)(.+)", re.DOTALL)


class Measure(Part):
    """One part of a card."""

    title: Text | None = Field(None, description="What people read; without it, the name.")
    weight: float = Field(1, gt=0, le=1000, description="How much it counts beside the other measures of its card.")
    formula: ConditionText | None = Field(
        None,
        description="0 to 100: `100 * license_use`. A comparison counts 1 or 0. Without it the band gives the value: green 100, "
        "yellow 50, red 0.",
        json_schema_extra=key("value"),
    )
    when: ConditionText | None = Field(None, description="For whom it counts; for the others the card goes without it.")
    green: ConditionText | None = Field(
        None, description="A comparison with the value (`>= 70`), or a whole condition."
    )
    yellow: ConditionText | None = Field(None, description="The same for yellow.")
    red: ConditionText | None = Field(
        None, description="The same for red, asked first; without it, red is what is left."
    )

    @property
    def bands(self) -> dict[Band, str]:
        """The bands that are given, in the order in which they are asked."""
        given: dict[Band, str | None] = {"red": self.red, "green": self.green, "yellow": self.yellow}
        return {band: text for band, text in given.items() if text is not None}


class ScorecardFile(Part):
    """scorecard.yml."""

    named: dict[Name, dict[Name, Measure]] = Field(
        default_factory=dict, description="The cards by name, each with its measures."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A band that compares the value: `>= 70`."""

    operator: Literal[">=", "<=", ">", "<"]
    bound: Condition


class MeasureOf(Part):
    """A measure and the card it is part of."""

    card: Name
    measure: Measure


class Card(Part):
    """A card as it is worked out. `overall` holds its title and bands; without bands, one of several measures has the default
    ones, and one of a single measure has the measure's."""

    name: Name
    measures: dict[Name, Measure]
    overall: Measure

    @property
    def bands(self) -> Mapping[Band, str]:
        """Empty: the band of its only measure."""
        return self.overall.bands or ({} if len(self.measures) == 1 else DEFAULTS)

    @property
    def is_measure(self) -> bool:
        """A card whose only measure has its name is that measure."""
        return list(self.measures) == [self.name]


def card_of(name: str, entries: Mapping[str, Measure]) -> Card:
    measures = {each: measure for each, measure in entries.items() if each != OVERALL}
    return Card(name=name, measures=measures, overall=entries.get(OVERALL, Measure()))


def bands_of(measure: Measure) -> Mapping[Band, str]:
    """Those given; a measure with a value and without bands has the default ones."""
    return measure.bands or (DEFAULTS if measure.formula is not None else {})


@lru_cache(maxsize=1024)
def threshold_of(text: str) -> Threshold | None:
    """None: the text is a whole condition. Raises: ConditionError for a bound that cannot be read."""
    match = _THRESHOLD.fullmatch(text)
    if match is None:
        return None
    operator = cast(Literal[">=", "<=", ">", "<"], match[1])
    return Threshold(operator=operator, bound=parse_value(match[2].strip()))


def band_condition(text: str) -> Condition:
    """What a band asks: the bound of its comparison, or the whole condition. Raises: ConditionError."""
    threshold = threshold_of(text)
    return parse_condition(text) if threshold is None else threshold.bound


def left_over(bands: Mapping[Band, str]) -> Band | None:
    """The band of whom no given band fits; None where all three are given: then there is none."""
    if "red" not in bands:
        return "red"
    return next((band for band in ("yellow", "green") if band not in bands), None)
