"""Two workers at once never give the same room away, whatever batches they claim; on both engines, with real threads and real
transactions (semantics.md S15)."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Event, Thread, current_thread

import pytest
from sqlalchemy import Connection, event, update

from bot.channels.memory import MemoryChannel
from bot.insight.listings import OutboxRow
from bot.pipeline.advance import advance
from bot.pipeline.deliver import deliver
from storage.outbox_moves import MESSAGE
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


def test_s15_a_worker_waits_for_its_turn_while_another_takes_the_last_room(world: World) -> None:
    """Between the count and the commit of one worker something more important comes up for the same person, and another worker
    claims it; it must not see the room that is just being taken."""
    settings(world, 'caps: {mails_per_contact: 1 per day}\nwindows: [{days: every day, hours: "10:00-24:00"}]')
    crowd(world)
    world.tick()
    world.clock.move_to(world.now + timedelta(hours=1))
    published, counts_too = world.app.require_published(), Event()
    others: list[Thread] = []

    (comes_up,) = [mail.id for mail in world.outbox if (mail.customer, mail.template) == ("c4", "m0")]

    def other_worker() -> None:
        with world.database.write() as connection:
            connection.execute(update(MESSAGE).where(MESSAGE.c.id == comes_up).values(priority=99))
        deliver(world.database, published, MemoryChannel(world.clock.monotonic), world.clock, batch_size=1)

    def before_commit(connection: Connection) -> None:
        if connection.info.pop("has_counted", False) and not others:
            others.append(Thread(target=other_worker))
            others[0].start()
            # SQLite lets the other one write nothing before this commit; on PostgreSQL it comes as far as to count.
            counts_too.wait(0.3 if world.database.is_sqlite else 10)
            others[0].join(timeout=0.3 if world.database.is_sqlite else 3)

    def note_count(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if others and current_thread() is others[0] and ("advisory" in statement or "AS n0" in statement):
            counts_too.set()
        connection.info["has_counted"] = connection.info.get("has_counted") or "AS n0" in statement

    event.listen(world.database.engine, "before_cursor_execute", note_count)
    event.listen(world.database.engine, "commit", before_commit)
    try:
        deliver(world.database, published, MemoryChannel(world.clock.monotonic), world.clock, batch_size=1)
    finally:
        event.remove(world.database.engine, "before_cursor_execute", note_count)
        event.remove(world.database.engine, "commit", before_commit)
    others[0].join()
    assert set(Counter(mail.to for mail in world.sent).values()) == {1}
