"""App Home: what waits, what changed, what goes next; hold, review, pages. Within Slack's limits. Both databases."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import insert

from bot.insight.desk import HANDOFFS_ON_A_PAGE
from storage.accounts import Customer
from storage.scores import Score
from tests.fakes.slack_server import wait_until
from tests.slack.desk_world import DeskWorld
from tests.storage.handoff_rows import handoff

LONG = "<!channel> *" + "長い名前&" * 400 + "\u202e🔥"


def test_home_shows_what_goes_next_and_holds_and_reviews_it(desk: DeskWorld) -> None:
    desk.people(stage="new")
    desk.deploy()
    desk.world.tick()
    desk.home()
    shown = desk.shown()
    assert "Nothing waits for you" in shown
    assert "*Hinode Foods* · welcome" in shown
    assert "from Wed, 3 Mar 2027" in shown
    button = next(one for one in desk.slack.home("U1").elements if one["action_id"] == "home_hold")
    desk.press("home_hold", button["value"])
    assert "on hold" in desk.shown()
    desk.slack.click_in(desk.slack.home("U1"), "home_review")
    wait_until(lambda: "welcome for" in str(desk.slack.modal() and desk.slack.modal().blocks))  # type: ignore[union-attr]
    desk.press("home_release", button["value"])
    assert "on hold" not in desk.shown()
    assert desk.errors == []


def test_a_mail_for_review_is_approved_from_home(desk: DeskWorld) -> None:
    desk.people(stage="new")
    desk.deploy(
        """
        title: Welcome
        state: live
        walks: customer
        enter: {when: stage == "new", existing: enter}
        steps:
          - email: welcome
            review: csm
          - handoff: Call them
        """
    )
    desk.world.tick()
    desk.home()
    assert "waits for your review" in desk.shown()
    desk.slack.click_in(desk.slack.home("U1"), "home_review")
    wait_until(lambda: "Approve and send" in str(desk.slack.modal() and desk.slack.modal().blocks))  # type: ignore[union-attr]
    modal = desk.slack.modal()
    assert modal is not None
    desk.slack.click_in(modal, "review_approve")
    wait_until(lambda: "Approved" in str(modal.blocks))
    desk.slack.click_in(desk.slack.home("U1"), "home_review")
    desk.world.tick()
    assert len(desk.world.channel.accepted) == 1
    assert desk.errors == []


def test_home_stays_within_slacks_limits_and_pages(desk: DeskWorld) -> None:
    desk.people()
    for number in range(HANDOFFS_ON_A_PAGE + 3):
        handoff(
            desk.world.database,
            customer_id=1,
            contact_id=1,
            title={"en": LONG},
            due_at=desk.world.now + timedelta(days=number),
        )
    desk.home()
    assert len(desk.slack.home("U1").blocks) <= 100
    assert f"1–{HANDOFFS_ON_A_PAGE} of {HANDOFFS_ON_A_PAGE + 3}" in desk.shown()
    desk.press("home_handoffs_page_on")
    assert f"{HANDOFFS_ON_A_PAGE + 1}–{HANDOFFS_ON_A_PAGE + 3} of" in desk.shown()
    desk.press("home_handoffs_page_back")
    assert "1–" in desk.shown()


def test_customers_that_changed_colour_stand_there_and_strangers_are_told_what_to_do(desk: DeskWorld) -> None:
    desk.people()
    today = desk.world.now.date()
    with desk.world.database.write() as connection:
        customer_id = connection.execute(Customer.__table__.select().order_by("id")).first().id  # type: ignore[attr-defined,union-attr]
        for day, band, value in ((today - timedelta(days=30), "green", 80.0), (today - timedelta(days=2), "red", 30.0)):
            row = {"customer_id": customer_id, "name": "health", "day": day, "card": "health", "value": value,
                   "band": band, "band_since": day, "noted_at": desk.world.now}  # fmt: skip
            connection.execute(insert(Score).values(**row))
    desk.home()
    assert "🔴 *Hinode Foods*: green → red (30)" in desk.shown()
    desk.home("U2")
    assert "直近14日間はありません" in desk.shown("U2")
    desk.slack.users.add("U9")
    desk.home("U9")
    assert "does not know you yet" in desk.shown("U9")
    assert desk.errors == []


def test_home_follows_an_act_and_shows_the_digest_switch(desk: DeskWorld) -> None:
    desk.people()
    handoff(desk.world.database, customer_id=1, contact_id=1)
    desk.home()
    desk.press("home_digest")
    assert "Daily digest at 09:00: off" in desk.shown()
    desk.press("home_digest")
    assert "Daily digest at 09:00: on" in desk.shown()
    desk.press("handoff_acknowledge")
    assert "acknowledged" in desk.shown()


def test_home_has_all_the_buttons_of_a_card_the_rarer_ones_in_a_menu(desk: DeskWorld) -> None:
    desk.people()
    handoff(desk.world.database, customer_id=1, contact_id=1, prepare="welcome")
    desk.home()
    shown = [element["action_id"] for element in desk.slack.home("U1").elements]
    assert shown[2:] == ["handoff_acknowledge", "handoff_edit_send", "handoff_done", "handoff_snooze", "handoff_menu"]
    menu = desk.slack.home("U1").element("handoff_menu")
    words = [option["text"]["text"] for option in menu["options"]]
    assert words == ["Reassign", "Dismiss", "Flag for the company"]
    desk.slack.click_in(desk.slack.home("U1"), "handoff_menu", selected_option=menu["options"][1])
    wait_until(lambda: "Why is it not needed?" in str(desk.slack.modal() and desk.slack.modal().blocks))  # type: ignore[union-attr]
    modal = desk.slack.modal()
    assert modal is not None
    assert desk.slack.submit(modal, cause="false_alarm") == {}
    wait_until(lambda: "Nothing waits for you" in desk.shown())
    assert desk.errors == []
