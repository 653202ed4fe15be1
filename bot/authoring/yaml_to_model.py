"""Turns a YAML tree into what a model takes, by the model's own keys: unknown keys, empty values and the traps of texts
and conditions become findings with their line. Decides nothing that pydantic decides. Before model_findings; steps have
their own module (yaml_to_steps)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.authoring.model_keys import CONDITION_FIELDS, TEXT_FIELDS, Shape, is_flag, keys_of, shape_of
from bot.authoring.nearest import nearest
from bot.authoring.placed import Location, PlacedText, Places
from bot.authoring.yaml_source import Mapping, Scalar, Sequence, Value
from bot.authoring.yaml_traps import comment_trap, short
from bot.rules.condition_traps import condition_traps
from bot.rules.field_types import Part

StepReader = Callable[[Value, str, Location], list[Any]]
# What people write from other tools' habits, and what to do here.
_FOREIGN_KEYS = {
    "name": "a playbook's name is its file name; `title` is what people read",
    "elif": "write `branch:` with a list of `when` and `steps` for three ways and more",
    "elsif": "write `branch:` with a list of `when` and `steps` for three ways and more",
    "trigger": "triggers stand under `enter:`",
    "triggers": "triggers stand under `enter:`",
    "type": "a step begins with its kind: `- email: NAME`",
    "enabled": "write `state: live`, `draft`, `paused` or `retired`",
    "timeout": "write `at_most:` inside `wait:`",
}


class TreeReader:
    """Reads one file's tree into plain data for its model."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.read_steps: StepReader = lambda value, path, location: []

    def read_part(self, model: type[Part], value: Value, path: str, location: Location) -> Any:
        """A mapping by the model's keys; any other value as it is, for pydantic to refuse or to understand."""
        if not isinstance(value, Mapping):
            return self.read_value(value, path, location)
        return self.read_entries(model, value, path, location)

    def read_entries(
        self, model: type[Part], value: Mapping, path: str, location: Location, *, skip: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        """The entries that the model knows, under their field names; unknown keys become findings."""
        known = keys_of(model)
        data: dict[str, Any] = {}
        for key, inner in value.entries.items():
            if key in skip:
                continue
            inner_path = f"{path}.{key}" if path else key
            if key not in known:
                self.places.thinned.add(location)
                if not self.places.is_full:
                    free = [name for name in known if name not in value.entries]
                    guess = self.tell_unknown(key, free, inner_path, value.keys[key])
                    self.places.told.add((*location, known.get(guess or "", "")))
                continue
            name = known[key]
            self.places.note(inner_path, (*location, name), value.keys[key])
            data[name] = self.read_field(model, name, inner, inner_path, (*location, name))
        return data

    def tell_unknown(self, key: str, known: list[str], path: str, line: int) -> str | None:
        """Tells it and returns the key that was probably meant."""
        guess = nearest(key, known)
        hint = _FOREIGN_KEYS.get(key) or (f"did you mean `{guess}`?" if guess else f"known here: {', '.join(known)}")
        self.places.tell(path, line, "unknown-key", f"There is no key `{short(key)}` here", hint)
        return guess

    def read_field(self, model: type[Part], name: str, value: Value, path: str, location: Location) -> Any:
        """One field's value."""
        if isinstance(value, Scalar):
            if self._is_empty(value, path, location):
                return None
            if is_flag(model.model_fields[name]):
                return self._read_flag(value, path, location)
            self.check_text(name, value, path)
        return self._read_shape(shape_of(model, name), name, value, path, location)

    def read_root(self, shape: Shape, name: str, value: Value) -> Any:
        """A whole file that is one field: its paths begin with its own keys."""
        self.places.note("", (name,), value.line)
        return self._read_shape(shape, name, value, "", (name,))

    def _read_shape(self, shape: Shape, name: str, value: Value, path: str, location: Location) -> Any:
        if shape.form == "steps":
            return self.read_steps(value, path, location)
        if shape.form == "part" and shape.part is not None:
            return self.read_part(shape.part, value, path, location)
        if isinstance(value, Sequence) and shape.form == "list" and shape.inner is not None:
            return [
                self._read_inner(shape.inner, name, item, f"{path}[{number}]", (*location, number))
                for number, item in enumerate(value.items)
            ]
        if isinstance(value, Mapping) and shape.form == "mapping" and shape.inner is not None:
            return {key: self._read_named(shape.inner, name, key, value, path, location) for key in value.entries}
        return self.read_value(value, path, location)

    def _read_named(self, shape: Shape, name: str, key: str, whole: Mapping, path: str, location: Location) -> Any:
        """One entry of a mapping of names; it stands where its name does."""
        inner = f"{path}.{key}" if path else key
        self.places.note(inner, (*location, key), whole.keys[key])
        return self._read_inner(shape, name, whole.entries[key], inner, (*location, key))

    def _read_inner(self, shape: Shape, name: str, value: Value, path: str, location: Location) -> Any:
        self.places.note(path, location, value.line)
        if isinstance(value, Scalar):
            if self._is_empty(value, path, location):
                return None
            self.check_text(name, value, path)
        return self._read_shape(shape, name, value, path, location)

    def read_value(self, value: Value, path: str, location: Location) -> Any:
        """Plain data, every scalar as the author's text."""
        self.places.note(path, location, value.line)
        if isinstance(value, Scalar):
            return None if self._is_empty(value, path, location) else value.text
        if isinstance(value, Sequence):
            return [
                self.read_value(item, f"{path}[{number}]", (*location, number))
                for number, item in enumerate(value.items)
            ]
        return {key: self.read_value(item, f"{path}.{key}", (*location, key)) for key, item in value.entries.items()}

    def check_text(self, name: str, value: Scalar, path: str) -> None:
        """The traps of texts (a dropped tail) and of conditions."""
        key = path.rpartition(".")[2].partition("[")[0]
        if name in TEXT_FIELDS and value.plain and (dropped := comment_trap(key, value.text, value.tail)):
            self.places.tell(path, value.line, dropped.rule, dropped.message, dropped.hint)
        if name in CONDITION_FIELDS:
            self.note_condition(value, path)

    def note_condition(self, value: Scalar, path: str) -> None:
        self.places.conditions.append(PlacedText(path=path, line=value.line, text=value.text))
        if not self.places.is_full and (trap := condition_traps(value.text)):
            self.places.tell(path, value.line, "condition-trap", trap[0], trap[1])

    def _is_empty(self, value: Scalar, path: str, location: Location) -> bool:
        if not value.is_null:
            return False
        if location not in self.places.told:
            line = self.places.lines.get(path, value.line)
            message = f"`{short(path.rpartition('.')[2])}` has no value"
            self.places.tell(path, line, "empty-value", message, "write one, or delete the line")
            self.places.told.add(location)
        return True

    def _read_flag(self, value: Scalar, path: str, location: Location) -> bool | None:
        if value.text in ("true", "false"):
            return value.text == "true"
        key = path.rpartition(".")[2]
        message = f"`{key}` is `true` or `false`, not `{short(value.text)}`"
        yes = value.text.lower() in ("yes", "on", "1", "y", "true")
        self.places.tell(path, value.line, "wrong-type", message, f"write `{key}: {'true' if yes else 'false'}`")
        self.places.told.add(location)
        return None
