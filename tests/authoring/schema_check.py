"""As much of JSON Schema as our own schemas use, so that a test can hold them against files without another library."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "object": (dict,),
    "array": (list,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
KNOWN_WORDS = {
    "$schema", "$ref", "$defs", "title", "description", "type", "properties", "required", "additionalProperties", "items",
    "anyOf", "enum", "const", "pattern", "minLength", "minItems", "minProperties", "minimum", "maximum", "propertyNames",
    "format", "maxItems", "exclusiveMinimum",
}  # fmt: skip


def faults(value: Any, schema: dict[str, Any], root: dict[str, Any], path: str = "") -> Iterator[str]:
    """Where the value does not fit, in words."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if "anyOf" in schema and not any(not list(faults(value, choice, root, path)) for choice in schema["anyOf"]):
        yield f"{path}: fits none of the choices"
    if not _is_typed(value, schema.get("type")):
        yield f"{path}: is no {schema['type']}"
        return
    yield from _value_faults(value, schema, path)
    if isinstance(value, dict):
        yield from _object_faults(value, schema, root, path)
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from faults(item, schema["items"], root, f"{path}[{number}]")


def _is_typed(value: Any, wanted: str | list[str] | None) -> bool:
    if wanted is None:
        return True
    names = [wanted] if isinstance(wanted, str) else wanted
    return any(isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool)) for name in names)


def _value_faults(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: is none of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{path}: is not {schema['const']}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: does not match {schema['pattern']}"
    if isinstance(value, str | list) and len(value) < schema.get("minLength", schema.get("minItems", 0)):
        yield f"{path}: is too short"
    if isinstance(value, list) and len(value) > schema.get("maxItems", len(value)):
        yield f"{path}: is too long"
    if isinstance(value, int | float) and "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        yield f"{path}: is out of bounds"
    if isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{path}: is out of bounds"


def _object_faults(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], path: str) -> Iterator[str]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in schema.get("required", []):
        if name not in value:
            yield f"{path}: {name} is missing"
    names = schema.get("propertyNames", {}).get("pattern", "")
    for name, inner in value.items():
        if not re.search(names, name):
            yield f"{path}.{name}: no name"
        if name in properties:
            yield from faults(inner, properties[name], root, f"{path}.{name}")
        elif others is False:
            yield f"{path}.{name}: unknown"
        elif isinstance(others, dict):
            yield from faults(inner, others, root, f"{path}.{name}")
