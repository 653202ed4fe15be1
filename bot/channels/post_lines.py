"""Kept connections to one address, over each of which one POST goes at a time (HTTP/1.1). It writes a request once and never again,
follows no redirect and reads no word that it did not ask for. A general client costs three times as much a request (bench_send).
Before it: sendgrid.py has a body to post; after it: sendgrid.py says what the answer means."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

#: Whatever lies between us and the provider may have forgotten a connection by then, without a word.
LONGEST_IDLE_SECONDS = 15.0
SECONDS_TO_TRY_THE_NEXT_ADDRESS = 0.25
MAX_HEADERS = 64 * 1024
#: An answer explains itself in the first of it, or not at all.
MAX_BODY = 64 * 1024
SWITCHING_PROTOCOLS = 101


@dataclass(slots=True)
class PostAnswer:
    """Names of `headers` are in small letters. `body`: as much as had come, at most MAX_BODY."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class PostLine(asyncio.Protocol):
    """One connection. `is_free`: the last answer came whole, and another request may follow."""

    def __init__(self) -> None:
        self.is_free = True
        self.free_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._asked: asyncio.Future[PostAnswer] | None = None
        self._end_of_patience: asyncio.TimerHandle | None = None
        self._parser = HttpResponseParser(self)
        self._answer = PostAnswer()
        self._size_of_headers = 0

    def post(self, request: bytes, end: float) -> asyncio.Future[PostAnswer]:
        """Writes the request before it returns. The answer, with its body as far as that came by `end` (the loop's time); else
        ConnectionError, or TimeoutError: the status alone decides, so what explains it is not waited for longer."""
        assert self._transport is not None
        assert self.is_free
        self.is_free = False
        self._answer, self._size_of_headers = PostAnswer(), 0
        loop = asyncio.get_running_loop()
        self._asked = loop.create_future()
        self._end_of_patience = loop.call_at(end, self._lose_patience)
        self._transport.write(request)
        return self._asked

    def drop(self) -> None:
        self.is_free = False
        if self._end_of_patience is not None:
            self._end_of_patience.cancel()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        """Also the end of a body whose length was not told."""
        self.is_free = False
        self._break_off(ConnectionResetError("the connection was closed without an answer"))

    def _lose_patience(self) -> None:
        self._break_off(TimeoutError("no answer in time"))

    def data_received(self, data: bytes) -> None:
        if self._asked is None:
            self.drop()  # or it would be taken for the answer to the next request
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._end(ConnectionResetError(f"no answer in HTTP: {type(error).__name__}"))
            self.drop()

    def on_message_begin(self) -> None:
        if self._asked is None:
            self.drop()  # more than one answer to one request

    def on_header(self, name: bytes, value: bytes) -> None:
        self._size_of_headers += len(name) + len(value)
        if self._size_of_headers > MAX_HEADERS:
            raise ValueError("more headers than any answer has")
        self._answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._answer.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self._answer.body = (self._answer.body + data)[:MAX_BODY]
        if len(self._answer.body) == MAX_BODY:
            self._end(None)

    def on_message_complete(self) -> None:
        if self._answer.status < 200 and self._answer.status != SWITCHING_PROTOCOLS:
            self._answer = PostAnswer()  # 100, 103: the answer is still to come
            return
        assert self._transport is not None
        is_written = not self._transport.get_write_buffer_size()
        self.is_free = self._asked is not None and is_written and self._parser.should_keep_alive()
        self._end(None)

    def _break_off(self, error: OSError) -> None:
        self._end(None if self._answer.status else error)

    def _end(self, error: OSError | None) -> None:
        asked, self._asked = self._asked, None
        answer, self._answer = self._answer, PostAnswer()
        if self._end_of_patience is not None:
            self._end_of_patience.cancel()
        if asked is None or asked.done():
            return
        if error is None:
            asked.set_result(answer)
        else:
            asked.set_exception(error)


class PostLines:
    """The connections to the host of `url`, opened as they are needed. `headers` go with every request."""

    def __init__(self, url: str, headers: dict[str, str], ssl_context: ssl.SSLContext | None) -> None:
        place = urlsplit(url)
        self._is_secure = place.scheme == "https"
        self._host, self._port = place.hostname or "", place.port or (443 if self._is_secure else 80)
        self._ssl = ssl_context
        self._free: list[PostLine] = []
        target = quote(place.path or "/", safe="/%:@!$&'()*+,;=~") + (f"?{place.query}" if place.query else "")
        lines = [f"POST {target} HTTP/1.1", f"Host: {place.netloc.rpartition('@')[2].encode('idna').decode()}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._head = "\r\n".join([*lines, "Content-Length: "]).encode("ascii")

    def request(self, body: bytes) -> bytes:
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)

    async def take(self, end: float) -> PostLine:
        """A free connection, the one that was busy last, or a new one. `end`: by the loop's time. Raises: OSError, also when it is
        over."""
        now = asyncio.get_running_loop().time()
        while self._free:
            line = self._free.pop()
            if line.is_free and now - line.free_since < LONGEST_IDLE_SECONDS:
                return line
            line.drop()
        async with asyncio.timeout_at(end):
            return await self._connect()

    async def _connect(self) -> PostLine:
        if self._is_secure and self._ssl is None:
            self._ssl = ssl.create_default_context()
        _, line = await asyncio.get_running_loop().create_connection(
            PostLine,
            self._host,
            self._port,
            ssl=self._ssl if self._is_secure else None,
            happy_eyeballs_delay=SECONDS_TO_TRY_THE_NEXT_ADDRESS,
        )
        return line

    def give_back(self, line: PostLine) -> None:
        """After its answer, or instead of a request; one that still waits is closed."""
        if line.is_free:
            line.free_since = asyncio.get_running_loop().time()
            self._free.append(line)
        else:
            line.drop()

    async def close(self) -> None:
        """Those that nobody has taken."""
        while self._free:
            self._free.pop().drop()
        await asyncio.sleep(0)  # each hears of its end
