"""The JSON Schemas of playbooks, their tests, workspace.yml and the company-wide files, made from the models, so that editors
complete and explain keys while people type. They allow much that `check` refuses; only numbers and `true` as texts they want in
quotes where `check` does not. Written beside the starter workspace's files, which name theirs in their first line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bot.authoring.model_keys import is_written, key_of
from bot.authoring.workspace_model import WorkspaceSettings
from bot.rules.catalogue import ContentFile
from bot.rules.churn import ChurnFile
from bot.rules.company_model import FeaturesFile, MetricsFile, SignalsFile
from bot.rules.field_types import Part
from bot.rules.plans import PlansFile
from bot.rules.playbook import Playbook
from bot.rules.playbook_tests import CasesFile
from bot.rules.products import ProductsFile
from bot.rules.scorecards import ScorecardFile
from bot.rules.stages import StagesFile
from bot.rules.steps_model import STEP_MODELS, BranchStep, StepBase, WaitStep
from bot.rules.surveys import SurveysFile

Schema = dict[str, Any]
DRAFT = "http://json-schema.org/draft-07/schema#"
PLAYBOOK_FILE = "playbook.schema.json"
WORKSPACE_FILE = "workspace.schema.json"
TEST_FILE = "test.schema.json"
_STEPS: Schema = {"type": "array", "items": {"$ref": "#/$defs/Step"}}


#: Company-wide files whose root is a mapping of names or a list.
NAMED_FILES: Mapping[str, type[Part]] = {
    "metrics": MetricsFile,
    "features": FeaturesFile,
    "scorecard": ScorecardFile,
    "signals": SignalsFile,
    "stages": StagesFile,
    "surveys": SurveysFile,
    "plans": PlansFile,
    "products": ProductsFile,
}
#: Those that have keys of their own.
WHOLE_FILES: Mapping[str, type[Part]] = {"content": ContentFile, "churn": ChurnFile}


def export_schema() -> dict[str, Schema]:
    """File name → schema."""
    return {
        PLAYBOOK_FILE: _schema_of(Playbook, "A journeybot playbook"),
        WORKSPACE_FILE: _schema_of(WorkspaceSettings, "journeybot's workspace.yml"),
        TEST_FILE: _schema_of_root(CasesFile, "A file of playbook tests"),
        **{
            f"{name}.schema.json": _schema_of_root(model, f"journeybot's {name}.yml")
            for name, model in NAMED_FILES.items()
        },
        **{f"{name}.schema.json": _schema_of(model, f"journeybot's {name}.yml") for name, model in WHOLE_FILES.items()},
    }


def write_schemas(folder: Path) -> tuple[Path, ...]:
    """Writes the files into `folder` (`playbooks/.schema`) and returns them; unchanged ones are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name, schema in export_schema().items():
        path, text = folder / name, json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        written.append(path)
    return tuple(written)


def _schema_of(model: type[Part], title: str) -> Schema:
    own = model.model_json_schema(mode="validation")
    models = {found.__name__: found for found in _parts(model)}
    definitions = {
        name: _as_written(models[name], schema) for name, schema in own.pop("$defs", {}).items() if name in models
    }
    root = _as_written(model, own)
    if "EmailStep" in definitions:
        definitions |= _wait_and_branch(definitions)
        definitions["Step"] = {"anyOf": [{"$ref": f"#/$defs/{step.__name__}"} for step in STEP_MODELS.values()]}
    return {"$schema": DRAFT, "title": title, **root, "$defs": definitions}


def _schema_of_root(model: type[Part], title: str) -> Schema:
    """Of a file that is its model's one field."""
    whole = _schema_of(model, title)
    (root,) = whole["properties"].values()
    return {"$schema": DRAFT, "title": whole["title"], **root, "$defs": whole["$defs"]}


def _parts(model: type[BaseModel]) -> set[type[Part]]:
    """The model and every model inside it."""
    return {found for found in _subclasses(Part) if found is not StepBase} | (
        {model} if issubclass(model, Part) else set()
    )


def _subclasses(model: type[Part]) -> set[type[Part]]:
    direct = set(model.__subclasses__())
    return direct | {inner for child in direct for inner in _subclasses(child)}


def _as_written(model: type[Part], schema: Schema) -> Schema:
    """A model's schema under the author's keys, without what the loader fills."""
    properties: Schema = {}
    required: list[str] = []
    for name, field in model.model_fields.items():
        if not is_written(model, name):
            continue
        written = key_of(model, name)
        properties[written] = {**_tidied(schema["properties"][name]), "description": field.description or ""}
        if field.is_required():
            required.append(written)
    kind = next((kind for kind, step in STEP_MODELS.items() if step is model), None)
    if kind is not None and kind not in required:
        required.append(kind)
    return {
        "type": "object",
        "description": schema.get("description", ""),
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _tidied(schema: Any) -> Any:
    """Without pydantic's titles and internals; lists of steps by one reference; null is never written."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "discriminator" in schema:
        return {"$ref": "#/$defs/Step"}
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        return _tidied(choices[0] | {name: value for name, value in schema.items() if name in ("description",)})
    dropped = {"title", "default", "key", "unwritten"}
    kept = {name: value for name, value in schema.items() if name not in dropped or isinstance(value, dict)}
    if choices:
        kept["anyOf"] = choices
    if "patternProperties" in kept:  # else an editor takes any other key for right
        ((pattern, inner),) = kept.pop("patternProperties").items()
        kept |= {"propertyNames": {"pattern": pattern}, "additionalProperties": inner}
    return {name: _tidied(value) for name, value in kept.items()}


def _wait_and_branch(definitions: Schema) -> Schema:
    """The two steps whose YAML has another build than their model."""
    wait, branch = definitions[WaitStep.__name__], definitions[BranchStep.__name__]
    fields = WaitStep.model_fields
    wait["properties"]["wait"] = {
        "description": fields["duration"].description,
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["until"],
                "properties": {
                    name: {"type": "string", "description": fields[name].description} for name in ("until", "at_most")
                },
            },
        ],
    }
    last = {"type": "object", "additionalProperties": False, "required": ["else"], "properties": {"else": _STEPS}}
    cases = branch["properties"]["branch"]
    cases["items"] = {"anyOf": [cases["items"], last]}
    return {WaitStep.__name__: wait, BranchStep.__name__: branch}
