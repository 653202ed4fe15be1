"""Reads the steps of a playbook from YAML: which kind each is, its keys, its blocks. A step without exactly one kind is a
finding and is left out. Comes after yaml_to_model, whose reader it extends; pydantic judges what it returns."""

from __future__ import annotations

import re
from typing import Any

from bot.authoring.model_keys import keys_of
from bot.authoring.nearest import nearest
from bot.authoring.placed import Location, Places
from bot.authoring.yaml_source import Mapping, Scalar, Sequence, Value
from bot.authoring.yaml_to_model import TreeReader
from bot.authoring.yaml_traps import short
from bot.rules.durations import parse_anchor, parse_moment
from bot.rules.steps_model import STEP_MODELS, BranchStep, Case, SetStep, WaitStep

KINDS = tuple(STEP_MODELS)
# Dates that may stand alone after `until:`; any other bare name is a condition.
_KNOWN_DATES = frozenset({"renewal_date", "started_on", "next_meeting"})
# A path that ends in a key of a step, or of an item inside one.
_IN_STEP = re.compile(r"\]\.[^.\]]*$")
_WAIT_KEYS = ("until", "at_most")


class StepReader(TreeReader):
    """Reads steps, too."""

    def __init__(self, places: Places) -> None:
        super().__init__(places)
        self.read_steps = self.steps

    def steps(self, value: Value, path: str, location: Location) -> list[Any]:
        """The steps of a block; those without one clear kind are told and left out."""
        if not isinstance(value, Sequence):
            key = path.rpartition(".")[2]
            self._refuse(
                location,
                path,
                value.line,
                "wrong-type",
                f"`{key}` must be a list of steps",
                "begin each step with `- `",
            )
            return []
        found: list[Any] = []
        for number, item in enumerate(value.items):
            step = self._step(item, f"{path}[{number}]", (*location, len(found)))
            if step is None:
                self.places.thinned.add(location)
            else:
                found.append(step)
        return found

    def _step(self, value: Value, path: str, location: Location) -> dict[str, Any] | None:
        if not isinstance(value, Mapping):
            text = f"`{short(value.text)}` alone" if isinstance(value, Scalar) and value.text else "this"
            guess = nearest(value.text.split()[0], KINDS) if isinstance(value, Scalar) and value.text.split() else None
            hint = f"write `- {guess or 'email'}: …`"
            self.places.tell(path, value.line, "step-kind", f"A step is a kind and its value, not {text}", hint)
            return None
        kinds = [kind for kind in KINDS if kind in value.entries]
        if len(kinds) != 1:
            self._tell_kinds(kinds, value, path)
            return None
        kind = kinds[0]
        self.places.note(path, location, value.line)
        data = self._by_kind(kind, value, path, location)
        return {"kind": kind, "line": value.line, **data}

    def _tell_kinds(self, kinds: list[str], value: Mapping, path: str) -> None:
        if kinds:
            names = " and ".join(f"`{kind}`" for kind in kinds)
            hint = "make them two steps: each begins with its own `- `"
            self.places.tell(path, value.line, "step-kind", f"One step cannot be {names} at once", hint)
            return
        guesses = [(key, nearest(key, KINDS)) for key in value.entries]
        wrong = next(((key, guess) for key, guess in guesses if guess), None)
        if wrong:
            message = f"There is no kind of step called `{short(wrong[0])}`"
            self.places.tell(path, value.keys[wrong[0]], "step-kind", message, f"did you mean `{wrong[1]}`?")
        else:
            self.places.tell(
                path, value.line, "step-kind", "This step does not say what to do", f"one of: {', '.join(KINDS)}"
            )

    def _by_kind(self, kind: str, value: Mapping, path: str, location: Location) -> dict[str, Any]:
        if kind == "wait":
            return self._wait(value, path, location)
        if kind == "branch":
            return self._branch(value, path, location)
        if kind == "set":
            return self._set(value, path, location)
        return self.read_entries(STEP_MODELS[kind], value, path, location)

    def tell_unknown(self, key: str, known: list[str], path: str, line: int) -> str | None:
        """Adds what only steps know: a key of another kind."""
        owners = [kind for kind, model in STEP_MODELS.items() if key in keys_of(model)]
        if not (owners and _IN_STEP.search(path)) or nearest(key, known):
            return super().tell_unknown(key, known, path, line)
        hint = f"`{key}` belongs to {' and '.join(owners[:3])} steps"
        self.places.tell(path, line, "unknown-key", f"There is no key `{key}` on this kind of step", hint)
        return None

    def _wait(self, value: Mapping, path: str, location: Location) -> dict[str, Any]:
        wait = value.entries["wait"]
        data = self.read_entries(WaitStep, value, path, location, skip=frozenset({"wait", *_WAIT_KEYS}))
        for misplaced in _WAIT_KEYS:
            if misplaced in value.entries:
                hint = f"indent it deeper, under `wait:` (`wait: {{{misplaced}: …}}`)"
                message = f"`{misplaced}` belongs inside `wait`"
                self.places.tell(f"{path}.{misplaced}", value.keys[misplaced], "unknown-key", message, hint)
                self.places.told.add(location)
        wait_path = f"{path}.wait"
        self.places.note(wait_path, (*location, "duration"), value.keys["wait"])
        if isinstance(wait, Mapping):
            return data | self._wait_entries(wait, wait_path, location)
        if not isinstance(wait, Scalar):
            self._refuse(
                location,
                wait_path,
                wait.line,
                "wrong-type",
                "`wait` is a duration or a mapping, not a list",
                "write `wait: 5 days`",
            )
            return data
        return data | {"duration": self.read_field(WaitStep, "duration", wait, wait_path, (*location, "duration"))}

    def _wait_entries(self, wait: Mapping, path: str, location: Location) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, inner in wait.entries.items():
            inner_path = f"{path}.{key}"
            if key in ("then", "else"):
                hint = f"begin `{key}:` in the same column as `wait:`"
                self._refuse(
                    location,
                    inner_path,
                    wait.keys[key],
                    "unknown-key",
                    f"`{key}` stands beside `wait`, not in it",
                    hint,
                )
            elif key not in _WAIT_KEYS:
                self.places.told.add(location)
                super().tell_unknown(key, list(_WAIT_KEYS), inner_path, wait.keys[key])
            else:
                name = "until_moment" if key == "until" and isinstance(inner, Scalar) and is_moment(inner.text) else key
                self.places.note(inner_path, (*location, name), wait.keys[key])
                data[name] = self.read_field(WaitStep, name, inner, inner_path, (*location, name))
        return data

    def _branch(self, value: Mapping, path: str, location: Location) -> dict[str, Any]:
        data = self.read_entries(BranchStep, value, path, location, skip=frozenset({"branch"}))
        cases, branch_path = value.entries["branch"], f"{path}.branch"
        self.places.note(branch_path, (*location, "cases"), value.keys["branch"])
        if not isinstance(cases, Sequence):
            self._refuse(
                location,
                branch_path,
                cases.line,
                "wrong-type",
                "`branch` must be a list of cases",
                "write `- when: …` and `steps: […]`",
            )
            return data
        found: list[Any] = []
        for number, case in enumerate(cases.items):
            case_path = f"{branch_path}[{number}]"
            if isinstance(case, Mapping) and "else" in case.entries:
                data["otherwise"] = self._last_case(case, number == len(cases.items) - 1, case_path, location)
            else:
                case_location = (*location, "cases", len(found))
                self.places.note(case_path, case_location, case.line)
                found.append(self.read_part(Case, case, case_path, case_location))
        return data | {"cases": found}

    def _last_case(self, case: Mapping, is_last: bool, path: str, location: Location) -> list[Any]:
        if not is_last or len(case.entries) != 1 or (*location, "otherwise") in self.places.locations:
            hint = "make `- else: […]` the last item, alone"
            self.places.tell(
                path, case.line, "step-kind", "`else` must be the last case of `branch`, with nothing beside it", hint
            )
        self.places.note(f"{path}.else", (*location, "otherwise"), case.keys["else"])
        return self.steps(case.entries["else"], f"{path}.else", (*location, "otherwise"))

    def _set(self, value: Mapping, path: str, location: Location) -> dict[str, Any]:
        """`set` keeps JSON's types: a number stays a number, `0777` and `1e3` stay texts."""
        data = self.read_entries(SetStep, value, path, location, skip=frozenset({"set"}))
        values, set_path = value.entries["set"], f"{path}.set"
        self.places.note(set_path, (*location, "values"), value.keys["set"])
        if not isinstance(values, Mapping):
            self._refuse(
                location,
                set_path,
                values.line,
                "wrong-type",
                "`set` must be a mapping",
                "write `set: {stage: adoption}`",
            )
            return data
        typed: dict[str, Any] = {}
        for key, inner in values.entries.items():
            self.places.note(f"{set_path}.{key}", (*location, "values", key), values.keys[key])
            if isinstance(inner, Scalar):
                typed[key] = inner.typed()
            else:
                message = f"`{short(key)}` must be one value, not a list or a mapping"
                self._refuse(location, f"{set_path}.{key}", inner.line, "wrong-type", message, "set one value per key")
        return data | {"values": typed}

    def _refuse(self, location: Location, path: str, line: int, rule: str, message: str, hint: str) -> None:
        """Tells a finding and silences what pydantic would say about the same thing."""
        self.places.tell(path, line, rule, message, hint)
        self.places.told.add(location)


def is_moment(text: str) -> bool:
    """Whether `until:` names a moment or a date ± a duration, rather than a condition."""
    if re.match(r"\d{4}-\d", text.strip()):
        return True
    try:
        parse_moment(text)
    except ValueError:
        pass
    else:
        return True
    try:
        anchor = parse_anchor(text)
    except ValueError:
        return False
    return anchor.offset is not None or anchor.field in _KNOWN_DATES
