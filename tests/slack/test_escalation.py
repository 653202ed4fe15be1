"""Escalation (S27): once per level, never after acknowledging, on the owner's working clock; snoozes that are over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from bot.pipeline.escalate import post_handoffs
from bot.pipeline.unanswered import escalate_overdue
from bot.rules.calendar import BusinessCalendar
from storage import handoff_moves as moves
from storage.accounts import Csm
from storage.database import Database
from storage.handoffs import Handoff, HandoffAct, HandoffState
from tests.slack.world import NOW, UNPOSTED, World
from tests.storage.handoff_rows import handoff, row_of

LATE = {"acknowledge_by": NOW - timedelta(minutes=1)}


@dataclass(frozen=True, kw_only=True)
class People:
    """Who is above whom."""

    covers: Mapping[str, str] = field(default_factory=dict)
    managers: Mapping[str, str] = field(default_factory=dict)
    fallback: str | None = None

    def cover_of(self, key: str) -> str | None:
        return self.covers.get(key)

    def manager_of(self, key: str) -> str | None:
        return self.managers.get(key)

    def default(self) -> str | None:
        return self.fallback


def mori(_connection: Connection) -> People:
    return People(fallback="mori")


def test_s27_nobody_acknowledged_so_the_next_person_is_asked_then_the_default_then_nobody(database: Database) -> None:
    it = handoff(database, escalate_to="suzuki", acknowledge_within="4 business hours", **LATE)
    owners = []
    at = NOW
    for _ in range(4):
        escalate_overdue(database, at, above=mori)
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
    assert escalate_overdue(database, NOW, above=mori).escalated == 0


def test_with_nobody_else_to_ask_the_same_person_is_asked_again(database: Database) -> None:
    it = handoff(database, **LATE)
    assert escalate_overdue(database, NOW).escalated == 1
    assert (row_of(database, it).owner, row_of(database, it).posting) == ("sato", "wanted")


def test_an_escalated_card_reaches_the_new_owner_and_the_old_card_says_so(world: World) -> None:
    handoff(world.database, escalate_to="suzuki", **LATE, **UNPOSTED)
    post_handoffs(world.poster())
    escalate_overdue(world.database, world.clock.now(), above=mori)
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


def owners_on_the_way(database: Database, people: People, *, has_channel: bool, **values: Any) -> list[str | None]:
    """Whom it goes to, looked at every three days."""
    it = handoff(database, acknowledge_within="4 business hours", **values, **LATE)
    owners: list[str | None] = []
    for days in range(0, 15, 3):
        at = NOW + timedelta(days=days)
        escalate_overdue(database, at, above=lambda _: people, has_channel=has_channel)
        owners.append(row_of(database, it).owner)
    return owners


def test_where_no_escalation_is_said_it_goes_to_the_cover_the_manager_and_the_channel_each_once(
    database: Database,
) -> None:
    people = People(covers={"sato": "suzuki"}, managers={"sato": "mori", "suzuki": "sato"}, fallback="sato")
    assert owners_on_the_way(database, people, has_channel=True) == ["suzuki", "mori", None, None, None]
    with database.read() as connection:
        told = connection.scalars(select(HandoffAct.act).order_by(HandoffAct.id)).all()  # type: ignore[call-overload]
    assert told == ["escalated"] * 3


def test_rungs_that_lead_to_nobody_are_left_out(database: Database) -> None:
    nobody = People(managers={"sato": "sato"})
    assert owners_on_the_way(database, nobody, has_channel=True)[:2] == [None, None]


def test_without_a_channel_the_last_rung_is_the_default_owner(database: Database) -> None:
    people = People(managers={"sato": "suzuki"}, fallback="mori")
    assert owners_on_the_way(database, people, has_channel=False) == ["suzuki", "mori", "mori", "mori", "mori"]


def test_what_was_given_to_another_person_climbs_from_there(database: Database) -> None:
    people = People(managers={"sato": "mori", "suzuki": "mori"}, covers={"suzuki": "sato"})
    it = handoff(database, acknowledge_within="4 business hours", **LATE)
    with database.write() as connection:
        moves.reassign(connection, it, by="sato", at=NOW, key="r", owner="suzuki", acknowledge_by=NOW)
    escalate_overdue(database, NOW, above=lambda _: people)
    assert row_of(database, it).owner == "sato", "the cover of the one who did not answer"


WORKING = {"acknowledge_by": NOW + timedelta(hours=1), "remind_at": NOW}


def test_before_the_time_is_over_its_owner_is_reminded_once(world: World) -> None:
    handoff(world.database, **UNPOSTED, **WORKING)
    world.clock.move_to(NOW - timedelta(hours=2))
    post_handoffs(world.poster())
    with world.database.write() as connection:
        connection.execute(update(Csm).values(working_hours="mon-fri 09:00-20:00"))
    assert escalate_overdue(world.database, NOW - timedelta(minutes=1)).reminded == 0
    assert escalate_overdue(world.database, NOW).reminded == 1
    assert escalate_overdue(world.database, NOW + timedelta(minutes=9)).reminded == 0
    world.clock.move_to(NOW)
    post_handoffs(world.poster())
    assert [post.channel for post in world.slack.posts] == ["D-U1", "D-U1"]
    assert "Nobody is on this yet; at Wed, 3 Mar 2027, 19:00 it goes on to somebody else" in str(
        world.slack.posts[1].blocks
    )
    assert world.slack.posts[0].actions == []


def test_nobody_is_reminded_at_night_nor_of_what_somebody_is_on(database: Database) -> None:
    night, taken = handoff(database, **WORKING), handoff(database, owner="suzuki", **WORKING)
    with database.write() as connection:
        moves.acknowledge(connection, taken, by="suzuki", at=NOW, key="a")
    assert escalate_overdue(database, NOW, timezone="UTC").reminded == 0, "18:00 in Tokyo: Sato has gone home"
    assert row_of(database, night).owner == "sato"


def test_with_another_person_the_reminder_is_due_by_the_new_clock(database: Database) -> None:
    it = handoff(database, acknowledge_by=NOW + timedelta(hours=4), remind_at=NOW + timedelta(hours=3))
    with database.write() as connection:
        until = NOW + timedelta(hours=8)
        moves.reassign(connection, it, by="sato", at=NOW, key="r", owner="suzuki", acknowledge_by=until)
        found = connection.scalar(select(Handoff.remind_at).where(Handoff.id == it))  # type: ignore[call-overload]
    assert found == NOW + timedelta(hours=6)
