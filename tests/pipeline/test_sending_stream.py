"""Mails leave in a stream: the next batch is on its way before the last of the old one has answered, and a way out that closes
stops it (delivery.md; the contract of bot.channels.base)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from bot.channels.base import Answer, OnAnswer, Outcome, Outgoing
from bot.channels.memory import MemoryChannel
from bot.pipeline.deliver import deliver
from bot.pipeline.deliver_count import DeliverCount
from bot.pipeline.recording import GROUP, Recorder
from storage.outbox_moves import COLUMNS, MessageRow
from tests.pipeline.crashes import FragileDatabase, Killed, Reaper
from tests.pipeline.scenes import company, journey, states
from tests.promise.outbox_rows import owe
from tests.world import World

MAILS = 13


class LateChannel(MemoryChannel):
    """Answers nothing before it has been given everything."""

    def send(self, batch: Iterable[Outgoing], on_answer: OnAnswer) -> None:
        super().send(list(batch), on_answer)


def owed(world: World) -> None:
    """Mails that are due, none of them tried; the opted-out company's beside them."""
    world.mail("hello")
    journey(world, "p", "- email: hello", enter="manual: true")
    world.deploy()
    company(world)
    owe(world, [{} for _ in range(MAILS)])


def send(world: World, channel: MemoryChannel, batch_size: int) -> DeliverCount:
    published = world.app.require_published()
    return deliver(world.database, published, channel, world.clock, batch_size=batch_size)


@pytest.mark.parametrize("batch_size", [1, 2, 5, MAILS, 100])
def test_the_next_batch_is_on_its_way_before_the_old_one_has_answered(world: World, batch_size: int) -> None:
    owed(world)
    channel = LateChannel(world.clock.monotonic)
    count = send(world, channel, batch_size)
    assert count.states == {"accepted": MAILS}
    assert Counter(state for _, state in states(world, "owed")) == {"accepted": MAILS}
    assert max(Counter(mail.reference for mail in channel.offered).values()) == 1


def test_when_the_way_out_closes_nothing_more_is_begun(world: World) -> None:
    owed(world)
    limited = Answer(outcome=Outcome.NOT_ACCEPTED, reason="rate_limited", status=429, retry_after_seconds=60)
    world.channel.script(limited)
    count = send(world, world.channel, 5)
    # The batch that was begun goes through this channel to its end; the next one may have had its intents.
    assert len(world.channel.offered) <= 10
    assert count.blocked
    assert Counter(state for _, state in states(world, "owed"))["claimed"] == 0


def test_a_write_that_fails_in_the_thread_is_raised_by_the_flush(world: World, database_url: str) -> None:
    owe(world, [{"state": "submitting", "token": 1, "attempts": 1} for _ in range(GROUP)])
    with world.database.read() as connection:
        rows = {str(row.id): MessageRow._make(row) for row in connection.execute(select(*COLUMNS))}
    reaper = Reaper([1])
    reaper.is_awake = True
    broken = FragileDatabase(database_url, reaper)
    with ThreadPoolExecutor(1) as thread:
        recorder = Recorder(broken, "memory", world.clock, lambda _: None, rows, thread)
        for reference in list(rows):
            mail = Outgoing(
                reference=reference, to_email="a@b.example", to_name=None, from_email="c@d.example", from_name=None,
                reply_to_email=None, reply_to_name=None, subject="s", document="h", text="t", category="c", headers={},
                deadline=0.0,
            )  # fmt: skip
            recorder.on_answer(mail, Answer(outcome=Outcome.ACCEPTED, reason="accepted"))
        with pytest.raises(Killed):
            recorder.flush()
    broken.dispose()
    assert {state for _, state in states(world, "owed")} == {"submitting"}
