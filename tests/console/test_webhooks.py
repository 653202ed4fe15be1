"""The webhook routes: every status code, nothing larger than the limit is read, and what was answered 204 is durable."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.types import Message

from bot.app import App
from bot.clock import FixedClock
from bot.console.post_box import PostBox, PostBoxFull
from bot.console.web import create_web_app
from bot.console.webhooks import MOST_EVENT_BYTES, MOST_REPLY_BYTES
from bot.errors import SettingsError
from bot.settings import Settings
from storage.database import Database
from storage.posts import Post, count_waiting, forget_posts, waiting_posts
from tests.fakes.sendgrid_webhook import FORM, public_key, signed, wire_events, wire_reply

NOW = datetime(2027, 3, 1, tzinfo=UTC)
SECRET = "a-secret-of-some-length"
BODY = json.dumps(wire_events("abc-1")).encode()
EVENTS, REPLIES = "/webhooks/sendgrid", f"/webhooks/inbound/{SECRET}"


@pytest.fixture
def app(database: Database, tmp_path: Path) -> Iterator[App]:
    settings = Settings(workspace=tmp_path, sendgrid_webhook_public_key=public_key(), inbound_secret=SECRET)
    with App.open(settings, clock=FixedClock(NOW), database=database) as opened:
        yield opened


def post(
    app: App, path: str, content: bytes | AsyncIterator[bytes], headers: dict[str, str] | None = None
) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(create_web_app(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
            return await client.post(path, content=content, headers=headers or {})

    return asyncio.run(ask())


def kept(app: App) -> list[bytes]:
    return [row.body for row in waiting_posts(app.database)]


def test_signed_events_are_kept_as_they_came_and_answered_204(app: App) -> None:
    answer = post(app, EVENTS, BODY, signed(BODY))
    assert (answer.status_code, answer.content) == (204, b"")
    (row,) = waiting_posts(app.database)
    assert (row.source, row.body, row.received_at) == ("sendgrid", BODY, NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(BODY, key=ec.generate_private_key(ec.SECP256R1())),
        {**signed(BODY), "x-twilio-email-event-webhook-timestamp": ""},
        {**signed(BODY), "x-twilio-email-event-webhook-timestamp": "1803861601"},
        {**signed(BODY), "x-twilio-email-event-webhook-signature": "!!"},
        signed(BODY[:-1]),
    ],
)
def test_forged_events_are_answered_401_and_not_kept(app: App, headers: dict[str, str]) -> None:
    assert post(app, EVENTS, BODY, headers).status_code == 401
    assert kept(app) == []


@pytest.mark.parametrize(
    "body", [b"", b"no json", b"3", BODY[:-2], b"[" * 100_000, gzip.compress(BODY, mtime=0), b"\xff\xfe"]
)
def test_signed_but_no_json_is_answered_400(app: App, body: bytes) -> None:
    assert post(app, EVENTS, body, signed(body)).status_code == 400
    assert kept(app) == []


def test_a_gzip_bomb_is_never_unpacked(app: App) -> None:
    bomb = gzip.compress(b" " * 400_000_000, 9)
    headers = {**signed(bomb), "content-encoding": "gzip", "content-type": "application/json"}
    assert len(bomb) < MOST_EVENT_BYTES
    assert post(app, EVENTS, bomb, headers).status_code == 400
    assert post(app, EVENTS, bomb, {**headers, **signed(b"x")}).status_code == 401


@pytest.mark.parametrize("size", [MOST_EVENT_BYTES + 1, 10_000_000])
def test_more_than_a_megabyte_is_answered_413(app: App, size: int) -> None:
    body = b"[" + b" " * (size - 2) + b"]"
    assert post(app, EVENTS, body, signed(body)).status_code == 413
    assert kept(app) == []


def test_exactly_a_megabyte_is_taken(app: App) -> None:
    body = b"[" + b" " * (MOST_EVENT_BYTES - 2) + b"]"
    assert post(app, EVENTS, body, signed(body)).status_code == 204


def test_a_body_of_unknown_length_is_not_read_beyond_the_limit(app: App) -> None:
    """Asked below the client, which would hand over everything at once."""
    read: list[int] = []

    async def receive() -> Message:
        read.append(100_000)
        return {"type": "http.request", "body": b"x" * 100_000, "more_body": True}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "http_version": "1.1", "scheme": "http", "path": EVENTS, "query_string": b"",
        "raw_path": EVENTS.encode(), "root_path": "", "headers": [], "client": ("127.0.0.1", 1), "server": ("bot", 80),
    }  # fmt: skip
    asyncio.run(create_web_app(app)(scope, receive, send))
    assert sent[0]["status"] == 413
    assert sum(read) <= MOST_EVENT_BYTES + 100_000


def test_without_a_key_nobody_is_let_in(database: Database, tmp_path: Path) -> None:
    with App.open(Settings(workspace=tmp_path), clock=FixedClock(NOW), database=database) as app:
        assert post(app, EVENTS, BODY, signed(BODY)).status_code == 503
        assert post(app, REPLIES, b"", {"content-type": FORM}).status_code == 503
        assert kept(app) == []


def test_a_key_that_is_none_stops_the_server_before_it_starts(database: Database, tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path, sendgrid_webhook_public_key="MFkw-not-a-key")
    with (
        App.open(settings, clock=FixedClock(NOW), database=database) as app,
        pytest.raises(SettingsError, match="SENDGRID_WEBHOOK_PUBLIC_KEY"),
    ):
        create_web_app(app)


def test_only_posts_are_taken(app: App) -> None:
    async def ask() -> int:
        transport = httpx.ASGITransport(create_web_app(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
            return (await client.get(EVENTS)).status_code

    assert asyncio.run(ask()) == 405


def test_replies_are_kept_as_they_came(app: App) -> None:
    body = wire_reply("sendgrid_inbound_parse", reference="abc-1")
    assert post(app, REPLIES, body, {"content-type": FORM}).status_code == 204
    (row,) = waiting_posts(app.database)
    assert (row.source, row.body, row.content_type) == ("inbound", body, FORM)


@pytest.mark.parametrize("secret", ["x", SECRET[:-1], SECRET + "x", SECRET.upper(), "%C3%A9", "%FF"])
def test_replies_to_another_address_are_answered_401(app: App, secret: str) -> None:
    assert post(app, f"/webhooks/inbound/{secret}", b"", {"content-type": FORM}).status_code == 401


def test_replies_must_be_forms_of_a_bounded_size(app: App) -> None:
    assert post(app, REPLIES, b"{}", {"content-type": "application/json"}).status_code == 400
    headers = {"content-type": FORM, "content-length": str(MOST_REPLY_BYTES + 1)}
    assert post(app, REPLIES, b"", headers).status_code == 413


def test_posts_that_come_together_share_commits_and_all_are_kept(app: App) -> None:
    box = PostBox(app.database)

    async def many() -> None:
        await asyncio.gather(*(box.keep(_post(str(number).encode())) for number in range(50)))

    asyncio.run(many())
    assert sorted(kept(app)) == sorted(str(number).encode() for number in range(50))


def test_a_database_that_takes_nothing_is_told_to_the_vendor(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(database: Database, posts: list[Post]) -> None:
        raise OSError("database or disk is full")

    monkeypatch.setattr("bot.console.post_box.keep_posts", full)
    assert post(app, EVENTS, BODY, signed(BODY)).status_code == 503
    monkeypatch.undo()
    assert post(app, EVENTS, BODY, signed(BODY)).status_code == 204


def test_a_hanging_disk_does_not_fill_the_memory(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.console.post_box.MOST_WAITING_BYTES", 10)
    with pytest.raises(PostBoxFull):
        asyncio.run(PostBox(app.database).keep(_post(b"x" * 11)))


def test_a_tick_that_holds_the_database_keeps_no_vendor_waiting(app: App) -> None:
    """SQLite has one writer; the posts have a file of their own."""
    with app.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM pause")
        assert post(app, EVENTS, BODY, signed(BODY)).status_code == 204
    assert kept(app) == [BODY]


def test_what_was_taken_in_is_forgotten(app: App) -> None:
    post(app, EVENTS, BODY, signed(BODY))
    assert count_waiting(app.database) == (1, NOW)
    forget_posts(app.database, [row.id for row in waiting_posts(app.database)])
    assert count_waiting(app.database) == (0, None)


def test_every_answer_is_counted(app: App) -> None:
    web = create_web_app(app)

    async def ask() -> str:
        transport = httpx.ASGITransport(web)
        async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
            await client.post(EVENTS, content=BODY, headers=signed(BODY))
            await client.post(EVENTS, content=BODY)
            return (await client.get("/metrics")).text

    text = asyncio.run(ask())
    assert 'journeybot_webhook_posts_total{route="sendgrid",status="204"} 1.0' in text
    assert 'journeybot_webhook_posts_total{route="sendgrid",status="401"} 1.0' in text
    assert "journeybot_waiting_posts 1.0" in text


def _post(body: bytes) -> Post:
    return Post(source="sendgrid", content_type="application/json", received_at=NOW, body=body)
