"""A warm process that forks one child per tick: everything is imported and compiled, so that a real process that can be killed
with a real SIGKILL costs a few hundredths of a second. Reads one JSON order per line, answers each with one line."""

from __future__ import annotations

import gc
import json
import os
import struct
import sys
import traceback
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot import failpoints
from bot.app import App
from bot.channels.aside import AsideChannel
from bot.channels.memory import MemoryChannel
from bot.channels.sendgrid import SendGridChannel
from bot.logs import configure_logs
from bot.settings import Settings
from storage.database import FROZEN_SECONDS
from tests.fakes.sendgrid_server import DEFAULT_KEY
from tests.moving_database import MovingDatabase

BROKE = 3


class SharedClock:
    """The time of all processes of a case: eight bytes in a file, that the test moves."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.monotonic(), UTC)

    def monotonic(self) -> float:
        (seconds,) = struct.unpack("d", self.path.read_bytes())
        return float(seconds)

    def sleep(self, seconds: float) -> None:
        """Nobody here waits for real: only the test moves the time."""

    def move_to(self, at: datetime) -> None:
        self.path.write_bytes(struct.pack("d", at.timestamp()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One tick in a process of its own. `ticks`: how often, for one that goes on after an error as the server does.
    `frozen_seconds`: when PostgreSQL ends its transaction, should it freeze in one. `aside`: another process posts its mails."""

    database: str
    base_url: str
    failpoint: str | None = None
    timeout_seconds: float = 0.3
    ticks: int = 1
    frozen_seconds: int = FROZEN_SECONDS
    aside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a child ended, or that it was stopped."""

    exited: int | None = None
    killed_by: int | None = None
    is_stopped: bool = False


def main() -> None:
    workspace, clock, scratch = Path(sys.argv[1]), SharedClock(Path(sys.argv[2])), sys.argv[3]
    configure_logs(as_json=True)
    app = _warm(workspace, clock, scratch)
    gc.collect()
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        answer: dict[str, Any] = (
            asdict(_wait(order["wait"])) if "wait" in order else {"pid": _fork(app, Order(**order))}
        )
        print(json.dumps(answer), flush=True)


def _warm(workspace: Path, clock: SharedClock, scratch: str) -> App:
    """Live through some ticks on a copy, so that everything is loaded and compiled."""
    database = MovingDatabase(scratch)
    settings = Settings(workspace=workspace)
    app = App.open(settings, clock=clock, channel=MemoryChannel(clock.monotonic), database=database)
    app.tick()
    app.tick()
    database.engine.dispose()
    return app


def _fork(app: App, order: Order) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = BROKE
    try:
        status = _live(app, order)
    except BaseException:  # noqa: BLE001  (the child must never return into the loop of its parent)
        traceback.print_exc()
    finally:
        os._exit(status)


def _live(app: App, order: Order) -> int:
    gc.disable()  # it would touch, and so copy, every page of its parent
    assert isinstance(app.database, MovingDatabase)
    app.database.frozen_seconds = order.frozen_seconds
    app.database.move_to(order.database, in_child=True)
    given: dict[str, Any] = {"timeout_seconds": order.timeout_seconds, "monotonic": app.clock.monotonic}
    if order.aside:
        app.channel = AsideChannel(DEFAULT_KEY, order.base_url, **given, few=0, worth_per_second=0, waits=True)
    else:
        app.channel = SendGridChannel(DEFAULT_KEY, order.base_url, **given)
    if order.failpoint:
        failpoints.arm(order.failpoint)
    status = 0
    for _ in range(order.ticks):
        try:
            app.tick()
        except Exception:  # noqa: BLE001  (as the metronome does: the next tick is another try)
            traceback.print_exc()
            status = BROKE
    return status


def _wait(pid: int) -> End:
    _, status = os.waitpid(pid, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return End(is_stopped=True)
    if os.WIFSIGNALED(status):
        return End(killed_by=os.WTERMSIG(status))
    return End(exited=os.WEXITSTATUS(status))


if __name__ == "__main__":
    main()
