"""Seeded chance without state: every number depends only on the seed and on what it is about, so the order of calls, the
machine and the Python version change nothing. Used by everything in bot.demo; never by the product itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeVar

Option = TypeVar("Option")

_RESOLUTION = 2**53


class Chance:
    """A source of numbers about one subject; `about` narrows the subject."""

    __slots__ = ("_state", "_subject")

    def __init__(self, *subject: object) -> None:
        self._subject = subject
        self._state = hashlib.blake2b(repr(tuple(str(part) for part in subject)).encode(), digest_size=8)

    def about(self, *more: object) -> Chance:
        return Chance(*self._subject, *more)

    def number(self, *what: object) -> float:
        """At least 0, less than 1."""
        digest = self._state.copy()
        digest.update("|".join(str(part) for part in what).encode())
        return (int.from_bytes(digest.digest(), "big") >> 11) / _RESOLUTION

    def happens(self, probability: float, *what: object) -> bool:
        return self.number(*what) < probability

    def whole(self, low: int, high: int, *what: object) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.number(*what) * (high - low + 1))

    def pick(self, options: Sequence[Option], *what: object) -> Option:
        return options[int(self.number(*what) * len(options))]

    def weighted(self, weights: Mapping[Option, float], *what: object) -> Option:
        """One of the keys, each as often as its weight says."""
        options, left = list(weights), self.number(*what) * sum(weights.values())
        for option in options:
            left -= weights[option]
            if left < 0:
                return option
        return options[-1]

    def shuffled(self, options: Sequence[Option], *what: object) -> list[Option]:
        order = sorted(range(len(options)), key=lambda place: self.number(*what, place))
        return [options[place] for place in order]
