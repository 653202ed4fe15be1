"""Reads from a model what may stand in YAML: its keys, and what lies behind each. One table for the loader, the findings
and the JSON Schema, so that they cannot disagree. Looks at classes only, never at files."""

from __future__ import annotations

import types
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from bot.rules.field_types import Part
from bot.rules.steps_model import StepBase

CONDITION_FIELDS = frozenset({"when", "goal", "condition", "until"})
TEXT_FIELDS = frozenset({"title", "text", "tasks", "outcome", "outcomes", "notify", "company"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a field holds. `inner` is set for lists and mappings, `part` for one model."""

    form: Literal["value", "part", "steps", "list", "mapping"]
    inner: Shape | None = None
    part: type[Part] | None = None


@cache
def keys_of(model: type[Part]) -> dict[str, str]:
    """YAML key → field name, in the model's order."""
    return {key_of(model, name): name for name in model.model_fields if is_written(model, name)}


def is_written(model: type[Part], name: str) -> bool:
    """Whether authors write the field under its own key; the loader fills the others."""
    extra = model.model_fields[name].json_schema_extra
    discriminates = name == "kind" and issubclass(model, StepBase)
    return not discriminates and not (isinstance(extra, dict) and "unwritten" in extra)


def key_of(model: type[Part], name: str) -> str:
    """The YAML key of a field."""
    extra = model.model_fields[name].json_schema_extra
    return str(extra["key"]) if isinstance(extra, dict) and extra.get("key") else name


@cache
def shape_of(model: type[Part], name: str) -> Shape:
    """What the field holds."""
    return _shape(model.model_fields[name].annotation)


def is_flag(field: FieldInfo) -> bool:
    return field.annotation is bool


def _shape(annotation: Any) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _shape(arguments[0])
    if origin in (Union, types.UnionType):
        return _shape_of_union([argument for argument in arguments if argument is not type(None)])
    if origin is tuple:
        inner = _shape(arguments[0])
        return inner if inner.form == "steps" else Shape(form="list", inner=inner)
    if origin is dict:
        return Shape(form="mapping", inner=_shape(arguments[1]))
    is_part = isinstance(annotation, type) and issubclass(annotation, Part)
    return Shape(form="part", part=annotation) if is_part else Shape(form="value")


def _shape_of_union(choices: list[Any]) -> Shape:
    if all(isinstance(choice, type) and issubclass(choice, StepBase) for choice in choices):
        return Shape(form="steps")
    return _shape(choices[0]) if len(choices) == 1 else Shape(form="value")
