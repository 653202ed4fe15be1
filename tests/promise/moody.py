"""A provider in a mood: as long as it lasts, every mail gets the same answer."""

from __future__ import annotations

from bot.channels.base import Answer, Outgoing
from bot.channels.memory import MemoryChannel
from tests.world import World


class MoodyChannel(MemoryChannel):
    """`mood`: what everybody hears; None: every mail is accepted."""

    mood: Answer | None = None

    def _answer(self, message: Outgoing) -> Answer:
        return self.mood or super()._answer(message)


def moody(world: World) -> MoodyChannel:
    """Gives the world such a provider."""
    channel = MoodyChannel(world.clock.monotonic)
    world.channel = world.app.channel = channel
    return channel
