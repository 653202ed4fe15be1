"""The web server of an installation, in a thread of the test: SendGrid posts its events there, over real HTTP, signed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from bot.app import App
from bot.channels.memory import MemoryChannel
from bot.clock import Clock
from bot.console.web import create_web_app
from bot.console.webhooks import EVENTS_PATH
from bot.settings import Settings
from storage.database import Database
from tests.fakes.sendgrid_webhook import public_key


@contextmanager
def open_door(workspace: Path, clock: Clock, database: Database) -> Iterator[str]:
    """Yields where events are posted to. `database` may move on to other copies meanwhile."""
    settings = Settings(workspace=workspace, sendgrid_webhook_public_key=public_key())
    app = App.open(settings, clock=clock, channel=MemoryChannel(clock.monotonic), database=database)
    config = uvicorn.Config(create_web_app(app), port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="door", daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the web server did not start"
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}{EVENTS_PATH}"
    server.should_exit = True
    thread.join(10)
