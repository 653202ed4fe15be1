"""Calls of webhook steps, and a real SIGKILL at every place between claimed and recorded: none is lost, and whoever hears one twice
hears it under the same id, with the same words. On both databases."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bot.failpoints import CallPlace
from storage.webhook_calls import CALL
from tests.pipeline.provider import rows
from tests.pipeline.test_webhooks import Listener, owed
from tests.pipeline.test_webhooks import listener as listener  # the fixture
from tests.world import World

ROOT = Path(__file__).parents[2]


class Callers:
    """Passes of calls, each in a process of its own."""

    def __init__(self, world: World, process: subprocess.Popen[str]) -> None:
        self._world = world
        self._process = process

    def call(self, failpoint: str = "-") -> int:
        """The signal that ended it; 0: it came to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{self._world.now.isoformat()} {failpoint}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def time_passes(self, **span: float) -> None:
        self._world.clock.move_to(self._world.now + timedelta(**span))


@contextmanager
def calling(world: World) -> Iterator[Callers]:
    url = world.database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.promise.caller", url, world.app.installation]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        yield Callers(world, process)


def test_killed_at_every_place_no_call_is_lost_and_only_its_id_comes_twice(world: World, listener: Listener) -> None:
    owed(world, listener)
    expected = {f"{world.app.installation}.{row.id}" for row in rows(world, CALL.select())}
    assert len(expected) == 2
    with calling(world) as callers:
        for place in CallPlace:
            assert callers.call(f"{place}=kill") == signal.SIGKILL, place
            callers.time_passes(minutes=2)  # its lease is over
        assert callers.call() == 0
    assert {row.state for row in rows(world, CALL.select())} == {"delivered"}
    heard: dict[str, set[bytes]] = {}
    for headers, body in listener.heard:
        heard.setdefault(headers["webhook-id"], set()).add(body)
    assert heard.keys() == expected
    assert [len(bodies) for bodies in heard.values()] == [1, 1], "every try says the same"
    assert len(listener.heard) > 2, "what was killed after the call was called again"


@pytest.mark.parametrize("failpoint", [f"{CallPlace.BEFORE_CALL}=kill@2", f"{CallPlace.CALLED}=kill@2"])
def test_killed_between_two_calls_both_come_to_their_end(world: World, listener: Listener, failpoint: str) -> None:
    owed(world, listener)
    with calling(world) as callers:
        assert callers.call(failpoint) == signal.SIGKILL
        assert {row.state for row in rows(world, CALL.select())} == {"claimed"}
        callers.time_passes(minutes=1)
        assert callers.call() == 0
        assert {row.state for row in rows(world, CALL.select())} == {"claimed"}, "its lease is not over"
        callers.time_passes(minutes=1)
        assert callers.call() == 0
    assert {row.state for row in rows(world, CALL.select())} == {"delivered"}
