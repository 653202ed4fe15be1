"""The process that runner tests start: what `journeybot run` does, with a tick that can be told to explode, and mails that can
be told to be posted by another process however slow the provider is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bot.app import App
from bot.channels.aside import AsideChannel
from bot.logs import configure_logs
from bot.pipeline.ticking import TickReport
from bot.runners.local import run
from bot.settings import Settings

EXPLODES = "JOURNEYBOT_TEST_EXPLODES"
GRACE = "JOURNEYBOT_TEST_GRACE_SECONDS"
ASIDE = "JOURNEYBOT_TEST_POSTS_ASIDE"


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
        if os.environ.get(ASIDE):
            assert settings.sendgrid_api_key is not None
            key = settings.sendgrid_api_key.get_secret_value()
            app.channel = AsideChannel(key, settings.sendgrid_base_url, few=0, worth_per_second=0, waits=True)
        run(app, host=settings.host, port=settings.port, grace_seconds=float(os.environ.get(GRACE, "25")))


if __name__ == "__main__":
    main()
