"""Playbook texts for tests: a valid head, and what the loader says about a text."""

from __future__ import annotations

from bot.authoring.playbook_files import ParsedPlaybook, check_structure, load_playbook
from bot.errors import Finding
from bot.rules.playbook import Playbook

HEAD = "title: Test\nwalks: customer\nenter:\n  manual: true\n"
FILE = "playbooks/journeys/test.yml"


def findings_of(text: str) -> list[Finding]:
    """What the loader and the structure checks find."""
    parsed, findings = load_playbook(text, FILE)
    return findings if parsed is None else check_structure(parsed)


def only_finding(text: str) -> Finding:
    """The one finding there must be."""
    findings = findings_of(text)
    assert len(findings) == 1, [str(finding) for finding in findings]
    return findings[0]


def parsed(text: str, file: str = FILE) -> ParsedPlaybook:
    """The playbook of a text without findings."""
    found, findings = load_playbook(text, file)
    assert found is not None, [str(finding) for finding in findings]
    return found


def with_steps(steps: str) -> str:
    """A valid head and these steps, one per line, each indented by two."""
    return f"{HEAD}steps:\n{steps}\n"


def playbook_of(steps: str) -> Playbook:
    return parsed(with_steps(steps)).playbook
