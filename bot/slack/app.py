"""The Bolt app: puts together what the handler modules register; each gets the one context and decides for itself. To add
buttons, modals, commands or events write a module with `register(bolt, context)` and name it in HANDLERS.
Starts without asking Slack anything, so Slack being down never keeps journeybot from starting."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

from slack_bolt import App
from slack_bolt.authorization import AuthorizeResult

from bot.channels.slack import SlackChannel, quiet_client
from bot.clock import Clock
from bot.pipeline.escalate import Poster
from bot.pipeline.published import Publications
from bot.slack import act_forms, clicks, commands, home, lists, mail_modal, replies, shortcuts
from bot.slack.card_views import CardDrawer
from bot.slack.context import Background, OnError, SlackContext, SlackSettings
from bot.webhooks.unsubscribe import NO_LINKS, MailLinks
from storage.database import Database

__all__ = ["ACKNOWLEDGE_THREADS", "CALL_SECONDS", "SlackApp", "SlackSettings", "build_bolt_app", "build_poster"]

ACKNOWLEDGE_THREADS = 20
CALL_SECONDS = 10.0

Register: TypeAlias = Callable[[App, SlackContext], None]
HANDLERS: tuple[Register, ...] = (
    clicks.register,
    act_forms.register,
    mail_modal.register,
    commands.register,
    shortcuts.register,
    home.register,
    lists.register,
    replies.register,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackApp:
    """The Bolt app and what its handlers work with."""

    bolt: App
    context: SlackContext
    _acknowledging: ThreadPoolExecutor

    @property
    def settings(self) -> SlackSettings:
        return self.context.settings

    @property
    def clock(self) -> Clock:
        return self.context.clock

    def close(self) -> None:
        """Waits until the clicks that were acknowledged are recorded."""
        self._acknowledging.shutdown(wait=True)
        self.context.background.close()


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
        per_day=settings.handoffs_per_day,
    )


def build_bolt_app(
    *,
    database: Database,
    clock: Clock,
    settings: SlackSettings,
    on_error: OnError,
    poster: Poster | None = None,
    links: MailLinks = NO_LINKS,
) -> SlackApp:
    """The app with its handlers; pass the `poster` of the tick, so that both keep to one pace."""
    poster = poster or build_poster(database=database, clock=clock, settings=settings)
    context = SlackContext(
        database=database,
        clock=clock,
        settings=settings,
        slack=poster.slack,
        poster=poster,
        drawer=CardDrawer(clock=clock, locale=settings.locale, timezone=settings.timezone),
        on_error=on_error,
        background=Background(),
        _publications=Publications(links),
    )
    acknowledging = ThreadPoolExecutor(ACKNOWLEDGE_THREADS, thread_name_prefix="slack-acknowledge")
    bolt = _bolt(settings, acknowledging)

    def failed(error: Exception) -> None:
        on_error(error)

    for register in HANDLERS:
        register(bolt, context)
    bolt.error(failed)
    return SlackApp(bolt=bolt, context=context, _acknowledging=acknowledging)


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
