"""POST /slack/events: only what Slack signed gets through, and nothing answers 500."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette

from bot.clock import FixedClock, SystemClock
from bot.pipeline.escalate import post_handoffs
from bot.slack.app import SlackApp, SlackSettings, build_bolt_app
from bot.slack.http import is_signed, slack_routes
from storage.database import Database
from storage.handoffs import HandoffState
from tests.fakes.slack_server import BOT_TOKEN, SlackServer, press_of, wait_until
from tests.slack.world import UNPOSTED, World
from tests.storage.handoff_rows import handoff

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "slack_signatures.json").read_text())
SECRET = "fake-secret"


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_signatures_are_judged_as_the_vectors_say(vector: dict[str, Any]) -> None:
    clock = FixedClock(datetime.fromtimestamp(vector["server_now"], UTC))
    headers = {"x-slack-request-timestamp": vector["timestamp"], "x-slack-signature": vector["signature"]}
    found = is_signed(vector["body"].encode(), headers, signing_secret=vector["signing_secret"], clock=clock)
    assert found is vector["expect_valid"]


class Client:
    """Posts to the route as a server would hand it over."""

    def __init__(self, app: SlackApp) -> None:
        self._app = Starlette(routes=slack_routes(app))

    def post(self, content: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return asyncio.run(self._post(content, headers or {}))

    async def _post(self, content: bytes, headers: dict[str, str]) -> httpx.Response:
        wire = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
            return await client.post("/slack/events", content=content, headers=wire)


@pytest.fixture
def client(database: Database, slack: SlackServer) -> Iterator[Client]:
    settings = SlackSettings(bot_token=BOT_TOKEN, signing_secret=SECRET, base_url=slack.base_url)
    app = build_bolt_app(database=database, clock=SystemClock(), settings=settings, on_error=lambda error: None)
    yield Client(app)
    app.close()


def signed(body: bytes, *, age: int = 0) -> dict[str, str]:
    stamp = str(int(time.time()) - age)
    digest = hmac.new(SECRET.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={digest}",
        "content-type": "application/x-www-form-urlencoded",
    }


BODY = urlencode({"payload": json.dumps({"type": "block_actions"})}).encode()
GOOD = signed(BODY)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**GOOD, "x-slack-request-timestamp": ""},
        {**GOOD, "x-slack-request-timestamp": "abc"},
        {**GOOD, "x-slack-request-timestamp": "1e9"},
        {**GOOD, "x-slack-request-timestamp": "9" * 400},
        {**GOOD, "x-slack-request-timestamp": "-1"},
        {**GOOD, "x-slack-signature": ""},
        {**GOOD, "x-slack-signature": "v0=é"},
        {**GOOD, "x-slack-signature": GOOD["x-slack-signature"].upper()},
        signed(BODY + b"x"),
        signed(BODY, age=301),
        signed(BODY, age=-3600),
    ],
)
def test_unsigned_stale_empty_or_strange_headers_are_refused(client: Client, headers: dict[str, str]) -> None:
    assert client.post(BODY, headers).status_code == 401


def test_an_unsigned_ssl_check_is_refused_too(client: Client) -> None:
    assert client.post(b"ssl_check=1&token=x").status_code == 401


def test_bodies_that_are_no_text_or_too_large_are_refused(client: Client) -> None:
    junk = b"\xff\xfe\x00"
    assert client.post(junk, signed(junk)).status_code == 401
    large = b"x" * 1_000_001
    assert client.post(large, signed(large)).status_code == 413


def test_without_a_signing_secret_nothing_gets_through(database: Database, slack: SlackServer) -> None:
    settings = SlackSettings(bot_token=BOT_TOKEN, base_url=slack.base_url)
    app = build_bolt_app(database=database, clock=SystemClock(), settings=settings, on_error=lambda error: None)
    assert Client(app).post(BODY, GOOD).status_code == 401
    app.close()


def test_slacks_url_verification_is_answered(client: Client) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
    answer = client.post(body, {**signed(body), "content-type": "application/json"})
    assert (answer.status_code, answer.json()) == (200, {"challenge": "abc"})


def test_a_signed_click_is_recorded(client: Client, world: World) -> None:
    it = handoff(world.database, **UNPOSTED)
    post_handoffs(world.poster())
    post = world.slack.posts[0]
    body = urlencode({"payload": json.dumps(press_of(post, post.actions[0]))}).encode()
    assert client.post(body, signed(body)).status_code == 200
    wait_until(lambda: world.row(it).state is HandoffState.ACKNOWLEDGED)
    wait_until(lambda: "acknowledged this" in str(post.blocks))


def test_a_click_is_acknowledged_before_anything_else_is_done_however_many_come(
    database: Database, slack: SlackServer
) -> None:
    """The pool that hands clicks to Bolt is full of work that does not end; Slack hears "received" all the same."""
    told: list[BaseException] = []
    settings = SlackSettings(bot_token=BOT_TOKEN, signing_secret=SECRET, base_url=slack.base_url)
    app = build_bolt_app(database=database, clock=SystemClock(), settings=settings, on_error=told.append)
    held, client = threading.Event(), Client(app)
    for _ in range(4):
        app.context.background.take(lambda: print(held.wait(30)))
    begun = time.monotonic()
    assert [client.post(BODY, signed(BODY)).status_code for _ in range(50)] == [200] * 50
    assert time.monotonic() - begun < 3
    assert told == []
    held.set()
    app.close()
    assert len(told) == 50, "a click that nobody listens to is told to whoever runs it"


def test_a_signed_body_that_is_neither_a_form_nor_json_is_refused(client: Client) -> None:
    for body in (b"payload=%7Bnot-json", b"{not json", b"payload=%5B1%5D"):
        assert client.post(body, signed(body)).status_code == 400
