"""May this host hand over what this database decides? Keeps a restored backup and a copy of production from writing to people
until somebody releases them (design/delivery.md): deciding goes on, nothing leaves. deliver and escalate ask before each
batch and card, move the generation in the transaction that stores them, and remember it before anything leaves."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from sqlalchemy import Connection

from storage.hosts import (
    PauseCause,
    SendPause,
    find_pause,
    has_handed_over,
    join,
    move_generation,
    newest_generation,
)
from storage.marker import Marker, MarkerFile

log = structlog.get_logger("journeybot.guard")

FIRST_START = "first start"


SENTENCES = {
    PauseCause.COPIED: "Nothing leaves this host: the database does not know it (a copy, or a host that nobody released yet)",
    PauseCause.RESTORED: "Nothing leaves this host: the database is older than what was sent (a restored backup)",
}
RELEASE_HINT = "look at `journeybot db release`"


def sentence_of(pause: SendPause) -> str:
    return SENTENCES[pause.cause]


class SendGuard(Protocol):
    """What whoever hands over asks."""

    def pause(self, connection: Connection) -> SendPause | None:
        """Why nothing may leave now; None: it may."""

    def move(self, connection: Connection, now: datetime) -> int:
        """As the last thing of the transaction that stores what will leave; returns the new generation."""

    def remember(self, generation: int, now: datetime) -> None:
        """After that transaction, before anything leaves."""


class OpenGuard:
    """For ways out on which nobody outside hears of anything: files, tests, the demo."""

    def pause(self, connection: Connection) -> SendPause | None:
        return None

    def move(self, connection: Connection, now: datetime) -> int:
        return 0

    def remember(self, generation: int, now: datetime) -> None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostGuard:
    """The guard of this host. `name`: what people call it."""

    file: MarkerFile
    name: str

    def pause(self, connection: Connection) -> SendPause | None:
        # The marker first: another process moves the database before its marker, so that order never looks like a restore.
        return find_pause(connection, self._marker())

    def move(self, connection: Connection, now: datetime) -> int:
        marker = self._marker()
        return move_generation(connection, marker.host, now) if marker else 0

    def remember(self, generation: int, now: datetime) -> None:
        """A disk that takes no marker must not leave mails between intent and hand-over: they go, and it is told."""
        try:
            self.file.move_to(generation, now)
        except OSError as error:
            log.error("marker_not_written", error=type(error).__name__, reason=error.strerror)

    def join_first(self, connection: Connection, now: datetime) -> bool:
        """Where nothing was ever handed over there is nothing to do twice: every host may join without asking. Raises:
        OSError where the marker cannot be written."""
        pause = self.pause(connection)
        if pause is None or pause.cause != PauseCause.COPIED or has_handed_over(connection):
            return False
        self.admit(connection, now, by=FIRST_START)
        return True

    def admit(self, connection: Connection, now: datetime, *, by: str) -> None:
        """This host may hand over from now on. A database that is behind is moved past what this host remembers. The marker is
        written before the commit: if that fails, the host is as unknown as before. Raises: OSError."""
        standing = self._marker()
        behind = max(standing.generation if standing else 0, newest_generation(connection))
        host = standing.host if standing else secrets.token_hex(6)
        marker = Marker(host=host, generation=behind + 1 if behind else 0, moved_at=now if behind else None)
        join(connection, marker, self.name, by, now)
        self.file.write(marker)

    def _marker(self) -> Marker | None:
        """None also where the folder may not be read: then nothing leaves, and doctor says why."""
        try:
            return self.file.read()
        except OSError as error:
            log.error("marker_not_read", error=type(error).__name__, reason=error.strerror)
            return None


OPEN_GUARD = OpenGuard()
