"""Socket Mode against a real WebSocket: clicks arrive, are acknowledged and recorded; Slack being down is waited out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bot.pipeline.escalate import post_handoffs
from bot.slack.socket_mode import SocketModeConnection, run_socket_mode
from storage.handoffs import HandoffState
from tests.fakes.slack_payloads import home_opened
from tests.fakes.slack_server import APP_TOKEN, Failure, press_of, wait_until
from tests.slack.world import UNPOSTED, World
from tests.storage.handoff_rows import handoff

Connect = Callable[..., SocketModeConnection]


@pytest.fixture
def connect(world: World) -> Iterator[Connect]:
    app = world.app()
    opened: list[SocketModeConnection] = []

    def connect(pause_seconds: float = 0.05) -> SocketModeConnection:
        opened.append(run_socket_mode(app, APP_TOKEN, on_error=world.errors.append, pause_seconds=pause_seconds))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()
    app.close()


def test_a_click_over_socket_mode_is_acknowledged_and_recorded(world: World, connect: Connect) -> None:
    it = handoff(world.database, **UNPOSTED)
    post_handoffs(world.poster())
    post = world.slack.posts[0]
    connection = connect()
    wait_until(lambda: connection.is_connected)
    assert world.slack.press(press_of(post, post.actions[0]), "e1") < 3
    wait_until(lambda: "acknowledged this" in str(post.blocks))
    assert world.row(it).state is HandoffState.ACKNOWLEDGED
    assert world.errors == []


def test_slack_down_at_the_start_is_told_and_tried_again(world: World, connect: Connect) -> None:
    world.slack.fail("apps.connections.open", Failure(status=503), times=2)
    connection = connect()
    wait_until(lambda: connection.is_connected)
    assert len(world.errors) == 2


def test_closing_while_slack_is_down_does_not_hang(world: World, connect: Connect) -> None:
    world.slack.fail("apps.connections.open", Failure(status=503), times=99)
    connection = connect(pause_seconds=30)
    wait_until(lambda: len(world.errors) > 0)
    connection.close()
    assert not connection.is_connected


def test_commands_and_app_home_come_over_socket_mode_too(world: World, connect: Connect) -> None:
    handoff(world.database)
    connection = connect()
    wait_until(lambda: connection.is_connected)
    world.slack.command("handoffs")
    wait_until(lambda: len(world.slack.responses) == 1)
    assert "Call" in world.slack.responses[0]["text"]
    world.slack.event(home_opened())
    wait_until(lambda: any(view.user == "U1" for view in world.slack.views))
    assert "Call" in str(world.slack.home("U1").blocks)
    assert world.errors == []
