"""The types that a playbook's fields are made of: texts in several languages, names, lists that may be one word.
They read both shapes, the author's (YAML) and the stored one (JSON), and never guess. Pure; before steps_model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from bot.rules.business_days import parse_open_days
from bot.rules.durations import Moment, parse_anchor, parse_duration, parse_hours, parse_moment, parse_schedule


class Part(BaseModel):
    """Base of every piece of a playbook or workspace: immutable, and a key nobody knows is an error."""

    # Validators are built when first used: commands that read no workspace need none.
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, defer_build=True)


def refused(message: str, hint: str = "") -> PydanticCustomError:
    """The error a field validator raises: a sentence and what to do, carried through pydantic to the finding."""
    return PydanticCustomError("refused", "{message}", {"message": message, "hint": hint})


def read_text(value: object) -> object:
    """`"Hello"` → `{"": "Hello"}`; a mapping of locales stays."""
    if isinstance(value, str):
        return {"": value}
    if isinstance(value, Mapping) and not value:
        raise refused("the text is empty", "write one text, or one per language: {en: …, ja: …}")
    return value


def read_list(value: object) -> object:
    """`champion` → `(champion,)`; a list stays."""
    return (value,) if isinstance(value, str) else value


def say(text: Mapping[str, str], locale: str) -> str:
    """The text in a locale: exact, else its language, else the one without language, else English, else any."""
    for key in (locale, locale.replace("_", "-").split("-")[0], "", "en"):
        if key in text:
            return text[key]
    return next(iter(text.values()), "")


def readable_by(*parsers: Callable[[str], object]) -> AfterValidator:
    """Keeps the text as written when one of the parsers reads it; else says what the first has to say about it."""

    def check(text: str) -> str:
        refusals: list[str] = []
        for parse in parsers:
            try:
                parse(text)
            except ValueError as refusal:
                refusals.append(str(refusal))
            else:
                return text
        message, _, hint = refusals[0].partition("; ")
        raise refused(message, hint)

    return AfterValidator(check)


def parse_dated_moment(text: str) -> Moment:
    """A moment of the calendar, not one that is counted from now. Raises: ValueError."""
    if not text[:4].isdigit():
        raise ValueError(f"`{text}` is no date; write it like `2027-09-09 10:00`")
    return parse_moment(text)


LOCALE_PATTERN = "^([a-z]{2,3}([-_][A-Za-z0-9]{2,8})*)?$"
NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
_TEXT_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}},
    ]
}
_LIST_SCHEMA: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}

Word = Annotated[str, StringConstraints(min_length=1)]
Locale = Annotated[str, StringConstraints(pattern=LOCALE_PATTERN)]
Text = Annotated[dict[Locale, Word], BeforeValidator(read_text), WithJsonSchema(_TEXT_SCHEMA)]
Words = Annotated[tuple[Word, ...], BeforeValidator(read_list), WithJsonSchema(_LIST_SCHEMA)]
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
ConditionText = Annotated[str, StringConstraints(min_length=1)]
DurationText = Annotated[str, readable_by(parse_duration)]
DatedMoment = Annotated[str, readable_by(parse_dated_moment)]
DurationOrMoment = Annotated[str, readable_by(parse_duration, parse_moment)]
MomentOrAnchor = Annotated[str, readable_by(parse_moment, parse_anchor)]
AnchorText = Annotated[str, readable_by(parse_anchor)]
ScheduleText = Annotated[str, readable_by(parse_schedule)]
DaysText = Annotated[str, readable_by(parse_open_days)]
HoursText = Annotated[str, readable_by(parse_hours)]
