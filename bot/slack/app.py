"""The Bolt app: takes clicks on cards, acknowledges each at once (Slack waits 3 s) and hands the work to its own threads,
so that a slow database never delays an acknowledgement. socket_mode.py or http.py bring them. Decides nothing: clicks.py does.
Starts without asking Slack anything, so Slack being down never keeps journeybot from starting."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from slack_bolt import App
from slack_bolt.authorization import AuthorizeResult

from bot.channels.slack import PUBLIC_API, SlackChannel, quiet_client
from bot.clock import Clock
from bot.pipeline.escalate import Poster
from bot.rules.calendar import BusinessCalendar
from bot.slack.card_views import CardDrawer
from bot.slack.cards import ACKNOWLEDGE, DONE, SNOOZE
from bot.slack.clicks import ClickHandler, OnError, click_of
from storage.database import Database

CLICK_THREADS = 4
ACKNOWLEDGE_THREADS = 20
CALL_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackSettings:
    """What the Slack side needs to know. `locale`, `timezone` and `calendar` are the workspace's."""

    bot_token: str = field(repr=False)
    signing_secret: str | None = field(default=None, repr=False)
    base_url: str = PUBLIC_API
    fallback_channel: str | None = None
    locale: str = "en"
    timezone: str = "UTC"
    calendar: BusinessCalendar = field(default_factory=BusinessCalendar)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackApp:
    """The Bolt app and what it works with. `poster` is what post_handoffs takes."""

    bolt: App
    poster: Poster
    settings: SlackSettings
    clock: Clock
    _threads: ThreadPoolExecutor
    _acknowledging: ThreadPoolExecutor

    def close(self) -> None:
        """Waits until the clicks that were acknowledged are recorded."""
        self._acknowledging.shutdown(wait=True)
        self._threads.shutdown(wait=True)


def build_poster(*, database: Database, clock: Clock, settings: SlackSettings) -> Poster:
    """What posts cards; works without the Bolt app, for a tick from the command line."""
    return Poster(
        database=database,
        slack=SlackChannel(settings.bot_token, settings.base_url, clock=clock, timeout_seconds=CALL_SECONDS),
        drawer=CardDrawer(clock=clock, locale=settings.locale, timezone=settings.timezone),
        clock=clock,
        fallback_channel=settings.fallback_channel,
        calendar=settings.calendar,
        timezone=settings.timezone,
    )


def build_bolt_app(
    *,
    database: Database,
    clock: Clock,
    settings: SlackSettings,
    on_error: OnError,
    poster: Poster | None = None,
) -> SlackApp:
    """The app with its actions; pass the `poster` of the tick, so that both keep to one pace."""
    poster = poster or build_poster(database=database, clock=clock, settings=settings)
    drawer = CardDrawer(clock=clock, locale=settings.locale, timezone=settings.timezone)
    clicks = ClickHandler(poster=poster, drawer=drawer, calendar=settings.calendar, on_error=on_error)
    acknowledging = ThreadPoolExecutor(ACKNOWLEDGE_THREADS, thread_name_prefix="slack-acknowledge")
    threads = ThreadPoolExecutor(CLICK_THREADS, thread_name_prefix="slack-click")
    bolt = _bolt(settings, acknowledging)

    def clicked(ack: Callable[[], Any], body: dict[str, Any]) -> None:
        ack()
        click = click_of(body)
        if click is None:
            on_error(ValueError("a Slack payload was no press on a hand-off card"))
            return
        threads.submit(clicks.handle, click)

    def failed(error: Exception) -> None:
        on_error(error)

    for action in (ACKNOWLEDGE, SNOOZE, DONE):
        bolt.action(action)(clicked)
    bolt.error(failed)
    return SlackApp(
        bolt=bolt, poster=poster, settings=settings, clock=clock, _threads=threads, _acknowledging=acknowledging
    )


def _bolt(settings: SlackSettings, executor: ThreadPoolExecutor) -> App:
    logger = logging.getLogger("journeybot.slack_bolt")
    # Bolt prints whole requests, names and all, at INFO and below.
    logger.setLevel(logging.WARNING)

    def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        # One workspace, one token: no auth.test per start, which would fail while Slack is down.
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=settings.bot_token)

    return App(
        logger=logger,
        name="journeybot",
        signing_secret=settings.signing_secret or "",
        client=quiet_client(None, settings.base_url, CALL_SECONDS),
        authorize=authorize,
        request_verification_enabled=settings.signing_secret is not None,
        listener_executor=executor,
    )
