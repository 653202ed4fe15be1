"""A playbook file becomes a playbook, or findings a cold reader can act on: where, what, and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.authoring.playbook_files import ParsedPlaybook, check_playbooks, check_structure, load_playbook
from bot.rules.playbook import Playbook
from bot.rules.program import Program
from bot.rules.steps_model import BranchStep, EmailStep, HandoffStep, SetStep, WaitStep, walk_steps
from tests.authoring.files import FILE, HEAD, findings_of, only_finding, parsed, playbook_of, with_steps

PLAYS = sorted((Path(__file__).parent.parent / "vectors" / "plays" / "journeys").glob("*.yml"))


def load_play(path: Path) -> ParsedPlaybook:
    return parsed(path.read_text(encoding="utf-8"), path.name)


def test_all_plays_of_the_practice_are_here() -> None:
    assert len(PLAYS) == 46


@pytest.mark.parametrize("path", PLAYS, ids=lambda path: path.stem)
def test_every_play_of_the_practice_can_be_said(path: Path) -> None:
    play = load_play(path)
    assert check_structure(play) == []
    assert play.playbook.name == path.stem
    assert Playbook.model_validate_json(play.playbook.model_dump_json()) == play.playbook
    assert Program.of(play.playbook).order[0] == play.playbook.steps[0].id


def test_the_plays_fit_each_other() -> None:
    plays = [load_play(path) for path in PLAYS]
    steps = [placed.step for play in plays for placed in play.steps()]
    templates = {step.template for step in steps if isinstance(step, EmailStep)}
    templates |= {step.prepare for step in steps if isinstance(step, HandoffStep) and step.prepare}
    assert check_playbooks(plays, templates) == []


def test_the_whole_playbook_of_the_design_reads_as_written() -> None:
    play = load_play(next(path for path in PLAYS if path.stem == "renewal_90_days")).playbook
    assert (play.enter.trigger, play.enter.at, play.enter.within) == ("at", "renewal_date - 90 days", "75 days")
    assert (play.goal, play.priority, play.exclusive, play.state) == ("renewed", 80, "renewal", "live")
    assert play.title == {"en": "Renewal, 90 days out", "ja": "契約更新90日前"}
    notice, wait, until, last = play.steps
    assert isinstance(notice, EmailStep)
    assert (notice.id, notice.to, notice.sender) == ("notice", ("decision_maker", "champion"), "csm")
    assert isinstance(wait, WaitStep)
    assert (wait.at_most, [step.kind for step in wait.then], [step.kind for step in wait.otherwise]) == (
        "14 days",
        ["handoff"],
        ["if"],
    )
    assert isinstance(until, WaitStep)
    assert (until.until, until.at_most) == ("days_until(renewal_date) <= 30", None)
    assert isinstance(last, HandoffStep)
    assert (last.category, last.urgency, last.brief) == ("risk", "high", ("health", "whitespace", "last_activities"))


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("wait: 5 days", "duration", "5 days"),
        ("wait: 09:00 next business day", "duration", "09:00 next business day"),
        ("wait: {until: renewed, at_most: 3 days}", "until", "renewed"),
        ('wait: {until: clicked("x"), at_most: 3 days}', "until", 'clicked("x")'),
        ("wait: {until: 2027-09-09 15:00}", "until_moment", "2027-09-09 15:00"),
        ("wait: {until: renewal_date - 30 days}", "until_moment", "renewal_date - 30 days"),
        ("wait: {until: renewal_date}", "until_moment", "renewal_date"),
        (
            "wait: {until: attributes.trial_end + 2 business days}",
            "until_moment",
            "attributes.trial_end + 2 business days",
        ),
        ('wait: {until: next_meeting("ebr")}', "until_moment", 'next_meeting("ebr")'),
        ('wait: {until: next_meeting("ebr") is not none, at_most: 3 days}', "until", 'next_meeting("ebr") is not none'),
    ],
)
def test_every_form_of_wait_is_told_apart(text: str, field: str, value: str) -> None:
    step = playbook_of(f"  - {text}").steps[0]
    assert isinstance(step, WaitStep)
    given = {name: getattr(step, name) for name in ("duration", "until", "until_moment") if getattr(step, name)}
    assert given == {field: value}


def test_a_branch_ends_with_else() -> None:
    text = "  - branch:\n      - when: tier == 1\n        steps: [{log: one}]\n      - else: [{log: rest}]"
    step = playbook_of(text).steps[0]
    assert isinstance(step, BranchStep)
    assert ([case.when for case in step.cases], [inner.kind for inner in step.otherwise]) == (["tier == 1"], ["log"])


def test_set_keeps_numbers_and_flags_and_leaves_other_texts_alone() -> None:
    text = "  - set: {stage: NO, attributes.n: 3, attributes.t: true, attributes.x: null, attributes.code: 0777, attributes.d: today}"
    step = playbook_of(text).steps[0]
    assert isinstance(step, SetStep)
    assert list(step.values.values()) == ["NO", 3, True, None, "0777", "today"]


def test_every_step_keeps_its_line_and_path() -> None:
    play = parsed(with_steps("  - if: renewed\n    then:\n      - log: a\n    else: [{log: b}, {end: c}]\n  - log: d"))
    assert [(placed.path, placed.step.line) for placed in play.steps()] == [
        ("steps[0]", 6),
        ("steps[1]", 10),
        ("steps[0].then[0]", 8),
        ("steps[0].else[0]", 9),
        ("steps[0].else[1]", 9),
    ]
    assert [step.line for step in walk_steps(play.playbook.steps)] == [6, 8, 9, 9, 10]


def test_a_path_leads_to_its_line_or_to_what_is_around_it() -> None:
    source = parsed(with_steps("  - wait:\n      until: renewed\n      at_most: 3 days\n  - log: x")).source
    lines = [source.line_of(path) for path in ("steps", "steps[0].wait.until", "steps[0].wait.at_most", "steps[1].log")]
    assert lines == [5, 7, 8, 9]
    assert source.line_of("steps[0].wait.until.left[3]") == 7
    assert source.line_of("nowhere") == 1


def test_every_condition_is_listed_with_its_place() -> None:
    text = (
        "title: T\nwalks: customer\nenter:\n  when: a\ngoal: b\nexit:\n  - when: c\nsteps:\n"
        "  - email: x\n    when: d\n  - wait: {until: e, at_most: 3 days}\n  - if: f\n    then: [{log: x}]\n"
        "  - branch:\n      - when: g\n        steps: [{log: y}]\n  - wait: {until: 2027-09-09 15:00}\n"
    )
    conditions = parsed(text).source.conditions
    assert [(found.text, found.path, found.line) for found in conditions] == [
        ("a", "enter.when", 4),
        ("b", "goal", 5),
        ("c", "exit[0].when", 7),
        ("d", "steps[0].when", 10),
        ("e", "steps[1].wait.until", 11),
        ("f", "steps[2].if", 12),
        ("g", "steps[3].branch[0].when", 15),
    ]


# steps, line, path, rule, words of message and hint
WRONG_STEPS = [
    ("  - emial: x", 6, "steps[0]", "step-kind", "did you mean `email`?"),
    ("  - email: x\n    handoff: y", 6, "steps[0]", "step-kind", "`email` and `handoff` at once"),
    ("  - email", 6, "steps[0]", "step-kind", "write `- email: …`"),
    ("  - to: champion", 6, "steps[0]", "step-kind", "does not say what to do"),
    ("  - email: x\n    wehn: renewed", 7, "steps[0].wehn", "unknown-key", "did you mean `when`?"),
    ("  - email: x\n    due: 3 days", 7, "steps[0].due", "unknown-key", "belongs to handoff steps"),
    ("  - if: a\n    then: [{log: x}]\n    elif: b", 8, "steps[0].elif", "unknown-key", "`branch:`"),
    ("  - email: [a]", 6, "steps[0].email", "wrong-type", "one text, not a list"),
    ("  - email: two words", 6, "steps[0].email", "wrong-value", "no name"),
    ("  - email:\n    to: champion", 6, "steps[0].email", "empty-value", "has no value"),
    ("  - email: x\n    review: maybe", 7, "steps[0].review", "wrong-value", "one of: csm, none"),
    ("  - email: x\n    when: {a: b}", 7, "steps[0].when", "wrong-type", "not a mapping"),
    ("  - email: x\n    when: a = b", 7, "steps[0].when", "condition-trap", "a == b"),
    ("  - email: x\n    when: a AND b", 7, "steps[0].when", "condition-trap", "a and b"),
    ("  - email: x\n    when: stage == “trial”", 7, "steps[0].when", "condition-trap", "straight quotes"),
    ("  - email: x\n    when: arr > 1,000,000", 7, "steps[0].when", "condition-trap", "1000000"),
    ("  - email: x\n    late: later", 7, "steps[0].late", "wrong-value", "skip after 24 hours"),
    ("  - email: x\n    expires: soon", 7, "steps[0].expires", "wrong-value", "`soon` is not a duration"),
    ("  - email: x\n    window: 9 to 5", 7, "steps[0].window", "wrong-value", "not a time of day"),
    ("  - wait: 5", 6, "steps[0].wait", "wrong-value", "5 days"),
    ("  - wait: {untl: renewed}", 6, "steps[0].wait.untl", "unknown-key", "did you mean `until`?"),
    ("  - wait: {at_most: 3 days}", 6, "steps[0]", "wrong-value", "exactly one"),
    ("  - wait: 3 days\n    at_most: 5 days", 7, "steps[0].at_most", "unknown-key", "under `wait:`"),
    (
        "  - wait:\n      until: renewed\n      then: [{log: x}]",
        8,
        "steps[0].wait.then",
        "unknown-key",
        "same column as `wait:`",
    ),
    ("  - wait: 3 days\n    then: [{log: x}]", 6, "steps[0]", "wrong-value", "beside `until:`"),
    ("  - handoff: x\n    brief: [helth]", 7, "steps[0].brief[0]", "wrong-value", "did you mean `health`?"),
    ("  - handoff: x\n    urgency: urgent", 7, "steps[0].urgency", "wrong-value", "low, normal, high"),
    ("  - handoff: x\n    tasks: Read it", 7, "steps[0].tasks", "wrong-type", "tasks: [Read it]"),
    ("  - handoff: {eng lish: x}", 6, "steps[0].handoff.eng lish", "wrong-value", "no language"),
    ("  - if: a\n    then: email x", 7, "steps[0].then", "wrong-type", "list of steps"),
    (
        "  - branch:\n      - else: [{log: x}]\n      - when: a\n        steps: []",
        7,
        "steps[0].branch[0]",
        "step-kind",
        "last",
    ),
    ("  - split:\n      - {arm: a, weight: 1}", 6, "steps[0].split", "wrong-value", "at least 2"),
    (
        "  - split:\n      - {arm: a, weight: x}\n      - {arm: b, weight: 1}",
        7,
        "steps[0].split[0].weight",
        "wrong-type",
        "whole number",
    ),
    ("  - set: stage", 6, "steps[0].set", "wrong-type", "set: {stage: adoption}"),
    ("  - set: {a: [1]}", 6, "steps[0].set.a", "wrong-type", "one value"),
]


@pytest.mark.parametrize(
    ("steps", "line", "path", "rule", "words"), WRONG_STEPS, ids=[wrong[0] for wrong in WRONG_STEPS]
)
def test_a_wrong_step_is_one_finding_with_its_line_and_repair(
    steps: str, line: int, path: str, rule: str, words: str
) -> None:
    finding = only_finding(with_steps(steps))
    assert (finding.line, finding.path, finding.rule) == (line, path, rule)
    assert words in f"{finding.message} {finding.hint}"
    assert (finding.file, finding.severity) == (FILE, "error")


REST = "walks: customer\nenter:\n  manual: true\nsteps:\n  - log: x\n"
WRONG_KEYS = [
    (f"tittle: T\n{REST}", 1, "tittle", "did you mean `title`?"),
    (REST, 1, "title", "`title` is missing"),
    (f"title: T\nname: x\n{REST}", 2, "name", "file name"),
    (HEAD, 1, "steps", "`steps` is missing"),
    (f"{HEAD}steps: []\n", 5, "steps", "at least 1"),
    (f"{HEAD}steps:\n", 5, "steps", "no value"),
    (f"{HEAD}steps: email\n", 5, "steps", "list of steps"),
    (f"title: T\npriority: high\n{REST}", 2, "priority", "whole number, not `high`"),
    (f"title: T\npriority: 900\n{REST}", 2, "priority", "at most 100"),
    (f"title: T\nholdout: 150%\n{REST}", 2, "holdout", "`10%`"),
    (f"title: T\nagain: sometimes\n{REST}", 2, "again", "`after 90 days`"),
    (f"title: T\nstate: life\n{REST}", 2, "state", "did you mean `live`?"),
    (f"title: T\npreempt: yes\n{REST}", 2, "preempt", "write `preempt: true`"),
    (f"title: T\nexit_on_churn: off\n{REST}", 2, "exit_on_churn", "write `exit_on_churn: false`"),
    (f"title: T\nexit: {{when: a, outcome: b}}\n{REST}", 2, "exit", "must be a list, not a mapping"),
    (f"title: T\nexit: [{{outcome: b}}]\n{REST}", 2, "exit[0].when", "`when` is missing"),
    (f"title: T\ngoal: a && b\n{REST}", 2, "goal", "a and b"),
    (f"title: T\nqqq: en\n{REST}", 2, "qqq", "known here"),
    (REST.replace("walks: customer", "title: T\nwalks: costumer"), 2, "walks", "did you mean `customer`?"),
    (REST.replace("enter:\n  manual: true", "title: T\nenter: manual"), 3, "enter", "mapping, not `manual`"),
    (
        REST.replace("manual: true", "manual: true\n  on: x").replace("walks", "title: T\nwalks"),
        3,
        "enter",
        "several triggers",
    ),
    (
        REST.replace("manual: true", "evry: monday 09:00").replace("walks", "title: T\nwalks"),
        4,
        "enter.evry",
        "`every`",
    ),
    (
        REST.replace("manual: true", "every: mondey 09:00").replace("walks", "title: T\nwalks"),
        4,
        "enter.every",
        "`monday 09:00`",
    ),
    (
        REST.replace("manual: true", "after: {playbok: x}").replace("walks", "title: T\nwalks"),
        4,
        "enter.after.playbok",
        "`playbook`",
    ),
]


@pytest.mark.parametrize(
    ("text", "line", "path", "words"), WRONG_KEYS, ids=[f"{wrong[2]}: {wrong[3]}" for wrong in WRONG_KEYS]
)
def test_a_wrong_key_is_one_finding_with_its_line_and_repair(text: str, line: int, path: str, words: str) -> None:
    finding = only_finding(text)
    assert (finding.line, finding.path) == (line, path)
    assert words in f"{finding.message} {finding.hint}"


def test_faults_in_several_places_are_all_told_in_the_files_order() -> None:
    findings = findings_of(f"title: T\nstate: life\npriority: x\n{REST}  - emial: y\n  - wait: 5\n")
    assert [finding.line for finding in findings] == [2, 3, 9, 10]


def test_a_file_with_very_many_faults_does_not_tell_them_all() -> None:
    assert len(findings_of(with_steps("\n".join("  - emial: x" for _ in range(200))))) == 50


def test_what_is_no_playbook_at_all_is_said_once() -> None:
    finding = only_finding("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n")
    assert finding.rule == "unknown-file"
    assert "`apiVersion`" in finding.message


def test_a_file_name_that_is_no_name_is_refused() -> None:
    found, findings = load_playbook(with_steps("  - log: x"), "playbooks/journeys/my playbook.yml")
    assert found is None
    assert [finding.rule for finding in findings] == ["wrong-value"]
    assert "my playbook" in findings[0].message
    assert "file" in findings[0].message


def test_the_name_is_the_files_stem_in_any_folder() -> None:
    assert parsed(with_steps("  - log: x"), "playbooks/journeys/deep/er/renewal.yml").playbook.name == "renewal"
