"""The forms behind Snooze, Reassign, Done and Dismiss: they open at once, ask what they must, are recorded once, and say privately
why somebody may not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.pipeline.escalate import post_handoffs
from bot.slack.app import SlackApp
from storage import handoff_moves as moves
from storage.accounts import Csm
from storage.facts import Note
from storage.handoffs import HandoffAct, HandoffState
from tests.fakes.slack_payloads import Sent, View, submission_of
from tests.fakes.slack_server import Message, SlackServer, wait_until
from tests.slack.world import NOW, UNPOSTED, World, through_bolt
from tests.storage.handoff_rows import handoff

WAITING = ("One moment", "読み込み中")


@pytest.fixture
def database_url(sqlite_database_url: str) -> str:
    """The acts themselves are tested on both engines; what Slack shows of them does not depend on it."""
    return sqlite_database_url


@pytest.fixture
def app(world: World) -> Iterator[SlackApp]:
    found = world.app()
    world.slack.transport = through_bolt(found)
    yield found
    found.close()


def posted(world: World, **values: Any) -> tuple[int, Message]:
    it = handoff(world.database, **{**UNPOSTED, "due_at": NOW + timedelta(days=20), **values})
    post_handoffs(world.poster())
    return it, world.slack.posts[-1]


def opened(world: World, post: Message, action: str, user: str = "U1") -> View:
    """The form after a press, filled with what the database said."""
    world.slack.click(post, action, user=user)
    wait_until(lambda: bool(world.slack.views) and not any(word in text_of(newest(world.slack)) for word in WAITING))
    return newest(world.slack)


def newest(slack: SlackServer) -> View:
    return slack.views[-1]


def text_of(view: View) -> str:
    return str(view.blocks)


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def test_snooze_asks_until_when_and_why_and_suggests_the_owners_next_morning(world: World, app: SlackApp) -> None:
    it, post = posted(world)
    view = opened(world, post, "handoff_snooze")
    morning = datetime(2027, 3, 4, 0, 0, tzinfo=UTC)
    assert view.element("until")["initial_date_time"] == seconds(morning), "Thursday 09:00 in Tokyo"
    assert "At most until it is due: Tue, 23 Mar 2027, 18:00" in text_of(view)
    assert world.slack.submit(view, until=seconds(morning), why="<!channel> at a fair") == {}
    app.close()
    assert world.row(it).snoozed_until == morning
    assert "snoozed this until Thu, 4 Mar 2027, 09:00, Wed, 3 Mar 2027, 18:00: &lt;!channel&gt; at a fair" in str(
        post.blocks
    )


def test_a_snooze_into_the_past_or_without_a_reason_is_corrected_in_the_form(world: World, app: SlackApp) -> None:
    it, post = posted(world)
    view = opened(world, post, "handoff_snooze")
    mistakes = world.slack.submit(view, until=seconds(NOW - timedelta(days=1)), why="  ")
    assert set(mistakes) == {"until", "why"}
    app.close()
    assert world.row(it).snoozed_until is None


def test_s27_a_snooze_ends_at_the_due_time_at_most(world: World, app: SlackApp) -> None:
    due = NOW + timedelta(hours=3)
    it, post = posted(world, due_at=due)
    view = opened(world, post, "handoff_snooze")
    assert view.element("until")["initial_date_time"] == seconds(due)
    world.slack.submit(view, until=seconds(NOW + timedelta(days=9)), why="later")
    app.close()
    assert world.row(it).snoozed_until == due


def test_reassign_gives_it_to_a_person_who_gets_the_card(world: World, app: SlackApp) -> None:
    it, post = posted(world)
    world.slack.submit(opened(world, post, "handoff_reassign"), whom="U2")
    app.close()
    assert world.row(it).owner == "suzuki"
    assert [card.channel for card in world.slack.posts] == ["D-U1", "D-U2"]
    assert "now with Suzuki" in post.text
    assert "佐藤 gave this to Suzuki" in str(world.slack.posts[-1].blocks)


def test_reassigning_to_whoever_has_it_says_so(world: World, app: SlackApp) -> None:
    _, post = posted(world)
    world.slack.submit(opened(world, post, "handoff_reassign"), whom="U1")
    app.close()
    assert "佐藤 has this hand-off already" in world.slack.private[0]["text"]


def test_done_asks_for_an_outcome_a_note_and_the_answers(world: World, app: SlackApp) -> None:
    asked = {"attributes.talk_ok": "yes_no", "seats": "number", "note": "text", "churn_reason": "churn_reasons"}
    it, post = posted(world, outcomes=["renewing", "lost"], ask=asked)
    view = opened(world, post, "handoff_done")
    assert [element["action_id"] for element in view.elements] == [
        "outcome", "question-0", "question-1", "question-2", "note"
    ]  # fmt: skip
    assert world.slack.submit(view, outcome="1", **{"question-1": "many"}) == {"question-1": "Write a number."}
    filled = {"outcome": "1", "question-0": "yes", "question-1": "12", "question-2": "price", "note": "They left"}
    assert world.slack.submit(view, **filled) == {}
    app.close()
    assert (world.row(it).state, world.row(it).outcome) == (HandoffState.DONE, "lost")
    assert len(post.blocks) == 1
    assert "outcome: lost" in str(post.blocks)
    with world.database.read() as connection:
        assert connection.execute(select(Note.text, Note.by)).all() == [("They left", "sato")]  # type: ignore[call-overload]


def test_dismiss_needs_a_cause_and_something_else_needs_words(world: World, app: SlackApp) -> None:
    it, post = posted(world)
    view = opened(world, post, "handoff_dismiss")
    assert set(world.slack.submit(view, cause="other")) == {"why"}
    assert world.slack.submit(view, cause="already_handled") == {}
    app.close()
    assert (world.row(it).state, world.row(it).note) == (HandoffState.DISMISSED, "Already handled")
    assert "dismissed this" in str(post.blocks)
    with world.database.read() as connection:
        (details,) = connection.scalars(select(HandoffAct.details))  # type: ignore[call-overload]
    assert details == {"reason": "Already handled", "cause": "already_handled"}


def test_a_form_told_three_times_has_one_effect(world: World, app: SlackApp) -> None:
    it, post = posted(world)
    view = opened(world, post, "handoff_reassign")
    sent = Sent(envelope="interactive", payload=submission_of(view, {"whom": "U2"}))
    for _ in range(3):
        world.slack.send(sent)
    app.close()
    assert world.row(it).owner == "suzuki"
    with world.database.read() as connection:
        assert len(connection.scalars(select(HandoffAct.id)).all()) == 1  # type: ignore[call-overload]
    assert world.slack.private == [], "a retry is no second person"


@pytest.mark.parametrize("action", ["handoff_snooze", "handoff_reassign", "handoff_done", "handoff_dismiss"])
def test_who_may_not_act_reads_in_the_form_whose_it_is(world: World, app: SlackApp, action: str) -> None:
    _, post = posted(world)
    view = opened(world, post, action, user="U2")
    assert "This is 佐藤's" in text_of(view)
    assert "submit" not in view.content
    app.close()


def test_a_form_of_a_finished_hand_off_says_how_it_ended_in_the_persons_language(world: World, app: SlackApp) -> None:
    it, post = posted(world)
    with world.database.write() as connection:
        connection.execute(update(Csm).values(locale="ja"))
        moves.dismiss(connection, it, by="sato", at=NOW, key="cli", reason="not needed")
    assert "すでに終了しています（対応不要、佐藤さん" in text_of(opened(world, post, "handoff_done"))
    app.close()


def test_what_ended_while_the_form_stood_open_is_explained_and_not_changed(world: World, app: SlackApp) -> None:
    it, post = posted(world)
    view = opened(world, post, "handoff_dismiss")
    with world.database.write() as connection:
        moves.done(connection, it, by="suzuki", at=NOW, key="cli")
    world.slack.submit(view, cause="duplicate")
    app.close()
    assert world.row(it).state is HandoffState.DONE
    assert "is over (done, Suzuki" in world.slack.private[0]["text"]


def test_an_erased_hand_off_is_explained_in_the_form(world: World, app: SlackApp) -> None:
    _, post = posted(world)
    post.actions[-2]["value"] = "other.9"
    assert "no hand-off that we know" in text_of(opened(world, post, "handoff_dismiss"))
    app.close()


@pytest.mark.parametrize(
    "text", ["<!channel>", "<http://evil|Click>", "x" * 10_000, "🔥" * 5_000, "\u202egnp.exe", "&" * 9_000, ""]
)
def test_forms_take_names_and_lists_of_any_length(world: World, app: SlackApp, text: str) -> None:
    asked = {f"attributes.{text[:60]}{number}": "text" for number in range(30)}
    _, post = posted(world, title={"en": text}, outcomes=[f"{text}{number}" for number in range(150)], ask=asked)
    view = opened(world, post, "handoff_done")
    assert view.element("outcome")["options"]
    assert world.slack.faults == []
    app.close()


def test_a_reader_of_japanese_gets_a_japanese_form(world: World, app: SlackApp) -> None:
    _, post = posted(world)
    with world.database.write() as connection:
        connection.execute(update(Csm).values(locale="ja"))
    assert "対応不要の理由" in text_of(opened(world, post, "handoff_dismiss"))
    app.close()


def test_a_form_that_is_not_ours_does_nothing(world: World, app: SlackApp) -> None:
    it, post = posted(world)
    view = opened(world, post, "handoff_dismiss")
    view.content["private_metadata"] = "{broken"
    world.slack.submit(view, cause="duplicate")
    app.close()
    assert "was no form of a hand-off" in str(world.errors[0])
    assert world.row(it).state is HandoffState.OPEN
