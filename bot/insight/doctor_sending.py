"""doctor's questions about the restore guard: may this host send, and can it remember what it sent. Read-only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection

from bot.insight.complaints import Complaint
from bot.pipeline.send_guard import RELEASE_HINT, HostGuard, SendGuard, sentence_of
from storage.hosts import count_hosts, has_handed_over


def sending_complaints(connection: Connection, guard: SendGuard) -> Iterator[Complaint]:
    if not isinstance(guard, HostGuard):
        yield from _copied_for_files(connection)
        return
    pause = guard.pause(connection)
    if pause is not None and has_handed_over(connection):
        yield Complaint(
            name="sending_paused",
            severity="error",
            sentence=sentence_of(pause),
            hint=f"{RELEASE_HINT}; docs/operations.md says what to choose",
        )
    if not _may_write(guard.file.folder):
        yield Complaint(
            name="marker_unwritable",
            severity="error",
            sentence="This host cannot remember what it sends, so a restored backup would not be noticed",
            hint="let journeybot write there, or set JOURNEYBOT_MARKER_DIR",
            examples=(str(guard.file.folder),),
        )


def _copied_for_files(connection: Connection) -> Iterator[Complaint]:
    """Nothing can leave from here, so it is only good to know."""
    hosts = count_hosts(connection)
    if hosts:
        yield Complaint(
            name="sending_unknown_host",
            severity="note",
            sentence=f"{hosts} host(s) send to real people from this database or the one it is a copy of; here mails are files",
            hint="a copy that shall send starts paused: docs/operations.md, Restoring",
            count=hosts,
        )


def _may_write(folder: Path) -> bool:
    """The folder, or where it would be made."""
    standing = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    return standing.is_dir() and os.access(standing, os.W_OK | os.X_OK)
