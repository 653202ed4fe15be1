"""What every handler of the Slack side is given, and how it answers in time: Slack waits 3 s for the acknowledgement and
lets a modal be opened for 3 s, so a handler acknowledges first, a light modal is opened by threads that never wait for the
database, and the rest happens in threads of its own. Faults are told to the person and to `on_error`, never swallowed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from sqlalchemy import Connection

from bot.channels.slack import PUBLIC_API, PostFailed, SlackChannel
from bot.clock import Clock
from bot.pipeline.escalate import Poster
from bot.pipeline.published import Publications, Published
from bot.rules.calendar import BusinessCalendar
from bot.slack.card_views import CardDrawer
from bot.slack.people import Person, person_of
from bot.slack.wording import say
from storage.database import Database

TAKING_THREADS = 2
WORK_THREADS = 4
OPENING_THREADS = 8
#: So long nothing came: nobody else is pressing just now; after a crowd the web server may still be taking connections in.
MOMENT_SECONDS = 0.02
MOMENT_AFTER_A_CROWD_SECONDS = 0.15
CROWD = 10
LONGEST_RUSH_SECONDS = 1.0

Body: TypeAlias = Mapping[str, Any]
View: TypeAlias = Mapping[str, Any]
OnError: TypeAlias = Callable[[BaseException], None]
Listener: TypeAlias = Callable[..., None]
#: What is wrong with a submitted modal: a sentence per block_id; empty: nothing.
Mistakes: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackSettings:
    """What the Slack side needs to know. `locale`, `timezone` and `calendar` are the workspace's."""

    bot_token: str = field(repr=False)
    signing_secret: str | None = field(default=None, repr=False)
    base_url: str = PUBLIC_API
    fallback_channel: str | None = None
    locale: str = "en"
    timezone: str = "UTC"
    handoffs_per_day: int | None = None
    calendar: BusinessCalendar = field(default_factory=BusinessCalendar)


