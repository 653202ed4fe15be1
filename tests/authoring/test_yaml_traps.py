"""YAML's traps by name: for each, the line, a rule of its own, and a hint that holds the spelling that works."""

from __future__ import annotations

import pytest

from bot.authoring.playbook_files import load_playbook
from bot.authoring.yaml_source import read_yaml
from tests.authoring.files import only_finding, with_steps

# text, line, rule, what the hint must show
TRAPS = [
    ("title: {en: Renewal, 90 days out}", 1, "yaml-comma", '{en: "Renewal, 90 days out"}'),
    ("title: {en: Renewal, 90 days out, ja: 更新}", 1, "yaml-comma", '{en: "Renewal, 90 days out"}'),
    ("a: {when: arr >= 1,000,000}", 1, "yaml-comma", "1000000"),
    ('when: "trial" in tags', 1, "yaml-quote", "when: '\"trial\" in tags'"),
    ('- {when: "trial" in tags, x: 1}', 1, "yaml-quote", "when: '\"trial\" in tags'"),
    ("title: 'it's here'", 1, "yaml-quote", 'title: "it\'s here"'),
    ("title: [Beta] Welcome", 1, "yaml-quote", 'title: "[Beta] Welcome"'),
    ('title: "never closed\nb: 1', 1, "yaml-quote", "close it"),
    ("when: > 3", 1, "yaml-quote", "quotes"),
    ('title: "C:\\q"', 1, "yaml-quote", "single quotes"),
    ("when: !renewed", 1, "yaml-tag", "when: not renewed"),
    ("steps:\n  - if: !renewed and tier", 2, "yaml-tag", "if: not renewed and tier"),
    ("title: !important", 1, "yaml-tag", 'title: "!important"'),
    ("a: !!python/name:os.system", 1, "yaml-tag", "delete it"),
    ("owner: @sato", 1, "yaml-reserved", "owner: sato"),
    ("note: `code`", 1, "yaml-reserved", 'note: "`code`"'),
    ("share: %10", 1, "yaml-reserved", 'share: "%10"'),
    ("to: #cs-leaders\nb: 1", 1, "yaml-comment", 'to: "#cs-leaders"'),
    ("notify: [ae, #risk]\nb: 1", 1, "yaml-comment", '"#risk"'),
    ("a: {en: Call about #42, ja: x}\nb: 1", 1, "yaml-comment", '"Call about #42"'),
    ("title: Renewal: 90 days", 1, "yaml-colon", 'title: "Renewal: 90 days"'),
    ("title:Renewal\nwalks: customer", 1, "yaml-colon", "title: Renewal"),
    ("steps:\n\t- email: x", 2, "yaml-tab", "spaces"),
    ("a:\n  b: 1\n c: 2", 3, "yaml-indent", "same column"),
    ("a: 1\n  b: 2", 2, "yaml-indent", "same column"),
    ("steps: - email: x", 1, "yaml-indent", "next line"),
    ("to: [a, b", 1, "yaml-bracket", "]"),
    ("a: {b: c\nd: e", 1, "yaml-bracket", "}"),
    ("a: *b", 1, "yaml-alias", "quotes"),
    ("a: &b c", 1, "yaml-alias", "write the value out"),
    ("when: && b", 1, "yaml-alias", "and"),
    ("a: 1\n---\nb: 2", 2, "yaml-syntax", "two files"),
    ("{{ name }}: x", 1, "yaml-syntax", "quotes"),
    ("title: {{ name }}", 1, "yaml-syntax", "quotes"),
    (": x", 1, "yaml-syntax", "before the colon"),
    ("just words\nb: 1", 1, "yaml-syntax", "colon"),
]


@pytest.mark.parametrize(("text", "line", "rule", "shown"), TRAPS, ids=[trap[0].replace("\n", "⏎") for trap in TRAPS])
def test_a_trap_is_named_with_the_spelling_that_works(text: str, line: int, rule: str, shown: str) -> None:
    tree, findings = read_yaml(text, "f.yml")
    assert tree is None
    assert [(finding.line, finding.rule) for finding in findings] == [(line, rule)]
    assert shown in findings[0].hint


@pytest.mark.parametrize("key", ["handoff", "log", "end"])
def test_a_text_that_loses_its_tail_to_a_comment_is_an_error(key: str) -> None:
    finding = only_finding(with_steps(f"  - {key}: Call about #42"))
    assert (finding.rule, finding.line, finding.path) == ("yaml-comment", 6, f"steps[0].{key}")
    assert f'`{key}: "Call about #42"`' in finding.hint


def test_a_title_loses_its_tail_as_well() -> None:
    parsed, findings = load_playbook(
        "title: Deal #42\nwalks: customer\nenter: {manual: true}\nsteps: [{log: x}]", "x.yml"
    )
    assert parsed is None
    assert [finding.rule for finding in findings] == ["yaml-comment"]


def test_a_real_comment_behind_a_text_is_none() -> None:
    parsed, findings = load_playbook(
        "title: Deal  # 42 of them\nwalks: customer # x\nenter: {manual: true}\nsteps: [{log: x}]  #done", "x.yml"
    )
    assert parsed is not None
    assert findings == []


@pytest.mark.parametrize(("text", "line", "rule", "shown"), TRAPS, ids=[trap[0].replace("\n", "⏎") for trap in TRAPS])
def test_the_spelling_in_a_hint_is_read_without_an_error(text: str, line: int, rule: str, shown: str) -> None:
    """A hint that shows `key: value` must itself be right."""
    if ": " not in shown or not shown.isascii():
        return
    tree, findings = read_yaml(shown, "f.yml")
    assert tree is not None, findings
