"""`demo` on the command line; the demo itself is tested in tests/demo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.demonstrating import command_from
from tests.cli.conftest import call


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


def test_a_small_demo_runs_anywhere_and_leaves_a_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["demo", "--days", "3", "--customers", "20"]
    ran = call(words)
    assert ran.code == 0, ran.err
    assert "what happened" in ran.out
    inside = call(["--workspace", "journeybot-demo", "customers", "list", "--json"])
    assert len(json.loads(inside.out)) >= 20


def test_a_second_demo_does_not_touch_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "journeybot-demo").mkdir()
    assert call(["demo", "--days", "1", "--customers", "20"]).code == 0
    assert list((tmp_path / "journeybot-demo").iterdir()) == []
    assert (tmp_path / "journeybot-demo-2" / "playbooks").is_dir()


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    assert call(["demo", "--dir", str(tmp_path)]).code == 2


def test_too_few_customers_are_refused_before_anything_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(["demo", "--customers", "3"]).code == 2
    assert list(tmp_path.iterdir()) == []
