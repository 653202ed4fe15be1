"""What `check` says about webhook steps, at the line."""

from __future__ import annotations

import pytest

from bot.authoring.workspace import load_workspace

PLAY = "title: T\nstate: live\nwalks: customer\nenter: {manual: true}\nsteps:\n"
ALLOWED = "webhooks: {hosts: [hooks.example.com, crm.local], private: [crm.local]}\n"


def told(step: str, settings: str = ALLOWED) -> list[tuple[int, str, str]]:
    files = {"playbooks/journeys/p.yml": PLAY + step, "playbooks/workspace.yml": settings}
    found = [each for each in load_workspace(files).findings if not each.file.startswith("templates")]
    return [(each.line, each.rule, each.hint) for each in found]


def test_an_allowed_host_and_a_body_of_expressions_are_fine() -> None:
    assert told("  - webhook: https://hooks.example.com/x\n    body: {health: score('health'), plan: tier}\n")[1:] == []
    assert told("  - webhook: http://crm.local:8080/x\n") == []


@pytest.mark.parametrize(
    ("step", "line", "rule", "hint"),
    [
        ("  - webhook: https://hook.example.com/x\n", 6, "unknown-host", "did you mean `hooks.example.com`?"),
        ("  - webhook: http://hooks.example.com/x\n", 6, "wrong-value", "https://"),
        ("  - webhook: https://me:pw@hooks.example.com/x\n", 6, "wrong-value", "signed"),
        ("  - webhook: https://hooks.example.com/x\n    body: {a: scor('x')}\n", 7, "unknown-name", "score"),
        ("  - webhook: https://hooks.example.com/x\n    body: {customer: tier}\n", 7, "wrong-value", "call yours"),
        ("  - webhook: https://hooks.example.com/x\n    body: {a: contact.locale}\n", 7, "no-contact", ""),
    ],
)
def test_each_slip_has_its_line_its_rule_and_a_way_out(step: str, line: int, rule: str, hint: str) -> None:
    (found,) = told(step)
    assert found[:2] == (line, rule)
    assert hint in found[2]


def test_a_host_is_written_without_scheme() -> None:
    (found, *_) = told("  - log: L\n", "webhooks: {hosts: https://hooks.example.com}\n")
    assert found[:2] == (1, "wrong-value")
