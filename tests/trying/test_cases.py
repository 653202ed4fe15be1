"""Playbook tests: what a passing and a failing case says, on a small workspace that is deployed once for all cases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.app import read_workspace
from bot.authoring.workspace import load_workspace, without_tests
from bot.settings import Settings
from bot.trying.run import CaseResult, run_cases

ROOT = Path(__file__).parents[2]
WORKSPACE = """
company: Test Company
sender: {name: Test Company, email: hello@us.example}
timezone: Asia/Tokyo
owners: {default: sato}
touch: {high: {review: csm}}
"""
GREET = """
title: Greet
state: live
walks: customer
enter: {when: stage == "onboarding"}
goal: count("login", days=14) > 0
steps:
  - email: hello
    to: champion
    from: csm
  - wait: 3 days
  - handoff: {en: Call them, ja: 電話する}
    id: call
    due: 1 business day
    acknowledge_within: 2 business hours
    escalate_to: csm.manager
    outcomes: [fine, lost]
  - wait: {until: done("call"), at_most: 5 days}
  - if: outcome("call") == "lost"
    then:
      - end: lost
"""
INVITE = """
title: Invite
state: live
walks: contact
enter: {manual: true, when: contact.has_role("champion")}
steps:
  - email: hello
    to: contact
"""
RESCUE = """
title: Rescue
state: draft
walks: customer
enter: {signal: red}
steps:
  - handoff: Save them
"""
SIGNALS = 'red: {title: Red, when: band("health") == "red"}'
CARDS = 'health: {use: {value: "10 * active_days(\\"login\\", days=14)", green: ">= 80", yellow: ">= 40"}}'
HELLO = "---\nsubject: Hello {{ contact.name }}\ncategory: lifecycle\n---\nHello {{ contact.name }}\n"
WHO = """
  customer: {stage: onboarding, touch: low, csm: sato, started_on: 2027-06-01}
  contacts: [{contact: abe, name: Abe, roles: [champion], email: abe@acme.example}]
"""


def files_with(tests: str) -> dict[str, str]:
    return {
        "playbooks/workspace.yml": WORKSPACE,
        "playbooks/signals.yml": SIGNALS,
        "playbooks/scorecard.yml": CARDS,
        "playbooks/journeys/greet.yml": GREET,
        "playbooks/journeys/invite.yml": INVITE,
        "playbooks/journeys/rescue.yml": RESCUE,
        "templates/emails/hello.en.md": HELLO,
        "playbooks/tests/greet.test.yml": tests.replace("  WHO\n", WHO.lstrip("\n")),
    }


def played(files: Mapping[str, str]) -> dict[str, CaseResult]:
    workspace = load_workspace(files)
    assert not workspace.errors, workspace.errors
    return {result.placed.case.name: result for result in run_cases(files, workspace, workspace.cases)}


CASES = """
- name: greeted, then called; nobody reacts, so the manager is
  WHO
  begins: 2027-06-01
  facts:
    - {on: 2027-06-08, done: Call them, outcome: lost}
  expect:
    - {on: 2027-06-01, email: hello, to: abe}
    - {on: 2027-06-04, handoff: 電話する, owner: sato}
    - {on: 2027-06-04, handoff: call, owner: manager}
    - {on: 2027-06-08, leaves: greet, outcome: lost}
    - {on: 2027-06-02, holds: stage == "onboarding"}
- name: a login is the goal, in a world of its own
  WHO
  begins: 2027-06-01
  facts:
    - {on: 2027-06-02, usage: {event: login, count: 1, users: 1}}
  expect:
    - {on: 2027-06-03, leaves: greet, outcome: goal}
  never: [Call them]
- name: reviewed and approved
  begins: 2027-06-01
  customer: {stage: onboarding, touch: high, csm: sato, started_on: 2027-06-01}
  contacts: [{contact: abe, name: Abe, roles: [champion], email: abe@acme.example}]
  facts:
    - {on: 2027-06-02, approved: hello}
  expect:
    - {on: 2027-06-01, review: hello, to: abe}
    - {on: 2027-06-02, email: hello}
- name: a pinned score opens the signal of a draft
  playbooks: rescue
  customer: {stage: adoption, csm: sato}
  derived:
    - {on: 2027-06-01, score: {health: 80}}
    - {on: 2027-06-03, score: {health: 20}}
  expect:
    - {on: 2027-06-03, signal: red}
    - {on: 2027-06-03, handoff: Save them}
- name: started by hand
  playbooks: invite
  customer: {stage: adoption, csm: sato}
  contacts: [{contact: abe, name: Abe, roles: [champion], email: abe@acme.example}]
  facts:
    - {on: 2027-06-02, enrolled: invite}
  expect:
    - {on: 2027-06-02, email: hello, to: abe}
- name: started by hand for whom its condition does not hold
  playbooks: invite
  customer: {stage: adoption, csm: sato}
  contacts: [{contact: kato, name: Kato, roles: [admin], email: kato@acme.example}]
  facts:
    - {on: 2027-06-02, enrolled: invite}
  quiet: true
- name: wrong day
  WHO
  begins: 2027-06-01
  ends: 2027-06-02
  expect:
    - {on: 2027-06-02, email: hello}
- name: not to come
  WHO
  begins: 2027-06-01
  ends: 2027-06-02
  never: [hello]
