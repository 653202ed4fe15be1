"""When a new card calls its owner: by urgency, in the owner's hours. On both databases. NOW is 18:00 in Tokyo, when Sato stops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot.pipeline.escalate import post_handoffs
from storage import handoff_merging
from storage import handoff_moves as moves
from storage.accounts import Csm
from tests.slack.world import NOW, UNPOSTED, World
from tests.storage.handoff_rows import handoff

MORNING = datetime(2027, 3, 4, 0, 0, tzinfo=UTC)  # 09:00 in Tokyo


def test_urgent_cards_call_at_once_also_in_the_evening(world: World) -> None:
    handoff(world.database, urgency="high", **UNPOSTED)
    assert post_handoffs(world.poster()).posted == 1


@pytest.mark.parametrize("urgency", ["normal", "low"])
def test_others_wait_for_the_owners_morning_and_come_once(world: World, urgency: str) -> None:
    it = handoff(world.database, urgency=urgency, **UNPOSTED)
    assert post_handoffs(world.poster()).waiting == 1
    assert post_handoffs(world.poster()) == post_handoffs(None), "it is not looked at again and again"
    assert (world.row(it).post_attempts, world.row(it).post_fault) == (0, None)
    world.clock.move_to(MORNING - timedelta(seconds=1))
    assert post_handoffs(world.poster()).posted == 0
    world.clock.move_to(MORNING)
    assert post_handoffs(world.poster()).posted == 1
    assert [post.channel for post in world.slack.posts] == ["D-U1"]


def test_in_working_hours_normal_calls_at_once_and_low_waits_for_the_next_morning(world: World) -> None:
    world.clock.move_to(MORNING + timedelta(hours=2))
    handoff(world.database, urgency="normal", opened_at=world.clock.now(), **UNPOSTED)
    handoff(world.database, urgency="low", opened_at=world.clock.now(), **UNPOSTED)
    counts = post_handoffs(world.poster())
    assert (counts.posted, counts.waiting) == (1, 1)
    world.clock.move_to(MORNING + timedelta(days=1))
    assert post_handoffs(world.poster()).posted == 1


def test_over_the_weekend_it_waits_for_monday(world: World) -> None:
    friday_evening = datetime(2027, 3, 5, 10, 0, tzinfo=UTC)
    world.clock.move_to(friday_evening)
    handoff(world.database, urgency="low", opened_at=friday_evening, **UNPOSTED)
    post_handoffs(world.poster())
    world.clock.move_to(MORNING + timedelta(days=2))
    assert post_handoffs(world.poster()).posted == 0
    world.clock.move_to(datetime(2027, 3, 8, 0, 0, tzinfo=UTC))
    assert post_handoffs(world.poster()).posted == 1


def test_a_channel_has_no_evening(world: World) -> None:
    handoff(world.database, urgency="low", owner=None, **UNPOSTED)
    assert post_handoffs(world.poster()).posted == 1


def test_hours_that_nobody_can_work_keep_no_card_back(world: World) -> None:
    handoff(world.database, urgency="normal", **UNPOSTED)
    with world.database.write() as connection:
        connection.execute(update(Csm).values(working_hours="whenever"))
    assert post_handoffs(world.poster()).posted == 1


def test_what_becomes_urgent_meanwhile_calls_at_once(world: World) -> None:
    it = handoff(world.database, urgency="normal", **UNPOSTED)
    post_handoffs(world.poster())
    cause: dict[str, Any] = {
        "enrollment_id": None, "customer_id": 1, "contact_id": 1, "playbook": "nps", "step": "talk", "occurrence": "1",
        "title": {"en": "Talk"}, "kind": "risk", "urgency": "high", "owner": "sato", "opened_at": NOW, "due_at": None,
        "acknowledge_by": None, "acknowledge_within": None, "escalate_to": None, "escalations": 0, "brief": [],
        "tasks": [], "outcomes": [], "notify": [], "prepare": None, "event": None, "post_attempts": 0,
    }  # fmt: skip
    with world.database.write() as connection:
        assert handoff_merging.join(connection, it, cause, NOW)
    assert post_handoffs(world.poster()).posted == 1


def test_taken_before_its_card_came_it_is_not_called_out_of_hours(world: World) -> None:
    it = handoff(world.database, urgency="normal", **UNPOSTED)
    post_handoffs(world.poster())
    with world.database.write() as connection:
        moves.done(connection, it, by="sato", at=NOW, key="k")
    assert post_handoffs(world.poster()).needless == 1
    assert world.slack.posts == []
