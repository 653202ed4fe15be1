"""A scriptable SendGrid over real HTTP(S) on 127.0.0.1. Each POST takes the next behaviour of the script, by default it
is accepted. `acceptances` is the append-only oracle: what the provider took over, whatever it then answered."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import urllib.request
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.fakes.sendgrid_rules import faults
from tests.fakes.sendgrid_webhook import signed

#: A post of the real one holds up to 1 MB.
EVENTS_IN_A_POST = 500
DEFAULT_KEY = "SG.fake-key-id.fake-key-secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How one request is treated: `accepts` puts it into the ledger before anything is answered."""

    accepts: bool
    status: int | None = None
    """None: no answer at all."""
    headers: dict[str, str] = field(default_factory=dict)
    message: str = ""
    resets: bool = False
    """Closes the connection with RST instead of hanging until the fake ends."""
    delay_seconds: float = 0.0
    message_id: bool = True
    """False: 202 without X-Message-Id."""


ACCEPT = Behaviour(accepts=True, status=202)
ACCEPT_WITHOUT_ID = Behaviour(accepts=True, status=202, message_id=False)
ACCEPT_THEN_HANG = Behaviour(accepts=True)
ACCEPT_THEN_RESET = Behaviour(accepts=True, resets=True)
HANG = Behaviour(accepts=False)
RESET = Behaviour(accepts=False, resets=True)
ERROR_500_ACCEPTED = Behaviour(accepts=True, status=500, message="Internal Server Error")
ERROR_500 = Behaviour(accepts=False, status=500, message="Internal Server Error")
ERROR_503 = Behaviour(accepts=False, status=503, message="Service Unavailable")
TOO_MANY = Behaviour(accepts=False, status=429, message="too many requests")
BAD_REQUEST = Behaviour(accepts=False, status=400, message="Bad Request")
UNAUTHORIZED = Behaviour(
    accepts=False, status=401, message="The provided authorization grant is invalid, expired, or revoked"
)
NO_CREDITS = Behaviour(accepts=False, status=401, message="Maximum credits exceeded")
FORBIDDEN = Behaviour(accepts=False, status=403, message="The from address does not match a verified Sender Identity.")
TOO_LARGE = Behaviour(accepts=False, status=413, message="Payload too large")


def too_many_until(reset_epoch_seconds: int) -> Behaviour:
    """429 with the rate-limit headers, which mail/send often leaves out."""
    headers = {
        "X-RateLimit-Limit": "600",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(reset_epoch_seconds),
    }
    return Behaviour(accepts=False, status=429, message="too many requests", headers=headers)


def slow(seconds: float) -> Behaviour:
    return Behaviour(accepts=True, status=202, delay_seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """One message that the provider took over."""

    reference: str
    to_email: str
    message_id: str
    payload: dict[str, Any]


class FakeSendGrid:
    """Use as a context manager. `requests` counts POSTs that arrived, accepted or not."""

    def __init__(self, *, api_key: str = DEFAULT_KEY, server_context: ssl.SSLContext | None = None) -> None:
        self.api_key = api_key
        self.acceptances: list[Acceptance] = []
        self.requests = 0
        self.connections = 0
        self.stamps_date = True
        """False: only a behaviour's own headers may hold a Date."""
        self.end = threading.Event()
        self._scheme = "https" if server_context else "http"
        self._script: deque[Behaviour] = deque()
        self._for_reference: dict[str, Behaviour] = {}
        self._lock = threading.Lock()
        self._server = _Server(self, server_context)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.end.set()
        self._server.shutdown()
        self.close_connections()
        self._server.server_close()
        self._thread.join()

    @property
    def base_url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def script(self, *behaviours: Behaviour) -> None:
        """The next requests, in order of arrival."""
        self._script.extend(behaviours)

    def script_for(self, reference: str, behaviour: Behaviour) -> None:
        """Every request with this reference, before the script."""
        self._for_reference[reference] = behaviour

    def behave_well(self) -> None:
        """Forget the script: from now on every request is accepted."""
        self._script.clear()
        self._for_reference.clear()

    def references(self) -> list[str]:
        return [acceptance.reference for acceptance in self.acceptances]

    def close_connections(self) -> None:
        """Closes every open connection, as a load balancer does with idle ones."""
        self._server.close_connections()

    def behave(self, reference: str) -> Behaviour:
        with self._lock:
            self.requests += 1
            if reference in self._for_reference:
                return self._for_reference[reference]
            return self._script.popleft() if self._script else ACCEPT

    def post_events(self, url: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Tell our event webhook, signed, as the real one does; it must say that it has them."""
        for first in range(0, len(events), EVENTS_IN_A_POST):
            body = json.dumps(events[first : first + EVENTS_IN_A_POST]).encode()
            headers = {"Content-Type": "application/json", **signed(body)}
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as answer:
                assert answer.status == 204, f"the webhook answered {answer.status}"

    def record(self, payload: dict[str, Any]) -> str:
        """Takes the message over; returns its X-Message-Id."""
        with self._lock:
            acceptance = Acceptance(
                reference=reference_of(payload),
                to_email=payload["personalizations"][0]["to"][0]["email"],
                message_id=f"fake-{len(self.acceptances) + 1}",
                payload=payload,
            )
            self.acceptances.append(acceptance)
            return acceptance.message_id


def reference_of(payload: object) -> str:
    if not isinstance(payload, dict):
        return ""
    return str(payload.get("custom_args", {}).get("journeybot_message", ""))


class _Server(ThreadingHTTPServer):
    request_queue_size = 256

    def __init__(self, provider: FakeSendGrid, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.provider = provider
        self._context = context
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            connection = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.add(connection)
        self.provider.connections += 1
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                self._open.discard(connection)  # the client was first

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or a handshake it refuses, is no fault of the fake."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        provider = self.server.provider
        body = self.rfile.read(int(self.headers["Content-Length"]))
        payload = _parsed(body)
        behaviour = provider.behave(reference_of(payload))
        if self.headers["Authorization"] != f"Bearer {provider.api_key}":
            behaviour = UNAUTHORIZED
        if self.path != "/v3/mail/send":
            behaviour = Behaviour(accepts=False, status=404, message="not found")
        found = faults(payload)
        if behaviour.accepts and found:
            self._answer(400, {}, {"errors": found})
            return
        message_id = provider.record(payload) if behaviour.accepts else ""
        provider.end.wait(behaviour.delay_seconds)
        self._behave(behaviour, message_id)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: tests read the ledger."""

    def _behave(self, behaviour: Behaviour, message_id: str) -> None:
        if behaviour.status is None:
            self._say_nothing(resets=behaviour.resets)
        elif behaviour.status == 202:
            self._answer(202, {"X-Message-Id": message_id} if behaviour.message_id else {}, None)
        else:
            errors = [{"message": behaviour.message, "field": None, "help": None}]
            self._answer(behaviour.status, behaviour.headers, {"errors": errors})

    def _say_nothing(self, *, resets: bool) -> None:
        self.close_connection = True
        if not resets:
            self.server.provider.end.wait()
            return
        # A zero linger turns close() into RST.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.wfile.close()
        self.connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: dict[str, Any] | None) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response_only(status)
        if self.server.provider.stamps_date:
            self.send_header("Date", self.date_time_string())
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
