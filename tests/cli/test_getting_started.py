"""docs/getting-started.md, command by command, with the output it shows."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import call

PAGE = Path(__file__).parents[2] / "docs" / "getting-started.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _commands() -> Iterator[tuple[str, list[str]]]:
    """Each command with the lines shown under it."""
    for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.splitlines()
            yield command, shown


def _pattern(shown: list[str]) -> str:
    """`...` alone on a line stands for any lines, at the beginning of one for any text."""
    parts = []
    for line in shown:
        any_text = ".*?" if line.startswith("... ") else ""
        parts.append(r"(?:.*\n)*?" if line == "..." else any_text + re.escape(line.removeprefix("... ")) + r"\n")
    return "".join(parts)


def test_a_new_user_s_path_works_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = list(_commands())
    assert len(commands) > 15
    for command, shown in commands:
        program, *words = shlex.split(command)
        if program == "cd":
            monkeypatch.chdir(words[0])
            continue
        assert program == "journeybot"
        ran = call(words)
        assert ran.code == 0, f"{command}\n{ran.err}"
        assert re.fullmatch(_pattern(shown), ran.out), f"{command} printed:\n{ran.out}"
