"""The web app tells whether it lives and works, on both databases, and lets nobody but Slack into `/slack/events`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from bot.app import App
from bot.clock import FixedClock
from bot.console.web import create_web_app
from bot.settings import Settings
from bot.slack.app import SlackSettings, build_bolt_app
from storage.database import Database
from storage.heartbeats import record_fault, record_success

NOW = datetime(2027, 3, 1, tzinfo=UTC)


@pytest.fixture
def app(database: Database, tmp_path: Path) -> Iterator[App]:
    with App.open(Settings(workspace=tmp_path), clock=FixedClock(NOW), database=database) as opened:
        yield opened


def _ask(web: FastAPI, path: str, *, method: str = "GET", content: bytes = b"") -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(web)
        async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
            return await client.request(method, path, content=content)

    return asyncio.run(ask())


def _tell(app: App, write: Callable[[Database], None]) -> tuple[int, dict[str, str]]:
    write(app.database)
    answer = _ask(create_web_app(app), "/readyz")
    return answer.status_code, answer.json()["checks"]


def _ticked(ago: timedelta) -> Callable[[Database], None]:
    def write(database: Database) -> None:
        with database.write() as connection:
            record_success(connection, "tick", NOW - ago)

    return write


def test_alive_does_not_ask_the_database(app: App) -> None:
    app.database.dispose()
    answer = _ask(create_web_app(app), "/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_ready_after_a_tick_of_the_last_five_minutes(app: App) -> None:
    assert _tell(app, _ticked(timedelta(minutes=5))) == (200, {"database": "ok", "schema": "ok", "tick": "ok"})


def test_not_ready_before_the_first_tick(app: App) -> None:
    assert _tell(app, lambda _: None) == (503, {"database": "ok", "schema": "ok", "tick": "no tick has succeeded yet"})


def test_not_ready_when_ticks_stopped_and_the_reason_is_told(app: App) -> None:
    def write(database: Database) -> None:
        _ticked(timedelta(minutes=5, seconds=1))(database)
        with database.write() as connection:
            record_fault(connection, "tick", NOW, "KeyError at advance:12 move")

    status, checks = _tell(app, write)
    assert status == 503
    assert checks["tick"] == ("the last successful tick was at 2027-02-28T23:54:59+00:00: KeyError at advance:12 move")


def test_not_ready_on_an_old_schema(app: App) -> None:
    def write(database: Database) -> None:
        with database.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    status, checks = _tell(app, write)
    assert status == 503
    assert "journeybot db upgrade" in checks["schema"]


def test_not_ready_without_a_database_and_the_url_is_not_told(tmp_path: Path, app: App) -> None:
    gone = Database("postgresql://someone:hunter2@127.0.0.1:1/nowhere")
    elsewhere = App(
        settings=app.settings, database=gone, clock=app.clock, channel=app.channel, installation=app.installation
    )
    answer = _ask(create_web_app(elsewhere), "/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"].startswith("out of reach (OperationalError")
    assert "hunter2" not in answer.text
    gone.dispose()


def test_metrics_show_the_database(app: App) -> None:
    answer = _ask(create_web_app(app), "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'journeybot_messages{state="unknown"} 0.0' in answer.text
    assert "process_resident_memory_bytes" in answer.text


@pytest.mark.parametrize(("secret", "status"), [("a-signing-secret", 401), (None, 404)])
def test_slack_is_mounted_only_with_a_signing_secret_and_refuses_unsigned(
    app: App, secret: str | None, status: int
) -> None:
    settings = SlackSettings(bot_token="xoxb-fake", signing_secret=secret, base_url="http://127.0.0.1:1/")
    errors: list[BaseException] = []
    slack = build_bolt_app(database=app.database, clock=app.clock, settings=settings, on_error=errors.append)
    web: FastAPI = create_web_app(app, slack=slack)
    assert _ask(web, "/slack/events", method="POST", content=b"payload={}").status_code == status
    assert errors == []
    slack.close()
