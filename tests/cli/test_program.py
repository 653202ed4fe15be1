"""The frame: help, suggestions, refusals, faults, start-up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup

from bot.cli import lazy_group
from bot.cli.command_table import COMMANDS, CommandPlace
from bot.cli.lazy_group import load_command
from tests.cli.conftest import Cli, call

ROOT = Path(__file__).parents[2]


def _commands(command: Any, name: str) -> list[tuple[str, Any]]:
    if isinstance(command, TyperGroup):
        return [found for inner, each in command.commands.items() for found in _commands(each, f"{name} {inner}")]
    return [(name, command)]


ALL = [found for place in COMMANDS for found in _commands(load_command(place), place.name)]


def test_help_lists_every_command_with_its_sentence() -> None:
    shown = " ".join(call(["--help"]).out.split())
    for place in COMMANDS:
        assert (f" {place.name} " in shown) is not place.is_hidden


@pytest.mark.parametrize("place", COMMANDS, ids=lambda place: str(place.name))
def test_the_table_says_what_the_command_says(place: CommandPlace) -> None:
    assert (load_command(place).help or "").strip().splitlines()[0] == place.says


@pytest.mark.parametrize(("name", "command"), ALL, ids=[name for name, _ in ALL])
def test_every_command_has_an_example_and_explains_its_options(name: str, command: Any) -> None:
    assert f"`journeybot {name.split()[0]}" in (command.help or "")
    for parameter in command.params:
        assert parameter.help, f"{name}: {parameter.name} is not explained"


def test_help_answers_without_importing_what_commands_need() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from bot.cli.program import program\n"
        "assert CliRunner().invoke(program, ['--help']).exit_code == 0\n"
        "print([name for name in ('sqlalchemy', 'pydantic', 'jinja2', 'aiohttp') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_list_imports_a_few_tables_and_neither_playbooks_nor_channels() -> None:
    heavy = ("storage.tables", "bot.app", "bot.authoring.workspace", "jinja2", "aiohttp", "slack_sdk")
    code = f"import sys, bot.cli.outbox; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_command_is_answered_with_the_nearest() -> None:
    ran = call(["outbx"])
    assert ran.code == 2
    assert "Did you mean 'outbox'?" in ran.err


def test_an_unknown_option_is_answered_with_the_nearest() -> None:
    ran = call(["tick", "--att", "2027-04-01"])
    assert ran.code == 2
    assert "--at" in ran.err


def test_nothing_typed_shows_the_help() -> None:
    assert "Usage: journeybot" in call([]).out + call([]).err


def test_the_version_is_printed() -> None:
    assert call(["--version"]).out.startswith("journeybot 0")


def test_a_refusal_is_a_sentence_a_place_and_a_hint_on_stderr(cli: Cli) -> None:
    ran = cli.run("tick", code=2)
    assert ran.out == ""
    assert ran.err == "Error: Nothing is deployed yet\n  → run `journeybot check`, then `journeybot deploy`\n"


def test_a_folder_that_is_no_workspace_is_refused(tmp_path: Any) -> None:
    ran = call(["--workspace", str(tmp_path), "check"])
    assert ran.code == 2
    assert "journeybot init" in ran.err


def test_a_wrong_setting_is_refused_with_the_nearest_name(cli: Cli) -> None:
    cli.write(".env", "JOURNEYBOT_EMIAL=folder\n")
    ran = cli.run("check", code=2)
    assert "JOURNEYBOT_EMAIL" in ran.err


def test_a_database_that_cannot_be_opened_is_no_traceback(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEYBOT_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    ran = cli.run("tick", code=2)
    assert "The database cannot be used" in ran.err
    assert "Traceback" not in ran.err


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(place: CommandPlace) -> Any:
        raise RuntimeError("a bug\nwith details")

    monkeypatch.setattr(lazy_group, "load_command", load)


@pytest.mark.usefixtures("broken")
def test_a_fault_of_ours_is_one_line_and_how_to_report_it() -> None:
    ran = call(["tick"])
    assert ran.code == 3
    assert ran.err.splitlines()[0] == "journeybot broke: RuntimeError: a bug"
    assert "--debug" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("way", ["option", "variable"])
def test_debug_shows_the_traceback(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "variable":
        monkeypatch.setenv("JOURNEYBOT_DEBUG", "1")
    ran = call(["--debug", "tick"] if way == "option" else ["tick"])
    assert ran.code == 3
    assert "Traceback" in ran.err


@pytest.mark.parametrize(
    ("words", "place", "found"),
    [
        ("journeybot ha", 1, ["handoffs"]),
        ("journeybot outbox ap", 2, ["approve"]),
        ("journeybot tick --js", 2, ["--json"]),
    ],
)
def test_the_shell_completes_commands_and_options(words: str, place: int, found: list[str]) -> None:
    environment = {
        **os.environ, "COMP_WORDS": words, "COMP_CWORD": str(place), "_JOURNEYBOT_COMPLETE": "complete_bash",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli"], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == found


def test_shell_completion_is_offered_once_not_by_every_group(cli: Cli) -> None:
    assert "--install-completion" in cli.run("--help").out
    assert "--install-completion" not in cli.run("outbox", "--help").out