- name: never entered
  begins: 2027-06-01
  ends: 2027-06-02
  customer: {stage: adoption}
  expect:
    - {on: 2027-06-01, email: hello}
- name: nothing to approve
  WHO
  begins: 2027-06-01
  facts:
    - {on: 2027-06-02, approved: hello}
  never: [Call them]
- name: no such column
  WHO
  begins: 2027-06-01
  facts:
    - {on: 2027-06-02, ticket: {ticket: T1, prio: high}}
  never: [Call them]
"""


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return played(files_with(CASES))


@pytest.mark.parametrize(
    "name",
    [
        "greeted, then called; nobody reacts, so the manager is",
        "a login is the goal, in a world of its own",
        "reviewed and approved",
        "a pinned score opens the signal of a draft",
        "started by hand",
        "started by hand for whom its condition does not hold",
    ],
)
def test_a_case_passes_when_everything_comes_as_it_says(results: dict[str, CaseResult], name: str) -> None:
    assert results[name].failures == ()


def test_what_came_on_another_day_is_said_with_its_reason(results: dict[str, CaseResult]) -> None:
    (failure,) = results["wrong day"].failures
    assert failure.expected == "2027-06-02 mail `hello`"
    assert failure.instead == ("2027-06-01 mail `hello` to abe",)
    assert failure.why[-1].endswith("greet → hello: The provider took it")


def test_what_must_not_come_is_said_with_its_reason(results: dict[str, CaseResult]) -> None:
    (failure,) = results["not to come"].failures
    assert (failure.expected, failure.instead) == ("never `hello`", ("2027-06-01 mail `hello` to abe",))
    assert any("The provider took it" in line for line in failure.why)


def test_who_never_entered_is_told_the_part_of_the_condition_that_fails(results: dict[str, CaseResult]) -> None:
    (failure,) = results["never entered"].failures
    assert failure.instead == ("nothing came that day",)
    assert any('✗ stage == "onboarding"   (is adoption)' in line for line in failure.why)


def test_a_failure_points_to_its_line(results: dict[str, CaseResult]) -> None:
    result = results["nothing to approve"]
    (failure,) = result.failures
    text = files_with(CASES)["playbooks/tests/greet.test.yml"].splitlines()
    assert "approved: hello" in text[failure.line - 1]
    assert failure.instead == ("no mail `hello` waits for review then",)


def test_a_fact_that_no_import_would_take_fails_its_case(results: dict[str, CaseResult]) -> None:
    (failure,) = results["no such column"].failures
    assert "tickets have no column `prio`" in failure.instead[0]


BAD = {
    "- {name: a, expect: [{on: 2027-06-01, email: helo}]}": (
        "There is no mail `helo` in greet",
        "did you mean `hello`?",
    ),
    "- {name: a, never: [Call me]}": ("There is no mail or hand-off `Call me` in greet", "did you mean `Call them`?"),
    "- {name: a, expect: [{on: 2027-06-01, email: hello, to: abbe}]}": ("There is no contact in this case `abbe`", ""),
    "- {name: a, derived: [{on: 2027-06-01, score: {helth: 3}}], quiet: true}": (
        "There is no score `helth`",
        "did you mean `health`?",
    ),
    "- {name: a}": ("the case expects nothing, so it cannot fail", "add `expect:`, `never:` or `quiet: true`"),
    "- {name: a, expect: [{on: 2027-06-01, handoff: call, to: abe}]}": (
        "`to` belongs to email or survey or review",
        "",
    ),
    "- {name: a, facts: [{on: 2027-06-01, enrolled: invite}], quiet: true}": (
        "There is no acting playbook `invite`",
        "",
    ),
    "- {name: a, playbooks: great, quiet: true}": ("There is no playbook `great`", "did you mean `greet`?"),
    "- {name: a, quiet: true, expect: [{on: 1 June, stage: x}]}": ("`1 June` is no day", ""),
    "- {name: a, quiet: true, facts: [{on: 2027-06-01, tiket: {}}]}": (
        "There is no key `tiket` here",
        "did you mean `ticket`?",
    ),
    "name: a": ("greet.test.yml is a list, and this is none", ""),
}


@pytest.mark.parametrize("text", BAD, ids=[message for message, _ in BAD.values()])
def test_check_names_what_is_wrong_in_a_test_file(text: str) -> None:
    message, hint = BAD[text]
    found = load_workspace(files_with(f"\n\n{text}\n")).errors
    assert found, text
    assert message in found[0].message
    assert hint in found[0].hint
    assert (found[0].file, found[0].line) == ("playbooks/tests/greet.test.yml", 3)


def test_tests_are_no_part_of_what_is_published() -> None:
    assert [path for path in without_tests(files_with(CASES)) if "test" in path] == []


def test_every_journey_of_the_starter_has_tests_that_pass() -> None:
    files, workspace = read_workspace(Settings(workspace=ROOT))
    tested = {placed.file.split("/")[-1].removesuffix(".test.yml") for placed in workspace.cases}
    assert set(workspace.playbooks) - tested == set()
    failed = [result for result in run_cases(files, workspace, workspace.cases) if not result.passed]
    assert [(result.placed.file, result.placed.case.name, result.failures) for result in failed] == []
