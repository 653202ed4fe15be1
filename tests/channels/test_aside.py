"""Many mails are posted by a process of its own. Whoever dies, the provider's ledger holds no mail twice and every mail that
had a chance to leave is told as such (delivery.md: we never guess)."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot import failpoints
from bot.channels import aside_talk
from bot.channels.aside import AsideChannel
from bot.channels.aside_talk import WINDOW
from bot.channels.base import Answer, MailStream, Outcome, Outgoing
from bot.clock import SystemClock
from tests.channels.letters import Answers, answers_of, closing, letters
from tests.fakes import sendgrid_server as fake
from tests.fakes.sendgrid_server import DEFAULT_KEY, FakeSendGrid

AT_ONCE = 4
MAILS = 120
ROOT = Path(__file__).parents[2]
ACCEPTED = (Outcome.ACCEPTED, "accepted")
LOST = (Outcome.UNKNOWN, "reset")
Made = Callable[..., AsideChannel]


@pytest.fixture
def provider() -> Iterator[FakeSendGrid]:
    with FakeSendGrid() as running:
        yield running


def aside(
    provider: FakeSendGrid, *, few: int = 0, worth: float = 0, timeout_seconds: float = 5.0, **more: Callable[[], float]
) -> AsideChannel:
    return AsideChannel(
        *(DEFAULT_KEY, provider.base_url, AT_ONCE, timeout_seconds),
        **{"few": few, "worth_per_second": worth, "waits": True, **more},  # type: ignore[arg-type]
    )


def children_of(process: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(process), "-f", "aside_process"], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


def wait_until(is_so: Callable[[], object], seconds: float = 30.0) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Something happens to the process while this thread sends."""
    with ThreadPoolExecutor(1) as thread:
        doing = thread.submit(work)
        yield
        doing.result()


def each_once(provider: FakeSendGrid) -> bool:
    return len(set(provider.references())) == len(provider.references())


def test_many_mails_are_posted_by_another_process_once_each(provider: FakeSendGrid) -> None:
    provider.script(*[fake.slow(0.02)] * MAILS)
    seen: list[tuple[int, str]] = []

    def look() -> None:
        wait_until(lambda: len(provider.acceptances) > 10)
        for child in children_of(os.getpid()):
            line = subprocess.run(["ps", "-o", "args=", "-p", str(child)], capture_output=True, text=True).stdout
            seen.append((child, line))

    channel = aside(provider)
    with closing(channel), meanwhile(look):
        answers = answers_of(channel, letters(MAILS))
    assert answers.counts() == {ACCEPTED: MAILS}
    assert each_once(provider)
    assert {entry.reference: entry.message_id for entry in provider.acceptances} == {
        reference: answer.provider_message_id for reference, answer in answers.by_reference.items()
    }
    assert len(seen) == 1, "one process"
    assert DEFAULT_KEY not in seen[0][1], "everybody reads a command line"
    assert DEFAULT_KEY not in repr(channel)
    assert children_of(os.getpid()) == []


