"""YAML → the company-wide files whose root is no model but a mapping of names (metrics.yml, signals.yml) or a list
(stages.yml). Their model has one field, which is the root. Never raises for what people wrote. Beside model_file."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from bot.authoring.model_file import tidy_findings
from bot.authoring.model_findings import tell_errors
from bot.authoring.model_keys import shape_of
from bot.authoring.placed import Places, Source
from bot.authoring.yaml_source import Mapping, Sequence, read_yaml
from bot.authoring.yaml_to_model import TreeReader
from bot.errors import Finding
from bot.rules.field_types import Part

Model = TypeVar("Model", bound=Part)


def load_named_file(text: str, file: str, model: type[Model], *, what: str) -> tuple[Model, Source, list[Finding]]:
    """The file's content and where everything stands; empty, with findings, when something must be repaired. A missing
    file and one with nothing but comments are empty."""
    places = Places(file=file)
    found = _read(text, places, model, what) if text.strip() else None
    if [finding.rule for finding in places.findings] == ["empty"]:
        places.findings.clear()
    return found or model(), places.source(), tidy_findings(places.findings)


def _read(text: str, places: Places, model: type[Model], what: str) -> Model | None:
    (field,) = model.model_fields
    tree, findings = read_yaml(text, places.file)
    places.findings += findings
    if tree is None:
        return None
    shape = shape_of(model, field)
    wanted, name = (Mapping, "a mapping of names") if shape.form == "mapping" else (Sequence, "a list")
    if not isinstance(tree, wanted):
        hint = "begin with a name, such as `login_rate:`" if wanted is Mapping else "begin each item with `- `"
        places.tell("", tree.line, "wrong-type", f"{what} is {name}, and this is none", hint)
        return None
    data = {field: TreeReader(places).read_root(shape, field, tree)}
    try:
        read = model.model_validate(data)
    except ValidationError as error:
        tell_errors(error, model, places)
        return None
    return None if places.findings else read
