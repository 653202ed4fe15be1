"""POST /slack/events: checks the signature before Bolt sees anything (slack_bolt 1.30 answers 500 to a timestamp that is
no number, and 200 to an unsigned `ssl_check`), then hands over. 401 unless signed within five minutes; 413 over 1 MB; 400 for
what is neither a form nor JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from slack_bolt.adapter.starlette.handler import to_bolt_request, to_starlette_response
from slack_sdk.signature import Clock as VerifierClock
from slack_sdk.signature import SignatureVerifier
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.clock import Clock
from bot.slack.app import SlackApp

PATH = "/slack/events"
MOST_BYTES = 1_000_000
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


class _Now(VerifierClock):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now().timestamp()


def is_signed(body: bytes, headers: Mapping[str, str], *, signing_secret: str | None, clock: Clock) -> bool:
    """Whether Slack sent exactly this body within the last five minutes. Header names in lower case; never raises."""
    timestamp = headers.get("x-slack-request-timestamp", "")
    signature = headers.get("x-slack-signature", "")
    if not signing_secret or not signing_secret.strip():
        return False
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        return False
    try:
        return SignatureVerifier(signing_secret, _Now(clock)).is_valid(body, timestamp, signature)
    except UnicodeDecodeError:
        # Slack's bodies are forms and JSON; what is not UTF-8 is not Slack's.
        return False


def slack_routes(app: SlackApp) -> list[Route]:
    """To be mounted by the console or by a server of its own."""

    async def slack_events(request: Request) -> Response:
        body = await _body_of(request)
        if body is None:
            return PlainTextResponse("too large\n", status_code=413)
        secret = app.settings.signing_secret
        if not is_signed(body, request.headers, signing_secret=secret, clock=app.clock):
            return PlainTextResponse("not signed by Slack\n", status_code=401)
        told = _read(body)
        if told is None:
            return PlainTextResponse("neither a form nor JSON\n", status_code=400)
        if app.takes(told):
            return PlainTextResponse("")
        return to_starlette_response(await run_in_threadpool(app.bolt.dispatch, to_bolt_request(request, body)))

    return [Route(PATH, slack_events, methods=["POST"])]


async def _body_of(request: Request) -> bytes | None:
    """None: longer than Slack's payloads ever are; the rest is not read."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


def _read(body: bytes) -> dict[str, Any] | None:
    """What Slack says: JSON (events), a form with JSON in it (interactions), or a form (commands). None: none of them."""
    try:
        text = body.decode()
        form = {} if text.startswith("{") else dict(parse_qsl(text, keep_blank_values=True))
        found = form if form and "payload" not in form else json.loads(form.get("payload", text))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
