"""What a provider, or whatever stands before it, may do on a connection, and what is heard of it. Over real sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bot.channels.base import Answer, Outcome
from bot.channels.post_lines import MAX_BODY
from bot.channels.sendgrid import SendGridChannel
from tests.channels.letters import answer_of, closing, letter

ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nX-Message-Id: one\r\n\r\n"


class Provider:
    """Answers each whole request with the next of `answers`, byte for byte; `closes_after` so many of a connection."""

    def __init__(self, *answers: bytes, closes_after: int = 100) -> None:
        self._answers = iter(answers)
        self._closes_after = closes_after
        self.connections = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as incoming:
            for _ in range(self._closes_after):
                length = 0
                while (line := incoming.readline()) not in (b"", b"\r\n"):
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                if not line or len(incoming.read(length)) < length:
                    return
                try:
                    connection.sendall(next(self._answers))
                except OSError:
                    return  # they have heard enough

    def close(self) -> None:
        self._server.close()


@contextmanager
def speaking(*answers: bytes, closes_after: int = 100) -> Iterator[tuple[Provider, Callable[[], Answer]]]:
    """The provider, and what one more mail hears from it."""
    provider = Provider(*answers, closes_after=closes_after)
    channel = SendGridChannel("SG.x", provider.base_url, concurrency=1, timeout_seconds=0.5)
    with closing(channel):
        yield provider, lambda: answer_of(channel, letter())
    provider.close()


def chunked(*parts: bytes) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))
    return b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n" + body


def test_an_explanation_in_chunks_is_read_whole_and_the_connection_kept() -> None:
    with speaking(chunked(b'{"errors":[{"mess', b'age":"no subject"}]}'), ACCEPTED) as (provider, post):
        assert post().detail == "no subject"
        assert post().outcome is Outcome.ACCEPTED
    assert provider.connections == 1


def test_a_word_of_patience_before_the_answer_is_no_answer() -> None:
    with speaking(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ACCEPTED) as (_, post):
        assert post() == Answer(outcome=Outcome.ACCEPTED, reason="accepted", status=202, provider_message_id="one")


@pytest.mark.parametrize(
    "word", [ACCEPTED, b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 4", b"noise"]
)
def test_what_nobody_asked_for_is_not_taken_for_the_next_answer(word: bytes) -> None:
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    with speaking(ACCEPTED + word, refusal) as (provider, post):
        assert post().outcome is Outcome.ACCEPTED
        assert post().outcome is Outcome.REFUSED
    assert provider.connections == 2


def test_a_connection_that_the_provider_means_to_close_is_not_used_again() -> None:
    with speaking(ACCEPTED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), ACCEPTED) as (provider, post):
        assert [post().outcome, post().outcome] == [Outcome.ACCEPTED, Outcome.ACCEPTED]
    assert provider.connections == 2


@pytest.mark.parametrize(
    "explanation", [b"Content-Length: 99\r\n\r\nno sub", b"\r\nno subject", b"Content-Length: 9\r\n\r\n"]
)
def test_the_status_stands_when_its_explanation_breaks_off(explanation: bytes) -> None:
    with speaking(b"HTTP/1.1 400 Bad Request\r\n" + explanation, closes_after=1) as (_, post):
        assert post().outcome is Outcome.REFUSED


def test_the_status_stands_when_its_explanation_does_not_come_in_time() -> None:
    with speaking(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 99\r\n\r\nno sub", ACCEPTED) as (provider, post):
        assert post().outcome is Outcome.REFUSED
        assert post().outcome is Outcome.ACCEPTED
    assert provider.connections == 2


def test_an_explanation_without_an_end_is_cut() -> None:
    endless = b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 99999999\r\n\r\n" + b"x" * (MAX_BODY + 1)
    with speaking(endless, ACCEPTED) as (provider, post):
        assert post().reason == "too_large"
        assert post().outcome is Outcome.ACCEPTED
    assert provider.connections == 2


@pytest.mark.parametrize("noise", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 202 A\r\n" + b"X: y\r\n" * 40_000])
def test_what_is_no_answer_leaves_the_mail_unknown(noise: bytes) -> None:
    with speaking(noise) as (_, post):
        answer = post()
    assert (answer.outcome, answer.reason) == (Outcome.UNKNOWN, "reset")
