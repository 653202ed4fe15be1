"""A bare HTTPS server in its own process that answers POSTs as SendGrid does (202, empty body, X-Message-Id), as
cheaply as Python can, so that a bench measures the client. `GET /ledger` returns the references it has accepted, in
order; the ledger only grows. Use `FastHttps()` as a context manager."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fakes.certificates import CERTIFICATE, client_context, server_context, write_certificate

REFERENCE = re.compile(rb'"journeybot_message":"([^"]*)"')
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
ROOT = Path(__file__).resolve().parents[2]


class _Connection(asyncio.Protocol):
    """Parses pipelined requests out of one connection; every POST is accepted."""

    def __init__(self, ledger: list[str], delay_seconds: float) -> None:
        self._ledger = ledger
        self._delay = delay_seconds
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head_end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = CONTENT_LENGTH.search(self._buffer, 0, head_end)
            end = head_end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < end:
                return
            head, body, self._buffer = self._buffer[:head_end], self._buffer[head_end + 4 : end], self._buffer[end:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET /ledger"):
            listing = json.dumps(self._ledger).encode()
            self._write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(listing), listing))
            return
        reference = REFERENCE.search(body)
        self._ledger.append(reference[1].decode() if reference else "")
        answer = (
            b"HTTP/1.1 202 Accepted\r\nServer: nginx\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
            b"Content-Length: 0\r\nConnection: keep-alive\r\nX-Message-Id: fast-%d\r\n\r\n" % len(self._ledger)
        )
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


class FastHttps:
    """The server in a child process. `base_url`, `ssl_context` and `ledger()` are what a client needs."""

    def __init__(self, *, delay_ms: float = 0) -> None:
        self._delay_ms = delay_ms
        self._folder = tempfile.TemporaryDirectory(prefix="fast-https-")

    def __enter__(self) -> Self:
        folder = Path(self._folder.name)
        write_certificate(folder)
        self.ssl_context: ssl.SSLContext = client_context(folder)
        self.certificate = folder / CERTIFICATE
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.fast_https", str(folder), str(self._delay_ms)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.base_url = f"https://127.0.0.1:{self.port}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.communicate()
        self._folder.cleanup()

    def ledger(self) -> list[str]:
        """References accepted so far, in order of acceptance."""
        with urllib.request.urlopen(f"{self.base_url}/ledger", context=self.ssl_context) as answer:
            listing: list[str] = json.load(answer)
        return listing


async def _serve(folder: Path, delay_seconds: float) -> None:
    """Runs until standard input closes, that is until the parent is gone or done."""
    loop = asyncio.get_running_loop()
    ledger: list[str] = []
    server = await loop.create_server(
        lambda: _Connection(ledger, delay_seconds), "127.0.0.1", 0, ssl=server_context(folder), backlog=512
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), float(sys.argv[2]) / 1000))
