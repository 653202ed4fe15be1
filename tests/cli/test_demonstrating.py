"""What the demo says to try next can be pasted as it stands, wherever the program was started from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.demonstrating import command_from


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """An executable called journeybot that is not on PATH."""
    path = tmp_path / ".venv" / "bin" / "journeybot"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!{sys.executable}\nprint('started')\n")
    path.chmod(0o755)
    return path


def test_a_program_that_the_shell_finds_is_called_by_its_name(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr(sys, "argv", [str(program)])
    assert command_from(program.parents[2] / "demo") == "journeybot"


def test_a_program_started_by_its_path_is_called_by_its_path_from_the_folder(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = program.parents[2] / "demo"
    folder.mkdir()
    monkeypatch.chdir(program.parents[2])
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setattr(sys, "argv", [".venv/bin/journeybot", "demo"])
    command = command_from(folder)
    assert command == "../.venv/bin/journeybot"
    assert subprocess.run([command], cwd=folder, capture_output=True, text=True, check=True).stdout == "started\n"


def test_a_program_without_a_file_of_its_name_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["-c"])
    assert command_from(tmp_path) == "journeybot"
