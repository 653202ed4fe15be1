"""Posts mails to SendGrid's v3 API. It never posts a message twice and never logs or shows the key: without proof that
a message was not accepted its answer is UNKNOWN (design/delivery.md). asyncio stays inside `send`: one loop, kept
between batches so that connections are reused. Before it: deliver commits intents; after it: deliver records."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterable, Sized
from contextvars import ContextVar
from dataclasses import dataclass, field

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

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
from bot.channels.sendgrid_answers import ACCEPTED_STATUS, accepted, refusal_of
from bot.channels.sendgrid_payload import body_bytes
from bot.clock import SystemClock
from bot.errors import SettingsError
from bot.failpoints import Place, is_armed, pass_by

SEND_PATH = "/v3/mail/send"
MAX_ERROR_BODY = 64 * 1024
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


class _NotWrittenError(Exception):
    """Raised between the connection and the first byte; carries the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


_FLIGHT: ContextVar[_Flight] = ContextVar("_FLIGHT")


class _GatedConnector(aiohttp.TCPConnector):
    """Connecting can take seconds, so the deadline is asked when the connection is there, just before the first byte
    (delivery.md, rule a). From here on a failure is ambiguous."""

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:
        connection = await super().connect(req, traces, timeout)
        flight = _FLIGHT.get()
        if (obstacle := flight.obstacle()) is not None:
            connection.release()
            raise _NotWrittenError(obstacle)
        flight.may_have_left = True
        pass_by(Place.BEFORE_WRITE)
        return connection


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
        self._url = URL(base_url.rstrip("/") + SEND_PATH)
        self._concurrency = concurrency
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._ssl = ssl_context
        self._monotonic = monotonic
        self._runner = asyncio.Runner()
        self._session: aiohttp.ClientSession | None = None
        self._one_batch_at_a_time = threading.Lock()

    def __repr__(self) -> str:
        return f"SendGridChannel({str(self._url)!r}, concurrency={self._concurrency})"

    def send(self, batch: Iterable[Outgoing], on_answer: OnAnswer) -> None:
        with self._one_batch_at_a_time:
            self._runner.run(self._send(batch, on_answer))

    def close(self) -> None:
        with self._one_batch_at_a_time:
            if self._session is not None:
                self._runner.run(self._session.close())
                self._session = None
            self._runner.close()

    async def _send(self, batch: Iterable[Outgoing], on_answer: OnAnswer) -> None:
        session = self._session = self._session or self._open_session()
        for _ in range(ROUNDS_TO_NOTICE_CLOSED_SOCKETS):
            await asyncio.sleep(0)
        shared = _Batch(messages=MailStream.of(batch), on_answer=on_answer)
        workers = min(self._concurrency, len(batch)) if isinstance(batch, Sized) else self._concurrency
        await asyncio.gather(*(self._work(session, shared) for _ in range(workers)))
        if shared.failure is not None:
            raise shared.failure

    def _open_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=_GatedConnector(limit=self._concurrency, ssl=self._ssl or True),
            headers={"Authorization": f"Bearer {self._api_key}", "Content-Type": "application/json"},
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            trace_configs=[_watch_writing()] if is_armed([Place.WRITTEN]) else None,
        )

    async def _work(self, session: aiohttp.ClientSession, batch: _Batch) -> None:
        """One of `concurrency` workers: takes messages one by one until there are none, and reports each answer."""
        flight = _Flight(batch=batch, monotonic=self._monotonic)
        _FLIGHT.set(flight)
        while (message := await batch.next()) is not None:
            answer = await self._answer_for(session, message, flight)
            batch.stop = batch.stop or stop_after(answer)
            batch.tell(message, answer)

    async def _answer_for(self, session: aiohttp.ClientSession, message: Outgoing, flight: _Flight) -> Answer:
        flight.deadline, flight.may_have_left = message.deadline, False
        try:
            return flight.obstacle() or await self._post(session, body_bytes(message))
        except UnsendableError as error:
            return error.answer()
        except _NotWrittenError as stopped:
            return stopped.answer
        except Exception as error:  # noqa: BLE001  one message's fault must never take the batch with it
            return _answer_without_response(error, flight)

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> Answer:
        response = await session.post(self._url, data=body, allow_redirects=False)
        try:
            if response.status == ACCEPTED_STATUS:
                return accepted(response.headers)
            return refusal_of(response.status, response.headers, await self._error_body(response))
        finally:
            response.release()

    async def _error_body(self, response: aiohttp.ClientResponse) -> bytes:
        """The vendor's explanation. The status alone decides, so an explanation that breaks off is no explanation."""
        try:
            body = await response.content.read(MAX_ERROR_BODY)
        except (aiohttp.ClientError, OSError):
            return b""
        return body.replace(self._api_key.encode(), b"<key>")


def _watch_writing() -> aiohttp.TraceConfig:
    """Says when the body of a request has left; made only for a test that armed the place. aiohttp tells just before it
    writes, and writes without giving way, so the next turn of the loop is after it."""
    watch = aiohttp.TraceConfig()

    async def leaving(*_: object) -> None:
        asyncio.get_running_loop().call_soon(pass_by, Place.WRITTEN)

    watch.on_request_chunk_sent.append(leaving)
    return watch


def _answer_without_response(error: Exception, flight: _Flight) -> Answer:
    """What a failure says: before the first byte the message is still ours, after it nobody knows (rule c)."""
    detail = without_addresses(f"{type(error).__name__}: {error}")
    if flight.may_have_left:
        reason = "timeout" if isinstance(error, TimeoutError) else "reset"
        return Answer(outcome=Outcome.UNKNOWN, reason=reason, detail=detail)
    if isinstance(error, aiohttp.ClientError | OSError):
        return Answer(outcome=Outcome.NOT_ACCEPTED, reason="connect_error", detail=detail)
    return Answer(outcome=Outcome.REFUSED, reason="unsendable", detail=type(error).__name__)
