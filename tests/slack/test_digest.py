"""The daily digest: at everybody's own 09:00, once, only if there is something to tell, off by choice. Both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from bot.pipeline.escalate import Poster, post_handoffs
from bot.slack.app import build_poster
from bot.slack.digest import post_digests
from storage import handoff_moves as moves
from storage.accounts import Csm
from storage.desk import set_digest
from tests.fakes.slack_server import Failure
from tests.slack.desk_world import DeskWorld
from tests.slack.world import UNPOSTED
from tests.storage.handoff_rows import handoff

NINE = datetime(2027, 3, 2, 0, 0, tzinfo=UTC)  # Tuesday, 09:00 in Tokyo


def morning(desk: DeskWorld, at: datetime) -> int:
    """How many digests go out at that moment."""
    desk.world.clock.move_to(at)
    return post_digests(poster(desk), desk.world.app.published())


def poster(desk: DeskWorld) -> Poster:
    return build_poster(database=desk.world.database, clock=desk.world.clock, settings=desk.app.settings)


def busy(desk: DeskWorld) -> None:
    desk.people(stage="new")
    desk.deploy()
    desk.world.tick()
    handoff(
        desk.world.database, customer_id=1, contact_id=1, due_at=NINE + timedelta(hours=8), title={"en": "Call <them>"}
    )


def test_it_comes_once_at_the_persons_own_nine_and_only_with_news(desk: DeskWorld) -> None:
    busy(desk)
    assert morning(desk, NINE - timedelta(seconds=1)) == 0
    assert morning(desk, NINE) == 1
    assert morning(desk, NINE + timedelta(hours=3)) == 0
    told = desk.slack.posts[-1]
    assert (told.channel, len(desk.slack.posts)) == ("D-U1", 1), "Suzuki has no news"
    assert "Good morning, Sato" in told.text
    assert "Due today: 1" in str(told.blocks)
    assert "Call &lt;them&gt;" in str(told.blocks)


def test_weekends_and_who_wants_none_get_none(desk: DeskWorld) -> None:
    busy(desk)
    with desk.world.database.write() as connection:
        set_digest(connection, "sato", is_wanted=False)
    assert morning(desk, NINE) == 0
    with desk.world.database.write() as connection:
        set_digest(connection, "sato", is_wanted=True)
        connection.execute(update(Csm).values(timezone="America/New_York"))
    assert morning(desk, datetime(2027, 3, 6, 14, 0, tzinfo=UTC)) == 0, "Saturday"
    assert morning(desk, datetime(2027, 3, 8, 13, 59, tzinfo=UTC)) == 0, "08:59 in New York"
    assert morning(desk, datetime(2027, 3, 8, 14, 0, tzinfo=UTC)) == 1


def test_a_lost_answer_never_makes_a_second_digest_and_slack_down_is_waited_out(desk: DeskWorld) -> None:
    busy(desk)
    desk.slack.fail("chat.postMessage", Failure(status=503))
    assert morning(desk, NINE) == 0
    assert morning(desk, NINE + timedelta(seconds=30)) == 0, "it waits"
    desk.slack.fail("chat.postMessage", Failure(status=503, is_accepted=True))
    assert morning(desk, NINE + timedelta(minutes=5)) == 0
    assert morning(desk, NINE + timedelta(minutes=15)) == 1, "found where it stands"
    assert morning(desk, NINE + timedelta(minutes=60)) == 0
    assert len(desk.slack.posts) == 1


def low_ones(desk: DeskWorld, number: int = 2) -> list[int]:
    due = NINE + timedelta(days=3)
    low = {**UNPOSTED, "customer_id": 1, "contact_id": 1, "urgency": "low", "due_at": due, "title": {"en": "Tidy up"}}
    return [handoff(desk.world.database, **low, opened_at=NINE - timedelta(hours=12)) for _ in range(number)]


def test_what_may_call_at_nine_comes_with_the_digest_in_one_message_that_stays_true(desk: DeskWorld) -> None:
    busy(desk)
    first, second = low_ones(desk)
    assert morning(desk, NINE) == 1
    post_handoffs(poster(desk))
    (post,) = desk.slack.posts
    assert "Good morning, Sato" in post.text
    assert "2 hand-offs for you" in post.text
    shown = str(post.blocks)
    assert shown.index("Due today: 1") < shown.index("2 hand-offs for you") < shown.index("1. *Tidy up*")
    with desk.world.database.write() as connection:
        moves.done(connection, first, by="sato", at=desk.world.now, key="d")
    post_handoffs(poster(desk))
    assert "closed this as done" in str(post.blocks)
    assert "Due today: 1" in str(post.blocks), "the digest stands as long as the day lasts"
    desk.world.clock.move_to(NINE + timedelta(days=1))
    with desk.world.database.write() as connection:
        moves.done(connection, second, by="sato", at=desk.world.now, key="e")
    post_handoffs(poster(desk))
    assert "Good morning" not in str(post.blocks)
    assert str(post.blocks).count("closed this as done") == 2
    assert len(desk.slack.posts) == 1


def test_a_lost_answer_makes_no_second_message_of_digest_and_list(desk: DeskWorld) -> None:
    busy(desk)
    low_ones(desk)
    desk.slack.fail("chat.postMessage", Failure(status=503, is_accepted=True))
    assert morning(desk, NINE) == 0
    for minutes in (4, 10, 40):
        morning(desk, NINE + timedelta(minutes=minutes))
        post_handoffs(poster(desk))
    assert len(desk.slack.posts) == 1
    assert "Good morning, Sato" in desk.slack.posts[0].text


def test_without_news_a_low_one_comes_as_a_card(desk: DeskWorld) -> None:
    desk.people()
    low_ones(desk, 1)
    assert morning(desk, NINE) == 0
    post_handoffs(poster(desk))
    assert "Good morning" not in desk.slack.posts[0].text
    assert desk.slack.posts[0].actions != []
