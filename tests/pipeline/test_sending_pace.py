"""In which order and how fast mails leave: playbooks in turn, the pace of the way out, a smooth playbook, and a provider that
says 429 for an hour (delivery.md)."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import update

from bot.channels.base import Answer, Outcome
from bot.pipeline.deliver import deliver
from storage.claim_order import due_queues, pick_due
from storage.outbox_moves import COLUMNS, MESSAGE
from storage.pacing import PACE
from storage.transports import blocked_until
from tests.cast import person
from tests.pipeline.scenes import NEW, company, journey, mails, settings, stands_still, utc
from tests.pipeline.test_fuses import arrive, crowd
from tests.world import World

LIMITED = Answer(outcome=Outcome.NOT_ACCEPTED, reason="rate_limited", status=429)
OFF = "fuses: {enter: 'off'}"


def audience(world: World, number: int) -> list[str]:
    keys = crowd(world, number, stage="adoption")
    for key in keys:
        person(world.database, key, "mori", world.now)
    return keys


def broadcast(world: World, number: int, *, more: str = "", priority: int = 50, pace: str = "") -> None:
    """A broadcast to so many, and beside it a welcome for the company; nothing has left yet."""
    world.mail("news", "welcome")
    settings(world, f"{OFF}\n{pace}")
    journey(world, "news", "- email: news", enter='when: stage == "late"', more=f"priority: {priority}\n{more}")
    journey(world, "welcome", "- email: welcome", enter=f'when: stage == "{NEW}"')
    world.deploy()
    company(world, stage="adoption")
    arrive(world, audience(world, number), "late")
    arrive(world, ["sakura"])


def picked(world: World, limit: int) -> list[str]:
    with world.database.write() as connection:
        return [row.playbook for row in pick_due(connection, [*COLUMNS, MESSAGE.c.playbook], world.now, limit)]


def owe(world: World) -> None:
    """Everybody enters and owes, and nothing is sent: the provider refuses all for now."""
    world.channel.script(*[LIMITED] * 100)
    world.tick()
    world.channel._script.clear()
    world.jump(minutes=1)


def test_a_broadcast_does_not_starve_a_welcome_of_the_same_priority(world: World) -> None:
    broadcast(world, 40)
    owe(world)
    found = picked(world, 10)
    assert (found.index("welcome") <= 1, found.count("news")) == (True, 9)


def test_a_higher_priority_goes_first(world: World) -> None:
    broadcast(world, 40, priority=80)
    owe(world)
    assert picked(world, 40) == ["news"] * 40
    assert picked(world, 41)[-1] == "welcome"


def test_a_claim_takes_what_short_queues_leave_over(world: World) -> None:
    broadcast(world, 40)
    owe(world)
    assert len(picked(world, 500)) == 41


def test_a_paused_playbook_is_not_even_looked_at(world: World) -> None:
    broadcast(world, 40)
    owe(world)
    stands_still(world, "playbook", "news")
    with world.database.read() as connection:
        assert [queue.playbook for queue in due_queues(connection, world.now)] == ["welcome"]


def test_the_pace_of_the_way_out_is_kept(world: World) -> None:
    broadcast(world, 60, pace="pace: {mails: 2 per second}")
    world.tick()
    sent = [len(world.channel.accepted)]
    for _ in range(4):
        world.jump(seconds=5)
        world.app.deliver()
        sent.append(len(world.channel.accepted))
    assert sent == [12, 22, 32, 42, 52]
    assert "welcome" in mails(world)


def test_without_a_pace_everything_goes_at_once(world: World) -> None:
    broadcast(world, 60)
    world.tick()
    assert len(world.channel.accepted) == 61


@pytest.mark.parametrize("hours", ["00:00-24:00", "09:00-12:00"])
def test_a_smooth_playbook_spreads_its_mails_over_the_span_and_none_is_late(world: World, hours: str) -> None:
    settings_of_window = f'windows: [{{days: every day, hours: "{hours}"}}]'
    broadcast(world, 60, more="smooth: 2 h", pace=settings_of_window)
    if hours != "00:00-24:00":
        world.clock.move_to(utc("2027-03-01 10:00"))  # 19:00 in Tokyo: the window opens at 09:00
    world.tick()
    if hours != "00:00-24:00":
        world.time_passes(hours=3, every=timedelta(minutes=30))
    begins = world.now if hours == "00:00-24:00" else utc("2027-03-02 00:00")
    counts = []
    for quarter in range(9):
        world.clock.move_to(begins + timedelta(minutes=15 * quarter))
        world.tick()
        counts.append(len([mail for mail in world.outbox if mail.playbook == "news" and mail.accepted_at]))
    assert counts[-1] == 60
    steps = [later - earlier for earlier, later in pairwise(counts)]
    assert all(5 <= step <= 10 for step in steps), counts
    assert {mail.state for mail in world.outbox} == {"accepted"}


def test_429_for_an_hour_loses_nothing_sends_nothing_twice_and_tries_only_a_few(world: World) -> None:
    broadcast(world, 60)
    until = world.now + timedelta(hours=1)
    offered = []
    while world.now < until:
        world.channel.script(*[LIMITED] * 61)
        world.tick()
        world.channel._script.clear()
        offered.append(len(world.channel.offered))
        assert len(world.channel.accepted) == 0
        world.jump(seconds=30)
    assert len(offered) == 120
    assert offered[-1] < 61 + 12 * 10, "a few mails try, further and further apart"
    while len(world.channel.accepted) < 61 and world.now < until + timedelta(minutes=12):
        world.tick()
        world.jump(seconds=30)
    assert len({mail.reference for mail in world.channel.accepted}) == len(world.channel.accepted) == 61
    assert {mail.state for mail in world.outbox} == {"accepted"}
    assert [took.reason for took in world.decisions].count("transport_slowed") == 1, "one alert"


def test_429_with_a_time_closes_the_way_out_until_then(world: World) -> None:
    broadcast(world, 5)
    world.channel.script(Answer(outcome=Outcome.NOT_ACCEPTED, reason="rate_limited", retry_after_seconds=300.0))
    world.tick()
    offered = len(world.channel.offered)
    with world.database.read() as connection:
        assert blocked_until(connection, "memory", world.now) == world.now + timedelta(seconds=300)
    world.jump(seconds=299)
    world.tick()
    assert len(world.channel.offered) == offered
    world.jump(seconds=1)
    world.tick()
    assert len(world.channel.accepted) == 6


def test_what_was_on_its_way_when_the_way_closed_does_not_open_it(world: World) -> None:
    """The provider took a mail and refused another in the same moment; what was recorded last must not matter."""
    broadcast(world, 1)
    accepted = Answer(outcome=Outcome.ACCEPTED, reason="accepted", provider_message_id="m")
    world.channel.script(LIMITED, accepted)
    with_one = deliver(world.database, world.app.require_published(), world.channel, world.clock, batch_size=1)
    assert with_one.total == 0
    world.tick()
    with world.database.read() as connection:
        assert blocked_until(connection, "memory", world.now) is not None


@pytest.mark.parametrize(("was_working", "states"), [(True, {"accepted"}), (False, {"expired"})])
def test_s8_what_waited_for_the_pace_is_not_late_and_what_waited_for_us_is(
    world: World, was_working: bool, states: set[str]
) -> None:
    broadcast(world, 3, pace="pace: {mails: 1 per second}")
    owe(world)
    world.jump(hours=30)
    now = world.now.timestamp()
    busy = {"paid_until": now - 20 if was_working else now - 30 * 3600, "busy_since": now - 31 * 3600}
    with world.database.write() as connection:
        connection.execute(update(PACE).values(**busy))
    world.tick()
    assert {mail.state for mail in world.outbox if mail.playbook == "news"} == states
