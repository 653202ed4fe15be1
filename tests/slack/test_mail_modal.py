"""Edit & send against the fake Slack: the form, switching templates, the preview, sending, "I wrote it myself"."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from bot.pipeline.escalate import post_handoffs
from bot.slack.app import SlackSettings, build_bolt_app, build_poster
from bot.slack.cards import EDIT_SEND
from bot.webhooks.unsubscribe import MailLinks
from storage import handoff_moves
from storage.accounts import Suppression
from storage.database import Database
from storage.handoffs import Handoff
from tests.cast import change, csm, healthy, person
from tests.fakes.slack_payloads import Sent, View, view_press_of
from tests.fakes.slack_server import BOT_TOKEN, SlackServer, wait_until
from tests.pipeline.assist_scenes import AT_RISK, at_risk_world
from tests.slack.world import UNPOSTED, through_bolt
from tests.world import World

LINKS = MailLinks(public_url="https://j.example", keys=(b"k" * 32,), installation="here")


class Desk:
    """journeybot with a hand-off that prepares a mail, and Slack around it."""

    def __init__(self, world: World, slack: SlackServer) -> None:
        self.world, self.slack, self.errors = world, slack, list[BaseException]()
        settings = SlackSettings(bot_token=BOT_TOKEN, signing_secret="fake-secret", base_url=slack.base_url)
        poster = build_poster(database=world.database, clock=world.clock, settings=settings)
        self.app = build_bolt_app(
            database=world.database,
            clock=world.clock,
            settings=settings,
            on_error=self.errors.append,
            poster=poster,
            links=LINKS,
        )
        slack.transport = through_bolt(self.app)

    def opened(self, text: str = "Text") -> View:
        """Somebody presses the card's button; the form as soon as it is filled."""
        with self.world.database.write() as connection:
            connection.execute(update(Handoff).values(**UNPOSTED))  # the tick had no Slack
        post_handoffs(self.app.context.poster)
        self.slack.click(self.slack.posts[-1], EDIT_SEND)
        return self.shown(text)

    def press(self, view: View, action_id: str, *, filled: dict[str, Any], **other: Any) -> None:
        """A press while something else stands in the inputs than what was drawn."""
        action = {**element(view, action_id), **other}
        payload = view_press_of(view, action, at="9.1", trigger=self.slack.trigger(), filled=filled)
        self.slack.send(Sent(envelope="interactive", payload=payload))

    def shown(self, text: str) -> View:
        """The top modal, once it shows this."""
        wait_until(lambda: (found := self.slack.modal()) is not None and text in str(found.content))
        found = self.slack.modal()
        assert found is not None
        return found


def element(view: View, action_id: str) -> dict[str, Any]:
    return next(dict(found) for found in view.elements if found["action_id"] == action_id)


def text_of(view: View) -> str:
    return str(element(view, "mail_body").get("initial_value"))


@pytest.fixture
def desk(world: World, slack: SlackServer) -> Iterator[Desk]:
    at_risk_world(world)
    csm(world.database, "sato", slack_user_id="U1")
    healthy(world.database, world.now)
    person(world.database, "healthy", "abe", world.now, email="abe@healthy.example")
    world.tick()
    found = Desk(world, slack)
    yield found
    found.app.close()
    assert found.errors == []
    world.assert_explained()


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path / "workspace")


def test_the_form_shows_the_draft_and_sends_what_was_written(desk: Desk) -> None:
    form = desk.opened()
    assert element(form, "mail_subject")["initial_value"] == "Hinode Foods before August 30, 2027"
    assert text_of(form).startswith("Hi Tanaka,")
    assert "https://j.example/drafts/" in str(form.content)
    assert desk.slack.submit(form, mail_body="Hello **there**\n\nSato") == {}
    desk.shown("on its way to Tanaka")
    desk.world.tick()
    (mail,) = desk.world.channel.accepted
    assert (mail.from_email, mail.reply_to_email) == ("sato@us.example", "sato@us.example")
    assert "<strong>there</strong>" in mail.html
    wait_until(lambda: desk.world.handoffs[0].acknowledged_by == "sato")


