"""What `check` says of plans.yml, and of whoever names a plan, at the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.authoring.workspace import load_workspace

PLAYS = Path(__file__).parent.parent / "vectors" / "plays"
OBJECTIVES = "objectives: [{title: A, target: arr >= 1}]"


def told(text: str, **files: str) -> list[tuple[int, str, str]]:
    found = load_workspace({"playbooks/plans.yml": text, **files}).findings
    return [(each.line, each.rule, each.hint) for each in found if each.file == "playbooks/plans.yml"]


@pytest.mark.parametrize(
    ("text", "line", "rule", "hint"),
    [
        (f"recovry: {{title: R, due: 60 days, {OBJECTIVES}}}", 1, "unknown-plan", "did you mean `recovery`?"),
        (f"recovery:\n  title: R\n  {OBJECTIVES}", 1, "missing-key", "due"),
        (f"recovery:\n  title: R\n  due: end of week\n  {OBJECTIVES}", 3, "wrong-value", "`end of quarter`"),
        (f"recovery:\n  title: R\n  due: 4 hours\n  {OBJECTIVES}", 3, "wrong-value", ""),
        (f"recovery:\n  title: R\n  due: 60 days\n  review: every mnday\n  {OBJECTIVES}", 4, "wrong-value", "`monday`"),
        (f"recovery:\n  title: R\n  due: 60 days\n  max_objectives: 0\n  {OBJECTIVES}", 4, "wrong-value", ""),
        ("recovery:\n  title: R\n  due: 60 days\n  objectives: []", 4, "wrong-value", "at least 1"),
        (f"recovery:\n  title: R\n  due: 60 days\n  approv: csm\n  {OBJECTIVES}", 4, "unknown-key", "`approve`"),
        (f"recovery:\n  title: R\n  due: 60 days\n  approve: nobody\n  {OBJECTIVES}", 4, "unknown-owner", ""),
        (
            "recovery:\n  title: R\n  due: 60 days\n  objectives:\n    - {title: A, target: ar >= 1}",
            5,
            "unknown-name",
            "`arr`",
        ),
        (
            'recovery:\n  title: R\n  due: 60 days\n  objectives:\n    - {title: A, target: metric("x") > 1}',
            5,
            "unknown-name",
            "metrics.yml",
        ),
        (
            "recovery:\n  title: R\n  due: 60 days\n  objectives:\n    - {title: A, due: 90 days}",
            5,
            "wrong-value",
            "more time",
        ),
        (
            'recovery:\n  title: R\n  due: 60 days\n  objectives:\n    - {title: A, target: \'plan("recovery") == "active"\'}',
            5,
            "ring",
            "",
        ),
    ],
)
def test_each_fault_of_plans_is_told_at_its_line(text: str, line: int, rule: str, hint: str) -> None:
    assert [each for each in told(text) if each[:2] == (line, rule) and hint in each[2]], told(text)


def test_a_plan_has_at_most_twenty_objectives() -> None:
    many = "\n".join(f"    - {{title: A{number}}}" for number in range(21))
    (found,) = told(f"recovery:\n  title: R\n  due: 60 days\n  objectives:\n{many}")
    assert found[:2] == (4, "wrong-value")


def test_playbooks_that_name_a_plan_or_a_state_that_is_none_are_told() -> None:
    play = """title: Play
state: live
walks: customer
enter:
  when: plan("recovery") == "aproved" and plan_behind("acount") > 0.1
steps:
  - plan: adoption
  - end: done
    when: at_start(arr) > 1
"""
    plans = f"recovery: {{title: R, due: 60 days, {OBJECTIVES}}}"
    found = load_workspace({"playbooks/plans.yml": plans, "playbooks/journeys/play.yml": play}).findings
    assert {(each.line, each.rule, each.severity) for each in found if each.file.endswith("play.yml")} == {
        (5, "unknown-state", "warning"),
        (5, "unknown-plan", "error"),
        (7, "unknown-plan", "error"),
        (9, "no-start", "error"),
    }


def test_the_plays_of_the_source_practice_open_plans_that_pass() -> None:
    files = {
        f"playbooks/{path.relative_to(PLAYS).as_posix()}": path.read_text(encoding="utf-8")
        for path in PLAYS.rglob("*.yml")
        if path.parent.name != "tests"
    }
    found = load_workspace(files).findings
    assert [each for each in found if "plan" in each.rule or each.file.endswith("plans.yml")] == []
