"""What `check` says about metrics.yml, features.yml and signals.yml, each at its line with a way out."""

from __future__ import annotations

import pytest

from bot.authoring.workspace import load_workspace

METRICS = "playbooks/metrics.yml"
SIGNALS = "playbooks/signals.yml"
PLAY = """title: T
state: live
walks: customer
enter: {signal: quiet}
steps:
  - handoff: Call
    when: metric("login_rat") < 1
"""


def findings(files: dict[str, str]) -> list[tuple[str, int, str, str]]:
    found = [each for each in load_workspace(files).findings if not each.file.startswith("templates")]
    return [(each.file.rpartition("/")[2], each.line, each.rule, each.hint) for each in found]


@pytest.mark.parametrize(
    ("file", "text", "line", "rule", "hint"),
    [
        (METRICS, "rate:\n  title: Rate\n  valeu: arr\n", 3, "unknown-key", "did you mean `value`?"),
        (METRICS, "rate:\n  title: Rate\n", 1, "missing-key", "add `value:`"),
        (METRICS, "rate:\n  title: Rate\n  value: stage\n", 3, "wrong-type", "count, add"),
        (METRICS, "rate:\n  title: Rate\n  value: 1 +\n", 3, "condition", "conditions look like"),
        (METRICS, "- rate\n", 1, "wrong-type", "begin with a name"),
        (SIGNALS, "a:\n  title: A\n  when: stag == 'x'\n", 3, "unknown-name", "did you mean `stage`?"),
        (SIGNALS, "a:\n  title: A\n  when: arr > 1\n  open_after: soon\n", 4, "wrong-value", ""),
        (SIGNALS, "a:\n  title: A\n  when: metric('x') > 1\n", 3, "unknown-name", "define it in playbooks/metrics.yml"),
        (SIGNALS, "a:\n  title: A\n  when: arr > 1\n", 1, "signal-without-play", "enter: {signal: a}"),
        (SIGNALS, "a:\n  title: A\n  when: clicked('x')\n", 3, "no-walk", ""),
        (SIGNALS, "a: {title: A, when: arr > 1}\na: {title: B, when: arr > 2}\n", 2, "duplicate-key", ""),
    ],
)
def test_each_slip_has_its_line_its_rule_and_a_way_out(file: str, text: str, line: int, rule: str, hint: str) -> None:
    found = [each for each in findings({file: text}) if each[2] == rule]
    assert [each[:3] for each in found] == [(file.rpartition("/")[2], line, rule)], findings({file: text})
    assert hint in found[0][3]


def test_a_playbook_that_asks_for_what_nobody_defined_is_told_the_nearest_name() -> None:
    metrics = "login_rate: {title: Rate, value: arr / 2}\n"
    files = {METRICS: metrics, SIGNALS: "quit: {title: Q, when: arr > 1}\n", "playbooks/journeys/p.yml": PLAY}
    assert findings(files) == [
        ("p.yml", 4, "unknown-name", "did you mean `quit`?"),
        ("p.yml", 7, "unknown-name", "did you mean `login_rate`?"),
        ("signals.yml", 1, "signal-without-play", findings(files)[2][3]),
    ]


def test_s31_a_ring_is_named_once() -> None:
    ring = "a: {title: A, when: 'signal(\"b\")'}\nb: {title: B, when: 'signal(\"a\")'}\n"
    found = [each for each in load_workspace({SIGNALS: ring}).findings if each.rule == "ring"]
    assert [each.message for each in found] == ["These ask each other in a ring: signal a → signal b → signal a"]


SCORECARD, STAGES, SURVEYS = (f"playbooks/{name}.yml" for name in ("scorecard", "stages", "surveys"))


@pytest.mark.parametrize(
    ("file", "text", "rule", "hint"),
    [
        (SCORECARD, "card:\n  use:\n    value: 100 * metric('login_rat')\n", "unknown-name", "did you mean `login_rate`?"),
        (SCORECARD, "card:\n  use:\n    green: signal('x')\n    red: arr < 1\n", "unknown-name", "define it in playbooks/signals.yml"),
        (STAGES, "- stage: a\n  title: A\n  complete_when:\n    f: feature_band('x') == 'green'\n", "unknown-name", "features.yml"),
        ("playbooks/features.yml", "f:\n  title: F\n  value: arr\n  green: band('x') == 'red'\n", "unknown-score", "scorecard.yml"),
        (SIGNALS, "a:\n  title: A\n  when: tickets(days=30) >= limit('tickets_30_day')\n", "unknown-limit", "`tickets_30_days`?"),
        (SIGNALS, "a:\n  title: A\n  when: answered('onboardng')\n", "unknown-survey", "did you mean `onboarding`?"),
    ],
)  # fmt: skip
def test_every_name_that_a_company_wide_file_asks_for_is_known(file: str, text: str, rule: str, hint: str) -> None:
    files = {
        METRICS: "login_rate: {title: Rate, value: arr / 2}\n",
        "playbooks/workspace.yml": "limits: {tickets_30_days: [{is: 8}]}\n",
        SURVEYS: "onboarding: {scale: 0-10, question: {en: Q, ja: Q}}\n",
    }
    found = [each for each in findings({**files, file: text}) if each[2] == rule]
    assert [(each[0], each[1]) for each in found] == [
        (file.rpartition("/")[2], 3 if "red: arr" in text else text.count("\n"))
    ]
    assert hint in found[0][3]


def test_s31_a_ring_through_a_score_is_named() -> None:
    files = {
        SCORECARD: 'health: {calm: {green: not signal("alarm"), red: signal("alarm")}}\n',
        SIGNALS: 'alarm: {title: A, when: \'band("calm") == "red"\'}\n',
    }
    found = [each.message for each in load_workspace(files).findings if each.rule == "ring"]
    assert found == ["These ask each other in a ring: score calm → signal alarm → score calm"]
