"""SMTP over real sockets: every reply is an answer, a loss after the final dot is unknown. The ledger is the oracle."""

from __future__ import annotations

import email
import logging
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.policy import default
from pathlib import Path

import pytest

from bot.channels.base import Answer, Outcome, Outgoing
from bot.channels.smtp import SmtpChannel
from bot.channels.smtp_url import read_smtp_url
from bot.clock import Clock, FixedClock, SystemClock
from bot.errors import SettingsError
from tests.channels.letters import answer_of, answers_of, letter, letters
from tests.fakes.certificates import client_context, server_context, write_certificate
from tests.fakes.smtp_server import NONE, FakeSmtp, Trouble

OK = (Outcome.ACCEPTED, "accepted")


@pytest.fixture
def server() -> Iterator[FakeSmtp]:
    with FakeSmtp() as running:
        yield running


def channel_to(server: FakeSmtp, clock: Clock | None = None) -> SmtpChannel:
    return SmtpChannel(f"smtp://127.0.0.1:{server.port}", clock or SystemClock(), timeout_seconds=0.5)


def test_a_batch_goes_over_one_connection_each_to_its_own_recipient(server: FakeSmtp) -> None:
    answers = answers_of(channel_to(server), letters(10))
    assert answers.counts() == {OK: 10}
    assert server.connections == 1
    assert [entry.recipients for entry in server.acceptances] == [
        (f"person{number}@kaisha.example",) for number in range(10)
    ]
    assert {entry.sender for entry in server.acceptances} == {"aoki@vendor.example"}
    assert answers["m3"].provider_message_id == "<m3@vendor.example>"
    assert "queued as 4" in answers["m3"].detail


def test_lines_that_start_with_a_dot_arrive_whole(server: FakeSmtp) -> None:
    text = ".\n..two\n.hidden\nend\n"
    answer_of(channel_to(server), letter(text=text))
    mail = email.message_from_bytes(server.acceptances[0].content, policy=default)
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == text.splitlines()


@pytest.mark.parametrize(
    "trouble, outcome, reason",
    [
        (Trouble(rcpt="550 5.1.1 No such user"), Outcome.REFUSED, "rejected"),
        (Trouble(rcpt="450 4.2.0 Greylisted"), Outcome.NOT_ACCEPTED, "try_later"),
        (Trouble(mail="553 5.1.8 Sender refused"), Outcome.REFUSED, "rejected"),
        (Trouble(mail="451 4.3.0 Later"), Outcome.NOT_ACCEPTED, "try_later"),
        (Trouble(mail="421 4.7.0 Closing"), Outcome.NOT_ACCEPTED, "try_later"),
        (Trouble(data="554 5.7.1 Spam"), Outcome.REFUSED, "rejected"),
        (Trouble(data="250 What"), Outcome.NOT_ACCEPTED, "try_later"),
        (Trouble(after_dot="552 5.3.4 Too big"), Outcome.REFUSED, "too_large"),
        (Trouble(after_dot="554 5.6.0 No"), Outcome.REFUSED, "rejected"),
        (Trouble(after_dot="451 4.3.0 Later"), Outcome.NOT_ACCEPTED, "try_later"),
        (Trouble(after_dot="hello?"), Outcome.UNKNOWN, "unexpected_status"),
        (Trouble(lost_at_mail=True), Outcome.NOT_ACCEPTED, "connect_error"),
        (Trouble(lost_after_dot=True), Outcome.UNKNOWN, "reset"),
        (Trouble(lost_after_dot=True, accepts_before_loss=True), Outcome.UNKNOWN, "reset"),
        (Trouble(hangs_after_dot=True, accepts_before_loss=True), Outcome.UNKNOWN, "timeout"),
    ],
)
def test_one_messages_trouble_is_its_own(server: FakeSmtp, trouble: Trouble, outcome: Outcome, reason: str) -> None:
    """Rule (c): the messages before and after it are accepted, each once."""
    server.script(NONE, trouble)
    answers = answers_of(channel_to(server), letters(4))
    assert (answers["m1"].outcome, answers["m1"].reason) == (outcome, reason)
    assert answers.counts() == {OK: 3, (outcome, reason): 1}
    assert len(server.acceptances) == (4 if trouble.accepts_before_loss else 3)


@pytest.mark.parametrize("reply", ["530 5.7.0 Authentication required", "535 5.7.8 Bad"])
def test_a_refused_account_stops_the_batch(server: FakeSmtp, reply: str) -> None:
    server.script(NONE, Trouble(mail=reply))
    answers = answers_of(channel_to(server), letters(5))
    assert answers.counts() == {
        OK: 1,
        (Outcome.DENIED, "unauthorized"): 1,
        (Outcome.NOT_ACCEPTED, "breaker"): 3,
    }


def test_never_connected_is_not_accepted_and_asked_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        channel = SmtpChannel(f"smtp://127.0.0.1:{unused.getsockname()[1]}", SystemClock())
    assert answers_of(channel, letters(3)).counts() == {(Outcome.NOT_ACCEPTED, "connect_error"): 3}


def test_a_deadline_that_is_over_submits_nothing(server: FakeSmtp) -> None:
    clock = FixedClock(datetime(2026, 3, 2, tzinfo=UTC))
    answer = answer_of(channel_to(server, clock), letter(deadline=clock.monotonic()))
    assert (answer.outcome, answer.reason) == (Outcome.NOT_ACCEPTED, "deadline")
    assert server.connections == 0


