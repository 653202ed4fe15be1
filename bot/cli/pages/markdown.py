"""Markdown for the generated pages: tables, and the keys of a model as a table. Knows nothing of what the pages say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

from pydantic.fields import FieldInfo

from bot.authoring.model_keys import key_of, keys_of
from bot.rules.field_types import Part

GENERATED = "<!-- Generated from the code by `just docs`; edits here are lost. -->"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells may hold Markdown; line ends and bars are made safe."""
    lines = [_line(columns), _line(["---"] * len(columns)), *(_line(row) for row in rows)]
    return "\n".join(lines) + "\n"


def code(text: str) -> str:
    """A code span that may hold backticks."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"


def fenced(text: str, language: str = "yaml") -> str:
    return f"```{language}\n{text.rstrip()}\n```\n"


def keys_table(model: type[Part], *, without: Iterable[str] = ()) -> str:
    """Every YAML key of a model with its default and meaning."""
    skipped = set(without)
    rows = [
        (code(key), default_of(model.model_fields[name]), model.model_fields[name].description or "")
        for key, name in keys_of(model).items()
        if name not in skipped
    ]
    return table(("key", "default", "meaning"), rows)


def main_key(model: type[Part]) -> str:
    """The key that names the step."""
    return next(key_of(model, name) for name in model.model_fields if name not in ("id", "when", "line", "kind"))


def default_of(field: FieldInfo) -> str:
    """As authors would write it."""
    if field.is_required():
        return "required"
    default: Any = field.default
    if field.default_factory is not None or default in (None, "", ()) or isinstance(default, Part):
        return "–"
    if isinstance(default, tuple):
        return "–" if any(isinstance(item, Part) for item in default) else code(", ".join(map(str, default)))
    if isinstance(default, bool):
        return code(str(default).lower())
    return code(str(default.value if isinstance(default, Enum) else default))


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
