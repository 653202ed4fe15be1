"""What one delivery pass did, counted by the threads that prepare and record. deliver.py makes it, the tick reports it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from storage.hosts import SendPause


@dataclass(slots=True)
class DeliverCount:
    """By state the messages ended in. `pause`: why nothing may leave this host."""

    states: dict[str, int] = field(default_factory=dict)
    blocked: bool = False
    pause: SendPause | None = None
    _adding: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)

    def add(self, state: str, number: int = 1) -> None:
        with self._adding:
            self.states[state] = self.states.get(state, 0) + number

    @property
    def total(self) -> int:
        return sum(self.states.values())
