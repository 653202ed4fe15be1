"""A mail that kills whoever prepares it is found and set aside alone, whatever batch it was claimed with (delivery.md: the third
expired claim is quarantined)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import pytest

from bot.pipeline.deliver import deliver
from bot.rules.references import MailName
from bot.webhooks.unsubscribe import MailLinks
from tests.pipeline.crashes import Killed
from tests.pipeline.scenes import company, journey
from tests.promise.outbox_rows import owe
from tests.world import World

MAILS = 45


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlyLinks(MailLinks):
    """Whoever renders this mail dies, as one does whose memory runs out."""

    poison: int

    def context(self, mail: MailName, category: str) -> dict[str, str]:
        if mail.number == self.poison:
            raise Killed(f"by mail {mail.number}")
        return {}


def owed(world: World) -> list[int]:
    world.mail("hello")
    journey(world, "p", "- email: hello", enter="manual: true")
    world.deploy()
    company(world)
    return owe(world, [{} for _ in range(MAILS)])


def tick_with(world: World, poison: int) -> bool:
    """Whether the worker outlived it."""
    published = replace(world.app.require_published(), links=DeadlyLinks(poison=poison))
    try:
        deliver(world.database, published, world.channel, world.clock)
    except Killed:
        return False
    return True


@pytest.mark.parametrize("place", [0, MAILS // 2, MAILS - 1])
def test_of_a_batch_that_kills_three_workers_only_the_mail_that_did_is_quarantined(world: World, place: int) -> None:
    ids = owed(world)
    deaths = 0
    while not tick_with(world, ids[place]):
        deaths += 1
        world.jump(seconds=91)
    states = {mail.id: (mail.state, mail.reason) for mail in world.outbox if mail.id in ids}
    assert deaths == 3
    assert states.pop(ids[place]) == ("quarantined", "killed_its_worker")
    assert set(states.values()) == {("accepted", "accepted")}
    assert Counter(mail.reference for mail in world.channel.offered).most_common(1)[0][1] == 1


def test_mails_beside_the_poison_do_not_wait_for_its_third_death(world: World) -> None:
    """Whoever never lost a worker goes first, in whole batches."""
    ids = owed(world)
    assert not tick_with(world, ids[0])
    world.jump(seconds=91)
    late = owe(world, [{} for _ in range(3)], "late")
    assert not tick_with(world, ids[0])
    assert {mail.state for mail in world.outbox if mail.id in late} == {"accepted"}
