"""The weekly report to the channel: every hand-off has one owner and one end. Once a week, whoever ticks. Both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from bot.pipeline.escalate import Poster
from bot.slack.app import build_poster
from bot.slack.weekly_report import post_weekly_report
from storage.accounts import Csm
from storage.handoffs import Handoff
from storage.notices import STAFF_MAIL
from tests.cast import csm
from tests.fakes.slack_server import Failure
from tests.slack.desk_world import DeskWorld
from tests.storage.handoff_rows import handoff

MONDAY_NINE = datetime(2027, 3, 8, 0, 0, tzinfo=UTC)  # 09:00 in Tokyo
CHANNEL = "#cs"


def process(desk: DeskWorld, channel: str | None = CHANNEL) -> Poster:
    settings = replace(desk.app.settings, fallback_channel=channel, timezone="Asia/Tokyo")
    return build_poster(database=desk.world.database, clock=desk.world.clock, settings=settings)


def report(desk: DeskWorld, at: datetime, poster: Poster | None = None) -> int:
    """To how many it goes out at that moment; from a process of its own, unless one is given."""
    desk.world.clock.move_to(at)
    published = desk.world.app.require_published()
    return post_weekly_report(desk.world.database, published, poster or process(desk), at)


def asked(desk: DeskWorld) -> int:
    desk.people(stage="new")
    desk.deploy()
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
    assert report(desk, MONDAY_NINE)
    told = desk.slack.posts[0]
    assert "Hand-offs without one owner or one end" in told.text
    assert f"without an owner and nowhere to be seen (2027-W10): {broken}" in str(told.blocks)


def test_slack_down_is_waited_out(desk: DeskWorld) -> None:
    asked(desk)
    ours = process(desk)
    desk.slack.fail("chat.postMessage", Failure(status=503))
    assert not report(desk, MONDAY_NINE, ours)
    assert not report(desk, MONDAY_NINE + timedelta(minutes=1)), "it waits, for everybody"
    assert report(desk, MONDAY_NINE + timedelta(minutes=11), ours)
    assert len(desk.slack.posts) == 1


def mails(desk: DeskWorld) -> list[tuple[str, str, str]]:
    with desk.world.database.read() as connection:
        columns = (STAFF_MAIL.c.person, STAFF_MAIL.c.subject, STAFF_MAIL.c.text)
        return [tuple(row) for row in connection.execute(select(*columns).order_by(STAFF_MAIL.c.id))]


def test_without_a_channel_managers_and_the_default_owner_get_it_by_slack_or_mail(desk: DeskWorld) -> None:
    asked(desk)
    csm(desk.world.database, "chief", slack_user_id=None, locale="ja", email="chief@us.example")
    with desk.world.database.write() as connection:
        connection.execute(update(Csm).where(Csm.key == "sato").values(manager="suzuki"))  # type: ignore[arg-type]
        connection.execute(update(Csm).where(Csm.key == "suzuki").values(manager="chief"))  # type: ignore[arg-type]
    assert report(desk, MONDAY_NINE, process(desk, channel=None)) == 3
    assert report(desk, MONDAY_NINE + timedelta(hours=1), process(desk, channel=None)) == 0
    assert [post.channel for post in desk.slack.posts] == ["D-U1", "D-U2"], "`owners: default:`, and Sato's manager"
    assert "対応依頼はすべて" in desk.slack.posts[1].text, "in the reader's language"
    ((person, subject, text),) = mails(desk)
    assert (person, subject) == ("chief", "対応依頼はすべて、担当者と結果が1つずつそろっています")
    assert "2027-W10：新規 1件" in text


def test_a_channel_that_takes_no_messages_is_given_up_for_the_people(desk: DeskWorld) -> None:
    asked(desk)
    desk.slack.archived = {"C1"}
    told = [report(desk, MONDAY_NINE + timedelta(minutes=11 * number)) for number in range(6)]
    assert told == [0, 0, 0, 0, 1, 0]
    assert [post.channel for post in desk.slack.posts] == ["D-U1"]


def test_without_hand_offs_nothing_is_said(desk: DeskWorld) -> None:
    desk.people()
    desk.deploy()
    assert not report(desk, MONDAY_NINE)
    assert (desk.slack.posts, mails(desk)) == ([], [])