def test_few_mails_need_no_process(provider: FakeSendGrid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    channel = aside(provider, few=10)
    with closing(channel):
        assert answers_of(channel, letters(9)).counts() == {ACCEPTED: 9}


def test_a_provider_that_takes_its_time_needs_no_process(provider: FakeSendGrid) -> None:
    def watched() -> Iterator[Outgoing]:
        yield from letters(MAILS)
        assert children_of(os.getpid()) == []

    channel, answers = aside(provider, few=3, worth=1e6), Answers()
    with closing(channel):
        channel.send(watched(), answers)
    assert answers.counts() == {ACCEPTED: MAILS}


def test_where_no_process_can_be_had_the_mails_go_all_the_same(
    provider: FakeSendGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    for executable in ("/nowhere/python", "/bin/false"):
        monkeypatch.setattr(sys, "executable", executable)
        channel = aside(provider, few=3)
        with closing(channel):
            assert answers_of(channel, letters(20)).counts() == {ACCEPTED: 20}
    assert len(provider.acceptances) == 40


def test_a_kill_of_the_process_leaves_what_it_had_unknown_and_the_rest_goes(provider: FakeSendGrid) -> None:
    provider.script(*[fake.slow(0.02)] * MAILS)

    def kill() -> None:
        wait_until(lambda: len(provider.acceptances) > 30)
        os.kill(children_of(os.getpid())[0], signal.SIGKILL)

    channel = aside(provider)
    with closing(channel), meanwhile(kill):
        answers = answers_of(channel, letters(MAILS))
    counts = answers.counts()
    assert set(counts) == {ACCEPTED, LOST}
    assert 1 <= counts[LOST] <= WINDOW * AT_ONCE
    assert each_once(provider)
    told_accepted = {found for found, answer in answers.by_reference.items() if answer.outcome is Outcome.ACCEPTED}
    assert told_accepted <= set(provider.references())


def test_a_failpoint_acts_in_the_process_and_not_in_its_parent(provider: FakeSendGrid) -> None:
    failpoints.arm("socket.before_write=kill@9")
    told: dict[str, Answer] = {}

    def on_answer(mail: Outgoing, answer: Answer) -> None:
        assert mail.reference not in told
        if answer.outcome is Outcome.UNKNOWN:
            failpoints.disarm()  # what is left is posted here
        told[mail.reference] = answer

    channel = aside(provider)
    try:
        with closing(channel):
            channel.send(letters(MAILS), on_answer)
    finally:
        failpoints.disarm()
    assert len(told) == MAILS
    assert sum(answer.outcome is Outcome.UNKNOWN for answer in told.values()) >= 1
    assert each_once(provider)


def test_a_process_that_freezes_is_not_waited_for_for_ever(
    provider: FakeSendGrid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside_talk, "PATIENCE_SECONDS", 0.5)
    provider.script(*[fake.slow(0.02)] * MAILS)

    def freeze() -> None:
        wait_until(lambda: len(provider.acceptances) > 30)
        os.kill(children_of(os.getpid())[0], signal.SIGSTOP)

    channel = aside(provider, timeout_seconds=0.5)
    with closing(channel), meanwhile(freeze):
        counts = answers_of(channel, letters(MAILS)).counts()
    assert counts[LOST] <= WINDOW * AT_ONCE
    assert counts[LOST] + counts[ACCEPTED] == MAILS
    assert each_once(provider)
    assert children_of(os.getpid()) == []


def test_a_parent_that_stops_lets_end_what_is_begun_and_nothing_else(provider: FakeSendGrid) -> None:
    """Signals to the whole group do not end the process; its parent does."""
    provider.script(*[fake.slow(0.05)] * MAILS)
    stopping: list[bool] = []

    def stop() -> None:
        wait_until(lambda: len(provider.acceptances) > 20)
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(children_of(os.getpid())[0], number)
        stopping.append(True)

    channel = aside(provider, monotonic=lambda: math.inf if stopping else SystemClock().monotonic())
    with closing(channel), meanwhile(stop):
        counts = answers_of(channel, letters(MAILS)).counts()
    assert set(counts) == {ACCEPTED, (Outcome.NOT_ACCEPTED, "deadline")}
    assert counts[ACCEPTED] == len(provider.acceptances) < MAILS - WINDOW * AT_ONCE


def test_a_deadline_by_another_clock_is_kept(provider: FakeSendGrid) -> None:
    """The clock of a test stands still; what counts is how much time was left when the mail was handed over."""
    channel = aside(provider, monotonic=lambda: 1_000.0)
    mails = [replace(mail, deadline=1_000.0 + 60 * (number % 2)) for number, mail in enumerate(letters(MAILS))]
    with closing(channel):
        counts = answers_of(channel, mails).counts()
    assert counts == {ACCEPTED: MAILS / 2, (Outcome.NOT_ACCEPTED, "deadline"): MAILS / 2}


@pytest.mark.parametrize("few", [0, 5])
def test_a_refusal_of_the_whole_account_stops_both_processes(provider: FakeSendGrid, few: int) -> None:
    provider.script(*[fake.UNAUTHORIZED] * MAILS)
    channel = aside(provider, few=few)
    with closing(channel):
        counts = answers_of(channel, letters(MAILS)).counts()
    assert set(counts) == {(Outcome.DENIED, "unauthorized"), (Outcome.NOT_ACCEPTED, "breaker")}
    assert provider.requests <= AT_ONCE


def test_what_the_callers_code_raises_passes_through_and_nothing_more_is_begun(provider: FakeSendGrid) -> None:
    told: list[str] = []

    def on_answer(mail: Outgoing, _: Answer) -> None:
        told.append(mail.reference)
        if len(told) == 20:
            raise ZeroDivisionError

    channel = aside(provider)
    with closing(channel):
        with pytest.raises(ZeroDivisionError):
            channel.send(letters(MAILS), on_answer)
        assert len(told) <= 20 + WINDOW * AT_ONCE
        assert len(provider.acceptances) < MAILS
        assert children_of(os.getpid()) == []


def test_answers_are_told_while_the_next_mail_is_waited_for(provider: FakeSendGrid) -> None:
    """As when the database is locked: all answers come before the mail that is waited for."""
    told = Answers()

    def mails() -> Iterator[Outgoing]:
        yield from letters(MAILS)[:-1]
        wait_until(lambda: len(told) == MAILS - 1)
        yield letters(MAILS)[-1]

    channel = aside(provider)
    with closing(channel):
        channel.send(MailStream(mails=mails(), may_wait=lambda: len(provider.acceptances) > MAILS // 2), told)
    assert told.counts() == {ACCEPTED: MAILS}


SENDER = """
import sys
from bot.channels.aside import AsideChannel
from tests.channels.letters import letters
channel = AsideChannel("SG.fake-key-id.fake-key-secret", sys.argv[1], 4, few=0, worth_per_second=0, waits=True)
channel.send(letters(500), lambda mail, answer: print(mail.reference, flush=True))
"""


def test_a_kill_of_the_parent_ends_the_process_after_what_it_has_begun(provider: FakeSendGrid) -> None:
    provider.script(*[fake.slow(0.05)] * 500)
    parent = subprocess.Popen([sys.executable, "-c", SENDER, provider.base_url], cwd=ROOT, stdout=subprocess.DEVNULL)
    wait_until(lambda: len(provider.acceptances) > 30)
    (child,) = children_of(parent.pid)
    parent.kill()
    parent.wait()
    at_the_kill = len(provider.acceptances)
    wait_until(lambda: not is_alive(child))
    assert len(provider.acceptances) <= at_the_kill + 2 * AT_ONCE
    assert each_once(provider)


def is_alive(process: int) -> bool:
    """A process that nobody waits for stays as a zombie where there is no init."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True).stdout
    return bool(found.strip()) and not found.startswith("Z")
