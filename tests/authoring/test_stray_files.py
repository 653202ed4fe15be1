"""A YAML file that nothing reads is told, with the place where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.authoring.workspace import load_workspace, read_files

JOURNEY = "title: T\nwalks: customer\nenter: {manual: true}\nsteps: [{log: x}]\n"


@pytest.mark.parametrize(
    ("path", "text", "severity", "hint"),
    [
        ("playbooks/welcome.yml", JOURNEY, "error", "playbooks/journeys/welcome.yml"),
        ("playbooks/old/welcome.yaml", JOURNEY, "error", "playbooks/journeys/welcome.yml"),
        ("playbooks/workspace.yaml", "company: X\n", "error", "playbooks/workspace.yml"),
        ("playbooks/signal.yml", "quiet: {title: Q, when: nps < 3}\n", "error", "playbooks/signals.yml"),
        ("playbooks/welcome.test.yml", "- name: x\n  expect: []\n", "error", "playbooks/tests/welcome.test.yml"),
        ("playbooks/ideas.yml", "later: x\n", "warning", "delete it"),
        ("workspace.yml", "company: X\n", "error", "playbooks/workspace.yml"),
        ("journeys/welcome.yml", JOURNEY, "error", "playbooks/journeys/welcome.yml"),
    ],
)
def test_a_file_in_the_wrong_place_says_where_it_belongs(
    tmp_path: Path, path: str, text: str, severity: str, hint: str
) -> None:
    for name, content in {path: text, "compose.yml": "services: {}\n", "playbooks/journeys/a.yml": JOURNEY}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    files, unreadable = read_files(tmp_path)
    found = [each for each in load_workspace(files, extra=unreadable).findings if each.rule == "stray-file"]
    assert [(each.file, each.severity) for each in found] == [(path, severity)]
    assert hint in found[0].hint
