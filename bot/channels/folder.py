"""Writes mails as .eml files: the embedded default, for looking before anything real is connected. One reference is one
file, so a repeat is harmless here and only here. Must never leave the folder or show half a file. Before it: deliver
commits the intents; after it: deliver records."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from bot.channels.base import Answer, OnAnswer, Outcome, Outgoing, UnsendableError
from bot.channels.mime import file_safe, message_id, mime_bytes
from bot.clock import Clock


class FolderChannel:
    """A `MailChannel`. Files are private to the user: they hold customers' mails."""

    name = "folder"

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def send(self, batch: Iterable[Outgoing], on_answer: OnAnswer) -> None:
        for message in batch:
            on_answer(message, self._write(message))

    def close(self) -> None:
        """Holds nothing open."""

    def path_of(self, reference: str) -> Path:
        """Where the mail of this reference lies: `0042-73475cb4.eml`. The digest keeps `7` and `0007` apart, also on file
        systems that ignore case."""
        digest = hashlib.sha256(reference.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        return self._folder / f"{file_safe(reference):0>4}-{digest}.eml"

    def forget(self, references: Iterable[str]) -> int:
        """Deletes the mails of these references; returns how many there were. Raises: OSError."""
        files = [path for path in map(self.path_of, references) if path.exists()]
        for path in files:
            path.unlink()
        return len(files)

    def _write(self, message: Outgoing) -> Answer:
        if self._clock.monotonic() >= message.deadline:
            return Answer(outcome=Outcome.NOT_ACCEPTED, reason="deadline")
        path = self.path_of(message.reference)
        unfinished = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            content = mime_bytes(message, at=self._clock.now())
            self._folder.mkdir(parents=True, exist_ok=True)
            with open(unfinished, "wb", opener=_for_us_alone) as file:
                file.write(content)
            unfinished.replace(path)
        except UnsendableError as error:
            return error.answer()
        except OSError as error:
            with contextlib.suppress(OSError):  # what cannot be written may not be removable either
                unfinished.unlink(missing_ok=True)
            return Answer(outcome=Outcome.NOT_ACCEPTED, reason="write_error", detail=error.strerror or "")
        return Answer(outcome=Outcome.ACCEPTED, reason="accepted", provider_message_id=message_id(message))


def _for_us_alone(path: str, flags: int) -> int:
    """Nobody else may read a mail, not even before it has its name."""
    return os.open(path, flags, mode=0o600)
