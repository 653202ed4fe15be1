"""The fake Slack, and worlds around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database
from tests.fakes.slack_server import SlackServer
from tests.slack.desk_world import DeskWorld
from tests.slack.world import World
from tests.world import World as WholeWorld


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server
        assert server.faults == [], "Slack would have refused these blocks"


@pytest.fixture
def world(database: Database, slack: SlackServer) -> World:
    return World(database=database, slack=slack)


@pytest.fixture
def desk(database: Database, slack: SlackServer, tmp_path: Path) -> Iterator[DeskWorld]:
    """The whole product with a Slack beside it."""
    whole = WholeWorld(database, tmp_path / "workspace")
    found = DeskWorld(world=whole, slack=slack)
    yield found
    found.close()
    whole.assert_explained()
