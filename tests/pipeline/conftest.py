"""The world of this folder: whatever a test does, the opted-out customer is never handed to a channel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cast import address
from tests.pipeline.scenes import OPTED_OUT
from tests.world import World


@pytest.fixture(name="world")
def world_that_respects_a_no(world: World) -> Iterator[World]:
    yield world
    offered = [mail.to_email for mail in world.channel.offered]
    assert address(OPTED_OUT, "nakano") not in offered
