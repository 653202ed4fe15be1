"""A channel that keeps what it is given: the shipped fake for tests and dry runs. Answers are scripted, by default every
message is accepted. Must never reach a network. Before it: deliver; after it: deliver."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from bot.channels.base import Answer, OnAnswer, Outcome, Outgoing
from bot.clock import SystemClock


class MemoryChannel:
    """A `MailChannel`. `offered` is every message handed over, `accepted` those taken; both only grow."""

    name = "memory"

    def __init__(self, monotonic: Callable[[], float] = SystemClock().monotonic) -> None:
        self.offered: list[Outgoing] = []
        self.accepted: list[Outgoing] = []
        self.closed = False
        self._monotonic = monotonic
        self._script: deque[Answer] = deque()

    def script(self, *answers: Answer) -> None:
        """The next messages get these answers, in order; afterwards everything is accepted again."""
        self._script.extend(answers)

    def send(self, batch: Iterable[Outgoing], on_answer: OnAnswer) -> None:
        for message in batch:
            self.offered.append(message)
            answer = self._answer(message)
            if answer.outcome is Outcome.ACCEPTED:
                self.accepted.append(message)
            on_answer(message, answer)

    def close(self) -> None:
        self.closed = True

    def _answer(self, message: Outgoing) -> Answer:
        if self._monotonic() >= message.deadline:
            return Answer(outcome=Outcome.NOT_ACCEPTED, reason="deadline")
        if self._script:
            return self._script.popleft()
        return Answer(
            outcome=Outcome.ACCEPTED, reason="accepted", provider_message_id=f"memory-{len(self.accepted) + 1}"
        )
