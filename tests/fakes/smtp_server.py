"""A scriptable SMTP server on 127.0.0.1, in clear, with STARTTLS or with TLS from the start. Each message takes the next
behaviour of the script, by default it is accepted. `acceptances` is the append-only oracle."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What goes wrong with one message: a reply at MAIL, RCPT, DATA or after the dot, or a lost connection."""

    mail: str | None = None
    rcpt: str | None = None
    data: str | None = None
    after_dot: str | None = None
    lost_at_mail: bool = False
    lost_after_dot: bool = False
    accepts_before_loss: bool = False
    hangs_after_dot: bool = False
    seconds_before_go_ahead: float = 0.0


NONE = Trouble()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One message that the server took over, dots removed."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    encrypted: bool


class FakeSmtp:
    """Use as a context manager. `tls`: "none", "starttls" or "implicit". `login` is (user, password), or None."""

    def __init__(
        self, *, tls: str = "none", context: ssl.SSLContext | None = None, login: tuple[str, str] | None = None
    ) -> None:
        self.tls, self.context, self.login = tls, context, login
        self.login_reply: str | None = None
        self.acceptances: list[Submission] = []
        self.connections = 0
        self.end = threading.Event()
        self._script: deque[Trouble] = deque()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.end.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def script(self, *troubles: Trouble) -> None:
        self._script.extend(troubles)

    def next_trouble(self) -> Trouble:
        return self._script.popleft() if self._script else NONE


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, provider: FakeSmtp) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.provider = provider

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        self.provider.connections += 1
        if self.provider.tls == "implicit":
            assert self.provider.context is not None
            connection = self.provider.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or a handshake it refuses, is no fault of the fake."""


class _Session(socketserver.StreamRequestHandler):
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.encrypted = self.server.provider.tls == "implicit"
        self.sender = ""
        self.recipients: list[str] = []
        self.trouble = NONE
        self.open = True

    def handle(self) -> None:
        self._say("220 fake.example ESMTP")
        while self.open and (line := self.rfile.readline()):
            verb, _, rest = line.decode("ascii").strip().partition(" ")
            step = getattr(self, f"_on_{verb.lower()}", None)
            if step is None:
                self._say("502 5.5.1 Command not implemented")
            else:
                step(rest)

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def _on_ehlo(self, _: str) -> None:
        provider = self.server.provider
        offers = ["STARTTLS"] if provider.tls == "starttls" and not self.encrypted else []
        offers += ["AUTH PLAIN"] if provider.login is not None else []
        names = ["fake.example", *offers, "SIZE 10000000"]
        self._say(*(f"250{' ' if name is names[-1] else '-'}{name}" for name in names))

    def _on_starttls(self, _: str) -> None:
        self._say("220 2.0.0 Ready to start TLS")
        assert self.server.provider.context is not None
        self.connection = self.server.provider.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.encrypted = True

    def _on_auth(self, rest: str) -> None:
        provider = self.server.provider
        user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")[1:]
        if provider.login_reply is not None:
            self._say(provider.login_reply)
        elif (user, password) == provider.login:
            self._say("235 2.7.0 Authentication successful")
        else:
            self._say("535 5.7.8 Authentication credentials invalid")

    def _on_mail(self, rest: str) -> None:
        self.trouble = self.server.provider.next_trouble()
        self.sender, self.recipients = _address(rest), []
        if self.trouble.lost_at_mail:
            self.open = False
            return
        self._say(self.trouble.mail or "250 2.1.0 Ok")

    def _on_rcpt(self, rest: str) -> None:
        self.recipients.append(_address(rest))
        self._say(self.trouble.rcpt or "250 2.1.5 Ok")

    def _on_data(self, _: str) -> None:
        if self.trouble.data is not None:
            self._say(self.trouble.data)
            return
        time.sleep(self.trouble.seconds_before_go_ahead)
        self._say("354 End data with <CR><LF>.<CR><LF>")
        lines: list[bytes] = []
        while (line := self.rfile.readline()) and line != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        if line:
            self._end_of_data(b"".join(lines))

    def _end_of_data(self, content: bytes) -> None:
        trouble = self.trouble
        loses = trouble.lost_after_dot or trouble.hangs_after_dot
        if trouble.after_dot is None and (not loses or trouble.accepts_before_loss):
            self.server.provider.acceptances.append(
                Submission(
                    sender=self.sender,
                    recipients=tuple(self.recipients),
                    content=content,
                    encrypted=self.encrypted,
                )
            )
        if trouble.hangs_after_dot:
            self.server.provider.end.wait()
        if loses:
            self.open = False
            return
        self._say(trouble.after_dot or f"250 2.0.0 Ok: queued as {len(self.server.provider.acceptances)}")

    def _on_rset(self, _: str) -> None:
        self._say("250 2.0.0 Ok")

    def _on_quit(self, _: str) -> None:
        self._say("221 2.0.0 Bye")
        self.open = False


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]
