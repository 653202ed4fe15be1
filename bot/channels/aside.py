"""SendGrid for many mails: posting moves to a process of its own, because preparing and posting would share one interpreter. Few
mails are posted here, and so is what is left when the process dies: what it had in its hands is UNKNOWN then, never tried again.
Before it: deliver has committed the intents of every mail that it gives out. After it: deliver records the answers."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain

import structlog

from bot.channels.aside_process import Account
from bot.channels.aside_talk import MACHINE, SECONDS_TO_END, WINDOW, Process, ProcessGoneError, Talk
from bot.channels.base import Answer, MailStream, OnAnswer, Outcome, Outgoing, stop_after
from bot.channels.sendgrid import SendGridChannel
from bot.clock import SystemClock
from bot.failpoints import armed

#: A process costs about as much as it saves over so many mails.
FEW = 500
#: Where mails go no faster than that, the provider is what they wait for, and posting takes a tenth of the interpreter.
WORTH_PER_SECOND = 500.0
SECONDS_TO_START = 20.0
LOST = Answer(outcome=Outcome.UNKNOWN, reason="reset", detail="the process that posted it ended")
log = structlog.get_logger()


@dataclass(slots=True)
class _Passage:
    """One `send`. `stop` is the answer for everything not begun once an answer closed the way out."""

    mails: MailStream
    on_answer: OnAnswer
    process: Process | None = None
    is_process_lost: bool = False
    stop: Answer | None = None
    is_over: bool = False

    def tell(self, mail: Outgoing, answer: Answer) -> None:
        self.stop = self.stop or stop_after(answer)
        self.on_answer(mail, answer)

    def next(self) -> Outgoing | None:
        mail = next(self.mails, None)
        self.is_over = mail is None
        return mail


class AsideChannel:
    """A `MailChannel`, SendGrid's. Once `few` mails of one `send` were posted here, more than `worth_per_second`, a process starts
    that posts the rest and lives as long as that `send`. `waits`: nothing is posted while it starts; otherwise mails go on being
    posted here meanwhile."""

    name = SendGridChannel.name

    def __init__(
        self,
        api_key: str,
        base_url: str,
        concurrency: int = 32,
        timeout_seconds: float = 30,
        ssl_context: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] = SystemClock().monotonic,
        *,
        few: int = FEW,
        worth_per_second: float = WORTH_PER_SECOND,
        waits: bool = False,
    ) -> None:
        self._near = SendGridChannel(api_key, base_url, concurrency, timeout_seconds, ssl_context, monotonic)
        self._account = Account(
            api_key=api_key, base_url=base_url, concurrency=concurrency, timeout_seconds=timeout_seconds
        )
        self._monotonic = monotonic
        self._few = few
        self._worth_per_second = worth_per_second
        self._seconds_to_wait = SECONDS_TO_START if waits else 0.0

    def __repr__(self) -> str:
        return f"AsideChannel({self._near!r})"

    def send(self, batch: Iterable[Outgoing], on_answer: OnAnswer) -> None:
        passage = _Passage(MailStream.of(batch), on_answer)
        try:
            self._near.send(replace(passage.mails, mails=self._until_ready(passage)), passage.tell)
            if not passage.is_over and passage.stop is None and passage.process is not None:
                self._send_aside(passage, passage.process)
        finally:
            if passage.process is not None:
                passage.process.end(0.0)
        self._send_rest(passage)

    def close(self) -> None:
        self._near.close()

    def _until_ready(self, passage: _Passage) -> Iterator[Outgoing]:
        given, began = 0, MACHINE.monotonic()
        while not (self._is_worth_it(passage, given, began) and self._is_ready(passage)):
            mail = passage.next()
            if mail is None:
                return
            given += 1
            yield mail

    def _is_worth_it(self, passage: _Passage, given: int, began: float) -> bool:
        is_fast = given >= self._worth_per_second * (MACHINE.monotonic() - began)
        return passage.process is not None or (given >= self._few and is_fast)

    def _is_ready(self, passage: _Passage) -> bool:
        if passage.stop is not None or passage.is_process_lost:
            return False
        try:
            if passage.process is None:
                passage.process = Process.start(replace(self._account, failpoint=armed()))
            return passage.process.is_ready(self._seconds_to_wait)
        except (ProcessGoneError, OSError) as error:
            log.warning("no_process_to_post", error=type(error.__cause__ or error).__name__)
            passage.is_process_lost = True
            return False

    def _send_aside(self, passage: _Passage, process: Process) -> None:
        log.info("posting_aside", worker=process.running.pid)
        with ThreadPoolExecutor(1, thread_name_prefix="aside") as thread:
            talk = Talk(
                mails=passage.mails,
                tell=passage.tell,
                process=process,
                monotonic=self._monotonic,
                window=WINDOW * self._account.concurrency,
                thread=thread,
            )
            try:
                talk.hold()
                process.end(SECONDS_TO_END)
            except ProcessGoneError:
                self._give_up(passage, talk)
        if talk.failure is not None:
            raise talk.failure
        passage.is_over = talk.is_over

    def _give_up(self, passage: _Passage, talk: Talk) -> None:
        """First it is killed, so that nothing leaves any more; then nobody knows of what it had."""
        talk.process.end(0.0)
        passage.is_process_lost = True
        log.error("posting_process_gone", messages=len(talk.out), status=talk.process.running.returncode)
        for mail in talk.out.values():
            passage.tell(mail, LOST)
        spare = talk.spare()
        if spare is not None:
            passage.mails = replace(passage.mails, mails=chain((spare,), passage.mails.mails))

    def _send_rest(self, passage: _Passage) -> None:
        """After a stop, or when the process is gone."""
        if passage.is_over:
            return
        if passage.stop is None:
            self._near.send(passage.mails, passage.tell)
            return
        for mail in passage.mails:
            passage.tell(mail, passage.stop)
