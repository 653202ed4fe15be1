"""docs/getting-started.md, command by command, with the output it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import call
from tests.cli.console_blocks import commands_of, pattern_of

PAGE = Path(__file__).parents[2] / "docs" / "getting-started.md"


def test_a_new_user_s_path_works_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = list(commands_of(PAGE))
    assert len(commands) > 15
    for command, shown in commands:
        program, *words = shlex.split(command)
        if program == "cd":
            monkeypatch.chdir(words[0])
            continue
        assert program == "journeybot"
        ran = call(words)
        assert ran.code == 0, f"{command}\n{ran.err}"
        assert re.fullmatch(pattern_of(shown), ran.out), f"{command} printed:\n{ran.out}"
