"""`init` and `schema`."""

from __future__ import annotations

import json
from pathlib import Path

from bot.settings import describe_settings
from tests.cli.conftest import Cli, call


def test_a_new_workspace_holds_everything_and_checks_clean(tmp_path: Path) -> None:
    ran = call(["init", str(tmp_path / "acme")])
    assert ran.code == 0
    assert "journeybot import example" in ran.out
    held = {path.relative_to(tmp_path / "acme").as_posix() for path in (tmp_path / "acme").rglob("*")}
    assert {
        "playbooks/workspace.yml", "playbooks/journeys/welcome.yml", "playbooks/.schema/playbook.schema.json",
        "templates/emails/welcome.ja.md", "example/customers.csv", ".env.example", ".gitignore", "README.md",
    } <= held  # fmt: skip
    assert Cli(folder=tmp_path / "acme").json("check") == []


def test_nothing_of_anybody_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    ran = call(["init", str(tmp_path)])
    assert ran.code == 2
    assert "not empty" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_fresh_git_folder_may_become_a_workspace(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert call(["init", str(tmp_path)]).code == 0


def test_a_file_cannot_become_a_workspace(tmp_path: Path) -> None:
    path = tmp_path / "acme"
    path.touch()
    assert call(["init", str(path)]).code == 2


def test_the_example_environment_names_every_setting_and_sets_none(tmp_path: Path) -> None:
    call(["init", str(tmp_path / "acme")])
    lines = (tmp_path / "acme" / ".env.example").read_text(encoding="utf-8").splitlines()
    named = {line.removeprefix("# ").partition("=")[0] for line in lines if "=" in line}
    assert {found.variable for found in describe_settings()} - named == {"JOURNEYBOT_WORKSPACE"}
    assert all(line.startswith("#") for line in lines if line)


def test_the_schemas_are_written_anew_and_are_json(cli: Cli) -> None:
    cli.run("schema")
    text = (cli.folder / "playbooks/.schema/playbook.schema.json").read_text(encoding="utf-8")
    assert json.loads(text)["title"] == "A journeybot playbook"


def test_a_wrong_folder_is_no_workspace_and_gets_no_database(tmp_path: Path) -> None:
    ran = call(["--workspace", str(tmp_path), "outbox", "list"])
    assert ran.code == 2
    assert "is no workspace" in ran.err
    assert "journeybot init DIR" in ran.err
    assert list(tmp_path.iterdir()) == []
