"""What holds for a run as a whole: no skips in CI, nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from tests.postgresql import PREFIX, begin_run, end_run

ROOT = Path(__file__).parents[1]
ONE_SKIPS = """
import pytest

def test_that_passes(): pass

@pytest.mark.skip(reason="not today")
def test_that_skips(): pass
"""


def run_pytest(folder: Path, *arguments: str, ci: str) -> subprocess.CompletedProcess[str]:
    """Our conftest as a plugin over one file."""
    path = folder / "test_sample.py"
    path.write_text(ONE_SKIPS)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", *arguments, str(path)],
        cwd=ROOT,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_skipped_test_fails_the_run_in_ci_and_only_there(tmp_path: Path) -> None:
    in_ci = run_pytest(tmp_path, "-n", "1", ci="true")
    at_home = run_pytest(tmp_path, "-n", "0", ci="")
    assert "1 passed, 1 skipped" in in_ci.stdout
    assert (in_ci.returncode, at_home.returncode) == (1, 0)


def test_what_a_killed_run_left_is_cleared_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone = _a_free_pid()
    left = tmp_path / f"{PREFIX}{gone}-abc" / "gw0"
    left.mkdir(parents=True)
    (left / "postmaster.pid").write_text(f"{os.getpid()}\n/somewhere\n")  # a number that is another program's by now
    mine = begin_run()
    assert not left.exists()
    assert mine.is_dir()
    end_run(mine)
    assert list(tmp_path.iterdir()) == []


def _a_free_pid() -> int:
    return next(number for number in range(4_000_000, 3_000_000, -1) if not psutil.pid_exists(number))
