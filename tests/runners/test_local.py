"""The embedded server as a real process: it deploys, ticks, answers, and stops without leaving a doubt."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.app import App
from bot.errors import SettingsError, WorkspaceError
from bot.runners.local import run
from bot.settings import Settings
from storage.database import Database
from tests.fakes.sendgrid_server import DEFAULT_KEY, HANG, FakeSendGrid, slow
from tests.runners.serve import ASIDE, EXPLODES, GRACE
from tests.runners.shop import Server, add_customers, message_states, write_workspace

CUSTOMERS = 200
#: More than are posted in the process of the server.
MANY = 1_500
LIMIT_SECONDS = 30


@pytest.fixture
def provider() -> Iterator[FakeSendGrid]:
    with FakeSendGrid() as fake:
        yield fake


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return write_workspace(tmp_path / "workspace")


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """Whatever a test starts is gone afterwards."""
    started: list[Server] = []
    yield started
    for server in started:
        server.kill()


def _sending(provider: FakeSendGrid) -> dict[str, str]:
    return {
        "JOURNEYBOT_EMAIL": "sendgrid",
        "SENDGRID_API_KEY": DEFAULT_KEY,
        "SENDGRID_BASE_URL": provider.base_url,
        "JOURNEYBOT_PUBLIC_URL": "https://mail.acme.example",
        "JOURNEYBOT_SECRET_KEY": "a-secret-for-tests-of-thirty-two-characters",
    }


def _wait_until(provider: FakeSendGrid, requests: int) -> None:
    ends = time.monotonic() + LIMIT_SECONDS
    while provider.requests < requests:
        assert time.monotonic() < ends, f"only {provider.requests} requests arrived"
        time.sleep(0.02)


def test_sigterm_in_a_batch_leaves_no_fate_unknown(
    database_url: str, workspace: Path, provider: FakeSendGrid, servers: list[Server]
) -> None:
    """What was handed over is recorded, what was not waits, and the next start sends each of the rest exactly once."""
    database = Database(database_url)
    add_customers(database, CUSTOMERS)
    provider.script(*[slow(0.4)] * CUSTOMERS)
    servers.append(server := Server.start(workspace, database_url, **_sending(provider)))
    _wait_until(provider, 40)

    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.end() == 0, server.raw
    assert time.monotonic() - began < LIMIT_SECONDS

    states = message_states(database)
    assert set(states) == {"accepted", "pending"}
    assert states.total() == CUSTOMERS
    assert 40 <= states["accepted"] == len(provider.acceptances) < CUSTOMERS

    with database.write() as connection:
        connection.execute(text("UPDATE message SET not_before = created_at WHERE state = 'pending'"))
    servers.append(again := Server.start(workspace, database_url, **_sending(provider)))
    _wait_until(provider, CUSTOMERS)
    again.process.send_signal(signal.SIGTERM)
    assert again.end() == 0, again.raw
    assert message_states(database) == {"accepted": CUSTOMERS}
    assert len(set(provider.references())) == len(provider.references()) == CUSTOMERS
    database.dispose()


def test_sigterm_while_another_process_posts_leaves_no_fate_unknown(
    sqlite_database_url: str, workspace: Path, provider: FakeSendGrid, servers: list[Server]
) -> None:
    """The signal reaches both, as from a terminal or a container: what was begun is recorded, the rest waits."""
    database = Database(sqlite_database_url)
    add_customers(database, MANY)
    provider.script(*[slow(0.2)] * MANY)
    servers.append(server := Server.start(workspace, sqlite_database_url, **_sending(provider), **{ASIDE: "1"}))
    posting = server.wait_for("posting_aside")
    _wait_until(provider, provider.requests + 100)

    for process in (posting["worker"], server.process.pid):
        os.kill(process, signal.SIGTERM)
    assert server.end() == 0, server.raw
    states = message_states(database)
    assert set(states) == {"accepted", "pending"}
    assert states.total() == MANY
    assert states["accepted"] == len(provider.acceptances) == len(set(provider.references())) < MANY
    database.dispose()


def test_a_provider_that_hangs_cannot_keep_us_from_ending(
    sqlite_database_url: str, workspace: Path, provider: FakeSendGrid, servers: list[Server]
) -> None:
    database = Database(sqlite_database_url)
    add_customers(database, 3)
    provider.script(*[HANG] * 3)
    servers.append(server := Server.start(workspace, sqlite_database_url, **_sending(provider), **{GRACE: "1"}))
    _wait_until(provider, 3)
    server.process.send_signal(signal.SIGTERM)
    assert server.end() == 1
    assert message_states(database) == {"submitting": 3}  # becomes unknown when the lease ends; never sent again
    database.dispose()


def test_a_tick_that_explodes_is_told_and_the_server_goes_on(
    sqlite_database_url: str, workspace: Path, servers: list[Server]
) -> None:
    servers.append(server := Server.start(workspace, sqlite_database_url, **{EXPLODES: "1"}))
    broke = server.wait_for("part_broke", part="tick")
    if not server.port:
        server.wait_for("running")
    assert broke["error"] == "ValueError"
    assert "serve:" in broke["at"]
    assert server.get("/healthz") == (200, '{"status":"alive"}')
    status, body = server.get("/readyz")
    assert status == 503
    assert json.loads(body)["checks"]["tick"].startswith("no tick has succeeded yet: ValueError at serve")
    assert 'journeybot_ticks_total{result="failed"} 1.0' in server.get("/metrics")[1]
    assert server.process.poll() is None
    server.process.send_signal(signal.SIGINT)
    assert server.end() == 0
    assert "tanaka" not in "".join(server.raw)


def test_a_running_server_is_ready_and_counts_what_it_did(
    sqlite_database_url: str, workspace: Path, servers: list[Server]
) -> None:
    database = Database(sqlite_database_url)
    add_customers(database, 5)
    database.dispose()
    servers.append(server := Server.start(workspace, sqlite_database_url, JOURNEYBOT_OUTBOX_DIR=str(workspace / "out")))
    deployed = server.wait_for("deployed")
    assert deployed["playbooks"] == 1
    ticked = server.wait_for("ticked")
    if not server.port:
        server.wait_for("running")
    assert ticked["messages"] == {"accepted": 5}
    status, body = server.get("/readyz")
    assert (status, json.loads(body)) == (
        200,
        {"ready": True, "checks": {"database": "ok", "schema": "ok", "tick": "ok"}},
    )
    status, numbers = server.get("/metrics")
    assert status == 200
    for line in (
        'journeybot_messages{state="accepted"} 5.0',
        'journeybot_messages{state="pending"} 0.0',
        'journeybot_message_outcomes_total{state="accepted"} 5.0',
        "journeybot_due_walks 0.0",
        'journeybot_ticks_total{result="ok"} 1.0',
    ):
        assert line in numbers
    assert len(list((workspace / "out").rglob("*.eml"))) == 5
    server.process.send_signal(signal.SIGTERM)
    assert server.end() == 0
    assert "customer.example" not in "".join(server.raw)
    assert "Person" not in "".join(server.raw)


def test_a_taken_port_is_an_error_before_anything_is_sent(tmp_path: Path, workspace: Path) -> None:
    with socket.socket() as taken, App.open(Settings(workspace=workspace)) as app:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingsError, match="cannot listen on") as caught:
            run(app, host="127.0.0.1", port=taken.getsockname()[1])
        assert "JOURNEYBOT_PORT" in caught.value.hint
        assert app.published() is None


def test_a_broken_workspace_ends_the_first_start(workspace: Path) -> None:
    (workspace / "playbooks" / "journeys" / "hello.yml").write_text("title: Hello\nstate: live\nstpes: []\n")
    with App.open(Settings(workspace=workspace)) as app, pytest.raises(WorkspaceError):
        run(app, host="127.0.0.1", port=0)


def test_until_ends_the_server_and_gives_the_signals_back(workspace: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    looks: list[int] = []

    def until() -> bool:
        looks.append(1)
        return len(looks) >= 3

    with App.open(Settings(workspace=workspace)) as app:
        run(app, host="127.0.0.1", port=0, until=until)
        assert app.published() is not None
    assert signal.getsignal(signal.SIGTERM) is before
