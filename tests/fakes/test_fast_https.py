"""The bench's server answers as SendGrid does, remembers what it took, and delays side by side."""

from __future__ import annotations

import time

from bot.channels.base import Outcome
from bot.channels.sendgrid import SendGridChannel
from tests.channels.letters import answers_of, closing, letters
from tests.fakes.fast_https import FastHttps


def test_it_accepts_each_message_once_with_an_id() -> None:
    with FastHttps() as server:
        channel = SendGridChannel("SG.any.key", server.base_url, ssl_context=server.ssl_context)
        with closing(channel):
            answers = answers_of(channel, letters(200))
        assert answers.counts() == {(Outcome.ACCEPTED, "accepted"): 200}
        assert len({answer.provider_message_id for answer in answers.by_reference.values()}) == 200
        assert sorted(server.ledger()) == sorted(answers.by_reference)


def test_a_delay_does_not_stand_in_line() -> None:
    with FastHttps(delay_ms=100) as server:
        channel = SendGridChannel("SG.any.key", server.base_url, concurrency=32, ssl_context=server.ssl_context)
        started = time.monotonic()
        with closing(channel):
            answers_of(channel, letters(128))
        assert 0.4 <= time.monotonic() - started < 6.4  # 4 rounds of 32; one after the other would take 12.8 s
