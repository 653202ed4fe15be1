"""Posting cards: where they go, that none is lost and none stands twice, whatever Slack does. On both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot.channels.slack import Posted, PostFailed, SlackChannel
from bot.pipeline.escalate import Poster, post_handoffs
from bot.slack.app import build_poster
from storage import handoff_moves as moves
from storage.handoff_posts import count_unposted, retry_given_up
from storage.handoffs import Handoff, HandoffState
from tests.fakes.slack_server import BOT_TOKEN, Failure, SlackServer
from tests.slack.world import NOW, UNPOSTED, World
from tests.storage.handoff_rows import handoff

HANGS = Failure(status=500, is_accepted=True)


def places(slack: SlackServer) -> list[str]:
    return [post.channel for post in slack.posts]


def test_without_slack_nothing_is_posted_and_nothing_is_lost(world: World) -> None:
    it = handoff(world.database, **UNPOSTED)
    assert post_handoffs(None).posted == 0
    assert world.row(it).posting == "wanted"


def test_a_card_goes_to_the_owner_and_carries_an_opaque_reference(world: World) -> None:
    it = handoff(world.database, **UNPOSTED)
    assert post_handoffs(world.poster()).posted == 1
    assert places(world.slack) == ["D-U1"]
    post = world.slack.posts[0]
    assert post.metadata == {"event_type": "journeybot_handoff", "event_payload": {"reference": f"local.{it}"}}
    found = world.row(it)
    assert (found.posting, found.posted_channel, found.posted_ts) == ("posted", "D-U1", post.ts)
    assert post_handoffs(world.poster()).posted == 0, "nothing is due any more"


@pytest.mark.parametrize("owner", [None, "mori", "left"])
def test_an_owner_who_is_not_in_slack_gets_the_card_in_the_fallback_channel(world: World, owner: str | None) -> None:
    handoff(world.database, owner=owner, **UNPOSTED)
    post_handoffs(world.poster())
    assert places(world.slack) == ["C1"]


def test_a_user_unknown_to_slack_gets_the_card_in_the_fallback_channel(world: World) -> None:
    world.slack.users.remove("U1")
    handoff(world.database, **UNPOSTED)
    post_handoffs(world.poster())
    assert places(world.slack) == ["C1"]


def test_an_archived_channel_is_given_up_with_a_sentence_and_tried_again_when_something_happens(world: World) -> None:
    world.slack.archived.add("C1")
    it = handoff(world.database, owner=None, **UNPOSTED)
    for _ in range(6):
        post_handoffs(world.poster())
        world.time_passes(hours=1)
    assert (world.row(it).posting, world.row(it).post_fault) == (
        "failed",
        "Slack cannot deliver to this person or channel (is_archived)",
    )
    with world.database.write() as connection:
        assert count_unposted(connection) == {"failed": 1}
        moves.reassign(connection, it, by="sato", at=NOW, key="a", owner="suzuki")
    post_handoffs(world.poster())
    assert places(world.slack) == ["D-U2"]


def test_cards_that_were_given_up_are_tried_again_after_a_repair(world: World) -> None:
    world.slack.archived.add("C1")
    handoff(world.database, owner=None, **UNPOSTED)
    for _ in range(6):
        post_handoffs(world.poster())
        world.time_passes(hours=1)
    world.slack.archived.clear()
    assert post_handoffs(world.poster()).posted == 0
    with world.database.write() as connection:
        assert retry_given_up(connection) == 1
        assert retry_given_up(connection) == 0
    assert post_handoffs(world.poster()).posted == 1


def test_a_rate_limit_is_waited_out(world: World) -> None:
    it = handoff(world.database, **UNPOSTED)
    poster = world.poster()
    world.slack.fail("chat.postMessage", Failure(retry_after=40))
    assert post_handoffs(poster).put_off == 1
    world.time_passes(seconds=30)
    assert post_handoffs(poster) == post_handoffs(None), "not before Slack said"
    world.time_passes(seconds=11)
    assert post_handoffs(poster).posted == 1
    assert world.row(it).post_fault is None


@pytest.mark.parametrize("error", ["invalid_auth", "token_revoked", "missing_scope"])
def test_a_refused_key_stops_the_call_and_keeps_every_card(world: World, error: str) -> None:
    for _ in range(3):
        handoff(world.database, **UNPOSTED)
    world.slack.fail("chat.postMessage", Failure(error=error), times=99)
    counts = post_handoffs(world.poster())
    assert (counts.put_off, counts.was_stopped) == (1, True)
    world.slack.heal()
    world.time_passes(hours=1)
    assert post_handoffs(world.poster()).posted == 3


def test_slack_out_of_reach_neither_raises_nor_loses(world: World) -> None:
    it = handoff(world.database, **UNPOSTED)
    poster = unreachable(world)
    for _ in range(10):
        assert post_handoffs(poster).put_off in (0, 1)
        world.time_passes(minutes=20)
    assert world.row(it).posting == "wanted", "a network fault is never a reason to give up"
    assert post_handoffs(world.poster()).posted == 1


def unreachable(world: World) -> Poster:
    settings = replace(world.settings(), base_url="http://127.0.0.1:9/api/")
    return build_poster(database=world.database, clock=world.clock, settings=settings)


@pytest.mark.parametrize("answer", [HANGS, Failure(status=200, is_accepted=True), Failure(status=502)])
def test_after_an_answer_that_was_lost_the_card_stands_once(world: World, answer: Failure) -> None:
    it = handoff(world.database, **UNPOSTED)
    world.slack.fail("chat.postMessage", answer)
    assert post_handoffs(world.poster()).put_off == 1
    world.time_passes(minutes=5)
    assert post_handoffs(world.poster()).posted == 1
    assert len(world.slack.posts) == 1
    assert (world.row(it).posting, world.row(it).posted_ts) == ("posted", world.slack.posts[0].ts)


def test_a_crash_between_posting_and_recording_makes_no_second_card(world: World) -> None:
    handoff(world.database, **UNPOSTED)

    class Crash(BaseException):
        pass

    poster = world.poster()
    post = poster.slack.post_card

    def post_and_die(*given: object, **named: object) -> object:
        post(*given, **named)  # type: ignore[arg-type]
        raise Crash

    poster.slack.post_card = post_and_die  # type: ignore[method-assign, assignment]
    with pytest.raises(Crash):
        post_handoffs(poster)
    assert post_handoffs(world.poster()).posted == 0, "the lease of the dead one still runs"
    world.time_passes(minutes=4)
    assert post_handoffs(world.poster()).posted == 1
    assert len(world.slack.posts) == 1


def test_two_posters_at_once_post_each_card_once(world: World) -> None:
    for _ in range(4):
        handoff(world.database, **UNPOSTED)
    with ThreadPoolExecutor(2) as workers:
        counts = list(workers.map(post_handoffs, [world.poster(), world.poster()]))
    assert sum(count.posted for count in counts) == len(world.slack.posts) == 4
    assert len({str(post.metadata) for post in world.slack.posts}) == 4


def test_a_channel_gets_at_most_one_message_a_second(world: World) -> None:
    for _ in range(5):
        handoff(world.database, owner=None, **UNPOSTED)
    counts = post_handoffs(world.poster())
    assert counts.posted == 5
    assert world.clock.now() - NOW >= timedelta(seconds=4)


def test_one_call_stops_in_time_and_the_next_goes_on(world: World) -> None:
    for _ in range(5):
        handoff(world.database, owner=None, **UNPOSTED)
    poster = world.poster()
    assert post_handoffs(poster, seconds=2).posted == 3
    assert post_handoffs(poster, limit=1).posted == 1
    assert post_handoffs(poster).posted == 1


def test_an_act_refreshes_the_card_in_place(world: World) -> None:
    it = handoff(world.database, **UNPOSTED)
    post_handoffs(world.poster())
    with world.database.write() as connection:
        moves.acknowledge(connection, it, by="sato", at=NOW, key="a")
    assert post_handoffs(world.poster()).updated == 1
    assert len(world.slack.posts) == 1
    assert "佐藤 acknowledged this" in str(world.slack.posts[0].blocks)
    with world.database.write() as connection:
        moves.done(connection, it, by="sato", at=NOW, key="b")
    post_handoffs(world.poster())
    assert (len(world.slack.posts[0].blocks), world.slack.posts[0].actions) == (1, [])


class SlackThenAct(SlackChannel):
    """Somebody acts after the card was posted and before that is recorded."""

    act: Callable[[], None] = staticmethod(lambda: None)

    def post_card(self, *given: Any, **named: Any) -> Posted | PostFailed:
        answer = super().post_card(*given, **named)
        self.act()
        return answer


def test_an_act_while_the_card_is_on_its_way_is_shown_by_the_next_call(world: World) -> None:
    it = handoff(world.database, **UNPOSTED)

    def acknowledge() -> None:
        with world.database.write() as connection:
            moves.acknowledge(connection, it, by="sato", at=NOW, key="a")

    slack = SlackThenAct(BOT_TOKEN, world.slack.base_url, clock=world.clock)
    slack.act = acknowledge
    assert post_handoffs(replace(world.poster(), slack=slack), limit=1).posted == 1
    assert "acknowledged this" not in str(world.slack.posts[0].blocks)
    assert world.row(it).posting == "stale"
    assert post_handoffs(world.poster()).updated == 1
    assert "acknowledged this" in str(world.slack.posts[0].blocks)


def test_a_card_that_somebody_deleted_is_posted_anew(world: World) -> None:
    it = handoff(world.database, **{**UNPOSTED, "posting": "stale", "posted_channel": "D-U1", "posted_ts": "9.9"})
    post_handoffs(world.poster(), limit=3)
    assert places(world.slack) == ["D-U1"]
    assert world.row(it).posting == "posted"


def test_a_handoff_that_was_over_before_it_had_a_card_gets_none(world: World) -> None:
    it = handoff(world.database, **UNPOSTED)
    with world.database.write() as connection:
        moves.withdraw(connection, [it], reason="renewed", at=NOW)
    assert post_handoffs(world.poster()).needless == 1
    assert (world.slack.posts, world.row(it).posting) == ([], "needless")


def test_a_new_owner_gets_a_new_card_and_the_old_one_loses_its_buttons(world: World) -> None:
    it = handoff(world.database, **UNPOSTED)
    post_handoffs(world.poster())
    with world.database.write() as connection:
        moves.reassign(connection, it, by="sato", at=NOW, key="a", owner="suzuki")
    post_handoffs(world.poster())
    assert places(world.slack) == ["D-U1", "D-U2"]
    assert world.slack.posts[0].actions == []
    assert "now with Suzuki" in world.slack.posts[0].text
    assert world.slack.posts[1].actions != []
    assert (world.row(it).posted_channel, world.row(it).posting) == ("D-U2", "posted")


def test_a_card_posted_anew_to_the_same_owner_is_not_taken_for_the_old_one(world: World) -> None:
    it = handoff(world.database, **UNPOSTED)
    post_handoffs(world.poster())
    with world.database.write() as connection:
        moves.snooze(connection, it, by="sato", at=NOW, key="a", until=NOW + timedelta(hours=1))
        moves.wake(connection, it, at=NOW + timedelta(hours=1))
    world.slack.fail("chat.postMessage", Failure(status=503))
    post_handoffs(world.poster())
    world.time_passes(minutes=5)
    post_handoffs(world.poster())
    assert len(world.slack.posts) == 2


def test_a_handoff_that_cannot_be_drawn_does_not_stop_the_others(world: World) -> None:
    broken, fine = handoff(world.database, **UNPOSTED), handoff(world.database, **UNPOSTED)
    with world.database.write() as connection:
        connection.execute(update(Handoff).where(Handoff.id == broken).values(state="nonsense"))  # type: ignore[arg-type]
    counts = post_handoffs(world.poster())
    assert (counts.posted, counts.put_off) == (1, 1)
    assert world.row(fine).posting == "posted"


def test_urgent_cards_go_first(world: World) -> None:
    handoff(world.database, urgency="normal", **UNPOSTED)
    handoff(world.database, urgency="high", owner="suzuki", **UNPOSTED)
    post_handoffs(world.poster(), limit=1)
    assert places(world.slack) == ["D-U2"]


def test_a_burst_in_bad_weather_loses_none_and_doubles_none(world: World) -> None:
    for number in range(20):
        handoff(world.database, owner=["sato", "suzuki", None][number % 3], **UNPOSTED)
    weather = [HANGS, Failure(retry_after=2), Failure(status=503), Failure(error="internal_error"), HANGS]
    for failure in weather:
        world.slack.fail("chat.postMessage", failure)
    world.slack.fail("conversations.history", Failure(status=500))
    world.slack.fail("conversations.open", Failure(retry_after=3))
    for _ in range(12):
        post_handoffs(world.poster())
        world.time_passes(minutes=5)
    references = [str(post.metadata) for post in world.slack.posts]
    assert (len(references), len(set(references))) == (20, 20)
    with world.database.write() as connection:
        assert count_unposted(connection) == {}
        assert moves.list_open(connection)[0].state is HandoffState.OPEN


def outlived(world: World) -> int:
    """A hand-off with a card, acknowledged by Sato, whose walk has reached its goal."""
    it = handoff(world.database, **UNPOSTED)
    post_handoffs(world.poster())
    with world.database.write() as connection:
        moves.acknowledge(connection, it, by="sato", at=NOW, key="k")
        moves.ask_whether_needed(connection, [it], reason="goal", at=NOW)
    return it


def test_s13_who_is_on_a_hand_off_that_outlived_its_walk_is_asked_once_in_its_thread(world: World) -> None:
    it = outlived(world)
    assert post_handoffs(world.poster()).updated == 1
    world.time_passes(hours=1)
    with world.database.write() as connection:
        moves.snooze(connection, it, by="sato", at=world.clock.now(), key="z", until=NOW + timedelta(hours=2))
    post_handoffs(world.poster())
    (line,) = world.slack.replies
    assert line[:2] == ("D-U1", world.slack.posts[0].ts)
    assert line[2].startswith(
        "The journey is over (its goal is reached), Wed, 3 Mar 2027, 18:00. Is this still needed?"
    )
    assert len(world.slack.posts) == 1


@pytest.mark.parametrize("failure", [Failure(error="ratelimited", status=429, retry_after=1), HANGS])
def test_s13_the_line_stands_once_whatever_slack_does(world: World, failure: Failure) -> None:
    outlived(world)
    world.slack.fail("chat.postMessage", failure)
    post_handoffs(world.poster())
    world.time_passes(minutes=5)
    post_handoffs(world.poster())
    assert len(world.slack.replies) == 1


def test_s13_a_hand_off_that_is_done_meanwhile_is_not_asked_about(world: World) -> None:
    it = outlived(world)
    with world.database.write() as connection:
        moves.done(connection, it, by="sato", at=NOW, key="d")
    post_handoffs(world.poster())
    assert world.slack.replies == []


def test_s13_a_newer_card_says_it_itself(world: World) -> None:
    it = outlived(world)
    with world.database.write() as connection:
        moves.reassign(connection, it, by="sato", at=NOW, key="r", owner="suzuki")
        moves.acknowledge(connection, it, by="suzuki", at=NOW, key="k2")
    post_handoffs(world.poster())
    assert "Is this still needed?" in str(world.slack.posts[-1].blocks)
    assert world.slack.replies == []


@pytest.mark.parametrize("missing", [set(), {"channels:read", "groups:read"}])
def test_after_a_lost_answer_a_channel_known_by_name_is_found_by_its_id_where_the_app_may_list_channels(
    world: World, missing: set[str]
) -> None:
    world.slack.scopes -= missing
    world.slack.channels = {"#other": "C0", "#cs": "C1"}
    handoff(world.database, **{**UNPOSTED, "owner": None})
    world.slack.fail("chat.postMessage", Failure(status=503, is_accepted=True))
    post_handoffs(world.poster())
    world.time_passes(minutes=5)
    assert post_handoffs(world.poster()).posted == 1
    assert places(world.slack) == (["C1", "C1"] if missing else ["C1"]), "docs/slack.md says what the rights are for"


def test_while_slack_does_not_list_the_channels_nothing_is_posted_a_second_time(world: World) -> None:
    handoff(world.database, **{**UNPOSTED, "owner": None})
    world.slack.fail("chat.postMessage", Failure(status=503, is_accepted=True))
    world.slack.fail("users.conversations", Failure(retry_after=30))
    for _ in range(3):
        post_handoffs(world.poster())
        world.time_passes(minutes=5)
    assert places(world.slack) == ["C1"]
