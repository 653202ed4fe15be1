"""Clicks: recorded once, shown on the card, first wins, everybody else is told privately. On both databases."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_bolt import BoltRequest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import func, insert, select, update

from bot.pipeline.escalate import post_handoffs
from bot.slack.app import SlackApp
from storage import handoff_moves as moves
from storage.accounts import Csm, Customer
from storage.handoffs import Handoff, HandoffAct, HandoffState
from storage.journeys import Installation
from tests.fakes.slack_server import Failure, Message, press_of
from tests.slack.world import NOW, UNPOSTED, World
from tests.storage.handoff_rows import handoff


@pytest.fixture
def app(world: World) -> Iterator[SlackApp]:
    found = world.app()
    yield found
    found.close()


def request_of(payload: dict[str, Any]) -> BoltRequest:
    """As Slack signs it."""
    body = urlencode({"payload": json.dumps(payload)})
    stamp = str(int(time.time()))
    digest = hmac.new(b"fake-secret", f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={digest}",
    }
    return BoltRequest(body=body, headers={name: [value] for name, value in headers.items()})


def press(app: SlackApp, post: Message, action_id: str, /, *, user: str = "U1", at: str = "1.1", **other: Any) -> int:
    """The status with which the bot acknowledged; the work goes on in its threads."""
    shown = next((action for action in post.actions if action["action_id"] == action_id), {"action_id": action_id})
    return app.bolt.dispatch(request_of(press_of(post, {**shown, **other}, user=user, at=at))).status


def settle(app: SlackApp) -> None:
    app.close()


def posted(world: World, **values: Any) -> tuple[int, Message]:
    it = handoff(world.database, **{**UNPOSTED, **values})
    post_handoffs(world.poster())
    return it, world.slack.posts[-1]


def acts(world: World) -> int:
    with world.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(HandoffAct)).scalar_one())


def test_acknowledge_is_recorded_and_the_card_says_who_and_when(world: World, app: SlackApp) -> None:
    it, post = posted(world)
    assert press(app, post, "handoff_acknowledge") == 200
    settle(app)
    found = world.row(it)
    assert (found.state, found.acknowledged_by, found.acknowledged_at) == (HandoffState.ACKNOWLEDGED, "sato", NOW)
    assert "佐藤 acknowledged this, Wed, 3 Mar 2027, 18:00" in str(post.blocks)
    assert found.posting == "posted"
    assert (world.slack.private, world.errors) == ([], [])


def test_the_same_click_told_three_times_has_one_effect(world: World, app: SlackApp) -> None:
    _, post = posted(world)
    value = post.actions[0]["value"]
    for _ in range(3):
        press(app, post, "handoff_acknowledge", value=value)
    settle(app)
    assert acts(world) == 1
    assert world.slack.private == [], "a retry is no second person"


def test_two_people_at_once_have_exactly_one_owner_and_the_other_is_told(world: World, app: SlackApp) -> None:
    it, post = posted(world, owner=None)
    with ThreadPoolExecutor(2) as people:
        list(people.map(lambda user: press(app, post, "handoff_acknowledge", user=user), ["U1", "U2"]))
    settle(app)
    owner = world.row(it).owner
    assert owner in ("sato", "suzuki")
    assert [told["user"] for told in world.slack.private] == ["U2" if owner == "sato" else "U1"]
    assert "acknowledged this already" in world.slack.private[0]["text"]


def test_an_unknown_slack_user_is_recorded_by_id(world: World, app: SlackApp) -> None:
    it, post = posted(world, owner=None)
    press(app, post, "handoff_acknowledge", user="U0NEW")
    settle(app)
    assert (world.row(it).owner, world.row(it).owner_slack_id) == ("slack:U0NEW", "U0NEW")
    assert "<@U0NEW> acknowledged this" in str(post.blocks)


def test_a_click_on_an_old_card_of_a_finished_handoff_explains_itself_in_the_persons_language(
    world: World, app: SlackApp
) -> None:
    it, post = posted(world)
    old = [dict(action) for action in post.actions]
    with world.database.write() as connection:
        connection.execute(update(Csm).values(locale="ja"))
        moves.dismiss(connection, it, by="sato", at=NOW, key="cli", reason="not needed")
    press(app, post, "handoff_acknowledge", **old[0])
    settle(app)
    assert "すでに終了しています（対応不要、佐藤さん、2027年3月3日(水) 18:00）" in world.slack.private[0]["text"]
    assert post.actions == [], "the old card is redrawn"
    assert world.row(it).state is HandoffState.DISMISSED


def test_a_click_on_the_earlier_card_of_another_owner_is_refused_and_folds_that_card(
    world: World, app: SlackApp
) -> None:
    it, first = posted(world)
    old = dict(first.actions[0])
    with world.database.write() as connection:
        moves.reassign(connection, it, by="cli", at=NOW, key="a", owner="suzuki")
    post_handoffs(world.poster())
    press(app, first, "handoff_acknowledge", **old)
    settle(app)
    assert world.row(it).acknowledged_by is None
    assert "This is Suzuki's: only they, their manager and their cover" in world.slack.private[0]["text"]
    assert "now with Suzuki" in first.text


def test_whoever_may_not_act_is_refused_politely_and_privately_and_the_card_stays(world: World, app: SlackApp) -> None:
    it, post = posted(world)
    before = list(post.blocks)
    for user in ("U2", "U0NEW"):
        press(app, post, "handoff_acknowledge", user=user)
    settle(app)
    assert (world.row(it).state, post.blocks) == (HandoffState.OPEN, before)
    assert sorted(told["user"] for told in world.slack.private) == ["U0NEW", "U2"]
    (stranger,) = (told["text"] for told in world.slack.private if told["user"] == "U0NEW")
    assert "Ask whoever runs it to fill `slack_user_id`" in stranger
    assert world.errors == []


def test_the_manager_who_acknowledges_becomes_the_owner(world: World, app: SlackApp) -> None:
    it, post = posted(world)
    with world.database.write() as connection:
        connection.execute(update(Csm).where(Csm.key == "sato").values(manager="suzuki"))  # type: ignore[arg-type]
    press(app, post, "handoff_acknowledge", user="U2")
    settle(app)
    assert (world.row(it).owner, world.row(it).acknowledged_by) == ("suzuki", "suzuki")
    assert "Suzuki acknowledged this" in str(post.blocks)


def test_ticks_are_stored_and_stand_on_the_card(world: World, app: SlackApp) -> None:
    it, post = posted(world, tasks=[{"en": "Read the timeline"}, {"en": "Call"}])
    (boxes,) = (block for block in post.blocks if str(block.get("block_id")).startswith("handoff_tasks"))
    first, second = boxes["elements"][0]["options"]
    about = {"block_id": boxes["block_id"], "action_id": "handoff_tasks"}
    press(app, post, "handoff_tasks", selected_options=[first], **about)
    press(app, post, "handoff_tasks", selected_options=[second], at="2.1", **about)
    settle(app)
    assert world.row(it).ticked == [0, 1], "two people tick different boxes of the same card at once: none is lost"
    (boxes,) = (block for block in post.blocks if str(block.get("block_id")).startswith("handoff_tasks"))
    assert boxes["elements"][0]["initial_options"] == [first, second]
    assert "ticked tasks off: 2 of 2" in str(post.blocks)


def test_a_tick_is_taken_back_also_when_it_was_the_last(world: World, app: SlackApp) -> None:
    it, post = posted(world, tasks=[{"en": "Call"}], ticked=[0])
    (boxes,) = (block for block in post.blocks if str(block.get("block_id")).startswith("handoff_tasks"))
    press(app, post, "handoff_tasks", selected_options=[], block_id=boxes["block_id"])
    settle(app)
    assert world.row(it).ticked == []


def test_the_flag_goes_up_and_comes_down(world: World, app: SlackApp) -> None:
    it, post = posted(world)
    press(app, post, "handoff_flag")
    settle(app)
    assert world.row(it).flagged_at == NOW
    assert "Take the flag off" in str(post.blocks)
    again = world.app()
    press(again, post, "handoff_flag", at="2.1")
    again.close()
    assert world.row(it).flagged_at is None


def test_acknowledging_and_escalating_at_once_leave_one_owner(world: World, app: SlackApp) -> None:
    it, post = posted(world)

    def escalate() -> bool:
        with world.database.write() as connection:
            return moves.escalate(connection, it, at=NOW, level=1, owner="suzuki").is_done

    with ThreadPoolExecutor(2) as people:
        clicked = people.submit(press, app, post, "handoff_acknowledge")
        is_escalated = people.submit(escalate).result()
        assert clicked.result() == 200
    settle(app)
    found = world.row(it)
    assert (found.owner, found.acknowledged_by) == (("suzuki", None) if is_escalated else ("sato", "sato"))
    assert len(world.slack.private) == int(is_escalated), "who came too late is told whose it is now"


def test_two_people_press_different_buttons_at_once_and_both_acts_stand(world: World, app: SlackApp) -> None:
    it, post = posted(world, tasks=[{"en": "Call"}])
    with world.database.write() as connection:
        connection.execute(update(Csm).where(Csm.key == "sato").values(manager="suzuki"))  # type: ignore[arg-type]
    with ThreadPoolExecutor(2) as people:
        people.submit(press, app, post, "handoff_acknowledge").result()
        people.submit(press, app, post, "handoff_flag", user="U2").result()
    settle(app)
    found = world.row(it)
    assert (found.acknowledged_by, found.flagged_at, acts(world)) == ("sato", NOW, 2)


def test_a_click_about_an_erased_customer_explains_itself(world: World, app: SlackApp) -> None:
    _, post = posted(world)
    old = dict(post.actions[0])
    with world.database.write() as connection:
        connection.execute(update(Handoff).values(state="withdrawn", closed_by="journeybot", closed_at=NOW, note=None))
        connection.execute(update(HandoffAct).values(details=None))
        connection.execute(update(Customer).values(name="[erased]", erased_at=NOW))
    press(app, post, "handoff_acknowledge", **old)
    settle(app)
    assert "is over (withdrawn, Wed" in world.slack.private[0]["text"]
    assert post.actions == []


def test_a_card_whose_posting_was_never_confirmed_is_adopted_by_a_click(world: World, app: SlackApp) -> None:
    it, post = posted(world)
    with world.database.write() as connection:
        connection.execute(
            update(Handoff).values(posting="wanted", posted_ts=None, posted_channel=None, post_attempts=1)
        )
    press(app, post, "handoff_acknowledge")
    settle(app)
    assert (world.row(it).posted_ts, world.row(it).posting) == (post.ts, "posted")
    assert len(world.slack.posts) == 1


@pytest.mark.parametrize("reference", ["local.999", "other.1", "", "x" * 1999, "1; DROP TABLE handoff", "local.-1"])
def test_an_unknown_foreign_or_erased_handoff_is_answered_privately(
    world: World, app: SlackApp, reference: str
) -> None:
    it, post = posted(world)
    assert press(app, post, "handoff_acknowledge", value=reference) == 200
    settle(app)
    assert world.row(it).state is HandoffState.OPEN
    assert "no hand-off that we know" in world.slack.private[0]["text"]


def test_a_card_of_another_installation_does_nothing_here(world: World, app: SlackApp) -> None:
    with world.database.write() as connection:
        connection.execute(insert(Installation).values(id="mine", created_at=NOW))
    it, post = posted(world)
    assert post.actions[0]["value"] == f"mine.{it}"
    press(app, post, "handoff_acknowledge", value=f"theirs.{it}")
    settle(app)
    assert world.row(it).state is HandoffState.OPEN


@pytest.mark.parametrize(
    "broken",
    [
        {"user": {"id": "<!channel>"}},
        {"user": None},
        {"container": None, "channel": None},
        {"actions": [{"action_id": "handoff_tasks", "block_id": "b", "action_ts": "1", "selected_options": []}]},
        {"actions": [{"action_id": "handoff_tasks", "block_id": "handoff_tasks:x:0:1,a", "action_ts": "1"}]},
        {"actions": [{"action_id": "handoff_flag", "block_id": "b", "action_ts": "1", "value": "local.1#99999999999"}]},
    ],
)
def test_a_strange_payload_is_acknowledged_and_harms_nothing(
    world: World, app: SlackApp, broken: dict[str, Any]
) -> None:
    it, post = posted(world)
    payload = press_of(post, post.actions[0])
    assert app.bolt.dispatch(request_of({**payload, **broken})).status == 200
    settle(app)
    assert world.row(it).state in (HandoffState.OPEN, HandoffState.ACKNOWLEDGED)


def test_a_fault_of_the_database_is_told_to_the_person_and_reported(world: World, app: SlackApp) -> None:
    it, post = posted(world)

    def fail(*_given: Any) -> None:
        raise OSError("disk full")

    sqlalchemy_event.listen(world.database.engine, "begin", fail)
    assert press(app, post, "handoff_acknowledge") == 200
    settle(app)
    sqlalchemy_event.remove(world.database.engine, "begin", fail)
    assert "could not be recorded" in world.slack.private[0]["text"]
    assert [str(error) for error in world.errors] == ["disk full"]
    assert world.row(it).state is HandoffState.OPEN


def test_slack_failing_after_the_click_leaves_it_recorded_and_the_card_to_the_next_pass(
    world: World, app: SlackApp
) -> None:
    it, post = posted(world)
    world.slack.fail("chat.update", Failure(status=503))
    press(app, post, "handoff_acknowledge")
    settle(app)
    assert (world.row(it).state, world.row(it).posting) == (HandoffState.ACKNOWLEDGED, "stale")
    world.time_passes(minutes=5)
    assert post_handoffs(world.poster()).updated == 1


def test_a_locked_database_never_delays_the_acknowledgement(world: World, app: SlackApp) -> None:
    _, post = posted(world)
    begun = time.monotonic()
    with world.database.write() as connection:
        connection.execute(update(Handoff).values(note="locked"))
        for number in range(30):
            assert press(app, post, "handoff_acknowledge", at=f"{number}.1") == 200
        took = time.monotonic() - begun
    settle(app)
    assert took < 3, "Slack waits three seconds for each"
    assert acts(world) == 1


def test_an_unsigned_payload_never_reaches_a_handoff(world: World, app: SlackApp) -> None:
    it, post = posted(world)
    request = request_of(press_of(post, post.actions[0]))
    request.headers["x-slack-signature"] = ["v0=" + "0" * 64]
    assert app.bolt.dispatch(request).status == 401
    settle(app)
    assert world.row(it).state is HandoffState.OPEN
