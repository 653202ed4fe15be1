"""`db release`: what it shows while sending is paused, and that a word is needed to let it go."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Cli

OPTIONS = ("--all", "--expire-due", "--expire-until=2027-04-01T09:00")


@pytest.fixture
def connected(walked: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A host that has sent, and whose database lacks the last of it."""
    monkeypatch.setenv("JOURNEYBOT_EMAIL", "sendgrid")
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.none")
    monkeypatch.setenv("SENDGRID_BASE_URL", "http://127.0.0.1:9")
    assert "may send" in walked.run("db", "release").out  # what it wrote as files counts for nothing
    marker = next((walked.folder / ".journeybot-host").glob("*.json"))
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "generation": 7}))
    return walked


def test_it_shows_what_waits_and_changes_nothing(connected: Cli) -> None:
    for _ in range(2):
        ran = connected.run("db", "release", code=1)
        assert "restored backup" in ran.out
        assert "--expire-due" in ran.out
    found = connected.json("db", "release", code=1)
    assert (found["paused"], found["pause"]["cause"], found["hosts"]) == (True, "restored", 1)


def test_tick_and_doctor_say_so(connected: Cli) -> None:
    assert "db release" in connected.run("tick", code=1).out
    names = {complaint["name"] for complaint in connected.json("doctor", code=1)}
    # Nothing ever left, and the host remembers more: it is paused, and there is nothing to fear.
    assert "no_unsubscribe_link" in names


@pytest.mark.parametrize("option", OPTIONS)
def test_one_word_releases_it(connected: Cli, option: str) -> None:
    assert "This host may send" in connected.run("db", "release", option, "--by", "sato").out
    assert "may send" in connected.run("db", "release").out
    assert connected.run("tick").code == 0


def test_two_words_are_refused(connected: Cli) -> None:
    assert "several things" in connected.run("db", "release", "--all", "--expire-due", code=2).err


def test_where_mails_are_files_there_is_nothing_to_release(walked: Cli) -> None:
    assert "Nothing is ever paused here" in walked.run("db", "release", code=2).err
