"""App Home: published when somebody opens it, pages through it, or acts. Each person's page is drawn at most once at a time: what
comes meanwhile is drawn by one more look afterwards. A fault of Slack or of the database is told, never raised."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from slack_bolt import App

from bot.channels.slack import PostFailed
from bot.errors import UsageError
from bot.insight.desk import Pages, read_desk
from bot.pipeline.holding import hold_mail, release_mail
from bot.slack import mail_review
from bot.slack.blocks import escaped
from bot.slack.command_words import phrase
from bot.slack.context import Body, SlackContext
from bot.slack.home_views import (
    DIGEST,
    HOLD,
    PAGE_HANDOFFS,
    PAGE_MAILS,
    REFRESH,
    RELEASE,
    HomeView,
    draw_home,
    draw_stranger,
)
from bot.slack.home_words import home_phrase
from storage.desk import set_digest

Press = Callable[[Body, str], None]


def register(bolt: App, context: SlackContext) -> None:
    """The page, its buttons, and the look at it after any act of somebody who has it open."""
    home = Home(context)

    def opened(event: dict[str, Any]) -> None:
        # Bolt acknowledges events by itself before it calls this.
        if event.get("tab", "home") == "home":
            home.show_later(str(event.get("user") or ""), None)

    bolt.event("app_home_opened")(opened)
    presses: dict[str, Press] = {REFRESH: home.refresh, HOLD: home.hold, RELEASE: home.release, DIGEST: home.digest}
    presses |= {f"{page}_{way}": home.turn for page in (PAGE_HANDOFFS, PAGE_MAILS) for way in ("back", "on")}
    for action, press in presses.items():
        bolt.action(action)(context.later(_pressed(press)))
    mail_review.register(bolt, context)
    context.after_acts(home.follow)


def _pressed(press: Press) -> Callable[[Body], None]:
    def work(body: Body) -> None:
        action: Mapping[str, Any] = next(iter(body.get("actions") or ()), {})
        press(body, str(action.get("value") or ""))

    return work


class Home:
    """Publishes pages. Threads may share it."""

    def __init__(self, context: SlackContext) -> None:
        self._context = context
        self._lock = threading.Lock()
        #: Who has opened it since we started → the pages they look at.
        self._viewers: dict[str, Pages] = {}
        self._waiting: set[str] = set()

    def show_later(self, user: str, pages: Pages | None) -> None:
        """Soon; several wishes for the same person become one look."""
        if not user:
            return
        with self._lock:
            self._viewers[user] = pages or self._viewers.get(user) or Pages()
            if user in self._waiting:
                return
            self._waiting.add(user)
        self._context.background.work(lambda: self._guarded(user))

    def follow(self, body: Body) -> None:
        """After an act: the person's page shows it, if they ever opened it. Presses of the page itself have drawn it already."""
        action: Mapping[str, Any] = next(iter(body.get("actions") or ()), {})
        if str(action.get("action_id") or "").startswith("home_"):
            return
        user = str((body.get("user") or {}).get("id") or "")
        with self._lock:
            is_viewer = user in self._viewers
        if is_viewer:
            self.show_later(user, None)

    def refresh(self, body: Body, _value: str) -> None:
        self.show_later(str(body["user"]["id"]), _pages(body))

    def turn(self, body: Body, value: str) -> None:
        """Another page of one list; the other list stays where it is."""
        pages = _pages(body)
        action = str(body["actions"][0]["action_id"])
        number = int(value) if value.isdigit() else 0
        turned = (
            Pages(handoffs=number, mails=pages.mails)
            if action.startswith(PAGE_HANDOFFS)
            else Pages(handoffs=pages.handoffs, mails=number)
        )
        self.show_later(str(body["user"]["id"]), turned)

    def digest(self, body: Body, value: str) -> None:
        with self._context.database.write() as connection:
            person = self._context.person(connection, str(body["user"]["id"]))
            if person.csm is not None:
                set_digest(connection, person.csm, is_wanted=value == "on")
        self.show_later(person.user, _pages(body))

    def hold(self, body: Body, value: str) -> None:
        self._move(body, value, hold_mail)

    def release(self, body: Body, value: str) -> None:
        self._move(body, value, release_mail)

    def _move(self, body: Body, value: str, move: Callable[..., bool]) -> None:
        enrollment_id, *steps = json.loads(value)
        context = self._context
        told = None
        with context.database.read() as connection:
            person = context.person(connection, str(body["user"]["id"]))
        if person.csm is None:
            told = phrase("who_are_you", person.locale, user=escaped(person.user, 40))
        else:
            try:
                with context.database.write() as connection:
                    for step in steps:
                        move(connection, int(enrollment_id), str(step), by=person.by, at=context.clock.now())
            except UsageError:
                told = home_phrase("too_late", person.locale)
        self.show_later(person.user, _pages(body))
        if told is not None:
            context.tell(body, told)

    def _guarded(self, user: str) -> None:
        with self._lock:
            self._waiting.discard(user)
            pages = self._viewers.get(user, Pages())
        try:
            self._publish(user, pages)
        except Exception as error:  # noqa: BLE001  (the next opening draws it anew)
            self._context.on_error(error)

    def _publish(self, user: str, pages: Pages) -> None:
        context = self._context
        published = context.published()
        now = context.clock.now()
        with context.database.read() as connection:
            person = context.person(connection, user)
            desk = None
            if person.csm is not None:
                desk = read_desk(connection, published, person.csm, now, person.timezone, pages)
        view = draw_home(HomeView(person=person, desk=desk, now=now)) if desk else draw_stranger(person)
        answer = context.slack.call("views.publish", user_id=user, view=view)
        if isinstance(answer, PostFailed):
            context.on_error(RuntimeError(f"App Home could not be published: {answer.reason}"))


def _pages(body: Body) -> Pages:
    """Those that the pressed view shows."""
    try:
        found = json.loads((body.get("view") or {}).get("private_metadata") or "{}")
    except ValueError:
        return Pages()
    return Pages(**{name: _number(found, name) for name in ("handoffs", "mails")})


def _number(found: Any, name: str) -> int:
    value = found.get(name) if isinstance(found, Mapping) else None
    return value if isinstance(value, int) and 0 <= value < 1_000_000 else 0
