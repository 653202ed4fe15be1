"""The tracking API's routes: every status code, every way to show the key, what is answered 200 is durable, and what was turned
away is counted."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.app import App
from bot.clock import FixedClock
from bot.console.web import create_web_app
from bot.intake.tracking.bodies import MOST_BODY_BYTES
from bot.intake.tracking.taking_in import take_in_tracked
from bot.settings import Settings
from storage.database import Database
from storage.posts import TRACKING, count_waiting, waiting_posts
from storage.tracking import counts_since
from tests.intake.house import names

NOW = datetime(2027, 3, 1, tzinfo=UTC)
KEY, OLD_KEY = "the-write-key-of-today", "the-write-key-of-last-year"
DITTOFEED = "Basic ZGl0dG9mZWVkOmtleS1vZi1pdHM="
GROUP = {"type": "group", "userId": "u1", "groupId": "acme", "messageId": "g1"}
TRACK = {"type": "track", "userId": "u1", "event": "login", "messageId": "t1"}

Posting = tuple[str, bytes, dict[str, str]]


@pytest.fixture
def app(sqlite_database_url: str, tmp_path: Path) -> Iterator[App]:
    settings = Settings(workspace=tmp_path, write_key=f"{KEY},{OLD_KEY},{DITTOFEED}", tracking_rate=100)
    with App.open(settings, clock=FixedClock(NOW), database=Database(sqlite_database_url)) as opened:
        yield opened


def basic(key: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def ask(app: App, *posts: Posting, method: str = "POST") -> list[httpx.Response]:
    """One server, one request after the other."""

    async def go() -> list[httpx.Response]:
        transport = httpx.ASGITransport(create_web_app(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
            return [await client.request(method, path, content=body, headers=headers) for path, body, headers in posts]

    return asyncio.run(go())


def post(app: App, path: str, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ask(app, (path, content, basic(KEY) if headers is None else headers))[0]


def counted(app: App) -> dict[str, int]:
    take_in_tracked(app.database, NOW, "UTC")
    with app.database.read() as connection:
        return counts_since(connection, NOW.date())


def test_a_batch_is_durable_when_it_is_answered_and_names_what_it_refused(app: App) -> None:
    bad = {"type": "track", "event": "login", "messageId": "m-bad"}
    answer = post(app, "/v1/batch", {"batch": [GROUP, bad, TRACK], "sentAt": NOW.isoformat()})
    error = "the event names nobody; give a userId or an anonymousId"
    assert answer.json() == {"success": True, "rejected": [{"index": 1, "messageId": "m-bad", "error": error}]}
    assert answer.status_code == 200
    assert len(waiting_posts(app.database, TRACKING)) == 1
    assert counted(app) == {"refused_no_user": 1}
    assert names(app.database) == {"customer.created": 1, "login": 1}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/group", GROUP),
        ("/v1/g", GROUP),
        ("/api/public/apps/group", GROUP),
        ("/v1/import", {"batch": [GROUP]}),
        ("/beacon/v1/batch", {"batch": [GROUP]}),
    ],
)
def test_every_route_of_the_clients_is_taken(app: App, path: str, body: Any) -> None:
    assert post(app, path, body).json() == {"success": True, "rejected": []}
    counted(app)
    assert names(app.database) == {"customer.created": 1}


@pytest.mark.parametrize(
    ("headers", "more"),
    [
        (basic(KEY), {}),
        (basic(OLD_KEY), {}),
        ({"authorization": DITTOFEED}, {}),
        ({}, {"writeKey": KEY}),
    ],
)
def test_the_key_comes_as_each_client_sends_it(app: App, headers: dict[str, str], more: dict[str, str]) -> None:
    assert post(app, "/v1/track", {**TRACK, **more}, headers).status_code == 200


@pytest.mark.parametrize("headers", [{}, basic("another-key-altogether"), {"authorization": "Basic !"}, basic("")])
def test_without_a_valid_key_nothing_is_taken_and_it_is_counted(app: App, headers: dict[str, str]) -> None:
    assert post(app, "/v1/track", TRACK, headers).status_code == 401
    assert counted(app) == {"post_wrong_key": 1}
    assert names(app.database) == {}


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "reason"),
    [
        ("/v1/track", b"no json", {}, 400, "unparsable"),
        ("/v1/track", b"[]", {}, 400, "unparsable"),
        ("/v1/batch", b'{"batch": {}}', {}, 400, "unparsable"),
        ("/v1/track", b"[" * 100_000, {}, 400, "unparsable"),
        ("/v1/track", gzip.compress(b"{}" * 50, mtime=0)[:-9], {"content-encoding": "gzip"}, 400, "unparsable"),
        ("/v1/track", b"{}", {"content-encoding": "br"}, 400, "unparsable"),
        ("/v1/track", b'{"a":"' + b"x" * 33_000 + b'"}', {}, 413, "too_large"),
        ("/v1/batch", b" " * (MOST_BODY_BYTES + 1), {}, 413, "too_large"),
        ("/v1/batch", gzip.compress(b" " * 100_000_000, mtime=0), {"content-encoding": "gzip"}, 413, "too_large"),
        ("/v1/elsewhere", b"{}", {}, 404, "unknown_call"),
    ],
)
def test_posts_that_cannot_be_taken_are_told_why(
    app: App, path: str, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    answer = post(app, path, body, {**basic(KEY), **headers})
    assert (answer.status_code, answer.json()["success"]) == (status, False)
    assert counted(app) == {f"post_{reason}": 1}


def test_gzip_and_odd_texts_are_read(app: App) -> None:
    body = json.dumps({"batch": [GROUP, {**TRACK, "event": "a\x00b\ud83d", "properties": {"n": 2**80}}]}).encode()
    answer = post(app, "/v1/batch", gzip.compress(body), {**basic(KEY), "content-encoding": "gzip"})
    assert answer.json() == {"success": True, "rejected": []}
    counted(app)
    assert names(app.database) == {"customer.created": 1, "ab?": 1}


def test_an_event_of_a_megabyte_never_loses_its_neighbours(app: App) -> None:
    large = {**TRACK, "messageId": "large", "properties": {"text": "x" * 1_000_000}}
    answer = post(app, "/v1/batch", {"batch": [GROUP, large, TRACK]})
    assert [(one["index"], one["messageId"]) for one in answer.json()["rejected"]] == [(1, "large")]
    assert counted(app) == {"refused_too_large": 1}
    assert names(app.database)["login"] == 1


def test_a_key_that_sends_too_fast_is_asked_to_come_again(app: App) -> None:
    body = json.dumps({"batch": [{**TRACK, "messageId": f"m{n}"} for n in range(1_500)]}).encode()
    first, second, other = ask(
        app, ("/v1/batch", body, basic(KEY)), ("/v1/batch", body, basic(KEY)), ("/v1/batch", body, basic(OLD_KEY))
    )
    assert (first.status_code, second.status_code, other.status_code) == (200, 429, 200)
    assert second.headers["retry-after"] == "1"


def test_browsers_of_every_site_may_post(app: App) -> None:
    asked = {"origin": "https://shop.example", "access-control-request-headers": "authorization,content-type"}
    (answer,) = ask(app, ("/v1/batch", b"", asked), method="OPTIONS")
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, "*")
    assert answer.headers["access-control-allow-headers"] == "authorization,content-type"
    beacon = {"content-type": "text/plain", "origin": "https://shop.example"}
    assert post(app, "/v1/track", {**TRACK, "writeKey": KEY}, beacon).headers["access-control-allow-origin"] == "*"


def test_without_a_configured_key_clients_keep_their_events(sqlite_database_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_database_url)
    with App.open(Settings(workspace=tmp_path), clock=FixedClock(NOW), database=database) as app:
        assert post(app, "/v1/track", TRACK).status_code == 503


def test_what_cannot_be_stored_is_the_clients_still(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("bot.console.post_box.keep_posts", full)
    assert post(app, "/v1/track", TRACK).status_code == 503
    assert count_waiting(app.database) == (0, None)


def test_a_flood_of_wrong_keys_is_counted_without_a_write_each(app: App) -> None:
    clock = app.clock
    assert isinstance(clock, FixedClock)
    wrong: Posting = ("/v1/track", b"{}", basic("wrong"))
    ask(app, *[wrong] * 40, ("/v1/track", json.dumps(TRACK).encode(), basic(KEY)))
    assert len(waiting_posts(app.database, TRACKING)) == 2
    clock.move_to(NOW + timedelta(seconds=9))
    assert counted(app)["post_wrong_key"] == 40
