"""Whether anybody works: what doctor says about the heartbeats that the running server leaves. Silent where no server ever ran
(then ticks are made by hand). Read-only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.insight.complaints import Complaint
from storage.heartbeats import Heartbeat, heartbeats

TICK = "tick"
#: The server ticks every minute; `/readyz` says no after the same time.
LONGEST_SILENCE = timedelta(minutes=5)
RECENT = timedelta(days=1)


def running_complaints(connection: Connection, now: datetime) -> Iterator[Complaint]:
    for name, beat in heartbeats(connection).items():
        if beat.fault is not None:
            yield _broken(name, beat)
        elif beat.fault_at is not None and now - beat.fault_at < RECENT:
            sentence = f"`{name}` of the server broke and has worked again since; {beat.faults} time(s) in all"
            hint = "its log of that time has the line `part_broke`"
            yield Complaint(name="server_broke", severity="note", sentence=sentence, hint=hint, count=beat.faults)
        if name == TICK and beat.finished_at is not None and now - beat.finished_at > LONGEST_SILENCE:
            sentence = f"The server has not ticked since {beat.finished_at.isoformat(timespec='minutes')}"
            yield Complaint(
                name="server_silent", severity="warning", sentence=sentence, hint="is `journeybot run` running?"
            )


def _broken(name: str, beat: Heartbeat) -> Complaint:
    return Complaint(
        name="server_breaks",
        severity="error",
        sentence=f"`{name}` of the server breaks: {beat.fault}",
        hint="look for `part_broke` in its log; it tries again by itself",
        count=beat.faults,
    )
