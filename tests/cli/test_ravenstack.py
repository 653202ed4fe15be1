"""docs/ravenstack.md, command by command, on both engines: the real tables for ninety days, and what must hold afterwards."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.rules.reasons import has_sentence
from storage.outbox import MessageState
from tests.cli.conftest import Cli, call
from tests.cli.console_blocks import commands_of, pattern_of

PAGE = Path(__file__).parents[2] / "docs" / "ravenstack.md"
TABLES = Path(__file__).parents[3] / "shared" / "data" / "ravenstack"
AT_THE_END = "2025-03-31T23:30"
LOOP = re.compile(
    r"for day in \$\(seq (?P<since>\d+) (?P<last>\d+)\); do journeybot (?P<words>[a-z ]+--at) "
    r'"\$\(date -d "(?P<first>[\d-]+) \+\$day days" \+%F(?P<hour>T[\d:]+)\)"; done'
)
#: 21 of RavenStack's usage rows are rejected, as the page says.
ENDS_WITH_FINDINGS = ("journeybot import ../ravenstack",)


def calls_of(command: str) -> Iterator[list[str]]:
    """The words of each call of journeybot that a shell would make of the command."""
    loop = LOOP.fullmatch(command)
    if loop is None:
        yield shlex.split(command)[1:]
        return
    first = date.fromisoformat(loop["first"])
    for day in range(int(loop["since"]), int(loop["last"]) + 1):
        yield [*loop["words"].split(), f"{first + timedelta(days=day)}{loop['hour']}"]


def follow_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command in its order, and the Python of the page before the import that needs its file."""
    (script,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for command, shown in commands_of(PAGE):
        if command.startswith("cd "):
            monkeypatch.chdir(command.removeprefix("cd "))
            exec(compile(script, str(PAGE), "exec"), {})
            continue
        printed = ""
        for words in calls_of(command):
            ran = call(words)
            assert ran.code == int(command.startswith(ENDS_WITH_FINDINGS)), f"{words}\n{ran.out}\n{ran.err}"
            printed += ran.out
        assert re.fullmatch(pattern_of(shown), printed), f"{command} printed:\n{printed}"


@pytest.fixture
def raven(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The workspace after the whole page."""
    if not TABLES.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"RavenStack's tables must lie in {TABLES}")
        pytest.skip("RavenStack's tables (../shared/data/ravenstack) are not at hand")
    shutil.copytree(TABLES, tmp_path / "ravenstack")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOURNEYBOT_DATABASE_URL", database_url)
    follow_the_page(monkeypatch)
    return Cli(folder=tmp_path / "raven")


def test_ravenstack_is_walked_for_ninety_days(raven: Cli) -> None:
    mails = raven.json("outbox", "list", "--limit", "100000")
    sent = Counter(mail["playbook"] for mail in mails if mail["state"] == "accepted")
    assert {name for name, number in sent.items() if number} >= {"renewal_90_days", "setup_video", "monthly_newsletter"}
    assert {mail["state"] for mail in mails} <= {state.value for state in MessageState}
    assert all(mail["reason"] for mail in mails)

    accepted = [mail for mail in mails if mail["state"] == "accepted"]
    assert max(Counter(_owed(mail) for mail in mails).values()) == 1, "one step owed one person two mails"
    on_disk = list((raven.folder / ".journeybot" / "outbox").glob("*.eml"))  # below it: mails to our own people
    assert len(on_disk) == len(accepted), "each accepted mail left exactly once"
    assert not any(mail["to"] is None for mail in accepted)

    complaints = raven.json("doctor", "--at", AT_THE_END, code=1)
    assert [found for found in complaints if found["severity"] == "error"] == []
    warnings = [found["sentence"] for found in complaints if found["severity"] == "warning"]
    assert warnings
    assert all(warning.startswith("The feed ") or "fuse" in warning.lower() for warning in warnings), warnings

    for customer in {mail["customer"] for mail in mails[:: max(len(mails) // 20, 1)]}:
        lines = raven.json("explain", customer, "--at", AT_THE_END)
        assert all(line["sentence"] and has_sentence(line["reason"]) for line in lines if line["reason"])


def _owed(mail: dict[str, object]) -> tuple[object, ...]:
    """What may be owed once: a contact's own copy of a step on a day."""
    return mail["customer"], mail["contact"], mail["playbook"], mail["step"], str(mail["due_at"])
