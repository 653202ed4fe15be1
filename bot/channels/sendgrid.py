"""Posts mails to SendGrid's v3 API. It never posts a message twice and never logs or shows the key: without proof that
a message was not accepted its answer is UNKNOWN (design/delivery.md). asyncio stays inside `send`: one loop, kept
between batches so that connections are reused. Before it: deliver commits intents; after it: deliver records."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass, field

from bot.channels.base import (
    Answer,
    MailStream,
    OnAnswer,
    Outcome,
    Outgoing,
    UnsendableError,
    stop_after,
    without_addresses,
)
from bot.channels.post_lines import PostAnswer, PostLines
from bot.channels.sendgrid_answers import ACCEPTED_STATUS, accepted, refusal_of
from bot.channels.sendgrid_payload import body_bytes
from bot.clock import SystemClock
from bot.errors import SettingsError
from bot.failpoints import Place, pass_by

SEND_PATH = "/v3/mail/send"
# A socket that the provider closed between two batches shows it only when the loop runs: TLS needs a few rounds.
ROUNDS_TO_NOTICE_CLOSED_SOCKETS = 5

_DEADLINE = Answer(outcome=Outcome.NOT_ACCEPTED, reason="deadline", detail="not written: the lease was nearly over")


@dataclass(slots=True)
class _Batch:
    """What the workers of one `send` share. `stop` answers every message that is not written yet; `failure`, of the caller,
    ends them all and is raised again when the posts in flight are answered."""

    messages: MailStream
    on_answer: OnAnswer
    stop: Answer | None = None
    failure: BaseException | None = None
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def next(self) -> Outgoing | None:
        """None: there is no more, or something broke. What may wait waits in a thread, for the requests in flight go on."""
        if not self.one_at_a_time.locked() and not self.messages.may_wait():
            return self._next()
        async with self.one_at_a_time:
            if not self.messages.may_wait():
                return self._next()
            return await asyncio.get_running_loop().run_in_executor(None, self._next)

    def _next(self) -> Outgoing | None:
        try:
            return next(self.messages, None) if self.failure is None else None
        except BaseException as error:  # noqa: BLE001
            self.failure = error
            return None

    def tell(self, message: Outgoing, answer: Answer) -> None:
        try:
            self.on_answer(message, answer)
        except BaseException as error:  # noqa: BLE001
            self.failure = self.failure or error


@dataclass(slots=True)
class _Flight:
    """One worker's current message: whether bytes of it may have left, and what forbids writing it."""

    batch: _Batch
    monotonic: Callable[[], float]
    deadline: float = 0.0
    may_have_left: bool = False

    def obstacle(self) -> Answer | None:
        return self.batch.stop or (_DEADLINE if self.monotonic() >= self.deadline else None)


class SendGridChannel:
    """A `MailChannel`. `timeout_seconds` bounds one request, connecting included."""

    name = "sendgrid"

    def __init__(
        self,
        api_key: str,
        base_url: str,
        concurrency: int = 32,
        timeout_seconds: float = 30,
        ssl_context: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] = SystemClock().monotonic,
    ) -> None:
        if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
            raise SettingsError(
                "The SendGrid API key is empty or holds spaces or control characters",
                where="SENDGRID_API_KEY",
                hint="copy the key again, without quotes or a line break",
            )
        self._api_key = api_key
        self._url = base_url.rstrip("/") + SEND_PATH
        self._concurrency = concurrency
        self._timeout_seconds = timeout_seconds
        headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json", "Accept": "*/*"}
        self._lines = PostLines(self._url, headers, ssl_context)
        self._monotonic = monotonic
        self._runner = asyncio.Runner()
        self._one_batch_at_a_time = threading.Lock()
        self._is_closed = False

    def __repr__(self) -> str:
        return f"SendGridChannel({self._url!r}, concurrency={self._concurrency})"

    def send(self, batch: Iterable[Outgoing], on_answer: OnAnswer) -> None:
        with self._one_batch_at_a_time:
            self._runner.run(self._send(batch, on_answer))

    def close(self) -> None:
        with self._one_batch_at_a_time:
            if not self._is_closed:
                self._runner.run(self._lines.close())
                self._runner.close()
            self._is_closed = True

    async def _send(self, batch: Iterable[Outgoing], on_answer: OnAnswer) -> None:
        for _ in range(ROUNDS_TO_NOTICE_CLOSED_SOCKETS):
            await asyncio.sleep(0)
        shared = _Batch(messages=MailStream.of(batch), on_answer=on_answer)
        workers = min(self._concurrency, len(batch)) if isinstance(batch, Sized) else self._concurrency
        await asyncio.gather(*(self._work(shared) for _ in range(workers)))
        if shared.failure is not None:
            raise shared.failure

    async def _work(self, batch: _Batch) -> None:
        """One of `concurrency` workers: takes messages one by one until there are none, and reports each answer."""
        flight = _Flight(batch=batch, monotonic=self._monotonic)
        while (message := await batch.next()) is not None:
            answer = await self._answer_for(message, flight)
            batch.stop = batch.stop or stop_after(answer)
            batch.tell(message, answer)

    async def _answer_for(self, message: Outgoing, flight: _Flight) -> Answer:
        flight.deadline, flight.may_have_left = message.deadline, False
        try:
            return flight.obstacle() or await self._post(body_bytes(message), flight)
        except UnsendableError as error:
            return error.answer()
        except Exception as error:  # noqa: BLE001  one message's fault must never take the batch with it
            return _answer_without_response(error, flight)

    async def _post(self, body: bytes, flight: _Flight) -> Answer:
        """Connecting can take seconds, so the deadline is asked again when the connection is there, just before the first byte
        (delivery.md, rule a). From there on a failure is ambiguous."""
        end = asyncio.get_running_loop().time() + self._timeout_seconds
        line = await self._lines.take(end)
        try:
            if (obstacle := flight.obstacle()) is not None:
                return obstacle
            flight.may_have_left = True
            pass_by(Place.BEFORE_WRITE)
            asked = line.post(self._lines.request(body), end)
            pass_by(Place.WRITTEN)
            return self._read(await asked)
        finally:
            self._lines.give_back(line)

    def _read(self, found: PostAnswer) -> Answer:
        if found.status == ACCEPTED_STATUS:
            return accepted(found.headers)
        return refusal_of(found.status, found.headers, found.body.replace(self._api_key.encode(), b"<key>"))


def _answer_without_response(error: Exception, flight: _Flight) -> Answer:
    """What a failure says: before the first byte the message is still ours, after it nobody knows (rule c)."""
    detail = without_addresses(f"{type(error).__name__}: {error}")
    if flight.may_have_left:
        reason = "timeout" if isinstance(error, TimeoutError) else "reset"
        return Answer(outcome=Outcome.UNKNOWN, reason=reason, detail=detail)
    if isinstance(error, OSError):
        return Answer(outcome=Outcome.NOT_ACCEPTED, reason="connect_error", detail=detail)
    return Answer(outcome=Outcome.REFUSED, reason="unsendable", detail=type(error).__name__)
