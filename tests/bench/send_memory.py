"""A process that only sends, for bench_send: it opens a database in which mails are due, sends them all, and tells how much memory
it and its posting process held at most. `python -m tests.bench.send_memory DATABASE_URL PROVIDER_URL`; both in megabytes, as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from bot.channels.aside import AsideChannel
from bot.clock import FixedClock
from bot.garbage import search_seldom
from bot.pipeline.deliver import deliver
from bot.pipeline.published import Publications
from storage.database import Database
from tests.bench.field import NOW

SECONDS_BETWEEN_LOOKS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """Megabytes: of the process that sends, and of the one that posts for it."""

    sending_mb: float
    posting_mb: float

    @classmethod
    def of_sending(cls, found: Database, provider_url: str, mails: int) -> Self:
        """Everything that is due, sent by a new process. Raises: CalledProcessError, AssertionError."""
        url = found.url.render_as_string(hide_password=False)
        command = [sys.executable, "-m", "tests.bench.send_memory", url, provider_url]
        told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])
        assert told["accepted"] == mails, told
        return cls(sending_mb=told["sending_mb"], posting_mb=told["posting_mb"])

    def __str__(self) -> str:
        return f"{self.sending_mb:.0f} + {self.posting_mb:.0f} MB"

    @property
    def total_mb(self) -> float:
        return self.sending_mb + self.posting_mb


def held_at_most_mb(pid: int) -> float:
    """What Linux has seen that process hold. Not `ru_maxrss`, which a new process inherits from whoever started it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0  # it has ended, and nobody has waited for it yet


@contextmanager
def watching_children() -> Iterator[Callable[[], float]]:
    """The most that any process which this one starts holds, looked at many times a second; asked for at the end."""
    most, over = [0.0], threading.Event()

    def look() -> None:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            for child in psutil.Process().children():
                with suppress(FileNotFoundError, ProcessLookupError):
                    most[0] = max(most[0], held_at_most_mb(child.pid))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    yield lambda: most[0]
    over.set()
    thread.join()


def main(database_url: str, provider_url: str) -> None:
    search_seldom()
    found, clock = Database(database_url), FixedClock(NOW)
    with found.read() as connection:
        published = Publications().load(connection)
    assert published is not None, "nothing is published in this database"
    channel = AsideChannel("SG.bench", provider_url, monotonic=clock.monotonic)
    with watching_children() as most:
        count = deliver(found, published, channel, clock)
        channel.close()
        told = {"accepted": count.states["accepted"], "sending_mb": held_at_most_mb(os.getpid()), "posting_mb": most()}
    found.dispose()
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