def test_a_deadline_that_passes_before_the_go_ahead_submits_nothing(server: FakeSmtp) -> None:
    """Rule (a): read again after 354, just before the first byte of the mail."""
    server.script(Trouble(seconds_before_go_ahead=0.3))
    message = letter(deadline=SystemClock().monotonic() + 0.2)
    answers = answers_of(channel_to(server), [message, letter("next")])
    assert (answers["m1"].outcome, answers["m1"].reason) == (Outcome.NOT_ACCEPTED, "deadline")
    assert answers["next"].outcome is Outcome.ACCEPTED
    assert len(server.acceptances) == 1


def test_an_unsendable_message_is_refused_alone(server: FakeSmtp) -> None:
    answers = answers_of(channel_to(server), [letter("bad", to_email="a@b.example\r\nRCPT TO:<c@d.example>"), letter()])
    assert answers.counts() == {OK: 1, (Outcome.REFUSED, "unsendable"): 1}
    assert len(server.acceptances) == 1


def test_what_on_answer_raises_passes_through_and_hangs_up(server: FakeSmtp) -> None:
    def record(message: Outgoing, answer: Answer) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        channel_to(server).send(letters(3), record)
    assert len(server.acceptances) == 1


@pytest.mark.parametrize("scheme, tls", [("smtp", "starttls"), ("smtps", "implicit")])
def test_mail_and_password_travel_encrypted(tmp_path: Path, scheme: str, tls: str) -> None:
    write_certificate(tmp_path)
    login = ("user@vendor.example", "p@ss:w/rd%")
    with FakeSmtp(tls=tls, context=server_context(tmp_path), login=login) as server:
        url = f"{scheme}://user%40vendor.example:p%40ss%3Aw%2Frd%25@localhost:{server.port}"
        channel = SmtpChannel(url, SystemClock(), ssl_context=client_context(tmp_path))
        assert answers_of(channel, letters(2)).counts() == {OK: 2}
        assert all(entry.encrypted for entry in server.acceptances)


@pytest.mark.parametrize("scheme, tls", [("smtp", "starttls"), ("smtps", "implicit")])
def test_an_unknown_certificate_is_not_trusted(tmp_path: Path, scheme: str, tls: str) -> None:
    write_certificate(tmp_path)
    with FakeSmtp(tls=tls, context=server_context(tmp_path)) as server:
        channel = SmtpChannel(f"{scheme}://localhost:{server.port}", SystemClock(), 2, ssl.create_default_context())
        assert answers_of(channel, letters(2)).counts() == {(Outcome.NOT_ACCEPTED, "connect_error"): 2}


def test_a_wrong_password_is_denied_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with FakeSmtp(login=("user", "right")) as server:
        channel = SmtpChannel(f"smtp://user:hunter2-secret@localhost:{server.port}", SystemClock())
        answers = answers_of(channel, letters(3))
    assert answers.counts() == {(Outcome.DENIED, "unauthorized"): 1, (Outcome.NOT_ACCEPTED, "breaker"): 2}
    shown = [caplog.text, repr(channel), repr(read_smtp_url("smtp://user:hunter2-secret@h")), repr(answers["m0"])]
    assert not any("hunter2" in text for text in shown)


def test_a_login_that_fails_for_now_may_be_tried_again() -> None:
    with FakeSmtp(login=("user", "right")) as server:
        server.login_reply = "454 4.7.0 Temporary authentication failure"
        channel = SmtpChannel(f"smtp://user:right@localhost:{server.port}", SystemClock())
        assert answers_of(channel, letters(3)).counts() == {(Outcome.NOT_ACCEPTED, "connect_error"): 3}


def test_a_server_that_offers_no_login_is_denied(server: FakeSmtp) -> None:
    channel = SmtpChannel(f"smtp://user:pass@localhost:{server.port}", SystemClock())
    assert answer_of(channel, letter()).reason == "unsupported"


def test_another_machine_without_encryption_gets_nothing(server: FakeSmtp, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of another host is made to lead to the fake."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: resolve("127.0.0.1", *rest, **more))
    channel = SmtpChannel(f"smtp://mail.example:{server.port}", SystemClock())
    answers = answers_of(channel, letters(2))
    assert answers.counts() == {(Outcome.DENIED, "unsupported"): 1, (Outcome.NOT_ACCEPTED, "breaker"): 1}
    assert server.acceptances == []


def test_the_url_says_where_and_how() -> None:
    plain = read_smtp_url("smtp://mail.example")
    assert (plain.port, plain.implicit_tls, plain.needs_tls, plain.user) == (587, False, True, None)
    secure = read_smtp_url("smtps://u:p@mail.example")
    assert (secure.port, secure.implicit_tls, secure.needs_tls, secure.user) == (465, True, True, "u")
    assert not read_smtp_url("smtp://[::1]:25").needs_tls


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://u@h",
        "smtp://u:secret@h:port",
        "smtp://[u:secret@h",
    ],
)
def test_a_url_that_is_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_smtp_url(url)
    assert "secret" not in str(refused.value)
    assert "smtp://user:password@host:587" in refused.value.hint


def test_the_clocks_instant_is_the_mails_date(server: FakeSmtp) -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    clock = FixedClock(at)
    answer_of(channel_to(server, clock), letter(deadline=clock.monotonic() + timedelta(minutes=1).total_seconds()))
    assert email.message_from_bytes(server.acceptances[0].content, policy=default)["Date"].datetime == at
