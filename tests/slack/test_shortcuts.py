"""Message shortcuts: any message becomes a note or a hand-off, through a modal that opens at once. Both databases."""

from __future__ import annotations

from sqlalchemy import select

from storage.facts import Note
from tests.fakes.slack_payloads import View
from tests.fakes.slack_server import wait_until
from tests.slack.desk_world import DeskWorld

NASTY = "<!channel> <http://evil|Click> & 🔥\u202e " + "x" * 4000


def opened(desk: DeskWorld, callback: str, text: str, user: str = "U1") -> View:
    assert desk.app is not None
    desk.slack.shortcut(callback, text, user=user)
    wait_until(lambda: desk.slack.modal(user) is not None)
    found = desk.slack.modal(user)
    assert found is not None
    return found


def told(desk: DeskWorld, words: str) -> None:
    wait_until(lambda: any(words in said["text"] for said in desk.slack.private))


def test_a_message_is_logged_to_the_timeline_of_the_customer_that_was_picked(desk: DeskWorld) -> None:
    desk.people()
    modal = opened(desk, "journey_log", "They love it")
    options = desk.slack.suggest(modal, "journey_customer", "hino")
    assert [option["text"]["text"] for option in options] == ["Hinode Foods (healthy)"]
    assert desk.slack.submit(modal, journey_customer=options[0]["value"]) == {}
    told(desk, "Noted on the timeline of Hinode Foods")
    with desk.world.database.read() as connection:
        (note,) = connection.execute(select(Note.__table__)).all()  # type: ignore[attr-defined]
    assert note.by == "sato"
    assert note.text == "They love it\nhttps://fake.slack.com/archives/C1/p1799999999000100"
    assert desk.errors == []


def test_a_message_becomes_a_hand_off_for_somebody_else(desk: DeskWorld) -> None:
    desk.people()
    modal = opened(desk, "journey_handoff", NASTY)
    (option,) = desk.slack.suggest(modal, "journey_customer", "hinode")
    errors = desk.slack.submit(modal, journey_customer=option["value"], task="Call", due="2027-02-28")
    assert list(errors) == ["due"]
    filled = {"journey_customer": option["value"], "task": "Call <them>", "owner": "U2", "due": "2027-03-05"}
    assert desk.slack.submit(modal, **filled, urgency="high") == {}
    told(desk, "Hand-off for Hinode Foods created; it goes to Suzuki")
    (made,) = desk.world.handoffs
    assert (made.owner, made.urgency, made.title) == ("suzuki", "high", {"": "Call <them>"})
    assert made.due_at is not None
    assert made.due_at.isoformat() == "2027-03-05T08:00:00+00:00", "17:00 in Tokyo"
    (card,) = desk.slack.posts
    assert card.channel == "D-U2"
    shown = str(card.blocks)
    assert "Satoさんからの依頼" in shown
    assert "<https://fake.slack.com/archives/C1/p1799999999000100|元のメッセージを開く>" in shown
    assert "by_name" not in shown, "the message, and not the names of its fields"


def test_strangers_get_no_names_and_store_nothing(desk: DeskWorld) -> None:
    desk.people()
    desk.slack.users.add("U9")
    modal = opened(desk, "journey_log", "hello", user="U9")
    view = desk.slack.modal("U9")
    assert view is not None
    wait_until(lambda: "does not know you" in str(view.blocks))
    assert modal.id == view.id


def test_who_reads_japanese_gets_a_japanese_modal(desk: DeskWorld) -> None:
    desk.people()
    modal = opened(desk, "journey_handoff", "お願いします", user="U2")
    wait_until(lambda: "対応依頼を作成" in str(modal.content))
    assert desk.errors == []