def test_a_gap_is_told_at_its_input_and_nothing_is_sent(desk: Desk) -> None:
    change(desk.world.database, "healthy", renewal_date=None)
    form = desk.opened()
    errors = desk.slack.submit(form)
    assert errors == {
        "subject1": "Still to fill: [[customer.renewal_date]]",
        "body1": "Still to fill: [[customer.renewal_date]]",
    }
    assert desk.world.outbox == []


def test_another_template_is_written_anew_and_a_changed_text_is_kept_until_given_up(desk: Desk) -> None:
    form = desk.opened()
    event = next(
        option for option in element(form, "mail_template")["options"] if option["value"] == "event_invitation"
    )
    desk.press(form, "mail_template", filled={"mail_template": "event_invitation"}, selected_option=event)
    fresh = desk.shown("we meet on [[date and place]]")
    assert "mail_replace" not in str(fresh.content)
    filled = {"mail_body": "My own words", "mail_template": "at_risk"}
    desk.press(fresh, "mail_template", filled=filled, selected_option={"value": "at_risk"})
    kept = desk.shown("You changed the text")
    assert text_of(kept) == "My own words"
    desk.slack.click_in(kept, "mail_replace")
    wait_until(lambda: "Could we speak" in str(desk.slack.modal() and desk.slack.modal().content))  # type: ignore[union-attr]


def test_another_reader_gets_a_greeting_of_their_own(desk: Desk) -> None:
    form = desk.opened()
    abe = next(option for option in element(form, "mail_to")["options"] if "Abe" in option["text"]["text"])
    desk.press(form, "mail_to", filled={"mail_to": abe["value"]}, selected_option=abe)
    assert "Hi Abe," in text_of(desk.shown("Hi Abe,"))


def test_the_preview_shows_the_text_and_what_forbids_it(desk: Desk) -> None:
    with desk.world.database.write() as connection:
        row = {"address": "abe@healthy.example", "category": "", "reason": "complaint", "at": desk.world.now}
        connection.execute(insert(Suppression).values(**row))
    form = desk.opened()
    assert "must not be mailed" in str(element(form, "mail_to"))
    abe = next(option for option in element(form, "mail_to")["options"] if "Abe" in option["text"]["text"])
    desk.press(form, "mail_preview", filled={"mail_to": abe["value"], "mail_body": "Hi <!channel> {{ csm.name }}"})
    shown = str(desk.shown("reported our mails as spam").content)
    assert "&lt;!channel&gt; {{ csm.name }}" in shown
    desk.slack.views[-1].is_open = False
    assert desk.slack.submit(form, mail_to=abe["value"]) == {}
    desk.shown("It cannot be sent")
    assert desk.world.outbox == []


def test_others_are_refused_politely(desk: Desk) -> None:
    form = desk.opened()
    with desk.world.database.write() as connection:
        handoff_moves.reassign(connection, 1, by="sato", at=desk.world.now, key="k", owner="mori")
    desk.slack.click_in(form, "mail_wrote_myself")
    desk.shown("This hand-off is mori")
    assert desk.world.handoffs[0].acknowledged_by is None


def test_i_wrote_it_myself_closes_the_matter(desk: Desk) -> None:
    form = desk.opened()
    desk.slack.click_in(form, "mail_wrote_myself")
    desk.shown("you wrote it yourself")
    desk.world.time_passes(hours=3)
    assert (desk.world.outbox, desk.world.walks[0].status) == ([], "ended")


def test_a_draft_over_slacks_limit_opens_in_the_console(desk: Desk) -> None:
    desk.world.write("templates/emails/at_risk.en.md", AT_RISK + "word " * 900)
    desk.world.deploy()
    shown = str(desk.opened("Slack takes 3000").content)
    assert "https://j.example/drafts/" in shown
