"""Says in our words what pydantic found wrong with a file: which key, in which line, what it should be. Comes after
yaml_to_model, which noted where everything stands; nothing that was told there is told twice."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot.authoring.model_keys import key_of, shape_of
from bot.authoring.nearest import nearest
from bot.authoring.placed import Location, Places
from bot.authoring.yaml_traps import short
from bot.rules.field_types import Part
from bot.rules.steps_model import STEP_MODELS

_Saying = tuple[str, str, str]


def tell_errors(error: ValidationError, model: type[Part], places: Places) -> None:
    """Adds a finding for each error of the model that is not the consequence of one already told."""
    for details in error.errors(include_url=False):
        missing_last = details["type"] == "missing"
        location = _known_location(details["loc"][:-1] if missing_last else details["loc"], places)
        if _is_told(location, details, places):
            continue
        owner, missing = _owner_of(details, model, location)
        path = places.locations.get(location, "")
        if missing:
            path = f"{path}.{missing}" if path else missing
        rule, message, hint = _say(details, owner, path)
        line = places.source().line_of(path)
        places.tell(path, line, rule, message, hint)


def _known_location(location: tuple[int | str, ...], places: Places) -> Location:
    """The error's location without pydantic's own words (the step kinds and unions it passed through)."""
    found: Location = ()
    for part in location:
        if (*found, part) in places.locations:
            found = (*found, part)
    return found


def _is_told(location: Location, details: ErrorDetails, places: Places) -> bool:
    if details["type"] == "missing":
        location = (*location, details["loc"][-1])
    if details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]:
        return True  # pydantic counts only the items it found right, and has told about the others
    if location in places.thinned and details["type"] in ("too_short", "refused"):
        return True
    return any(location[:length] in places.told for length in range(1, len(location) + 1))


def _owner_of(details: ErrorDetails, model: type[Part], location: Location) -> tuple[type[Part] | None, str]:
    """The model whose field is missing and that field's key; for other errors nothing."""
    if details["type"] != "missing":
        return None, ""
    owner: type[Part] | None = model
    for part in details["loc"][:-1]:
        owner = _inner(owner, part)
    name = str(details["loc"][-1])
    if owner is None or name not in owner.model_fields:
        return None, name
    return owner, key_of(owner, name)


def _inner(owner: type[Part] | None, part: int | str) -> type[Part] | None:
    """The model behind one step of a location; indexes, mapping keys and union names stay where they are."""
    if isinstance(part, str) and part in STEP_MODELS and (owner is None or part not in owner.model_fields):
        return STEP_MODELS[part]
    if owner is None or not isinstance(part, str) or part not in owner.model_fields:
        return owner
    shape = shape_of(owner, part)
    while shape.inner is not None:
        shape = shape.inner
    return shape.part or owner


def _say(details: ErrorDetails, owner: type[Part] | None, path: str) -> _Saying:
    kind, given = details["type"], _shown(details["input"])
    key = re.sub(r"\[\d+\]$", "", path).rpartition(".")[2] or "the file"
    context: dict[str, Any] = details.get("ctx", {})
    if kind == "refused":
        return "wrong-value", context["message"], context["hint"]
    if kind == "missing":
        field = (
            next((field for name, field in owner.model_fields.items() if key_of(owner, name) == key), None)
            if owner
            else None
        )
        return "missing-key", f"`{key}` is missing", f"add `{key}:` ({field.description})" if field else f"add `{key}:`"
    if kind == "literal_error":
        return _say_choice(key, given, str(context["expected"]))
    if kind == "string_pattern_mismatch":
        return _say_pattern(key, given, str(details["loc"][-1]) == "[key]")
    return _say_type(kind, key, given, context)


def _shown(given: object) -> str:
    """What the author wrote, in words that show it."""
    if isinstance(given, dict):
        return "a mapping"
    return "a list" if isinstance(given, list | tuple) else f"`{short(str(given))}`"


def _say_choice(key: str, given: str, expected: str) -> _Saying:
    choices = re.findall(r"'([^']*)'", expected)
    guess = nearest(given.strip("`"), choices)
    hint = f"did you mean `{guess}`? " if guess else ""
    return "wrong-value", f"{given} is no value for `{key}`", f"{hint}one of: {', '.join(choices)}"


def _say_pattern(key: str, given: str, is_key: bool) -> _Saying:
    if is_key:
        message = f"{given} is no language"
        return "wrong-value", message, "write one text, or one per language: `{en: …, ja: …}`"
    return "wrong-value", f"{given} is no name for `{key}`", "use letters, digits, `_`, `-` and `.`"


def _say_type(kind: str, key: str, given: str, context: dict[str, Any]) -> _Saying:
    if kind in ("string_type", "string_sub_type"):
        return (
            "wrong-type",
            f"`{key}` must be one text, not {given}",
            "put quotes around it if it is one text",
        )
    if kind in ("tuple_type", "list_type"):
        hint = "begin each item with `- `" if given == "a mapping" else f"write `{key}: [{given.strip('`')}]`"
        return "wrong-type", f"`{key}` must be a list, not {given}", hint
    if kind in ("dict_type", "model_type", "model_attributes_type", "mapping_type"):
        return (
            "wrong-type",
            f"`{key}` must be a mapping, not {given}",
            "write its parts as `key: value`, indented below it",
        )
    if kind.startswith(("int_", "float_")) or kind in (
        "greater_than",
        "greater_than_equal",
        "less_than",
        "less_than_equal",
    ):
        return _say_number(key, given, kind, context)
    if kind in ("too_short", "string_too_short"):
        return "wrong-value", f"`{key}` is empty or too short", f"it needs at least {context.get('min_length', 1)}"
    return "wrong-value", f"{given} does not fit `{key}`", ""


def _say_number(key: str, given: str, kind: str, context: dict[str, Any]) -> _Saying:
    bounds = {
        "greater_than": "more than {gt}",
        "greater_than_equal": "at least {ge}",
        "less_than": "less than {lt}",
        "less_than_equal": "at most {le}",
    }
    if kind in bounds:
        return "wrong-value", f"`{key}` is {given}; it must be {bounds[kind].format(**context)}", ""
    whole = "a whole number" if kind.startswith("int_") else "a number"
    return "wrong-type", f"`{key}` must be {whole}, not {given}", "write digits only, without units and commas"
