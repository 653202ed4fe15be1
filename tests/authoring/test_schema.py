"""The exported JSON Schema: every play fits it, wrong files do not, every key is explained, the shipped copy is current."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.authoring.schema import NAMED_FILES, PLAYBOOK_FILE, TEST_FILE, WORKSPACE_FILE, export_schema, write_schemas
from bot.authoring.yaml_source import Mapping, Scalar, Sequence, Value, read_yaml
from tests.authoring.files import HEAD
from tests.authoring.schema_check import KNOWN_WORDS, faults

PLAYS = Path(__file__).parent.parent / "vectors" / "plays"
JOURNEYS = sorted((PLAYS / "journeys").glob("*.yml"))
STARTER = Path(__file__).parent.parent.parent / "playbooks"
SHIPPED = STARTER / ".schema"
PLAYBOOK = export_schema()[PLAYBOOK_FILE]
WORKSPACE = export_schema()[WORKSPACE_FILE]


def plain(value: Value) -> Any:
    """What an editor's YAML reader sees."""
    match value:
        case Scalar():
            return value.typed()
        case Sequence():
            return [plain(item) for item in value.items]
        case Mapping():
            return {key: plain(item) for key, item in value.entries.items()}


def faults_of(text: str, schema: dict[str, Any] = PLAYBOOK) -> list[str]:
    tree, findings = read_yaml(text, "f.yml")
    assert tree is not None, findings
    return list(faults(plain(tree), schema, schema))


@pytest.mark.parametrize("path", JOURNEYS, ids=lambda path: path.stem)
def test_every_play_of_the_practice_fits_the_schema(path: Path) -> None:
    assert faults_of(path.read_text(encoding="utf-8")) == []


def test_the_example_workspace_file_fits_the_schema() -> None:
    assert faults_of((PLAYS / "workspace.yml").read_text(encoding="utf-8"), WORKSPACE) == []


COMPANY = {name: export_schema()[f"{name}.schema.json"] for name in NAMED_FILES}


def test_the_example_company_files_fit_their_schemas() -> None:
    texts = {name: PLAYS / f"{name}.yml" for name in COMPANY if (PLAYS / f"{name}.yml").exists()}
    assert texts.keys() >= {"metrics", "features", "scorecard", "signals", "stages", "plans"}
    found = {name: faults_of(path.read_text(encoding="utf-8"), COMPANY[name]) for name, path in texts.items()}
    assert found == {name: [] for name in texts}


def test_every_test_file_of_the_starter_fits_the_schema() -> None:
    paths = sorted((STARTER / "tests").glob("*.test.yml"))
    assert len(paths) > 30
    found = {path.name: faults_of(path.read_text(encoding="utf-8"), export_schema()[TEST_FILE]) for path in paths}
    assert found == {path.name: [] for path in paths}


@pytest.mark.parametrize(
    "case", ["{quiet: true}", "{name: a, nevr: [b]}", "{name: a, facts: [{on: 2027-06-01, tiket: {}}]}", "[]"]
)
def test_a_wrong_playbook_test_does_not_fit_its_schema(case: str) -> None:
    assert faults_of(f"- {case}", export_schema()[TEST_FILE])


@pytest.mark.parametrize(
    "name, text",
    [
        ("metrics", "login_rate: {title: x, valeu: arr}"),
        ("features", "reports: {title: x, value: arr}"),
        ("scorecard", "health: {roi: {wieght: 3}}"),
        ("signals", "bad name: {title: x, when: arr > 1}"),
        ("stages", "- {stage: a, title: x, next: [{when: arr > 1}]}"),
        ("stages", "a: {title: x}"),
        ("plans", "recovery: {title: x, due: 3 months, objectives: []}"),
        ("surveys", "nps: {scale: 0-10, qestion: x}"),
    ],
)
def test_a_wrong_company_file_does_not_fit_its_schema(name: str, text: str) -> None:
    assert faults_of(text, COMPANY[name])


