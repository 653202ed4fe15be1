"""One playbook as a whole: ids, reach, blocks, and settings that contradict each other."""

from __future__ import annotations

import pytest

from bot.authoring.playbook_files import check_structure, waits_without_limit
from bot.errors import Finding
from tests.authoring.files import HEAD, parsed, with_steps


def checked(text: str) -> list[Finding]:
    return check_structure(parsed(text))


def only(text: str) -> Finding:
    findings = checked(text)
    assert len(findings) == 1, [str(finding) for finding in findings]
    return findings[0]


def test_s16_a_second_use_of_a_template_asks_for_an_id() -> None:
    finding = only(with_steps("  - email: hello\n  - wait: 3 days\n  - email: hello"))
    assert (finding.rule, finding.line, finding.path) == ("duplicate-id", 8, "steps[2]")
    assert "line 6" in finding.message
    assert "`id: hello_2`" in finding.hint


def test_s16_ids_are_unique_across_branches() -> None:
    text = "  - if: renewed\n    then: [{log: a, id: mine}]\n    else:\n      - log: b\n        id: mine"
    finding = only(with_steps(text))
    assert (finding.rule, finding.line, finding.path) == ("duplicate-id", 10, "steps[0].else[0].id")


def test_s16_an_own_id_makes_a_second_use_right() -> None:
    assert checked(with_steps("  - email: hello\n  - email: hello\n    id: again")) == []


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        ("  - end: x\n  - log: y", 7),
        ("  - if: renewed\n    then: [{end: x}]\n    else: [{end: y}]\n  - log: z", 9),
        ("  - wait: {until: renewed, at_most: 3 days}\n    then: [{end: x}]\n    else: [{end: y}]\n  - log: z", 9),
        ("  - wait: {until: renewed}\n    then: [{end: x}]\n  - log: z", 8),
        ("  - branch:\n      - {when: renewed, steps: [{end: x}]}\n      - else: [{end: y}]\n  - log: z", 9),
        ("  - split:\n      - {arm: a, weight: 1, steps: [{end: x}]}\n      - {arm: b, weight: 0}\n  - log: z", 9),
        ("  - if: renewed\n    then:\n      - end: x\n      - log: y", 9),
    ],
)
def test_a_step_behind_the_end_of_every_walk_is_unreachable(steps: str, line: int) -> None:
    finding = only(with_steps(steps))
    assert (finding.rule, finding.line) == ("unreachable-step", line)


@pytest.mark.parametrize(
    "steps",
    [
        "  - end: x\n    when: renewed\n  - log: y",
        "  - if: renewed\n    then: [{end: x}]\n  - log: z",
        "  - if: renewed\n    when: tier == 1\n    then: [{end: x}]\n    else: [{end: y}]\n  - log: z",
        "  - wait: {until: renewed, at_most: 3 days}\n    then: [{end: x}]\n  - log: z",
        "  - branch:\n      - {when: renewed, steps: [{end: x}]}\n  - log: z",
        "  - split:\n      - {arm: a, weight: 1, steps: [{end: x}]}\n      - {arm: b, weight: 1}\n  - log: z",
        "  - wait: 3 days\n  - log: z",
    ],
)
def test_a_step_that_somebody_may_reach_is_none(steps: str) -> None:
    assert checked(with_steps(steps)) == []


def test_an_if_that_does_nothing_is_told() -> None:
    assert only(with_steps("  - if: renewed\n    then: []")).rule == "empty-step"


def test_s11_else_without_a_limit_is_never_walked() -> None:
    finding = only(with_steps("  - wait: {until: renewed}\n    else: [{log: x}]"))
    assert finding.rule == "unreachable-step"
    assert "at_most" in finding.hint


def test_s11_waits_without_a_limit_are_listed_for_whoever_reads_conditions() -> None:
    text = (
        "  - wait: {until: renewed}\n    id: open\n  - wait: {until: renewed, at_most: 3 days}\n  - wait: 3 days\n"
        "  - wait: {until: 2027-09-09 15:00}\n  - if: renewed\n    then:\n      - wait: {until: stage == 'x'}\n        id: inner"
    )
    assert [step.id for step in waits_without_limit(parsed(with_steps(text)).playbook)] == ["open", "inner"]


def test_s23_arms_need_names_of_their_own_and_a_weight() -> None:
    text = "  - split:\n      - {arm: a, weight: 0}\n      - {arm: a, weight: 0}"
    assert [finding.rule for finding in checked(with_steps(text))] == ["duplicate-id", "wrong-value"]


def test_s24_only_a_contact_walk_knows_the_contact() -> None:
    finding = only(with_steps("  - email: hello\n    to: contact"))
    assert (finding.line, finding.path) == (7, "steps[0].to")
    contact_walk = with_steps("  - email: hello\n    to: contact").replace("walks: customer", "walks: contact")
    assert checked(contact_walk) == []


def test_s33_a_holdout_and_an_exempt_mail_exclude_each_other() -> None:
    finding = only(f"{HEAD}holdout: 10%\nsteps:\n  - email: hello\n    cap: exempt\n")
    assert (finding.rule, finding.line, finding.path) == ("holdout-exempt", 8, "steps[0].cap")


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ("preempt: true", "preempt"),
        ("goal_within: 9 days", "goal_within"),
    ],
)
def test_a_key_without_effect_is_a_warning(keys: str, path: str) -> None:
    finding = only(f"{HEAD}{keys}\nsteps:\n  - log: x\n")
    assert (finding.severity, finding.rule, finding.path, finding.line) == ("warning", "no-effect", path, 5)


def test_s4_existing_is_only_for_what_can_hold_before_going_live() -> None:
    text = "title: T\nwalks: customer\nenter:\n  on: x\n  existing: enter\nsteps:\n  - log: x\n"
    assert (only(text).path, only(text).severity) == ("enter.existing", "warning")
    assert checked(text.replace("on: x", "when: renewed")) == []


def test_s27_escalation_needs_to_know_when() -> None:
    finding = only(with_steps("  - handoff: x\n    escalate_to: csm.manager"))
    assert (finding.severity, finding.path) == ("warning", "steps[0].escalate_to")


def test_s36_a_playbook_was_not_itself() -> None:
    assert only(f"{HEAD}was: test\nsteps:\n  - log: x\n").path == "was"
