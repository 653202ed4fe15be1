"""What Slack's answers and broken connections mean, and that nothing is retried behind our back."""

from __future__ import annotations

import socket
import ssl
import urllib.error
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bot.channels.slack import Card, Posted, PostFailed, SlackChannel
from bot.channels.slack_failures import failure_of_answer, failure_of_exception
from bot.clock import FixedClock
from tests.fakes.slack_server import BOT_TOKEN, Failure, SlackServer

CARD = Card(blocks=[{"type": "section", "text": {"type": "plain_text", "text": "hello"}}], text="hello")


@pytest.fixture
def server() -> Iterator[SlackServer]:
    with SlackServer() as found:
        yield found


@pytest.fixture
def channel(server: SlackServer) -> SlackChannel:
    return SlackChannel(
        BOT_TOKEN, server.base_url, clock=FixedClock(datetime(2027, 3, 3, tzinfo=UTC)), timeout_seconds=1
    )


@pytest.mark.parametrize(
    ("status", "error", "permanent", "account_wide", "retry_after"),
    [
        (200, "channel_not_found", True, False, None),
        (200, "is_archived", True, False, None),
        (200, "invalid_blocks", True, False, None),
        (200, "message_not_found", True, False, None),
        (200, "invalid_auth", False, True, 300),
        (200, "ratelimited", False, False, 7),
        (429, "", False, False, 7),
        (500, "fatal_error", False, False, 60),
        (200, "Received a response in a non-JSON format: <html>", False, False, 60),
        (200, "something_new", False, False, None),
    ],
)
def test_slacks_words_are_translated_once(
    status: int, error: str, permanent: bool, account_wide: bool, retry_after: float | None
) -> None:
    headers = {"Retry-After": "7"}
    found = failure_of_answer(SimpleNamespace(status_code=status, data={"error": error}, headers=headers))
    assert (found.permanent, found.is_account_wide, found.retry_after) == (permanent, account_wide, retry_after)
    assert "<" not in found.sentence


@pytest.mark.parametrize("value", ["", "soon", "-3", "nan", ["9"], None])
def test_a_strange_retry_after_is_still_a_short_wait(value: Any) -> None:
    found = failure_of_answer(SimpleNamespace(status_code=429, data=None, headers={"retry-after": value}))
    assert found.retry_after in (1.0, 9.0)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (urllib.error.URLError(ConnectionRefusedError()), "unreachable"),
        (urllib.error.URLError(socket.gaierror()), "unreachable"),
        (urllib.error.URLError(ssl.SSLError()), "unreachable"),
        (urllib.error.URLError(TimeoutError()), "timeout"),
        (TimeoutError(), "timeout"),
        (ConnectionResetError(), "connection_lost"),
    ],
)
def test_a_broken_connection_is_never_a_reason_to_give_up(error: BaseException, reason: str) -> None:
    found = failure_of_exception(error)
    assert (found.reason, found.permanent) == (reason, False)


def test_a_card_is_posted_to_a_person_once_opened(server: SlackServer, channel: SlackChannel) -> None:
    first, second = channel.post_card("U1", CARD, "i.1"), channel.post_card("U1", CARD, "i.2")
    assert isinstance(first, Posted)
    assert isinstance(second, Posted)
    assert first.channel == second.channel == "D-U1"
    assert server.calls.count("conversations.open") == 1


@pytest.mark.parametrize("failure", [Failure(status=503), Failure(retry_after=1), Failure(error="fatal_error")])
def test_a_failed_call_is_made_once(server: SlackServer, channel: SlackChannel, failure: Failure) -> None:
    server.fail("chat.postMessage", failure, times=9)
    assert isinstance(channel.post_card("C1", CARD, "i.1"), PostFailed)
    assert server.calls == ["chat.postMessage"]


def test_a_timeout_after_slack_accepted_is_found_before_posting_again(
    server: SlackServer, channel: SlackChannel
) -> None:
    server.fail("chat.postMessage", Failure(is_accepted=True, hangs_seconds=1.6))
    lost = channel.post_card("C1", CARD, "i.1")
    found = channel.post_card("C1", CARD, "i.1", look_first=True)
    assert isinstance(lost, PostFailed)
    assert lost.reason == "timeout"
    assert isinstance(found, Posted)
    assert found.was_found
    assert len(server.posts) == 1


def test_a_card_is_found_behind_hundreds_of_others(server: SlackServer, channel: SlackChannel) -> None:
    wanted = channel.post_card("C1", CARD, "i.wanted")
    for number in range(450):
        server._chat_postMessage({"channel": "C1", "text": "x", "metadata": {"event_type": "other"}, "n": number})
    found = channel.post_card("C1", CARD, "i.wanted", look_first=True)
    assert isinstance(wanted, Posted)
    assert isinstance(found, Posted)
    assert (found.ts, found.was_found) == (wanted.ts, True)


def test_a_channel_that_is_busy_for_long_is_not_waited_for(server: SlackServer, channel: SlackChannel) -> None:
    server.fail("chat.postMessage", Failure(retry_after=30))
    channel.post_card("C1", CARD, "i.1")
    again = channel.post_card("C1", CARD, "i.1")
    assert isinstance(again, PostFailed)
    assert again.retry_after == 30
    assert server.calls == ["chat.postMessage"], "no second call before its time"


def test_the_token_is_never_shown(channel: SlackChannel) -> None:
    assert BOT_TOKEN not in repr(channel)
