"""`demo` on the command line; the demo itself is tested in tests/demo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import call


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
