"""What the provider may do to us for longer than a moment: refuse the key, limit the rate for an hour. Nothing is lost, nothing
is doubled, one person is told once (delivery.md, faults that release depends on)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from bot.channels.base import Answer, Outcome
from tests.pipeline.scenes import company, journey, states
from tests.promise.moody import moody
from tests.world import World

CUSTOMERS = 20
REVOKED = Answer(outcome=Outcome.DENIED, reason="unauthorized", status=401)
TOO_MANY = Answer(outcome=Outcome.NOT_ACCEPTED, reason="rate_limited", status=429)


def _owed(world: World) -> list[str]:
    world.mail("hello")
    journey(world, "p", "- email: hello\n- log: Over")
    world.deploy()
    keys = [f"c{number}" for number in range(CUSTOMERS)]
    for key in keys:
        company(world, key)
    return keys


def _all_sent_once(world: World, keys: list[str]) -> None:
    taken = Counter(mail.reference for mail in world.channel.accepted)
    assert set(taken.values()) == {1}
    assert [key for key in keys if [state for _, state in states(world, key)] != ["accepted"]] == []
    assert len(world.channel.accepted) == CUSTOMERS


def _told(world: World, reason: str) -> int:
    return [decision.reason for decision in world.decisions].count(reason)


def _refuses_for(world: World, answer: Answer, span: timedelta) -> None:
    """Every mail that is offered meanwhile gets this answer."""
    channel = moody(world)
    channel.mood = answer
    world.tick()
    world.time_passes(seconds=span.total_seconds(), every=timedelta(minutes=20))
    channel.mood = None


def test_key_revoked_for_a_day_loses_nothing_and_alerts_once(world: World) -> None:
    keys = _owed(world)
    _refuses_for(world, REVOKED, timedelta(hours=20))
    assert _told(world, "transport_denied") == 1
    offered = len(world.channel.offered)
    # Not ten thousand failures: one look every quarter of an hour, and a batch at most each time.
    assert offered <= 20 * 4 * CUSTOMERS
    assert {state for key in keys for _, state in states(world, key)} == {"pending"}
    world.time_passes(hours=2, every=timedelta(minutes=20))
    _all_sent_once(world, keys)
    assert _told(world, "transport_denied") == 1


def test_429_for_an_hour_slows_the_transport_and_loses_nothing(world: World) -> None:
    keys = _owed(world)
    _refuses_for(world, TOO_MANY, timedelta(hours=1))
    assert _told(world, "transport_slowed") == 1
    world.time_passes(hours=3, every=timedelta(minutes=10))
    _all_sent_once(world, keys)


@pytest.mark.parametrize("reset_in", [0.0, 59.0, 3600.0])
def test_429_with_any_reset_time_is_kept_to(world: World, reset_in: float) -> None:
    keys = _owed(world)
    limited = Answer(outcome=Outcome.NOT_ACCEPTED, reason="rate_limited", status=429, retry_after_seconds=reset_in)
    channel = moody(world)
    channel.mood = limited
    world.tick()
    offered = len(world.channel.offered)
    channel.mood = None
    if reset_in > 1:
        world.time_passes(seconds=reset_in - 1, every=timedelta(minutes=10))
        assert len(world.channel.offered) == offered
    world.time_passes(minutes=90, every=timedelta(minutes=5))
    _all_sent_once(world, keys)
