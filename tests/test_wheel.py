"""The wheel: built once, it carries the starter workspace, the maps and the migrations, and works away from the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files, as an installation lays them out."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.mark.parametrize(
    "pattern",
    [
        "bot/starter/playbooks/workspace.yml",
        "bot/starter/playbooks/journeys/welcome.yml",
        "bot/starter/templates/emails/_layout.html",
        "bot/starter/templates/emails/welcome.ja.md",
        "bot/starter/docs/example/customers.csv",
        "bot/starter/docs/example/next-day/customers.csv",
        "bot/intake/maps/ravenstack.yml",
        "bot/console/pages/preferences.html",
        "bot/console/pages/page.css",
        "storage/migrations/env.py",
        "storage/migrations/script.py.mako",
        "storage/migrations/versions/0001_*.py",
        "journeybot-*.dist-info/entry_points.txt",
    ],
)
def test_the_wheel_holds(unpacked: Path, pattern: str) -> None:
    assert list(unpacked.glob(pattern))


def test_the_wheel_holds_neither_tests_nor_anything_hidden(unpacked: Path) -> None:
    assert not (unpacked / "tests").exists()
    assert not [path for path in unpacked.rglob(".*") if path.name != ".schema"]


def test_a_workspace_is_made_and_walked_away_from_the_repository(unpacked: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JOURNEYBOT_")}
    environment["PYTHONPATH"] = str(unpacked)

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "bot.cli", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("init", "acme")
    run("-w", "acme", "import", "acme/example", "--at", "2027-04-01T06:00")
    run("-w", "acme", "deploy", "--at", "2027-04-01T08:00")
    assert "1 accepted, 1 held, 1 pending, 1 suppressed" in run("-w", "acme", "tick", "--at", "2027-04-01T10:00")
