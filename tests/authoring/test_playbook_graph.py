"""Playbooks against each other: names, rings, templates, and what this version cannot walk yet."""

from __future__ import annotations

import pytest

from bot.authoring.playbook_files import ParsedPlaybook, check_playbooks
from tests.authoring.files import parsed


def book(name: str, steps: str = "[{log: x}]", *, enter: str = "{manual: true}", state: str = "live") -> ParsedPlaybook:
    text = f"title: T\nwalks: customer\nstate: {state}\nenter: {enter}\nsteps: {steps}\n"
    return parsed(text, f"playbooks/journeys/{name}.yml")


def enrolling(name: str, *others: str) -> ParsedPlaybook:
    return book(name, "[" + ", ".join(f"{{enroll: {other}}}" for other in others) + "]")


def rules(*books: ParsedPlaybook, templates: tuple[str, ...] = ()) -> list[str]:
    return [finding.rule for finding in check_playbooks(books, templates)]


def test_an_unknown_playbook_is_told_with_the_nearest_one() -> None:
    findings = check_playbooks([enrolling("parent", "childe"), book("child")], ())
    assert [(finding.rule, finding.path, finding.hint) for finding in findings] == [
        ("unknown-playbook", "steps[0].enroll", "did you mean `child`?")
    ]


def test_after_must_name_a_playbook_as_well() -> None:
    findings = check_playbooks([book("late", enter="{after: {playbook: welcom, outcome: goal}}"), book("welcome")], ())
    assert [(finding.path, finding.hint) for finding in findings] == [("enter.after", "did you mean `welcome`?")]


def test_a_playbook_that_could_not_be_read_is_not_called_missing() -> None:
    assert check_playbooks([enrolling("parent", "broken")], (), others={"broken"}) == []


def test_enrolling_into_a_playbook_that_is_not_live_is_a_warning() -> None:
    findings = check_playbooks([enrolling("parent", "child"), book("child", state="draft")], ())
    assert [(finding.rule, finding.severity) for finding in findings] == [("not-live", "warning")]


@pytest.mark.parametrize(
    ("books", "ring"),
    [
        ([enrolling("a", "a")], "a → a"),
        ([enrolling("a", "b"), enrolling("b", "a")], "a → b → a"),
        ([enrolling("a", "b"), enrolling("b", "c"), enrolling("c", "b")], "b → c → b"),
    ],
)
def test_s21_playbooks_that_enroll_each_other_in_a_ring_are_an_error(books: list[ParsedPlaybook], ring: str) -> None:
    findings = check_playbooks(books, ())
    assert [finding.rule for finding in findings] == ["enroll-cycle"]
    assert ring in findings[0].message
    assert (findings[0].line, findings[0].path) == (5, "steps[0].enroll")


def test_s21_a_diamond_is_no_ring() -> None:
    assert rules(enrolling("a", "b", "c"), enrolling("b", "d"), enrolling("c", "d"), book("d")) == []


def test_a_chain_of_two_thousand_playbooks_is_checked_without_recursion() -> None:
    chain = [enrolling(f"p{number}", f"p{(number + 1) % 2000}") for number in range(2000)]
    findings = check_playbooks(chain, ())
    assert [finding.rule for finding in findings] == ["enroll-cycle"]


@pytest.mark.parametrize(
    ("step", "path"), [("email: welcom", "steps[0].email"), ("handoff: Call, prepare: welcom", "steps[0].prepare")]
)
def test_a_missing_template_is_told_with_the_nearest_one(step: str, path: str) -> None:
    findings = check_playbooks([book("a", f"[{{{step}}}]")], ("welcome", "goodbye"))
    assert [(finding.rule, finding.path, finding.hint) for finding in findings] == [
        ("unknown-template", path, "did you mean `welcome`?")
    ]


def test_without_any_template_the_hint_says_which_file_to_write() -> None:
    findings = check_playbooks([book("a", "[{email: welcome}]")], ())
    assert findings[0].hint == "write templates/emails/welcome.en.md"


def test_s36_two_files_of_one_name_are_an_error_wherever_they_lie() -> None:
    other = parsed(
        "title: T\nwalks: customer\nenter: {manual: true}\nsteps: [{log: x}]\n", "playbooks/journeys/x/a.yml"
    )
    findings = check_playbooks([book("a"), other], ())
    assert [(finding.rule, finding.file) for finding in findings] == [
        ("duplicate-playbook", "playbooks/journeys/x/a.yml")
    ]
