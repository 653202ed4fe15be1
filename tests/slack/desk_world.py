"""The world of tests/world.py with a Slack beside it: one installation, its customers and journeys, and what a CSM sees and does
in Slack. `home`, `command` and the fake's own verbs act as user U1 (Sato) unless told otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import update

from bot.slack.app import SlackApp, SlackSettings, build_bolt_app
from storage.accounts import Csm
from tests.cast import cast, csm
from tests.fakes.slack_payloads import View, home_opened
from tests.fakes.slack_server import BOT_TOKEN, SlackServer, wait_until
from tests.slack.world import through_bolt
from tests.world import World

JOURNEY = """
    title: Welcome
    state: live
    walks: customer
    enter: {when: stage == "new", existing: enter}
    steps:
      - wait: 2 days
      - email: welcome
        expires: 5 days
      - handoff: Call them
"""


@dataclass(kw_only=True)
class DeskWorld:
    """`errors` is what on_error heard. The Bolt app is built on first use, so that settings may be changed before."""

    world: World
    slack: SlackServer
    locale: str = "en"
    errors: list[BaseException] = field(default_factory=list)
    _app: SlackApp | None = None

    @property
    def app(self) -> SlackApp:
        if self._app is None:
            settings = SlackSettings(
                bot_token=BOT_TOKEN, signing_secret="fake-secret", base_url=self.slack.base_url, locale=self.locale
            )
            self._app = build_bolt_app(
                database=self.world.database,
                clock=self.world.clock,
                settings=settings,
                on_error=self.errors.append,
            )
            self.slack.transport = through_bolt(self._app)
        return self._app

    def people(self, **values: str) -> None:
        """The cast; Sato is U1, Suzuki U2 and reads Japanese."""
        cast(self.world.database, self.world.now, **values)
        csm(self.world.database, "suzuki", slack_user_id="U2", locale="ja")
        with self.world.database.write() as connection:
            connection.execute(update(Csm).where(Csm.key == "sato").values(slack_user_id="U1"))  # type: ignore[arg-type]

    def deploy(self, journey: str = JOURNEY) -> None:
        self.world.mail("welcome")
        self.world.playbook("welcome", journey)
        self.world.deploy()

    def home(self, user: str = "U1") -> View:
        """Opens App Home and waits until it is published."""
        assert self.app is not None
        before = self._looks(user)
        self.slack.event(home_opened(user))
        wait_until(lambda: self._looks(user) > before)
        return self.slack.home(user)

    def shown(self, user: str = "U1") -> str:
        return str(self.slack.home(user).blocks)

    def press(self, action_id: str, value: str | None = None, user: str = "U1") -> None:
        """Presses in App Home and waits until it is drawn anew."""
        before = self._looks(user)
        self.slack.click_in(self.slack.home(user), action_id, value)
        wait_until(lambda: self._looks(user) > before)

    def command(self, text: str, user: str = "U1") -> str:
        """What the asker is answered, blocks and all."""
        assert self.app is not None
        before = len(self.slack.responses)
        self.slack.command(text, user=user)
        wait_until(lambda: len(self.slack.responses) > before)
        answer = self.slack.responses[-1]
        assert answer["response_type"] == "ephemeral", "answers are private"
        return f"{answer['text']} {answer.get('blocks') or ''}"

    def close(self) -> None:
        if self._app is not None:
            self._app.close()

    def _looks(self, user: str) -> int:
        found = [view.updates for view in self.slack.views if view.user == user and view.content["type"] == "home"]
        return found[0] if found else 0
