"""The shipped fake channel."""

from __future__ import annotations

from bot.channels.base import Answer, Outcome
from bot.channels.memory import MemoryChannel
from tests.channels.letters import answer_of, answers_of, letter, letters


def test_everything_is_accepted_and_kept() -> None:
    channel = MemoryChannel()
    answers = answers_of(channel, letters(3))
    assert [message.reference for message in channel.accepted] == ["m0", "m1", "m2"]
    assert [answers[f"m{number}"].provider_message_id for number in range(3)] == ["memory-1", "memory-2", "memory-3"]


def test_scripted_answers_come_first_and_only_acceptances_are_kept() -> None:
    channel = MemoryChannel()
    channel.script(
        Answer(outcome=Outcome.UNKNOWN, reason="timeout"), Answer(outcome=Outcome.REFUSED, reason="bad_request")
    )
    answers = answers_of(channel, letters(3))
    assert [answers[f"m{number}"].outcome for number in range(3)] == [
        Outcome.UNKNOWN,
        Outcome.REFUSED,
        Outcome.ACCEPTED,
    ]
    assert len(channel.offered) == 3
    assert [message.reference for message in channel.accepted] == ["m2"]


def test_a_deadline_that_is_over_is_not_accepted_and_keeps_the_script() -> None:
    channel = MemoryChannel(monotonic=lambda: 100.0)
    channel.script(Answer(outcome=Outcome.UNKNOWN, reason="timeout"))
    assert answer_of(channel, letter(deadline=100.0)).reason == "deadline"
    assert answer_of(channel, letter(deadline=101.0)).reason == "timeout"


def test_it_knows_that_it_was_closed() -> None:
    channel = MemoryChannel()
    channel.close()
    assert channel.closed
