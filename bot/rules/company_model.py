"""What metrics.yml, features.yml and signals.yml may say: a mapping of names to definitions each. Conditions stay text here
(bot.rules.conditions compiles them). Read by authoring.company; used by the derivations of the pipeline."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bot.rules.durations import parse_duration
from bot.rules.field_types import ConditionText, Name, Part, Text, Word, readable_by
from bot.rules.steps_model import key

AT_ONCE = "at once"
COMPARISONS = ("<", ">", "=", "!")


def parse_delay(text: str) -> object:
    """A duration, or `at once`. Raises: ValueError."""
    return None if text == AT_ONCE else parse_duration(text)


DelayText = Annotated[str, readable_by(parse_delay)]


class Metric(Part):
    """A named number per customer, kept day by day."""

    title: Text = Field(description="What people read in reports and cards.")
    formula: ConditionText = Field(
        description='The number: `users("login", days=7) / licenses_purchased`.', json_schema_extra=key("value")
    )
    format: Literal["number", "percent"] = Field("number", description="How it is shown: `number` or `percent`.")
    target: float | None = Field(None, description="What is aimed at.")
    story: Text | None = Field(None, description="What the target means to the customer, for mails and plans.")


class Feature(Part):
    """A part of the product whose use keeps customers; green, yellow or red per customer."""

    event: Word | None = Field(None, description="The event that tells of its use, for reports.")
    title: Text = Field(description="What people read in reports and cards.")
    formula: ConditionText = Field(
        description='How much it is used: `total("report_viewed", days=30) / licenses_active`.',
        json_schema_extra=key("value"),
    )
    green: ConditionText = Field(description="A comparison with the value (`>= 20`), or a whole condition.")
    yellow: ConditionText | None = Field(None, description="The same for yellow; whatever is neither is red.")

    def condition_of(self, band: str) -> str:
        """A band's text as a condition: a comparison is one with the value."""
        return f"({self.formula}) {band}" if band.startswith(COMPARISONS) else band


class Signal(Part):
    """A named condition that is open or closed for a customer, with since, until and evidence."""

    title: Text = Field(description="What people read in cards and reports.")
    when: ConditionText = Field(description="What must hold.")
    open_after: DelayText | None = Field(
        None, description="How long it must hold first: `3 days`, `at once`; by default a day for signals of absence."
    )
    close_after: DelayText | None = Field(
        None, description="How long it must not hold before it closes; by default a day for signals of absence."
    )


class MetricsFile(Part):
    """metrics.yml."""

    named: dict[Name, Metric] = Field(default_factory=dict, description="The metrics by name.")


class FeaturesFile(Part):
    """features.yml."""

    named: dict[Name, Feature] = Field(default_factory=dict, description="The features by name.")


class SignalsFile(Part):
    """signals.yml."""

    named: dict[Name, Signal] = Field(default_factory=dict, description="The signals by name.")
