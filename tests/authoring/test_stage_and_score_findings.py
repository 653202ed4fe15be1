"""What `check` says of stages.yml and scorecard.yml, at the line."""

from __future__ import annotations

import pytest

from bot.authoring.workspace import load_workspace


def told(files: dict[str, str]) -> list[tuple[str, int, str]]:
    return [(found.file.rpartition("/")[2], found.line, found.rule) for found in load_workspace(files).findings]


@pytest.mark.parametrize(
    ("text", "line", "rule"),
    [
        ("- {stage: a, title: A, next: b}", 1, "unknown-stage"),
        ("- {stage: a, title: A}\n- {stage: a, title: B}", 2, "duplicate-key"),
        ("- {stage: a, title: A, final: true, next: b}\n- {stage: b, title: B}", 1, "wrong-value"),
        ("- {stage: a, title: A, next: b}\n- {stage: b, title: B, next: a}", 1, "endless-ring"),
        ("- stage: a\n  title: A\n  complete_when:\n    use: licence_use > 1", 4, "unknown-name"),
        ("- {stage: a, title: A, expected: 4 hours}", 1, "wrong-value"),
        ("stage: a", 1, "wrong-type"),
    ],
)
def test_each_fault_of_stages_is_told_at_its_line(text: str, line: int, rule: str) -> None:
    assert ("stages.yml", line, rule) in told({"playbooks/stages.yml": text})


@pytest.mark.parametrize(
    ("text", "line", "rule"),
    [
        ("health:\n  a: {value: license_use > 1}", 2, "type"),
        ("health:\n  a: {green: arr > 1}", 2, "missing-key"),
        ('health:\n  a: {green: ">= 70", yellow: ">= 40"}', 2, "missing-key"),
        ("health: {a: {value: arr}}\nother: {a: {value: arr}}", 2, "duplicate-name"),
        ("health:\n  overall: {value: arr}\n  a: {value: arr}", 2, "wrong-value"),
        ("health:\n  overall: {title: Health}", 1, "missing-key"),
        ('health:\n  a:\n    value: arr\n    green: ">= ary"', 4, "unknown-name"),
        ("health:\n  a: {value: 'score(\"b\")'}", 2, "unknown-score"),
    ],
)
def test_each_fault_of_the_scorecard_is_told_at_its_line(text: str, line: int, rule: str) -> None:
    assert ("scorecard.yml", line, rule) in told({"playbooks/scorecard.yml": text})


def test_playbooks_that_name_what_is_not_there_are_told() -> None:
    play = """title: Play
state: live
walks: customer
enter:
  when: stage == "onbording" and band("helth") == "red"
steps:
  - set: {stage: nowhere}
"""
    files = {
        "playbooks/stages.yml": "- {stage: onboarding, title: A}",
        "playbooks/scorecard.yml": "health: {a: {value: arr}}",
        "playbooks/journeys/play.yml": play,
    }
    found = load_workspace(files).findings
    assert {(each.rule, each.line, each.hint) for each in found if each.rule.startswith("unknown-s")} == {
        ("unknown-stage", 5, "did you mean `onboarding`?"),
        ("unknown-score", 5, "did you mean `health`?"),
        ("unknown-stage", 7, "there are: onboarding"),
    }
    crm = {**files, "playbooks/workspace.yml": "stage_from: import\n"}
    assert "stage-from-import" in {each.rule for each in load_workspace(crm).findings}
