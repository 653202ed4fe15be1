"""The command line in a workspace of its own. `cli.run("outbox", "list")` calls it as a shell would; `walked` is a copy of the
getting-started example after its first tick: mail 4 held for review, 3 held for nobody, 1 and 2 sent, hand-offs 1 to 3 open."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli.program import program

MORNING = "2027-04-01T06:00"
PUBLISHED = "2027-04-01T08:00"
TICKED = "2027-04-01T10:00"
VENDORS = ("JOURNEYBOT_", "SLACK_", "SENDGRID_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How one call ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cli:
    """journeybot in one workspace."""

    folder: Path

    def run(self, *words: str, code: int = 0, text: str | None = None) -> Ran:
        """Call it; `code` is how it must end, `text` what stdin holds."""
        ran = call(["--workspace", str(self.folder), *words], text=text)
        assert ran.code == code, f"{words} ended with {ran.code}:\n{ran.out}\n{ran.err}"
        return ran

    def json(self, *words: str, code: int = 0) -> Any:
        return self.run(*words, "--json", code=code).json

    def write(self, path: str, text: str) -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target


def call(words: Sequence[str], *, text: str | None = None) -> Ran:
    """One call, with nothing of a workspace around it."""
    result = CliRunner().invoke(program, list(words), input=text, prog_name="journeybot")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(code=result.exit_code, out=result.stdout, err=result.stderr)


@pytest.fixture(autouse=True)
def _quiet_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the developer's own settings, and no colours."""
    for name in list(os.environ):
        if name.startswith(VENDORS) and not name.startswith("JOURNEYBOT_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("JOURNEYBOT_USER", "sato")


@pytest.fixture(scope="session")
def _walked_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("walked") / "acme"
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(VENDORS):
                patch.delenv(name)
        assert call(["init", str(folder)]).code == 0
        cli = Cli(folder=folder)
        cli.run("import", str(folder / "example"), "--at", MORNING)
        cli.run("deploy", "--at", PUBLISHED)
        cli.run("tick", "--at", TICKED)
    return folder


@pytest.fixture
def walked(_walked_once: Path, tmp_path: Path) -> Cli:
    folder = tmp_path / "acme"
    shutil.copytree(_walked_once, folder)
    return Cli(folder=folder)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """A workspace with one small journey and nothing else."""
    found = Cli(folder=tmp_path / "small")
    found.write("playbooks/workspace.yml", "company: Acme\ntimezone: Asia/Tokyo\nsender: {email: hello@acme.example}\n")
    found.write(
        "playbooks/journeys/hello.yml",
        "title: Hello\nstate: live\nwalks: customer\nenter: {when: stage == 'new', existing: enter}\nsteps:\n  - log: Hello\n",
    )
    found.write("templates/emails/_layout.html", "<html><body>{{ content }}</body></html>")
    found.write("templates/emails/_layout.txt", "{{ content }}")
    return found
