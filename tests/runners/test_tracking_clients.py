"""Unmodified clients against the real server: what they were told is kept becomes facts, within seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rudderstack.analytics.client as rudderstack
import segment.analytics.client as segment
from sqlalchemy import text

from storage.database import Database
from tests.runners.shop import WAIT_SECONDS, Server, write_workspace

KEY = "the-write-key-of-a-client"


@pytest.fixture
def server(sqlite_database_url: str, tmp_path: Path) -> Iterator[Server]:
    started = Server.start(
        write_workspace(tmp_path / "workspace"), sqlite_database_url, JOURNEYBOT_WRITE_KEY=f"older-key-of-ours,{KEY}"
    )
    try:
        started.wait_for("running")
        yield started
    finally:
        started.kill()


@pytest.mark.parametrize("made_by", [segment, rudderstack], ids=["segment", "rudderstack"])
def test_a_client_for_python_needs_nothing_but_our_address(
    server: Server, sqlite_database_url: str, made_by: Any
) -> None:
    wrong: list[Exception] = []
    client = made_by.Client(
        KEY,
        host=f"http://127.0.0.1:{server.port}",
        gzip=True,
        upload_interval=0.05,
        on_error=lambda error, _batch: wrong.append(error),
    )
    yesterday = datetime.now(UTC) - timedelta(days=1)
    client.group("u-1", "acme", {"name": "Acme", "tier": "pro"})
    client.identify("u-1", {"email": "ada@acme.example", "name": "Ada"})
    for number in range(250):
        client.track("u-1", "report_created", {"value": number}, timestamp=yesterday)
    client.page("u-1", "Docs", "Pricing")
    client.alias("a-1", "u-1")
    client.shutdown()
    assert wrong == []
    database = Database(sqlite_database_url)
    found = until(database, 251)
    assert found == {"report_created": 250, "page_viewed": 1}
    with database.read() as connection:
        usage = connection.execute(text("SELECT count, total, users FROM daily_usage WHERE event = 'report_created'"))
        assert [tuple(row) for row in usage] == [(250, float(sum(range(250))), 1)]
        contact = connection.execute(text("SELECT key, email, name FROM contact")).one()
    assert tuple(contact) == ("u-1", "ada@acme.example", "Ada")
    database.dispose()


def until(database: Database, number: int) -> dict[str, int]:
    """Events by name, once there are so many."""
    end = time.monotonic() + WAIT_SECONDS
    counted = text("SELECT name, count(*) FROM event WHERE source = 'tracking' GROUP BY name")
    while True:
        with database.read() as connection:
            found = {name: count for name, count in connection.execute(counted)}
        if sum(found.values()) >= number or time.monotonic() > end:
            return found
        time.sleep(0.1)
