"""The only reader of time. Everything else is handed a `Clock` or an instant. zoneinfo is pointed at the tzdata
package, because the machine's own copy is out of date for many zones (design/libraries.md)."""

from __future__ import annotations

import math
import time
import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

zoneinfo.reset_tzpath(to=[])

BOOT_TIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Clock(Protocol):
    """Tells the instant (aware UTC), a monotonic reading in seconds, and waits."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Counts the time that the machine slept, where the system can tell: a laptop or a virtual machine that was suspended
        must find its deadlines over when it wakes, and CLOCK_MONOTONIC stands still meanwhile (clock_gettime(2))."""
        if BOOT_TIME is not None:
            return time.clock_gettime(BOOT_TIME)
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class EndingClock:
    """A clock that can run out: once `is_over`, its monotonic reading is infinite, so that every deadline has passed and
    a channel writes nothing more. For a process that was asked to stop."""

    def __init__(self, clock: Clock, is_over: Callable[[], bool]) -> None:
        self._clock = clock
        self._is_over = is_over

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return math.inf if self._is_over() else self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class FixedClock:
    """A clock that stands still until somebody moves it: for `--at`, the demo and tests."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware datetime")
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return self._at.timestamp()

    def sleep(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)

    def move_to(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)
