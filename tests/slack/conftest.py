"""The fake Slack, and worlds around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storage.database import Database
from tests.fakes.slack_server import SlackServer
from tests.slack.world import World


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server
        assert server.faults == [], "Slack would have refused these blocks"


@pytest.fixture
def world(database: Database, slack: SlackServer) -> World:
    return World(database=database, slack=slack)
