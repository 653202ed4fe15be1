"""README.md and README.ja.md: their commands are what CI runs, their playbook loads, their explanations are what is printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.console_blocks import commands_of, pattern_of

ROOT = Path(__file__).parents[2]
READMES = (ROOT / "README.md", ROOT / "README.ja.md")
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
YAML = re.compile(r"^```yaml\n# (playbooks/\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(params=READMES, ids=lambda path: path.name)
def readme(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def shell_commands(page: Path) -> list[str]:
    return [block.strip() for block in SHELL.findall(page.read_text(encoding="utf-8"))]


def without_comments(text: str) -> list[str]:
    return [re.sub(r"\s+# .*", "", line) for line in text.splitlines()]


def test_both_languages_have_the_same_two_commands_of_one_line_each() -> None:
    english, japanese = map(shell_commands, READMES)
    assert english == japanese
    assert [command.rpartition(" && ")[2] for command in english] == [".venv/bin/journeybot demo", ".venv/bin/pytest"]
    assert all("\n" not in command and command.startswith("[ -d .venv ] || ") for command in english)
    assert all("-c requirements.lock" in command for command in english)


def test_ci_finds_its_commands_in_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    asked = re.findall(r"readme_command '?([^')]+?)'?\)", script)
    found = [[line for line in shell_commands(READMES[0]) if line.endswith(f" {ending}")] for ending in asked]
    assert [len(lines) for lines in found] == [1, 1]
    assert not re.search(r"bin/pytest\b(?!\))", script.replace("readme_command .venv/bin/pytest", ""))


def test_both_languages_show_the_same_playbook() -> None:
    shown = [YAML.findall(page.read_text(encoding="utf-8")) for page in READMES]
    assert [len(found) for found in shown] == [1, 1]
    english, japanese = (without_comments(found[0][1]) for found in shown)
    assert english == japanese
    assert len(english) <= 20


def test_the_playbook_passes_the_check_in_the_starter_workspace(readme: Path, walked: Cli) -> None:
    [(path, text)] = YAML.findall(readme.read_text(encoding="utf-8"))
    walked.write(path, text)
    assert [finding for finding in walked.json("check") if finding["file"] == path] == []


def test_the_explanations_are_what_is_printed(readme: Path, walked: Cli) -> None:
    commands = list(commands_of(readme))
    assert len(commands) == 2
    for command, shown in commands:
        program, *words = shlex.split(command)
        assert program == "journeybot"
        ran = walked.run(*words)
        assert re.fullmatch(pattern_of(shown), ran.out), f"{command} printed:\n{ran.out}"


def test_the_number_of_starter_journeys_is_true(readme: Path) -> None:
    many = len(list((ROOT / "playbooks" / "journeys").glob("*.yml")))
    assert re.search(rf"\b{many} journeys|{many}本のジャーニー", readme.read_text(encoding="utf-8"))
