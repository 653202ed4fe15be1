"""The process that runner tests start: what `journeybot run` does, with a tick that can be told to explode."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bot.app import App
from bot.logs import configure_logs
from bot.pipeline.ticking import TickReport
from bot.runners.local import run
from bot.settings import Settings

EXPLODES = "JOURNEYBOT_TEST_EXPLODES"
GRACE = "JOURNEYBOT_TEST_GRACE_SECONDS"


class ExplodingApp(App):
    """Every tick breaks, with an address in the error."""

    __slots__ = ()

    def tick(self) -> TickReport:
        raise ValueError("no row for tanaka@customer.example")


def main() -> None:
    configure_logs(as_json=True)
    settings = Settings.load(Path(sys.argv[1]))
    kind = ExplodingApp if os.environ.get(EXPLODES) else App
    with kind.open(settings) as app:
        run(app, host=settings.host, port=settings.port, grace_seconds=float(os.environ.get(GRACE, "25")))


if __name__ == "__main__":
    main()
