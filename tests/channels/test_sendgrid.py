"""SendGrid over real sockets: what the provider does, and what we may say we know. The ledger is the oracle."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from bot.channels.base import Answer, Outcome, Outgoing
from bot.channels.sendgrid import SendGridChannel
from bot.errors import SettingsError
from tests.channels.letters import FAR_AWAY, Answers, answer_of, answers_of, closing, letter, letters
from tests.fakes import sendgrid_server as fake
from tests.fakes.certificates import client_context, server_context, write_certificate
from tests.fakes.sendgrid_server import DEFAULT_KEY, Behaviour, FakeSendGrid


@pytest.fixture
def provider() -> Iterator[FakeSendGrid]:
    with FakeSendGrid() as running:
        yield running


@pytest.fixture
def channel(provider: FakeSendGrid) -> Iterator[SendGridChannel]:
    made = SendGridChannel(DEFAULT_KEY, provider.base_url, concurrency=4, timeout_seconds=0.5)
    with closing(made):
        yield made


def one_at_a_time(provider: FakeSendGrid) -> SendGridChannel:
    return SendGridChannel(DEFAULT_KEY, provider.base_url, concurrency=1, timeout_seconds=0.5)


def test_an_accepted_message_carries_the_providers_id(provider: FakeSendGrid, channel: SendGridChannel) -> None:
    answer = answer_of(channel, letter("m1"))
    assert answer == Answer(outcome=Outcome.ACCEPTED, reason="accepted", status=202, provider_message_id="fake-1")
    assert provider.references() == ["m1"]


def test_a_batch_is_accepted_once_each_with_its_own_id(provider: FakeSendGrid, channel: SendGridChannel) -> None:
    answers = answers_of(channel, letters(100))
    assert answers.counts() == {(Outcome.ACCEPTED, "accepted"): 100}
    assert {entry.reference: entry.message_id for entry in provider.acceptances} == {
        reference: answer.provider_message_id for reference, answer in answers.by_reference.items()
    }
    assert len(provider.acceptances) == 100
    assert provider.connections <= 4


def test_202_without_an_id_is_still_accepted(provider: FakeSendGrid, channel: SendGridChannel) -> None:
    provider.script(fake.ACCEPT_WITHOUT_ID)
    answer = answer_of(channel, letter())
    assert (answer.outcome, answer.provider_message_id) == (Outcome.ACCEPTED, None)


def test_an_empty_batch_is_nothing(provider: FakeSendGrid, channel: SendGridChannel) -> None:
    assert len(answers_of(channel, [])) == 0
    assert provider.requests == 0


@pytest.mark.parametrize(
    "behaviour, reason",
    [
        (fake.ACCEPT_THEN_HANG, "timeout"),
        (fake.ACCEPT_THEN_RESET, "reset"),
        (fake.ERROR_500_ACCEPTED, "server_error"),
        (fake.HANG, "timeout"),
        (fake.RESET, "reset"),
        (fake.ERROR_500, "server_error"),
        (fake.ERROR_503, "server_error"),
        (fake.slow(0.8), "timeout"),
        (Behaviour(accepts=False, status=200), "unexpected_status"),
        (Behaviour(accepts=False, status=408), "timeout"),
    ],
)
def test_what_cannot_be_known_is_unknown_and_never_posted_again(
    provider: FakeSendGrid, channel: SendGridChannel, behaviour: Behaviour, reason: str
) -> None:
    provider.script_for("m2", behaviour)
    answers = answers_of(channel, letters(5))
    assert (answers["m2"].outcome, answers["m2"].reason) == (Outcome.UNKNOWN, reason)
    assert provider.references().count("m2") == (1 if behaviour.accepts else 0)
    assert provider.requests == 5
    others = [answer.outcome for reference, answer in answers.by_reference.items() if reference != "m2"]
    assert others == [Outcome.ACCEPTED] * 4


@pytest.mark.parametrize("behaviour, reason", [(fake.BAD_REQUEST, "bad_request"), (fake.TOO_LARGE, "too_large")])
def test_a_refused_message_does_not_stop_the_others(
    provider: FakeSendGrid, channel: SendGridChannel, behaviour: Behaviour, reason: str
) -> None:
    provider.script_for("m0", behaviour)
    answers = answers_of(channel, letters(9))
    assert answers.counts() == {(Outcome.REFUSED, reason): 1, (Outcome.ACCEPTED, "accepted"): 8}
    assert answers["m0"].detail == behaviour.message


@pytest.mark.parametrize(
    "behaviour, reason",
    [
        (fake.UNAUTHORIZED, "unauthorized"),
        (fake.NO_CREDITS, "credits"),
        (fake.FORBIDDEN, "forbidden"),
        (Behaviour(accepts=False, status=404), "unexpected_status"),
        (Behaviour(accepts=False, status=307, headers={"Location": "/elsewhere"}), "unexpected_status"),
    ],
)
def test_a_denied_account_stops_what_is_not_written(provider: FakeSendGrid, behaviour: Behaviour, reason: str) -> None:
    provider.script(fake.ACCEPT, behaviour)
    channel = one_at_a_time(provider)
    with closing(channel):
        answers = answers_of(channel, letters(50))
    assert provider.requests == 2
    assert answers.counts() == {
        (Outcome.ACCEPTED, "accepted"): 1,
        (Outcome.DENIED, reason): 1,
        (Outcome.NOT_ACCEPTED, "breaker"): 48,
    }


def test_a_revoked_key_costs_at_most_one_request_per_connection(
    provider: FakeSendGrid, channel: SendGridChannel
) -> None:
    provider.api_key = "SG.a-new.one"
    answers = answers_of(channel, letters(200))
    assert provider.requests <= 4
    assert provider.acceptances == []
    assert {outcome for outcome, _ in answers.counts()} == {Outcome.DENIED, Outcome.NOT_ACCEPTED}


def test_a_429_slows_the_whole_batch_by_the_vendors_own_clock(provider: FakeSendGrid) -> None:
    provider.script(fake.ACCEPT, fake.too_many_until(int(time.time()) + 40))
    channel = one_at_a_time(provider)
    with closing(channel):
        answers = answers_of(channel, letters(20))
    assert provider.requests == 2
    assert answers.counts() == {(Outcome.ACCEPTED, "accepted"): 1, (Outcome.NOT_ACCEPTED, "rate_limited"): 19}
    waits = {answer.retry_after_seconds for answer in answers.by_reference.values()} - {None}
    assert len(waits) == 1
    assert 37 <= (waits.pop() or 0) <= 40


def test_the_retry_time_does_not_depend_on_our_clock(provider: FakeSendGrid, channel: SendGridChannel) -> None:
    """The reset is compared with the Date of the answer: here the vendor lives in 2001."""
    reset = 1_000_000_030
    stamped = Behaviour(
        accepts=False,
        status=429,
        headers={"X-RateLimit-Reset": str(reset), "Date": formatdate(reset - 30, usegmt=True)},
    )
    provider.stamps_date = False
    provider.script(stamped)
    assert answer_of(channel, letter()).retry_after_seconds == 30


def test_a_429_without_headers_names_no_time(provider: FakeSendGrid, channel: SendGridChannel) -> None:
    provider.script(fake.TOO_MANY)
    answer = answer_of(channel, letter())
    assert (answer.outcome, answer.reason, answer.retry_after_seconds) == (
        Outcome.NOT_ACCEPTED,
        "rate_limited",
        None,
    )


def test_a_429_storm_costs_at_most_one_request_per_connection(provider: FakeSendGrid, channel: SendGridChannel) -> None:
    provider.script(*[fake.TOO_MANY] * 500)
    answers = answers_of(channel, letters(200))
    assert answers.counts() == {(Outcome.NOT_ACCEPTED, "rate_limited"): 200}
    assert provider.requests <= 4


def test_the_next_batch_after_a_429_is_tried_again(provider: FakeSendGrid, channel: SendGridChannel) -> None:
    provider.script(fake.TOO_MANY)
    assert answer_of(channel, letter()).outcome is Outcome.NOT_ACCEPTED
    assert answer_of(channel, letter()).outcome is Outcome.ACCEPTED
    assert provider.references() == ["m1"]


def test_never_connected_is_not_accepted() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed_port = unused.getsockname()[1]
    channel = SendGridChannel(DEFAULT_KEY, f"http://127.0.0.1:{closed_port}", timeout_seconds=0.5)
    with closing(channel):
        answers = answers_of(channel, letters(3))
    assert answers.counts() == {(Outcome.NOT_ACCEPTED, "connect_error"): 3}


def test_a_server_that_never_finishes_the_handshake_is_not_accepted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        channel = SendGridChannel(DEFAULT_KEY, f"https://127.0.0.1:{port}", timeout_seconds=0.3)
        with closing(channel):
            answer = answer_of(channel, letter())
    assert (answer.outcome, answer.reason) == (Outcome.NOT_ACCEPTED, "connect_error")


def test_a_deadline_that_is_over_writes_nothing(provider: FakeSendGrid, channel: SendGridChannel) -> None:
    answer = answer_of(channel, letter(deadline=time.monotonic() - 1))
    assert (answer.outcome, answer.reason) == (Outcome.NOT_ACCEPTED, "deadline")
    assert provider.requests == 0


def test_a_deadline_that_passes_while_connecting_writes_nothing(provider: FakeSendGrid) -> None:
    """Rule (a): the clock is read again between the connection and the first byte."""
    readings = iter([99.0, 101.0, 102.0, 103.0])
    channel = SendGridChannel(DEFAULT_KEY, provider.base_url, monotonic=lambda: next(readings))
    with closing(channel):
        answer = answer_of(channel, letter("late", deadline=100.0))
        assert (answer.outcome, answer.reason) == (Outcome.NOT_ACCEPTED, "deadline")
        assert answer_of(channel, letter("next", deadline=200.0)).outcome is Outcome.ACCEPTED
    assert provider.references() == ["next"]
    assert provider.connections == 1


def test_consecutive_batches_reuse_the_connections(provider: FakeSendGrid, channel: SendGridChannel) -> None:
    for number in range(5):
        answers_of(channel, [letter(f"a{number}")])
    assert provider.connections == 1


def test_connections_closed_between_batches_leave_no_message_unknown(
    provider: FakeSendGrid, channel: SendGridChannel
) -> None:
    """A load balancer closes idle connections; a post on such a socket would be ambiguous for nothing."""
    for number in range(10):
        answers = answers_of(channel, [letter(f"{number}-{place}") for place in range(4)])
        assert answers.counts() == {(Outcome.ACCEPTED, "accepted"): 4}
        provider.close_connections()
        time.sleep(0.02)


def test_an_unsendable_message_is_refused_alone(provider: FakeSendGrid, channel: SendGridChannel) -> None:
    bad = letter("bad", to_email="a@b.example\r\nBcc: c@d.example")
    answers = answers_of(channel, [*letters(3), bad])
    assert answers.counts() == {(Outcome.ACCEPTED, "accepted"): 3, (Outcome.REFUSED, "unsendable"): 1}
    assert "example" not in answers["bad"].detail


def test_a_message_that_breaks_our_own_code_is_refused_alone(provider: FakeSendGrid, channel: SendGridChannel) -> None:
    broken = letter("broken", subject=None)  # type: ignore[arg-type]
    answers = answers_of(channel, [broken, *letters(3)])
    assert answers.counts() == {(Outcome.ACCEPTED, "accepted"): 3, (Outcome.REFUSED, "unsendable"): 1}


def test_what_on_answer_raises_stops_new_posts_and_passes_through(
    provider: FakeSendGrid, channel: SendGridChannel
) -> None:
    answered: list[str] = []

    def record(message: Outgoing, answer: Answer) -> None:
        answered.append(message.reference)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        channel.send(letters(100), record)
    assert provider.requests <= 4
    assert sorted(answered) == sorted(provider.references())
    assert answer_of(channel, letter("later")).outcome is Outcome.ACCEPTED


def test_posts_run_side_by_side(provider: FakeSendGrid) -> None:
    provider.script(*[fake.slow(0.2)] * 20)
    channel = SendGridChannel(DEFAULT_KEY, provider.base_url, concurrency=20)
    started = time.monotonic()
    with closing(channel):
        assert answers_of(channel, letters(20)).counts() == {(Outcome.ACCEPTED, "accepted"): 20}
    assert time.monotonic() - started < 2.0


def test_the_vendors_words_lose_their_addresses(provider: FakeSendGrid, channel: SendGridChannel) -> None:
    provider.script(Behaviour(accepts=False, status=400, message="hana@kaisha.example is not valid " + "x" * 900))
    detail = answer_of(channel, letter()).detail
    assert detail.startswith("<address> is not valid x")
    assert len(detail) == 500


def test_the_key_is_in_no_log_no_repr_and_no_answer(
    provider: FakeSendGrid, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "SG.very-secret.indeed"  # a made-up key
    caplog.set_level(logging.DEBUG)
    channel = SendGridChannel(secret, provider.base_url, timeout_seconds=0.3)
    echo = Behaviour(accepts=False, status=400, message=f"bad key {secret}")
    provider.api_key = secret
    provider.script(fake.ACCEPT, fake.ACCEPT_THEN_RESET, fake.HANG, echo)
    provider.script(*[fake.FORBIDDEN] * 5)
    answers = Answers()
    with closing(channel):
        channel.send(letters(9), answers)
    captured = capfd.readouterr()
    seen = [caplog.text, repr(channel), str(channel), captured.out, captured.err]
    seen += [repr(answer) for answer in answers.by_reference.values()]
    assert len(answers) == 9
    assert any("bad key <key>" in text for text in seen)
    assert not any(secret in text or "very-secret" in text for text in seen)


@pytest.mark.parametrize("key", ["", "SG.x\n", "SG.x y", "SG.\u3042"])
def test_a_key_that_cannot_be_one_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(SettingsError) as refused:
        SendGridChannel(key, "https://api.sendgrid.com")
    assert not key or key not in str(refused.value)


def test_tls_is_verified(tmp_path: Path) -> None:
    write_certificate(tmp_path)
    with FakeSendGrid(server_context=server_context(tmp_path)) as provider:
        trusting = SendGridChannel(DEFAULT_KEY, provider.base_url, ssl_context=client_context(tmp_path))
        with closing(trusting):
            assert answers_of(trusting, letters(10)).counts() == {(Outcome.ACCEPTED, "accepted"): 10}
        doubting = SendGridChannel(DEFAULT_KEY, provider.base_url, ssl_context=ssl.create_default_context())
        with closing(doubting):
            answer = answer_of(doubting, letter("m99"))
    assert (answer.outcome, answer.reason) == (Outcome.NOT_ACCEPTED, "connect_error")
    assert len(provider.acceptances) == 10


def test_tls_connections_closed_between_batches_leave_no_message_unknown(tmp_path: Path) -> None:
    write_certificate(tmp_path)
    with FakeSendGrid(server_context=server_context(tmp_path)) as provider:
        channel = SendGridChannel(DEFAULT_KEY, provider.base_url, ssl_context=client_context(tmp_path))
        with closing(channel):
            for number in range(5):
                answers = answers_of(channel, [letter(f"{number}-{place}") for place in range(4)])
                assert answers.counts() == {(Outcome.ACCEPTED, "accepted"): 4}
                provider.close_connections()
                time.sleep(0.05)


def test_closing_twice_is_harmless(provider: FakeSendGrid) -> None:
    channel = one_at_a_time(provider)
    answer_of(channel, letter(deadline=FAR_AWAY))
    channel.close()
    channel.close()