@pytest.mark.parametrize(
    "text",
    [
        HEAD,
        f"{HEAD}tittle: x\nsteps: [{{log: x}}]",
        f"{HEAD}steps: [{{emial: x}}]",
        f"{HEAD}steps: [{{email: x, due: 3 days}}]",
        f"{HEAD}steps: [{{handoff: x, brief: [helth]}}]",
        f"{HEAD}steps: [{{wait: {{untl: renewed}}}}]",
        f"{HEAD}steps: [{{wait: 3 days, until: renewed}}]",
        f"{HEAD}steps: [{{if: renewed, then: [{{emial: x}}]}}]",
        f"{HEAD}steps: [{{branch: [{{else: [], when: renewed}}]}}]",
        f"{HEAD}steps: [{{kind: email, template: x}}]",
        f"{HEAD}steps: [{{log: x, line: 3}}]",
        f"{HEAD}name: x\nsteps: [{{log: x}}]",
        f"{HEAD}priority: 900\nsteps: [{{log: x}}]",
    ],
)
def test_a_wrong_playbook_does_not_fit_the_schema(text: str) -> None:
    assert faults_of(text)


@pytest.mark.parametrize("text", ["timezon: x", "touch: {high: {review: maybe}}", "owners: {cover: {a: {first: x}}}"])
def test_a_wrong_workspace_file_does_not_fit_the_schema(text: str) -> None:
    assert faults_of(text, WORKSPACE)


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}steps: [{{wait: {{until: renewed, at_most: 3 days}}, then: [{{end: x}}], else: [{{log: y}}]}}]",
        f"{HEAD}steps: [{{branch: [{{when: renewed, steps: []}}, {{else: [{{log: x}}]}}]}}]",
        f"{HEAD.replace('manual: true', 'after: welcome')}steps: [{{log: x}}]",
        f"{HEAD.replace('manual: true', 'after: {playbook: welcome, outcome: [a, b]}')}steps: [{{log: x}}]",
        f"{HEAD}window: any time\nagain: at most 3 times\nlate: skip after 2 days\nholdout: 10%\nsteps: [{{log: {{ja: x}}}}]",
    ],
)
def test_every_shape_of_the_language_fits_the_schema(text: str) -> None:
    assert faults_of(text) == []


def every_part(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema inside a schema."""
    if isinstance(schema, dict):
        yield schema
        for name, inner in schema.items():
            parts = inner.values() if name in ("properties", "$defs") else [inner]
            for part in parts:
                yield from every_part(part)
    if isinstance(schema, list):
        for inner in schema:
            yield from every_part(inner)


@pytest.mark.parametrize("schema", export_schema().values(), ids=export_schema())
def test_every_key_is_explained_and_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    whole = {"": schema} if "properties" in schema else {}
    named = {name: part for name, part in schema["$defs"].items() if "properties" in part} | whole
    unexplained = [
        f"{owner}.{key}"
        for owner, part in named.items()
        for key, inner in part["properties"].items()
        if not inner.get("description")
    ]
    assert unexplained == []
    references = {part["$ref"].removeprefix("#/$defs/") for part in every_part(schema) if "$ref" in part}
    assert references <= set(schema["$defs"])


@pytest.mark.parametrize("schema", export_schema().values(), ids=export_schema())
def test_the_schema_uses_no_word_that_these_tests_would_not_check(schema: dict[str, Any]) -> None:
    assert {word for part in every_part(schema) for word in part} <= KNOWN_WORDS


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    first = write_schemas(tmp_path / "new" / ".schema")
    times = [path.stat().st_mtime_ns for path in first]
    assert [path.name for path in first] == list(export_schema())
    assert write_schemas(tmp_path / "new" / ".schema") == first
    assert [path.stat().st_mtime_ns for path in first] == times


@pytest.mark.parametrize("name", export_schema())
def test_the_shipped_schema_is_the_current_one(name: str) -> None:
    """Where this fails, run `write_schemas(Path("playbooks/.schema"))`."""
    assert json.loads((SHIPPED / name).read_text(encoding="utf-8")) == export_schema()[name]
