"""Escalation (S27): once per level, never after acknowledging, on the owner's working clock; snoozes that are over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, update

from bot.pipeline.escalate import escalate_overdue, post_handoffs
from bot.rules.calendar import BusinessCalendar
from storage import handoff_moves as moves
from storage.accounts import Csm
from storage.database import Database
from storage.handoffs import HandoffState
from tests.slack.world import NOW, UNPOSTED, World
from tests.storage.handoff_rows import handoff, row_of

LATE = {"acknowledge_by": NOW - timedelta(minutes=1)}


def mori(_connection: Connection) -> str:
    return "mori"


def test_s27_nobody_acknowledged_so_the_next_person_is_asked_then_the_default_then_nobody(database: Database) -> None:
    it = handoff(database, escalate_to="suzuki", acknowledge_within="4 business hours", **LATE)
    owners = []
    at = NOW
    for _ in range(4):
        escalate_overdue(database, at, default_owner=mori)
        owners.append((row_of(database, it).owner, row_of(database, it).escalations))
        at += timedelta(days=3)
    assert owners == [("suzuki", 1), ("mori", 2), ("mori", 2), ("mori", 2)]


def test_s27_it_happens_once_however_often_one_looks(database: Database) -> None:
    handoff(database, escalate_to="suzuki", acknowledge_within="4 business hours", **LATE)
    assert escalate_overdue(database, NOW).escalated == 1
    assert escalate_overdue(database, NOW).escalated == 0


def test_s27_the_clock_is_that_of_the_new_owners_working_hours(database: Database) -> None:
    friday_evening = datetime(2027, 3, 5, 17, 0, tzinfo=UTC)
    it = handoff(database, escalate_to="suzuki", acknowledge_within="4 business hours", **LATE)
    with database.write() as connection:
        connection.execute(update(Csm).values(working_hours="mon-fri 09:00-18:00", timezone="UTC"))
    escalate_overdue(database, friday_evening, calendar=BusinessCalendar())
    assert row_of(database, it).acknowledge_by == datetime(2027, 3, 8, 12, 0, tzinfo=UTC)


def test_working_hours_that_nobody_can_work_do_not_stop_escalation(database: Database) -> None:
    it = handoff(database, escalate_to="suzuki", acknowledge_within="4 business hours", **LATE)
    with database.write() as connection:
        connection.execute(update(Csm).values(working_hours="whenever"))
    assert escalate_overdue(database, NOW).escalated == 1
    assert row_of(database, it).owner == "suzuki"


def test_acknowledged_snoozed_and_early_ones_stay_where_they_are(database: Database) -> None:
    taken, snoozed = handoff(database, **LATE), handoff(database, **LATE)
    handoff(database, acknowledge_by=NOW + timedelta(minutes=1))
    handoff(database)
    with database.write() as connection:
        moves.acknowledge(connection, taken, by="sato", at=NOW, key="a")
        moves.snooze(connection, snoozed, by="sato", at=NOW, key="a", until=NOW + timedelta(hours=2))
    assert escalate_overdue(database, NOW, default_owner=mori).escalated == 0


def test_with_nobody_else_to_ask_the_same_person_is_asked_again(database: Database) -> None:
    it = handoff(database, **LATE)
    assert escalate_overdue(database, NOW).escalated == 1
    assert (row_of(database, it).owner, row_of(database, it).posting) == ("sato", "wanted")


def test_an_escalated_card_reaches_the_new_owner_and_the_old_card_says_so(world: World) -> None:
    handoff(world.database, escalate_to="suzuki", **LATE, **UNPOSTED)
    post_handoffs(world.poster())
    escalate_overdue(world.database, world.clock.now(), default_owner=mori)
    post_handoffs(world.poster())
    assert [post.channel for post in world.slack.posts] == ["D-U1", "D-U2"]
    assert "now with Suzuki" in world.slack.posts[0].text
    assert "Nobody took this in time: now with Suzuki" in str(world.slack.posts[1].blocks)


def test_a_snooze_that_is_over_brings_the_card_back(world: World) -> None:
    it = handoff(world.database, **UNPOSTED)
    post_handoffs(world.poster())
    with world.database.write() as connection:
        moves.snooze(connection, it, by="sato", at=NOW, key="a", until=NOW + timedelta(hours=1))
    post_handoffs(world.poster())
    world.time_passes(hours=2)
    assert escalate_overdue(world.database, world.clock.now()).woken == 1
    assert escalate_overdue(world.database, world.clock.now()).woken == 0
    assert post_handoffs(world.poster()).posted == 1
    assert len(world.slack.posts) == 2
    assert world.row(it).state is HandoffState.OPEN
