"""Named places between "due" and "recorded" at which a test may kill, freeze or break the process (docs/promise.md). Off unless
JOURNEYBOT_TEST_FAILPOINT is set or a test arms one; then a place costs one comparison with None. Never armed while mails could
reach real people. It stands outside of the flow: passes and channels only say where they are."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from bot.errors import SettingsError

VARIABLE = "JOURNEYBOT_TEST_FAILPOINT"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Place(StrEnum):
    """Where the process is: before a commit everything since the last one is lost with it, after a commit nothing is."""

    ABSORB_COMMIT = "absorb.commit"  #: events are taken in, not committed
    ABSORBED = "absorb.committed"
    ENROLLED = "enroll.done"  #: walks are begun, not committed
    LOOK_COMMIT = "look.commit"  #: sleepers are woken and news is settled, not committed
    LOOKED = "look.committed"
    ADVANCE_COMMIT = "advance.commit"  #: messages are owed, not committed
    ADVANCED = "advance.committed"
    TIDY_COMMIT = "tidy.commit"  #: leases are ended, not committed
    TIDIED = "tidy.committed"
    CLAIM_COMMIT = "claim.commit"
    CLAIMED = "claim.committed"
    RENDERED = "deliver.rendered"  #: judged and rendered; nothing of it is stored
    INTENT_COMMIT = "intent.commit"
    INTENDED = "intent.committed"
    BEFORE_WRITE = "socket.before_write"  #: connected, the deadline is asked, no byte has left
    WRITTEN = "socket.written"  #: the whole request has left, no answer is here
    ANSWERED = "answer.heard"  #: an answer is in memory only
    RECORD_COMMIT = "record.commit"
    RECORDED = "record.committed"


class CallPlace(StrEnum):
    """The same for calls of webhook steps, which are made at least once under one id."""

    CLAIM_COMMIT = "call.claim_commit"
    CLAIMED = "call.claimed"
    BEFORE_CALL = "call.before"
    CALLED = "call.answered"  #: the other side has it, and its answer is in memory only
    RECORD_COMMIT = "call.record_commit"
    RECORDED = "call.recorded"


class Action(StrEnum):
    """What happens there."""

    KILL = "kill"  #: SIGKILL: nothing is cleaned up
    FREEZE = "freeze"  #: SIGSTOP: somebody else wakes it, perhaps long after its lease
    ERROR = "error"  #: a bug, an exception that nobody expects
    DISK_FULL = "disk-full"
    LOCKED = "locked"  #: another process holds the database for too long


class Broken(RuntimeError):
    """What `error` raises."""


DATABASE_FAULTS = {Action.DISK_FULL: "database or disk is full", Action.LOCKED: "database is locked"}


@dataclass(slots=True, kw_only=True)
class _Armed:
    """One place, armed: it acts when it is passed for the `at`-th time, and with `again` each time from then on."""

    text: str
    place: Place | CallPlace
    action: Action
    at: int = 1
    again: bool = False
    passed: int = 0

    def pass_by(self, place: Place | CallPlace) -> None:
        if place is not self.place:
            return
        self.passed += 1
        if self.passed == self.at or (self.again and self.passed > self.at):
            _act(self.action, place)


_armed: _Armed | None = None


def pass_by(place: Place | CallPlace) -> None:
    """Here we are. Does nothing unless this place is armed."""
    if _armed is not None:
        _armed.pass_by(place)


def is_armed(places: Collection[Place]) -> bool:
    """Whether one of these is armed, for a place that costs something to watch."""
    return _armed is not None and _armed.place in places


def armed() -> str | None:
    """What is armed, for a process of ours that is to be armed alike; it counts by itself."""
    return _armed.text if _armed is not None else None


def arm(text: str) -> None:
    """`intent.committed=kill`, with `@3` for the third time it is passed, `@3+` for that time and all later ones.

    Raises: SettingsError for a place or an action that does not exist."""
    global _armed
    place, _, action = text.partition("=")
    action, _, times = action.partition("@")
    again = times.endswith("+")
    try:
        _armed = _Armed(
            text=text, place=_place(place), action=Action(action), at=int(times.rstrip("+") or 1), again=again
        )
    except ValueError as error:
        raise SettingsError(
            f"{text!r} is no failpoint", where=VARIABLE, hint="PLACE=ACTION or PLACE=ACTION@TIMES; see docs/promise.md"
        ) from error


def _place(text: str) -> Place | CallPlace:
    """Raises: ValueError."""
    return CallPlace(text) if text in set(CallPlace) else Place(text)


def disarm() -> None:
    global _armed
    _armed = None


def arm_from_environment(provider_url: str | None) -> None:
    """Arm what the environment says. `provider_url`: where mails go over the network, None if nowhere.

    Raises: SettingsError when that is another machine: a test must never leave real mails with an unknown fate."""
    text = os.environ.get(VARIABLE)
    if not text:
        return
    if provider_url is not None and urlsplit(provider_url).hostname not in LOOPBACK:
        raise SettingsError(
            f"{VARIABLE} is set, but mails would leave this machine", where=VARIABLE, hint="unset it; it is for tests"
        )
    arm(text)


def _act(action: Action, place: Place | CallPlace) -> None:
    if action is Action.KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    if action is Action.FREEZE:
        os.kill(os.getpid(), signal.SIGSTOP)
        return
    if action is Action.ERROR:
        raise Broken(f"broken on purpose at {place}")
    from sqlalchemy.exc import OperationalError  # as the driver's error reaches us; only a test ever comes here

    raise OperationalError("COMMIT", {}, sqlite3.OperationalError(DATABASE_FAULTS[action]))