class Background:
    """Where work goes on after the acknowledgement. `clock` is the real one: it measures how people press."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taking = ThreadPoolExecutor(TAKING_THREADS, thread_name_prefix="slack-take")
        self._opening = ThreadPoolExecutor(OPENING_THREADS, thread_name_prefix="slack-open")
        self._working = ThreadPoolExecutor(WORK_THREADS, thread_name_prefix="slack-work")
        self._rush_began = self._last_came = clock.monotonic()
        self._crowd = 0
        self._pause = threading.Event()  # never set: a wait that needs no clock

    def take(self, work: Callable[[], None]) -> None:
        """For what Slack was told "received" about: Bolt finds out what it is. Never waits."""
        now = self._clock.monotonic()
        if self._is_quiet(now):
            self._rush_began, self._crowd = now, 0
        self._last_came = now
        self._crowd += 1
        self._taking.submit(self._after_the_rush, work)

    def open(self, work: Callable[[], None]) -> None:
        """For a call to Slack that may not wait; never for what asks the database."""
        self._opening.submit(work)

    def work(self, work: Callable[[], None]) -> None:
        """For what asks the database."""
        self._working.submit(self._after_the_rush, work)

    def _after_the_rush(self, work: Callable[[], None]) -> None:
        """Begins once nothing further came for a moment, or after a second: when many people press at once, all are answered
        before the first card is drawn, or drawing would take the processor from answering."""
        while not self._is_quiet(now := self._clock.monotonic()) and now - self._rush_began < LONGEST_RUSH_SECONDS:
            self._pause.wait(MOMENT_SECONDS)
        work()

    def _is_quiet(self, now: float) -> bool:
        moment = MOMENT_AFTER_A_CROWD_SECONDS if self._crowd > CROWD else MOMENT_SECONDS
        return now - self._last_came > moment

    def close(self) -> None:
        """Waits until all that was acknowledged is recorded."""
        self._taking.shutdown(wait=True)
        self._opening.shutdown(wait=True)
        self._working.shutdown(wait=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackContext:
    """Handed to every `register(bolt, context)`. `poster` is the tick's, so that both keep to one pace."""

    database: Database
    clock: Clock
    settings: SlackSettings
    slack: SlackChannel
    poster: Poster
    drawer: CardDrawer
    on_error: OnError
    background: Background
    _publications: Publications
    _publishing: threading.Lock = field(default_factory=threading.Lock)
    _followers: list[Callable[[Body], None]] = field(default_factory=list)

    def published(self) -> Published | None:
        """What is published now, with caches of its own for this thread; None before the first deployment."""
        with self._publishing, self.database.read() as connection:
            found = self._publications.load(connection)
        return None if found is None else replace(found, grounds={}, terms={})

    def person(self, connection: Connection, user: str) -> Person:
        """Who a Slack user is to us."""
        return person_of(connection, user, locale=self.settings.locale, timezone=self.settings.timezone)

    def after_acts(self, follow: Callable[[Body], None]) -> None:
        """To be called after whatever somebody did, with what they pressed; quick, and never raising."""
        self._followers.append(follow)

    def later(self, work: Callable[[Body], None]) -> Listener:
        """A listener that acknowledges at once and works afterwards."""

        def listen(ack: Callable[..., Any], body: dict[str, Any]) -> None:
            ack()
            self.background.work(lambda: self._done(work, body))

        return listen

    def with_modal(self, draw: Callable[[Body], View], fill: Callable[[Body, str], None]) -> Listener:
        """A listener that acknowledges, opens the light modal of `draw` (pure: no database), then runs `fill` with the
        modal's id, which brings the rest by `show_modal`."""

        def open_it(body: Body) -> None:
            answer = self.slack.call("views.open", trigger_id=str(body.get("trigger_id", "")), view=draw(body))
            if isinstance(answer, PostFailed):
                self.on_error(RuntimeError(f"a modal could not be opened: {answer.reason}"))
                self.tell(body, say("told_no_modal", self.settings.locale))
                return
            opened = str(answer["view"]["id"])
            self.background.work(lambda: self.guarded(lambda given: fill(given, opened), body))

        def listen(ack: Callable[..., Any], body: dict[str, Any]) -> None:
            ack()
            self.background.open(lambda: self.guarded(open_it, body))

        return listen

    def submitted(self, check: Callable[[Body], Mistakes], work: Callable[[Body], None]) -> Listener:
        """A listener for a modal's Submit: what `check` (pure: no database) finds is shown in the modal, else the modal
        closes and `work` runs."""

        def listen(ack: Callable[..., Any], body: dict[str, Any]) -> None:
            mistakes = check(body)
            if mistakes:
                ack(response_action="errors", errors=dict(mistakes))
                return
            ack()
            self.background.work(lambda: self._done(work, body))

        return listen

    def show_modal(self, view_id: str, view: View) -> None:
        """Brings an open modal up to date."""
        answer = self.slack.call("views.update", view_id=view_id, view=view)
        if isinstance(answer, PostFailed):
            self.on_error(RuntimeError(f"a modal could not be filled: {answer.reason}"))

    def tell(self, body: Body, text: str) -> None:
        """A line that only the person sees: where they clicked, else in their direct messages."""
        user = str((body.get("user") or {}).get("id") or body.get("user_id") or "")
        channel = channel_of(body)
        failed = self.slack.tell_privately(channel, user, text) if channel else self.slack.tell_directly(user, text)
        if failed is not None:
            self.on_error(RuntimeError(f"a private answer in Slack failed: {failed.reason}"))

    def _done(self, work: Callable[[Body], None], body: Body) -> None:
        self.guarded(work, body)
        for follow in self._followers:
            follow(body)

    def guarded(self, work: Callable[[Body], None], body: Body) -> None:
        """Never raises: what went wrong is told to the person and to `on_error`."""
        try:
            work(body)
        except Exception as error:  # noqa: BLE001  (told to the person and to on_error; the next click must work)
            self.on_error(error)
            self.tell(body, say("told_error", self.settings.locale))


def channel_of(body: Body) -> str:
    """The conversation a payload came from; "" where there is none (App Home, a modal)."""
    container = body.get("container") or {}
    return str(container.get("channel_id") or (body.get("channel") or {}).get("id") or body.get("channel_id") or "")
