"""Writes hand-offs as mails to our own people. Loads what draws them, and Slack's client with it, only where one is written, so that
whoever has no Slack never waits for it. Before it: bot.app; after it: bot.pipeline.staff_mail sends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from bot.clock import Clock
from bot.pipeline.deployed_settings import DeployedSettings
from bot.pipeline.staff_mail import StaffLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class LazyWriter:
    """`locale` and `timezone` are the workspace's, for readers who have none; `settings` are read once a deployment."""

    clock: Clock
    locale: str
    timezone: str
    settings: DeployedSettings

    def write(self, connection: Connection, handoff_ids: Sequence[int]) -> StaffLetter | None:
        from bot.slack.card_views import CardDrawer

        drawer = CardDrawer(clock=self.clock, locale=self.locale, timezone=self.timezone, settings=self.settings)
        return drawer.write(connection, handoff_ids)
