"""Stopped means stopped: who says no at any moment before the intent to send is not mailed (delivery.md, promise 5)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.pipeline.scenes import (
    goes_on,
    leave,
    meanwhile,
    outcomes,
    owed,
    stands_still,
    state,
    suppress,
    took,
)
from tests.world import World


def offered(world: World) -> int:
    return len([mail for mail in world.channel.offered if mail.to_email == "tanaka@sakura.example"])


@pytest.mark.parametrize("how", ["suppressed", "unsubscribed", "gone", "bounced", "consent", "erased_address"])
def test_who_says_no_between_owing_and_sending_is_not_mailed(world: World, how: str) -> None:
    owed(world, 'window: "20:00-21:00"')
    world.tick()
    assert state(world) == "pending"
    if how in ("suppressed", "unsubscribed"):
        suppress(world, "tanaka@sakura.example", "" if how == "suppressed" else "lifecycle")
    fields = {
        "gone": "gone_at = created_at",
        "bounced": "bounced_at = created_at",
        "consent": "consent = '[\"product\"]'",
        "erased_address": "email = NULL",
    }
    if how in fields:
        with world.database.write() as connection:
            connection.exec_driver_sql(f"UPDATE contact SET {fields[how]} WHERE key = 'tanaka'")
    world.time_passes(hours=12, every=timedelta(hours=1))
    assert (state(world), offered(world), outcomes(world)) == ("suppressed", 0, ["completed"])


#: A statement of the moment between judging a mail and committing the intent to send it.
JUDGING = "FROM message_content"


def test_who_unsubscribes_between_claim_and_intent_is_not_mailed(world: World) -> None:
    owed(world)
    with meanwhile(world.database, JUDGING, lambda: suppress(world, "tanaka@sakura.example")):
        world.tick()
    assert (state(world), offered(world)) == ("suppressed", 0)
    assert took(world, "not_allowed")


def test_what_is_paused_between_claim_and_intent_waits(world: World) -> None:
    owed(world)
    with meanwhile(world.database, JUDGING, lambda: stands_still(world, "customer", "sakura")):
        world.tick()
    assert (state(world), offered(world)) == ("pending", 0)
    goes_on(world, "customer", "sakura")
    world.tick()
    assert state(world) == "accepted"


def test_s13_a_walk_ended_between_claim_and_intent_sends_nothing(world: World) -> None:
    owed(world)
    with meanwhile(world.database, JUDGING, lambda: ended_by_hand(world)):
        world.tick()
    assert (state(world), offered(world), outcomes(world)) == ("cancelled", 0, ["exited"])


def ended_by_hand(world: World) -> None:
    assert leave(world, "p", customer="sakura") == 1
