"""A warm process that forks one child per pass of webhook calls, so that each can be killed with a real SIGKILL. Reads one line per
pass, `moment failpoint` (or `moment -`), and answers with the signal that ended the child, 0 if none did."""

from __future__ import annotations

import os
import sys
from datetime import datetime

from bot import failpoints
from bot.channels.webhook import WebhookCaller
from bot.clock import FixedClock
from bot.pipeline.calling import call_webhooks
from bot.pipeline.published import Publications
from bot.pipeline.send_guard import OPEN_GUARD
from storage.database import Database

KEYS = (b"k" * 24,)


def call(url: str, installation: str, moment: str, failpoint: str) -> None:
    if failpoint != "-":
        failpoints.arm(failpoint)
    database = Database(url)
    with database.read() as connection:
        published = Publications().load(connection)
    assert published is not None
    caller = WebhookCaller(
        keys=KEYS, private=frozenset({"localhost"}), clock=FixedClock(datetime.fromisoformat(moment))
    )
    call_webhooks(database, published, caller, installation=installation, guard=OPEN_GUARD, is_stopping=lambda: False)


def main() -> None:
    url, installation = sys.argv[1:]
    for line in sys.stdin:
        moment, failpoint = line.split()
        pid = os.fork()
        if pid == 0:
            try:
                call(url, installation, moment, failpoint)
            except BaseException:  # noqa: BLE001  (the child must never go on as its parent)
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status), flush=True)


if __name__ == "__main__":
    main()
