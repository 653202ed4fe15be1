"""Two workers at once never give the same room away, whatever batches they claim; on both engines, with real threads and real
transactions (semantics.md S15)."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from bot.channels.memory import MemoryChannel
from bot.insight.listings import OutboxRow
from bot.pipeline.advance import advance
from bot.pipeline.deliver import deliver
from tests.pipeline.scenes import change_contact, company, journey, settings
from tests.world import World

CUSTOMERS, PEOPLE, JOURNEYS, WORKERS = 8, 4, 4, 3


def crowd(world: World) -> None:
    """Eight customers, two of each person, owed four mails each, all at one moment."""
    names = [f"m{number}" for number in range(JOURNEYS)]
    world.mail(*names)
    for number, name in enumerate(names):
        journey(world, name, f"- email: {name}\n  expires: 20 days", more=f"priority: {number * 10}")
    world.deploy()
    for number in range(CUSTOMERS):
        member = company(world, f"c{number}")
        change_contact(world, member.contact_id, email=f"p{number % PEOPLE}@example.com")


def deliver_together(world: World, chance: random.Random) -> None:
    """Each worker claims small batches until nothing is due any more."""
    published = world.app.require_published()

    def work(size: int) -> None:
        channel = MemoryChannel(world.clock.monotonic)
        deliver(world.database, published, channel, world.clock, batch_size=size)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, [chance.randint(1, 5) for _ in range(WORKERS)]))
    advance(world.database, published, world.now)


def day_of(mail: OutboxRow) -> date:
    assert mail.accepted_at is not None
    return (mail.accepted_at + timedelta(hours=9)).date()


@pytest.mark.parametrize("seed", [1, 2])
def test_s15_workers_never_pass_a_cap_together(world: World, seed: int) -> None:
    caps = "caps: {mails_per_contact: [2 per day, 5 per 7 days], touches_per_customer: 3 per day}"
    settings(world, f'{caps}\nwindows: [{{days: every day, hours: "10:00-24:00"}}]')
    crowd(world)
    chance = random.Random(seed)
    world.tick()  # everybody owes and waits for ten o'clock
    world.clock.move_to(world.now + timedelta(hours=1))
    for _ in range(16):
        deliver_together(world, chance)
        world.clock.move_to(world.now + timedelta(hours=chance.choice([1, 5, 12])))
    by_day = Counter((mail.to, day_of(mail)) for mail in world.sent)
    assert max(by_day.values()) == 2
    for mail in world.sent:
        before = [other for other in world.sent if other.to == mail.to and 0 <= (day_of(mail) - day_of(other)).days < 7]
        assert len(before) <= 5
    assert set(Counter((mail.customer, mail.template) for mail in world.sent).values()) == {1}
