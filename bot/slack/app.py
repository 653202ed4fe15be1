"""The Bolt app: puts together what the handler modules register; each gets the one context and decides for itself. To add
buttons, modals, commands or events write a module with `register(bolt, context)` and name it in HANDLERS.
Starts without asking Slack anything, so Slack being down never keeps journeybot from starting."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias

from slack_bolt import App, BoltRequest
from slack_bolt.authorization import AuthorizeResult

from bot.channels.slack import SlackChannel, quiet_client
from bot.clock import Clock, SystemClock
from bot.pipeline.escalate import Poster
from bot.pipeline.published import Publications
from bot.slack import act_forms, clicks, commands, home, line_choices, lists, mail_modal, plan_forms, replies, shortcuts
from bot.slack.card_views import CardDrawer
from bot.slack.context import Background, OnError, SlackContext, SlackSettings
from bot.slack.digest import MorningDrawer
from bot.webhooks.unsubscribe import NO_LINKS, MailLinks
from storage.database import Database

__all__ = ["CALL_SECONDS", "SlackApp", "SlackSettings", "build_bolt_app", "build_poster"]

CALL_SECONDS = 10.0

#: What is answered by nothing but "received"; submitted modals and the options of menus are answered by Bolt.
SILENT = frozenset({"block_actions", "message_action", "shortcut", "event_callback"})

Register: TypeAlias = Callable[[App, SlackContext], None]
HANDLERS: tuple[Register, ...] = (
    clicks.register,
    act_forms.register,
    mail_modal.register,
    commands.register,
    shortcuts.register,
    home.register,
    lists.register,
    plan_forms.register,
    line_choices.register,
    replies.register,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackApp:
    """The Bolt app and what its handlers work with."""

    bolt: App
    context: SlackContext

    @property
    def settings(self) -> SlackSettings:
        return self.context.settings

    @property
    def clock(self) -> Clock:
        return self.context.clock

    def takes(self, body: dict[str, Any]) -> bool:
        """True: Slack is to be told "received" now, and Bolt hears of it from a thread of its own. False: Bolt answers. `body` is
        what Slack sent, read; its signature was checked."""
        is_silent = body.get("type") in SILENT or ("type" not in body and "command" in body)
        if is_silent:
            self.context.background.take(lambda: self._dispatch(body))
        return is_silent

    def _dispatch(self, body: dict[str, Any]) -> None:
        """Never raises: nobody waits for it."""
        try:
            status = self.bolt.dispatch(BoltRequest(mode="socket_mode", body=body)).status
            if status != HTTPStatus.OK:
                self.context.on_error(RuntimeError(f"nobody here listens to what Slack sent ({status})"))
        except Exception as error:  # noqa: BLE001  (the next click must work)
            self.context.on_error(error)

    def close(self) -> None:
        """Waits until the clicks that were acknowledged are recorded."""
        self.context.background.close()


def build_poster(*, database: Database, clock: Clock, settings: SlackSettings) -> Poster:
    """What posts cards; works without the Bolt app, for a tick from the command line."""
    morning = MorningDrawer(clock=clock, locale=settings.locale, timezone=settings.timezone)
    return Poster(
        database=database,
        slack=SlackChannel(settings.bot_token, settings.base_url, clock=clock, timeout_seconds=CALL_SECONDS),
        drawer=CardDrawer(clock=clock, locale=settings.locale, timezone=settings.timezone, morning=morning),
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
        background=Background(SystemClock()),
        _publications=Publications(links),
    )
    bolt = _bolt(settings)

    def failed(error: Exception) -> None:
        on_error(error)

    for register in HANDLERS:
        register(bolt, context)
    bolt.error(failed)
    return SlackApp(bolt=bolt, context=context)


def _bolt(settings: SlackSettings) -> App:
    logger = logging.getLogger("journeybot.slack_bolt")
    # Bolt prints whole requests, names and all, at INFO and below, and at WARNING that it got both a token and a client.
    logger.setLevel(logging.ERROR)

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
        # Every listener acknowledges and returns at once. Bolt's own thread would be looked at only every 10 ms.
        process_before_response=True,
    )
