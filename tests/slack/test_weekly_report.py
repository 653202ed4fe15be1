"""The weekly report to the channel: every hand-off has one owner and one end. Once a week, whoever ticks. Both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from bot.pipeline.escalate import Poster
from bot.slack.app import build_poster
from bot.slack.weekly_report import post_weekly_report
from storage.handoffs import Handoff
from tests.fakes.slack_server import Failure
from tests.slack.desk_world import DeskWorld
from tests.storage.handoff_rows import handoff

MONDAY_NINE = datetime(2027, 3, 8, 0, 0, tzinfo=UTC)  # 09:00 in Tokyo
CHANNEL = "#cs"


def process(desk: DeskWorld, channel: str | None = CHANNEL) -> Poster:
    settings = replace(desk.app.settings, fallback_channel=channel, timezone="Asia/Tokyo")
    return build_poster(database=desk.world.database, clock=desk.world.clock, settings=settings)


def report(desk: DeskWorld, at: datetime, poster: Poster | None = None, *, locale: str = "en") -> bool:
    """Whether it goes out at that moment; from a process of its own, unless one is given."""
    desk.world.clock.move_to(at)
    return post_weekly_report(poster or process(desk), locale=locale)


def asked(desk: DeskWorld) -> int:
    desk.people(stage="new")
    return handoff(desk.world.database, customer_id=1, contact_id=1, title={"en": "Call"}, opened_at=MONDAY_NINE)


def test_it_comes_once_a_week_whoever_ticks(desk: DeskWorld) -> None:
    asked(desk)
    assert not report(desk, MONDAY_NINE - timedelta(seconds=1))
    assert report(desk, MONDAY_NINE)
    assert not report(desk, MONDAY_NINE + timedelta(days=3)), "another process, later in the week"
    assert report(desk, MONDAY_NINE + timedelta(days=8)), "nobody ticked on Monday"
    assert len(desk.slack.posts) == 2
    told = desk.slack.posts[0]
    assert "Every hand-off has one owner and one end" in told.text
    assert "*2027-W10*: 1 opened" in str(told.blocks)
    assert told.actions == []


def test_a_broken_hand_off_is_named_by_its_number(desk: DeskWorld) -> None:
    broken = asked(desk)
    with desk.world.database.write() as connection:
        connection.execute(update(Handoff).values(owner=None, posting="failed"))
    assert report(desk, MONDAY_NINE, locale="ja")
    told = desk.slack.posts[0]
    assert "対応依頼があります" in told.text
    assert f"lost (broken): {broken}" in str(told.blocks)


def test_slack_down_is_waited_out(desk: DeskWorld) -> None:
    asked(desk)
    ours = process(desk)
    desk.slack.fail("chat.postMessage", Failure(status=503))
    assert not report(desk, MONDAY_NINE, ours)
    assert not report(desk, MONDAY_NINE + timedelta(minutes=1)), "it waits, for everybody"
    assert report(desk, MONDAY_NINE + timedelta(minutes=11), ours)
    assert len(desk.slack.posts) == 1


def test_without_a_channel_or_without_hand_offs_nothing_is_said(desk: DeskWorld) -> None:
    assert not report(desk, MONDAY_NINE)
    asked(desk)
    assert not report(desk, MONDAY_NINE + timedelta(hours=1), process(desk, channel=None))
    assert desk.slack.posts == []
