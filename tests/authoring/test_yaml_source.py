"""YAML as people write it: every value as the author's text, every hostile file one clear error in under a second."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.authoring.playbook_files import load_playbook
from bot.authoring.workspace_file import load_workspace_settings
from bot.authoring.yaml_source import MOST_DEPTH, Mapping, Scalar, Sequence, read_yaml

VECTORS = Path(__file__).parent.parent / "vectors" / "hostile_yaml"
HOSTILE = sorted(VECTORS.iterdir())


def tree_of(text: str) -> Mapping:
    tree, findings = read_yaml(text, "f.yml")
    assert not findings
    assert isinstance(tree, Mapping)
    return tree


def scalar(text: str) -> Scalar:
    value = tree_of(f"key: {text}\n").entries["key"]
    assert isinstance(value, Scalar)
    return value


def refusal(source: str | bytes) -> tuple[int, str, str]:
    """Line, rule and message of the only finding."""
    tree, findings = read_yaml(source, "f.yml")
    assert tree is None
    assert len(findings) == 1
    assert findings[0].hint
    return findings[0].line, findings[0].rule, findings[0].message


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.name)
def test_every_hostile_file_ends_in_one_clear_error_in_under_a_second(path: Path) -> None:
    began = time.process_time()
    parsed, findings = load_playbook(path.read_bytes(), path.name)
    assert time.process_time() - began < 1
    assert parsed is None
    assert len(findings) == 1
    assert findings[0].message
    assert findings[0].hint
    assert "ruamel" not in str(findings[0])


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.name)
def test_a_hostile_workspace_file_is_refused_as_well(path: Path) -> None:
    settings_read, findings = load_workspace_settings(path.read_bytes(), path.name)
    assert (settings_read is None) == (path.name != "only_comment.yaml")
    assert len(findings) == (0 if settings_read else 1)


MORE_HOSTILE = {
    "wide list": "x: [" + "a,\n" * 80_000 + "a]",
    "many keys": "".join(f"k{number}: v\n" for number in range(25_000)),
    "deep list": "[" * 200_000,
    "deep flow mapping": "{a: " * 50_000,
    "deep dashes": "- " * 100_000,
    "deep complex keys": "? " * 100_000,
    "long quoted text": 'a: "' + "\\n" * 120_000 + '"',
    "unclosed quotes": "a: " + "'" * 250_001,
    "directives": "%A\n" * 80_000,
    "documents": "---\n" * 60_000,
    "long tag": "a: !" + "a" * 200_000,
    "long anchor": "a: &" + "a" * 200_000,
    "NUL": "a: b\x00c",
    "lone surrogate": "a: \ud800",
    "escaped surrogate": 'a: "\\ud800"',
    "escaped bell": 'a: "\\a"',
    "line separator": "a: b\u2028c: d",
    "merge key": "<<: {a: b}",
    "binary": "a: !!binary aGVsbG8=",
    "custom object": "a: !ruby/object:Gem {}",
    "huge number": "title: x\nwalks: customer\nenter: {manual: true}\npriority: " + "9" * 3_900 + "\nsteps: [{log: x}]",
    "not a number": "title: x\nwalks: customer\nenter: {manual: true}\nholdout: .nan\nsteps: [{log: x}]",
    "only spaces": " " * 100,
    "nothing": "",
    "one word": "hello",
    "equals": "a: b\n" + "when: " + "a=" * 1_900,
}


@pytest.mark.parametrize("name", MORE_HOSTILE)
def test_more_hostile_texts_end_in_one_error_in_under_a_second(name: str) -> None:
    began = time.process_time()
    parsed, findings = load_playbook(MORE_HOSTILE[name], "hostile.yml")
    assert time.process_time() - began < 1
    assert parsed is None
    assert len(findings) == 1
    assert len(str(findings[0])) < 800


def test_bytes_that_are_not_utf8_say_so() -> None:
    assert refusal("a: é".encode("latin-1"))[1] == "not-utf8"
    assert refusal("a: b".encode("utf-16"))[2] == "The file is UTF-16, not UTF-8"
    assert tree_of("\ufeffa: b").entries["a"] == scalar_at("b", 1)


def scalar_at(text: str, line: int) -> Scalar:
    return Scalar(text=text, line=line, plain=True)


OTHERWISE_CHANGED = [
    "NO",
    "no",
    "on",
    "off",
    "yes",
    "y",
    "0777",
    "0x1F",
    "1e3",
    "09:00",
    "190:20:30",
    "2024-02-29",
    "1.10",
]


@pytest.mark.parametrize("text", [*OTHERWISE_CHANGED, "2027-04-01 09:00"])
def test_what_other_readers_turn_into_something_else_stays_the_authors_text(text: str) -> None:
    assert scalar(text).text == text


@pytest.mark.parametrize("text", ["NO", "on", "yes", "0777", "0x1F", "1e3", "09:00", "190:20:30", "2024-02-29"])
def test_only_what_json_writes_as_a_number_is_typed_as_one(text: str) -> None:
    assert scalar(text).typed() == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("42", 42),
        ("-5", -5),
        ("0", 0),
        ('"42"', "42"),
        ("'true'", "true"),
        ("1_000", "1_000"),
        ("012", "012"),
        (".inf", ".inf"),
        ("9" * 30, "9" * 30),
    ],
)
def test_a_typed_value_is_what_json_would_see_and_a_text_otherwise(text: str, value: object) -> None:
    assert scalar(text).typed() == value
    assert type(scalar(text).typed()) is type(value)


def test_a_decimal_number_is_typed_as_one() -> None:
    assert scalar("0.25").typed() == 0.25


def test_every_value_and_key_knows_its_line() -> None:
    tree = tree_of("a: 1\nlist:\n  - x\n  - {b: y,\n     c: z}\n")
    items = tree.entries["list"]
    assert isinstance(items, Sequence)
    inner = items.items[1]
    assert isinstance(inner, Mapping)
    assert tree.keys == {"a": 1, "list": 2}
    assert (items.line, items.items[0].line, inner.line, inner.keys["c"]) == (3, 3, 4, 5)


def test_windows_line_ends_count_as_one_line() -> None:
    assert tree_of("a: 1\r\nb: 2\r\n").keys == {"a": 1, "b": 2}


def test_a_comment_behind_a_value_is_kept_as_its_tail() -> None:
    assert scalar("text #42 and more").tail == "#42 and more"
    assert scalar('"text" # a comment').tail == "# a comment"
    assert scalar("text").tail == ""


def test_a_key_written_twice_names_both_lines() -> None:
    assert refusal("a: 1\nb: 2\na: 3\n") == (3, "duplicate-key", "`a` is written twice here, first in line 1")


def test_depth_is_counted_from_the_root() -> None:
    def nested(depth: int) -> str:
        return "".join(" " * level + "a:\n" for level in range(depth)) + " " * depth + "b"

    tree_of(nested(MOST_DEPTH))
    assert refusal(nested(MOST_DEPTH + 1))[1] == "too-deep"


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab: -#\n\t'\"[]{},&*!|>%@`?\\é。=0~"), max_size=60))
@example("a: |9\n x")
@example("0: :")
@example("%TAG ! x\na: 1")
@example('"\\x')
def test_whatever_is_written_is_a_tree_or_one_finding(text: str) -> None:
    tree, findings = read_yaml(text, "f.yml")
    assert (tree is None) == (len(findings) == 1)
    assert all(1 <= finding.line <= text.count("\n") + 2 and finding.hint for finding in findings)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80))
def test_whatever_bytes_are_read_are_a_tree_or_one_finding(raw: bytes) -> None:
    tree, findings = read_yaml(raw, "f.yml")
    assert (tree is None) == (len(findings) == 1)
