"""One YAML file → one model, with places and findings: what playbooks and company-wide files have in common. Never raises
for what people wrote, and stops telling after fifty findings. Before it yaml_source, after it pydantic."""

from __future__ import annotations

from collections.abc import Mapping as Data
from typing import Any, TypeVar

from pydantic import ValidationError

from bot.authoring.model_findings import tell_errors
from bot.authoring.model_keys import keys_of
from bot.authoring.placed import Places, Source
from bot.authoring.yaml_source import Mapping, Sequence, Value, read_yaml
from bot.authoring.yaml_to_steps import StepReader
from bot.authoring.yaml_traps import short
from bot.errors import Finding
from bot.rules.field_types import Part

Model = TypeVar("Model", bound=Part)


def read_model(
    text: str | bytes, places: Places, model: type[Model], *, what: str, filled: Data[str, Any] | None = None
) -> Model | None:
    """The model, or None with at least one finding in `places`. `what` names the file in sentences ("A playbook");
    `filled` are fields that the file does not hold."""
    tree, findings = read_yaml(text, places.file)
    places.findings += findings
    if tree is None or not _is_this(tree, model, what, places):
        return None
    data = StepReader(places).read_part(model, tree, "", ())
    try:
        read = model.model_validate({**data, **(filled or {})})
    except ValidationError as error:
        tell_errors(error, model, places)
        return None
    return None if places.findings else read


def load_model_file(text: str, file: str, model: type[Model], *, what: str) -> tuple[Model, Source, list[Finding]]:
    """A company-wide file whose root is a model: its content and where everything stands; empty, with findings, when something
    must be repaired. A missing file and one with nothing but comments are empty."""
    places = Places(file=file)
    found = read_model(text, places, model, what=what) if text.strip() else None
    if [finding.rule for finding in places.findings] == ["empty"]:
        places.findings.clear()
    return found or model(), places.source(), tidy_findings(places.findings)


def tidy_findings(findings: list[Finding]) -> list[Finding]:
    """In the file's order."""
    return sorted(findings, key=lambda finding: (finding.line, finding.path))


def _is_this(tree: Value, model: type[Part], what: str, places: Places) -> bool:
    """Refuses at once what is no such file at all, instead of with a finding for each of its keys."""
    if not isinstance(tree, Mapping):
        shape = "a list" if isinstance(tree, Sequence) else "a single text"
        message = f"{what} is a mapping of keys; this file is {shape}"
        places.tell("", tree.line, "wrong-type", message, f"begin with a key such as `{next(iter(keys_of(model)))}:`")
        return False
    known = keys_of(model)
    required = [key for key, name in known.items() if model.model_fields[name].is_required()]
    if set(tree.entries) & set(required or known):
        return True
    found = ", ".join(f"`{short(key, 20)}`" for key in list(tree.entries)[:4])
    hint = f"it needs {', '.join(f'`{key}`' for key in required)}" if required else f"known keys: {', '.join(known)}"
    places.tell("", tree.line, "unknown-file", f"This does not look like {what.lower()}: it has the keys {found}", hint)
    return False
