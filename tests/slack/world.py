"""A poster and a Bolt app against the fake Slack, on a clock that stands still."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from slack_bolt import BoltRequest

from bot.clock import FixedClock
from bot.pipeline.escalate import Poster
from bot.slack.app import SlackApp, SlackSettings, build_bolt_app, build_poster
from storage import handoff_moves
from storage.database import Database
from tests.fakes.slack_payloads import Sent
from tests.fakes.slack_server import BOT_TOKEN, SlackServer, Transport
from tests.storage.handoff_rows import NOW


@dataclass(kw_only=True)
class World:
    """One database and one workspace of Slack. `errors` is what on_error heard."""

    database: Database
    slack: SlackServer
    fallback_channel: str | None = "#cs"
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    errors: list[BaseException] = field(default_factory=list)

    def settings(self) -> SlackSettings:
        return SlackSettings(
            bot_token=BOT_TOKEN,
            signing_secret="fake-secret",
            base_url=self.slack.base_url,
            fallback_channel=self.fallback_channel,
        )

    def poster(self) -> Poster:
        return build_poster(database=self.database, clock=self.clock, settings=self.settings())

    def app(self) -> SlackApp:
        return build_bolt_app(
            database=self.database, clock=self.clock, settings=self.settings(), on_error=self.errors.append
        )

    def time_passes(self, **span: float) -> None:
        self.clock.move_to(self.clock.now() + timedelta(**span))

    def row(self, handoff_id: int) -> handoff_moves.HandoffRecord:
        with self.database.read() as connection:
            found = handoff_moves.get(connection, handoff_id)
        assert found is not None
        return found


def through_bolt(app: SlackApp) -> Transport:
    """Deliveries straight into the Bolt app, signed as Slack signs them: no socket, and an answer that is not 200 fails."""

    def deliver(sent: Sent) -> Any:
        body, headers = sent.signed("fake-secret")
        request = BoltRequest(body=body.decode(), headers={name: [value] for name, value in headers.items()})
        response = app.bolt.dispatch(request)
        assert response.status == 200, f"the bot answered {response.status}: {response.body}"
        return json.loads(response.body) if str(response.body or "").startswith("{") else response.body

    return deliver


UNPOSTED = {"posting": "wanted", "posted_channel": None, "posted_ts": None}

__all__ = ["NOW", "UNPOSTED", "World", "through_bolt"]
