"""Holds and pauses with an end: whoever wants a mail to wait is heeded until they, or its expiry, say otherwise. Both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.channels.base import Answer, Outcome
from bot.errors import UsageError
from bot.pipeline import outbox_acts
from bot.pipeline.holding import hold_mail, release_mail
from bot.pipeline.operate import pause
from tests.cast import cast
from tests.world import World

BY = "sato"
JOURNEY = """
    title: Welcome
    state: live
    walks: customer
    enter: {when: stage == "new", existing: enter}
    steps:
      - wait: 2 days
      - email: welcome
        expires: 5 days
      - handoff: Call them
"""


@pytest.fixture
def walking(world: World) -> World:
    """Everybody waits for their welcome; nothing is owed yet."""
    world.mail("welcome")
    world.playbook("welcome", JOURNEY)
    world.deploy()
    cast(world.database, world.now, stage="new")
    world.tick()
    return world


def walk_of(world: World, customer: str) -> int:
    return next(walk.id for walk in world.walks if walk.customer == customer)


def hold(world: World, customer: str, *, release: bool = False) -> bool:
    act = release_mail if release else hold_mail
    with world.database.write() as connection:
        return act(connection, walk_of(world, customer), "welcome", by=BY, at=world.now)


def test_a_mail_that_is_only_to_come_waits_until_it_is_released(walking: World) -> None:
    assert hold(walking, "healthy")
    assert not hold(walking, "healthy"), "once is enough"
    walking.time_passes(days=3)
    assert [sent.to_email for sent in walking.channel.accepted] == ["mori@going-quiet.example"]
    assert {mail.customer: mail.reason for mail in walking.outbox}["healthy"] == "held_by_hand"
    assert hold(walking, "healthy", release=True)
    assert not hold(walking, "healthy", release=True)
    walking.tick()
    assert [sent.to_email for sent in walking.channel.accepted][1:] == ["tanaka@healthy.example"]
    assert {"mail_held", "mail_released"} <= set(walking.reasons("healthy", "welcome"))


def test_a_held_mail_expires_and_the_walk_goes_on(walking: World) -> None:
    hold(walking, "healthy")
    walking.time_passes(days=8)
    assert {mail.customer: mail.reason for mail in walking.outbox}["healthy"] == "held_by_hand_expired"
    assert [handoff.customer for handoff in walking.handoffs].count("healthy") == 1


def test_whoever_asks_to_send_it_holds_it_no_more(walking: World) -> None:
    hold(walking, "healthy")
    walking.time_passes(days=3)
    mail = next(row.id for row in walking.outbox if row.customer == "healthy")
    with walking.database.write() as connection:
        outbox_acts.resend(connection, mail, by=BY, at=walking.now)
    walking.tick()
    assert "tanaka@healthy.example" in [sent.to_email for sent in walking.channel.accepted]


def test_what_left_cannot_be_held_and_nothing_of_a_walk_that_is_over(walking: World) -> None:
    walk = walk_of(walking, "healthy")
    walking.channel.script(*[Answer(outcome=Outcome.UNKNOWN, reason="timeout")] * 3)
    walking.time_passes(days=2, hours=3)
    with walking.database.write() as connection, pytest.raises(UsageError, match=r"over|left already"):
        hold_mail(connection, walk, "welcome", by=BY, at=walking.now)
    with walking.database.write() as connection, pytest.raises(UsageError, match="over"):
        hold_mail(connection, walk + 99, "welcome", by=BY, at=walking.now)


def test_a_pause_with_an_end_ends_by_itself_and_shifts_what_was_due(walking: World) -> None:
    with walking.database.write() as connection:
        with pytest.raises(UsageError, match="is past"):
            pause(connection, "customer", "healthy", walking.now, until=walking.now)
        assert pause(connection, "customer", "healthy", walking.now, until=walking.now + timedelta(days=9))
        assert not pause(connection, "customer", "healthy", walking.now, until=walking.now + timedelta(days=4))
    walking.time_passes(days=4)
    assert "tanaka@healthy.example" not in [sent.to_email for sent in walking.channel.accepted]
    walking.time_passes(days=3)
    assert [sent.to_email for sent in walking.channel.accepted].count("tanaka@healthy.example") == 1
    assert walking.reasons("healthy").count("paused_until") == 2
    assert "resumed" in walking.reasons("healthy")
