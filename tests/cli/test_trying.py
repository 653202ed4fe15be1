"""`journeybot test` from the shell: exit codes, what a failure prints, JSON."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cli

PASSES = "- {name: they enter, customer: {stage: new}, expect: [{on: 2027-06-01, enters: hello}]}\n"
FAILS = "- {name: they do not, customer: {stage: old}, ends: 2027-06-02, expect: [{on: 2027-06-01, enters: hello}]}\n"


@pytest.fixture
def tested(cli: Cli) -> Cli:
    cli.write("playbooks/tests/hello.test.yml", PASSES + FAILS)
    return cli


def test_a_failing_case_ends_with_1_and_says_why(tested: Cli) -> None:
    said = tested.run("test", code=1).out
    assert "1 passed, 1 failed" in said
    assert "playbooks/tests/hello.test.yml:2" in said
    assert "expected  2027-06-01 enters `hello`" in said
    assert "instead   nothing came that day" in said
    assert "✗ stage == 'new'" in said or '✗ stage == "new"' in said


def test_only_the_cases_asked_for_are_played_and_programs_get_json(tested: Cli) -> None:
    (result,) = tested.json("test", "hello", "--only", "they enter")
    assert (result["name"], result["passed"], result["failures"]) == ("they enter", True, [])
    assert "2027-06-01 enters `hello`" in result["came"]


def test_a_name_without_tests_is_a_mistake_of_the_caller(tested: Cli) -> None:
    assert "There is no test of `hullo`" in tested.run("test", "hullo", code=2).err


def test_a_broken_test_file_is_told_by_check_and_by_test(tested: Cli) -> None:
    tested.write("playbooks/tests/hello.test.yml", "- {name: nothing is expected}\n")
    for command in ("check", "test"):
        assert "playbooks/tests/hello.test.yml:1: error: the case expects nothing" in tested.run(command, code=1).out
