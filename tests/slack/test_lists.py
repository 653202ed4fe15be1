"""Several hand-offs of one owner come as one message: the digest of low ones at 09:00, what follows a call, a whole Monday of
hygiene, and what is above the cap of a day. NOW is 18:00 in Tokyo, when Sato stops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.pipeline.escalate import post_handoffs
from bot.slack.app import SlackApp
from storage import handoff_moves as moves
from tests.fakes.slack_server import Failure, Message, wait_until
from tests.slack.test_clicks import press
from tests.slack.world import UNPOSTED, World
from tests.storage.handoff_rows import handoff

MORNING = datetime(2027, 3, 4, 0, 0, tzinfo=UTC)  # 09:00 in Tokyo


@pytest.fixture
def app(world: World) -> Iterator[SlackApp]:
    found = world.app()
    yield found
    found.close()


def wanted(world: World, number: int, **values: Any) -> list[int]:
    return [handoff(world.database, **{**UNPOSTED, "urgency": "normal", **values}) for _ in range(number)]


def listed(world: World, number: int, **values: Any) -> tuple[list[int], Message]:
    ids = wanted(world, number, **values)
    world.clock.move_to(MORNING)
    post_handoffs(world.poster())
    (post,) = world.slack.posts
    return ids, post


def buttons(post: Message) -> list[dict[str, Any]]:
    """The menus at the end of the lines."""
    return [block["accessory"] for block in post.blocks if "accessory" in block]


def choose(app: SlackApp, post: Message, line: int, word: str, *, at: str = "1.1", user: str = "U1") -> int:
    """Chooses from the menu at the end of a line."""
    menu = buttons(post)[line]
    option = next(option for option in menu["options"] if option["text"]["text"] == word)
    return press(app, post, "handoff_menu", selected_option=option, at=at, user=user, type="overflow")


def test_low_ones_are_one_message_at_nine(world: World) -> None:
    ids, post = listed(world, 3, urgency="low")
    assert post.channel == "D-U1"
    assert post.text == "3 hand-offs for you"
    assert len(buttons(post)) == 3
    assert {world.row(one).posted_ts for one in ids} == {post.ts}
    assert post_handoffs(world.poster()) == post_handoffs(None)


def test_thirty_on_a_monday_are_one_list_and_urgent_ones_still_come_alone(world: World) -> None:
    wanted(world, 1, urgency="high")
    wanted(world, 30)
    world.clock.move_to(MORNING)
    post_handoffs(world.poster())
    assert [len(buttons(post)) for post in world.slack.posts] == [0], "the others leave the person some minutes"
    world.time_passes(minutes=6)
    post_handoffs(world.poster())
    assert [len(buttons(post)) for post in world.slack.posts] == [0, 30]


def test_several_within_minutes_come_as_one_message(world: World) -> None:
    world.clock.move_to(MORNING)
    wanted(world, 1)
    assert post_handoffs(world.poster()).posted == 1
    world.time_passes(minutes=1)
    wanted(world, 2)
    assert post_handoffs(world.poster()).waiting == 2
    world.time_passes(minutes=4)
    post_handoffs(world.poster())
    assert [len(buttons(post)) for post in world.slack.posts] == [0, 2]


def test_above_the_cap_of_a_day_they_wait_for_the_next_morning_and_come_as_one(world: World) -> None:
    poster = replace(world.poster(), per_day=2)
    world.clock.move_to(MORNING)
    for _ in range(4):
        wanted(world, 1)
        post_handoffs(poster)
        world.time_passes(minutes=10)
    assert len(world.slack.posts) == 2
    wanted(world, 1, urgency="high")
    assert post_handoffs(poster).posted == 1, "what is urgent is not capped"
    world.clock.move_to(MORNING + timedelta(days=1))
    post_handoffs(poster)
    assert len(buttons(world.slack.posts[-1])) == 2


@pytest.mark.parametrize("failure", [Failure(status=500, is_accepted=True), Failure(retry_after=30)])
def test_after_an_answer_that_was_lost_the_list_stands_once(world: World, failure: Failure) -> None:
    ids = wanted(world, 3)
    world.clock.move_to(MORNING)
    world.slack.fail("chat.postMessage", failure)
    post_handoffs(world.poster())
    world.time_passes(minutes=5)
    post_handoffs(world.poster())
    (post,) = world.slack.posts
    assert {world.row(one).posting for one in ids} == {"posted"}
    assert len(buttons(post)) == 3


def test_opening_one_brings_its_card_once_and_the_list_says_where_it_is(world: World, app: SlackApp) -> None:
    (first, second), post = listed(world, 2)
    world.time_passes(minutes=1)
    for at in ("1.1", "1.2"):
        choose(app, post, 0, "Open the card", at=at)
    app.close()
    assert len(world.slack.posts) == 2
    card = world.slack.posts[1]
    assert card.actions != []
    assert world.row(first).posted_ts == card.ts
    assert world.row(second).posted_ts == post.ts
    assert "see its own card below" in str(post.blocks)
    assert world.errors == []


def test_what_happens_to_one_shows_on_the_list(world: World) -> None:
    (first, second), post = listed(world, 2)
    with world.database.write() as connection:
        moves.done(connection, first, by="sato", at=world.clock.now(), key="d")
        until = world.clock.now() + timedelta(hours=4)
        moves.snooze(connection, second, by="sato", at=world.clock.now(), key="s", until=until, reason="a fair")
    post_handoffs(world.poster())
    assert "snoozed until Thu, 4 Mar 2027, 13:00" in str(post.blocks)
    with world.database.write() as connection:
        moves.reassign(connection, second, by="sato", at=world.clock.now(), key="r", owner="suzuki")
    world.time_passes(hours=10)
    post_handoffs(world.poster())
    assert "佐藤 closed this as done" in str(post.blocks)
    assert "Owner: Suzuki" in str(post.blocks)
    assert [other.channel for other in world.slack.posts] == ["D-U1", "D-U2"]
    assert buttons(post) == []


def test_one_press_takes_all_of_a_list_and_draws_it_once(world: World, app: SlackApp) -> None:
    ids, post = listed(world, 3)
    with world.database.write() as connection:
        moves.acknowledge(connection, ids[0], by="suzuki", at=world.clock.now(), key="before")
    post_handoffs(world.poster())
    drawn = len(world.slack.updates)
    press(app, post, "handoff_acknowledge_all")
    wait_until(lambda: "Acknowledge all" not in str(post.blocks))
    shown = {"action_id": "handoff_acknowledge_all", "value": f"local.{ids[0]}"}
    press(app, post, "handoff_acknowledge_all", at="2.1", **shown)
    app.close()
    assert [world.row(one).acknowledged_by for one in ids] == ["suzuki", "sato", "sato"]
    assert {world.row(one).posting for one in ids} == {"posted"}, "one drawing served them all"
    assert len(world.slack.updates) == drawn + 2
    assert "Nothing on this list waits" in world.slack.private[0]["text"]
    assert world.errors == []


def test_a_line_is_acted_on_from_its_menu_and_strangers_are_refused(world: World, app: SlackApp) -> None:
    (first, second), post = listed(world, 2)
    choose(app, post, 0, "Acknowledge")
    choose(app, post, 1, "Acknowledge", user="U2", at="2.1")
    app.close()
    assert (world.row(first).acknowledged_by, world.row(second).acknowledged_by) == ("sato", None)
    assert "acknowledged" in post.blocks[1]["text"]["text"], "the list shows it, and is still a list"
    assert len(buttons(post)) == 2
    assert "only they, their manager and their cover" in world.slack.private[0]["text"]
    assert len(world.slack.posts) == 1


def test_a_list_whose_answer_was_lost_is_adopted_by_a_press_on_it(world: World, app: SlackApp) -> None:
    ids = wanted(world, 2)
    world.clock.move_to(MORNING)
    world.slack.fail("chat.postMessage", Failure(status=500, is_accepted=True))
    post_handoffs(world.poster())
    (post,) = world.slack.posts
    choose(app, post, 0, "Acknowledge")
    app.close()
    assert {world.row(one).posted_ts for one in ids} == {post.ts}
    assert len(buttons(post)) == 2, "the list stays a list"
    assert "acknowledged" in post.blocks[1]["text"]["text"]


def test_one_that_went_to_somebody_else_before_the_list_stood_comes_to_them_as_a_card(world: World) -> None:
    first, second = wanted(world, 2)
    world.clock.move_to(MORNING)
    world.slack.fail("chat.postMessage", Failure(retry_after=30))
    post_handoffs(world.poster())
    with world.database.write() as connection:
        moves.reassign(connection, second, by="sato", at=world.clock.now(), key="r", owner="suzuki")
    world.time_passes(hours=10)  # Suzuki works in London
    post_handoffs(world.poster())
    assert sorted(post.channel for post in world.slack.posts) == ["D-U1", "D-U2"]
    assert (world.row(first).posting, world.row(second).posting) == ("posted", "posted")
    assert [post.text for post in world.slack.posts if post.channel == "D-U1"] == ["A hand-off for you"]
