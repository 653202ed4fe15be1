"""Clocks that are wrong, days that are odd, and days on which nobody was there: nothing is sent twice, nothing is forgotten
(delivery.md, faults that release depends on)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from bot.clock import BOOT_TIME, SystemClock
from bot.pipeline.detect import ZONE_DAY
from storage.database import Database
from storage.outbox import MessageState
from storage.outbox_moves import LEASE, lock_messages, reap_expired_leases
from tests.pipeline.scenes import company, journey, mails, outcomes, settings, states, utc
from tests.promise.outbox_rows import owe
from tests.runners.shop import add_customers
from tests.world import World

S = MessageState
THREE_MAILS = "- email: first\n- wait: 1 day\n- email: second\n- wait: 1 day\n- email: third\n- log: Over"


def _walking(world: World, **customer: Any) -> None:
    world.mail("first", "second", "third")
    journey(world, "p", THREE_MAILS)
    world.deploy()
    company(world, **customer)


def _sent_once(world: World) -> None:
    references = Counter(mail.reference for mail in world.channel.accepted)
    assert set(references.values()) == {1}


@pytest.mark.parametrize("steps", [(24, -24), (-24, 24), (-24, -24), (24, 24), (24, -48, 24)])
def test_clock_plus_and_minus_a_day(world: World, steps: tuple[int, ...]) -> None:
    """Somebody sets the machine's clock; afterwards it is right again, and everything is done once."""
    _walking(world)
    world.tick()
    for hours in steps:
        world.clock.move_to(world.now + timedelta(hours=hours))
        world.time_passes(hours=1)
    world.time_passes(days=7)
    assert mails(world) == ["first", "second", "third"]
    assert outcomes(world) == ["completed"]
    _sent_once(world)


def test_clock_set_back_does_not_bind_the_mails_of_a_lost_worker(world: World) -> None:
    """Their leases would end a day late."""
    tomorrow = world.now + timedelta(days=1)
    claimed, submitted, fresh = owe(
        world,
        [
            {"state": S.CLAIMED.value, "token": 1, "claims": 1, "lease_until": tomorrow},
            {"state": S.SUBMITTING.value, "token": 1, "claims": 1, "attempts": 1, "lease_until": tomorrow},
            {"state": S.CLAIMED.value, "token": 1, "claims": 1, "lease_until": world.now + LEASE},
        ],
    )
    with world.database.write() as connection:
        reap_expired_leases(connection, world.now)
        rows = lock_messages(connection, [claimed, submitted, fresh])
    assert [rows[found].state for found in (claimed, submitted, fresh)] == [S.PENDING, S.UNKNOWN, S.CLAIMED]


def test_clock_a_day_ahead_hears_of_the_true_tomorrow(world: World) -> None:
    """What was asked of a day that had not come is asked again when it comes."""
    world.mail("hello")
    journey(world, "p", "- email: hello", enter="when: days_until(renewal_date) == 10")
    world.deploy()
    company(world, renewal_date=(world.now + timedelta(days=11)).date())
    world.tick()
    with world.database.write() as connection:
        connection.execute(update(ZONE_DAY).values(day=(world.now + timedelta(days=1)).date()))
    world.tick()
    world.time_passes(days=1)
    assert mails(world) == ["hello"]


def test_deadlines_count_the_time_a_machine_was_suspended() -> None:
    clock = SystemClock()
    assert BOOT_TIME is not None, "CLOCK_MONOTONIC stands still while a laptop sleeps"
    before = clock.monotonic()
    assert clock.monotonic() >= before


def test_three_days_down_with_five_thousand_steps_due(database: Database, tmp_path: Path) -> None:
    """Everybody's wait ended while nobody was there: each goes on, once, and what came too late says so."""
    world = World(database, tmp_path / "workspace")
    settings(world, "fuses: {enter: 'off', send: 'off'}")
    world.mail("first")
    journey(
        world,
        "p",
        "- wait: 1 day\n- email: first\n  to: champion\n  expires: 5 days\n  late: {after: 10 days, action: skip}\n- log: On",
        enter='when: stage == "new"\nexisting: enter',
    )
    add_customers(world.database, 5000)
    world.deploy()
    world.tick()
    assert world.outbox == []
    world.jump(days=3)
    world.tick()
    assert Counter(mail.state for mail in world.outbox) == {"accepted": 5000}
    assert len({mail.customer for mail in world.outbox}) == 5000
    _sent_once(world)
    world.tick()
    assert len(world.channel.accepted) == 5000
    assert Counter(walk.status for walk in world.walks) == {"ended": 5000}


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Berlin", "2027-03-27 08:00"),
        ("Europe/Berlin", "2027-10-30 08:00"),
        ("America/New_York", "2027-03-13 14:00"),
    ],
    ids=["gap", "fold", "gap_in_america"],
)
def test_dst_gap_and_fold_move_no_mail_and_double_none(
    database: Database, tmp_path: Path, zone: str, start: str
) -> None:
    """A day's wait over the night in which the clocks change ends at the same local time, and its mail goes once."""
    world = World(database, tmp_path / "workspace", at=utc(start))
    _walking(world, timezone=zone)
    world.tick()
    for number in (1, 2):
        sent = world.sent[-1].accepted_at
        assert sent is not None
        local = sent.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + timedelta(days=1)
        expected = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        for moment, mails_sent in ((-1, number), (0, number + 1)):
            world.clock.move_to(expected + timedelta(minutes=moment))
            world.tick()
            assert len(mails(world)) == mails_sent
    assert mails(world) == ["first", "second", "third"]
    _sent_once(world)


def test_29_february_comes_to_everybody_every_year(database: Database, tmp_path: Path) -> None:
    """A date on 29 February has its mail also in a year that lacks the day, once."""
    world = World(database, tmp_path / "workspace", at=utc("2028-02-20 00:00"))
    world.mail("first")
    journey(world, "p", "- email: first", enter="at: renewal_date - 1 year\nwithin: 5 days")
    world.deploy()
    company(world, "leap", renewal_date=utc("2029-02-28 00:00").date())
    company(world, "day", renewal_date=utc("2032-02-29 00:00").date())
    world.time_passes(days=12, every=timedelta(hours=12))
    assert [step for step, _ in states(world, "leap")] == ["first"]
    world.jump(days=3 * 365 - 10)
    world.time_passes(days=14, every=timedelta(hours=12))
    assert [step for step, _ in states(world, "day")] == ["first"]
    _sent_once(world)
