"""The folder of .eml files: one file per reference, whole or absent."""

from __future__ import annotations

import email
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.policy import default
from pathlib import Path

import pytest

from bot.channels.base import Outcome
from bot.channels.folder import FolderChannel
from bot.clock import FixedClock
from tests.channels.letters import INJECTIONS, answer_of, answers_of, letter, letters

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def channel(tmp_path: Path) -> FolderChannel:
    return FolderChannel(tmp_path / "outbox", FixedClock(AT))


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "outbox").iterdir())


def test_each_message_is_one_private_file_that_a_mail_client_opens(channel: FolderChannel, tmp_path: Path) -> None:
    answers = answers_of(channel, letters(3))
    assert answers.counts() == {(Outcome.ACCEPTED, "accepted"): 3}
    assert len(files(tmp_path)) == 3
    for path in files(tmp_path):
        assert path.suffix == ".eml"
        assert path.stat().st_mode & 0o077 == 0
    first = email.message_from_bytes(channel.path_of("m0").read_bytes(), policy=default)
    assert first["Message-ID"] == answers["m0"].provider_message_id


def test_a_repeat_is_the_same_file_with_the_same_bytes(channel: FolderChannel, tmp_path: Path) -> None:
    answer_of(channel, letter())
    before = channel.path_of("m1").read_bytes()
    answer_of(channel, letter())
    assert files(tmp_path) == [channel.path_of("m1")]
    assert channel.path_of("m1").read_bytes() == before


def test_a_corrected_message_replaces_its_own_file(channel: FolderChannel, tmp_path: Path) -> None:
    answer_of(channel, letter())
    answer_of(channel, replace(letter(), subject="Corrected"))
    assert len(files(tmp_path)) == 1
    assert b"Subject: Corrected" in files(tmp_path)[0].read_bytes()


def test_names_start_with_the_number_and_sort(channel: FolderChannel) -> None:
    assert channel.path_of("42").name.startswith("0042-")
    assert channel.path_of("7") != channel.path_of("0007")
    assert channel.path_of("ab").name.lower() != channel.path_of("AB").name.lower()


@pytest.mark.parametrize(
    "reference", ["../../etc/passwd", "/etc/passwd", "a/b", "..", "", "x\0y", "x" * 500, *INJECTIONS]
)
def test_no_reference_leaves_the_folder(channel: FolderChannel, tmp_path: Path, reference: str) -> None:
    assert answer_of(channel, letter(reference)).outcome is Outcome.ACCEPTED
    assert files(tmp_path) == [channel.path_of(reference)]
    assert channel.path_of(reference).parent == tmp_path / "outbox"
    assert sorted(tmp_path.iterdir()) == [tmp_path / "outbox"]


def test_a_folder_that_cannot_be_written_is_not_accepted(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file where the folder should be")
    answer = answer_of(FolderChannel(tmp_path / "outbox", FixedClock(AT)), letter())
    assert (answer.outcome, answer.reason) == (Outcome.NOT_ACCEPTED, "write_error")


def test_a_write_that_fails_leaves_no_half_file(channel: FolderChannel, tmp_path: Path) -> None:
    channel.path_of("m1").mkdir(parents=True)  # the rename onto it fails
    answer = answer_of(channel, letter())
    assert (answer.outcome, answer.reason) == (Outcome.NOT_ACCEPTED, "write_error")
    assert files(tmp_path) == [channel.path_of("m1")]


def test_an_unsendable_message_is_refused_alone(channel: FolderChannel, tmp_path: Path) -> None:
    answers = answers_of(channel, [letter("bad", to_email="nobody"), *letters(2)])
    assert answers.counts() == {(Outcome.REFUSED, "unsendable"): 1, (Outcome.ACCEPTED, "accepted"): 2}
    assert len(files(tmp_path)) == 2


def test_a_deadline_that_is_over_writes_nothing(tmp_path: Path) -> None:
    clock = FixedClock(AT)
    message = letter(deadline=clock.monotonic() + 10)
    clock.move_to(AT + timedelta(seconds=11))
    answer = answer_of(FolderChannel(tmp_path / "outbox", clock), message)
    assert (answer.outcome, answer.reason) == (Outcome.NOT_ACCEPTED, "deadline")
    assert not (tmp_path / "outbox").exists()
