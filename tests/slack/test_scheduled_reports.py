"""`reports:` of workspace.yml: named reports at their times, to channels and people, once each whoever ticks. Both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from bot.insight.reports import OF_ALL, OF_ONE
from bot.pipeline.escalate import Poster
from bot.rules.reports import OF_ONE_CSM, REPORTS
from bot.slack.app import build_poster
from bot.slack.report_views import draw_report
from bot.slack.report_words import LAYOUTS, WORDS
from bot.slack.scheduled_reports import ScheduledReports
from storage.notices import STAFF_MAIL
from tests.cast import csm, customer
from tests.fakes.slack_server import Failure
from tests.pipeline.test_agenda import statements_of
from tests.slack.desk_world import DeskWorld
from tests.world import WORKSPACE

MONDAY_NINE = datetime(2027, 3, 8, 0, 0, tzinfo=UTC)  # 09:00 in Tokyo
WEEK = timedelta(days=7)
DEPLOYED = MONDAY_NINE - WEEK + timedelta(hours=1)
FIRST_LOOK = DEPLOYED + timedelta(minutes=1)
TOUCH = "touch: {high: {touches_a_month: 2}}\n"
TO_THE_TEAM = 'reports: [{report: activity, every: monday 09:00, to: "#cs"}]\n'
TO_EACH = "reports: [{report: activity, every: monday 09:00, to: [csm, chief]}]\n"


def company(desk: DeskWorld, reports: str) -> None:
    """Sato (U1, English) has two customers, Suzuki (U2, Japanese) one, Chief none and no Slack."""
    desk.world.clock.move_to(DEPLOYED)
    database, now = desk.world.database, desk.world.now
    desk.world.write("playbooks/workspace.yml", WORKSPACE + TOUCH + reports)
    desk.deploy()
    csm(database, "sato", slack_user_id="U1")
    csm(database, "suzuki", slack_user_id="U2", locale="ja")
    csm(database, "chief")
    for key, whose in (("big", "sato"), ("bigger", "sato"), ("other", "suzuki")):
        customer(database, key, now, csm=whose, touch="high")


def poster_of(desk: DeskWorld) -> Poster:
    settings = replace(desk.app.settings, timezone="Asia/Tokyo")
    return build_poster(database=desk.world.database, clock=desk.world.clock, settings=settings)


def at(desk: DeskWorld, moment: datetime, process: ScheduledReports | None = None, *, has_slack: bool = True) -> int:
    """To how many it goes out at that moment; from a process of its own, unless one is given."""
    desk.world.clock.move_to(moment)
    reports = process or ScheduledReports(desk.world.database)
    return reports.post(desk.world.app.require_published(), poster_of(desk) if has_slack else None, moment)


def mails(desk: DeskWorld) -> list[tuple[str, str, str]]:
    with desk.world.database.read() as connection:
        columns = (STAFF_MAIL.c.person, STAFF_MAIL.c.subject, STAFF_MAIL.c.text)
        return [tuple(row) for row in connection.execute(select(*columns).order_by(STAFF_MAIL.c.id))]


def test_it_comes_once_for_each_time_whoever_ticks_and_not_for_times_before_it_was_deployed(desk: DeskWorld) -> None:
    company(desk, TO_THE_TEAM)
    assert not at(desk, FIRST_LOOK), "this Monday's 09:00 was before anybody asked for it"
    assert not at(desk, MONDAY_NINE - timedelta(seconds=1))
    assert at(desk, MONDAY_NINE)
    assert not at(desk, MONDAY_NINE + timedelta(minutes=1)), "another process, a minute later"
    assert at(desk, MONDAY_NINE + 3 * WEEK + timedelta(days=2)), "nobody ticked for weeks: the latest only"
    assert not at(desk, MONDAY_NINE + 3 * WEEK + timedelta(days=3))
    first, _ = desk.slack.posts
    assert first.text == "Touches of the last 30 days · 2027-03-08"
    assert "*sato*: touches 0 · target 4 · of the target 0% · 30 days before 0 · customers without a touch 2" in str(
        first.blocks
    )
    assert "↳ big, bigger" in str(first.blocks)


def test_each_csm_gets_their_own_customers_in_their_language_and_whom_slack_does_not_know_a_mail(
    desk: DeskWorld,
) -> None:
    company(desk, TO_EACH)
    assert at(desk, FIRST_LOOK) == 0
    assert at(desk, MONDAY_NINE) == 3
    ours, theirs = desk.slack.posts
    assert [ours.channel, theirs.channel] == ["D-U1", "D-U2"]
    assert "big" in str(ours.blocks)
    assert "suzuki" not in str(ours.blocks)
    assert theirs.text == "直近30日の顧客接点（担当のお客様） · 2027-03-08"
    assert "目標 2 · 達成率 0%" in str(theirs.blocks)
    ((person, subject, text),) = mails(desk)
    assert (person, subject) == ("chief", "Touches of the last 30 days · 2027-03-08")
    assert "all: touches 0 · target 6" in text


def test_a_lost_answer_of_slack_doubles_nothing_and_slack_down_is_waited_out(desk: DeskWorld) -> None:
    company(desk, TO_THE_TEAM)
    at(desk, FIRST_LOOK)
    desk.slack.fail("chat.postMessage", Failure(status=503, is_accepted=True))
    assert not at(desk, MONDAY_NINE), "nobody knows whether it came"
    assert not at(desk, MONDAY_NINE + timedelta(minutes=1)), "it waits, for everybody"
    assert at(desk, MONDAY_NINE + timedelta(minutes=11))
    assert len(desk.slack.posts) == 1


def test_without_slack_a_channels_report_is_mailed_to_the_default_owner(desk: DeskWorld) -> None:
    company(desk, TO_THE_TEAM)
    at(desk, FIRST_LOOK, has_slack=False)
    assert at(desk, MONDAY_NINE, has_slack=False) == 1
    assert [person for person, _, _ in mails(desk)] == ["sato"]


def test_an_idle_tick_asks_nothing_until_the_next_time(desk: DeskWorld) -> None:
    company(desk, TO_THE_TEAM)
    ours = ScheduledReports(desk.world.database)
    at(desk, FIRST_LOOK, ours)  # notes that the entry is there
    at(desk, FIRST_LOOK + timedelta(minutes=1), ours)  # and that there is nothing to do
    published, poster = desk.world.app.require_published(), poster_of(desk)
    with statements_of(desk.world.database) as asked:
        ours.post(published, poster, MONDAY_NINE - timedelta(minutes=1))
    assert asked == []
    assert at(desk, MONDAY_NINE, ours)


def test_every_report_has_its_figures_and_its_words() -> None:
    assert {**OF_ALL, **OF_ONE}.keys() == REPORTS.keys() == LAYOUTS.keys()
    assert set(OF_ONE) == set(OF_ONE_CSM)
    assert {column for layout in LAYOUTS.values() for column in layout.figures} <= WORDS.keys()


def test_names_are_shown_as_they_are_and_many_rows_fit_into_one_message() -> None:
    row = {
        "link": "product",
        "reason": "<!channel> & *co*" + "x" * 200,
        "customers": 1,
        "arr": None,
        "revenue_share": 0.256,
    }
    card = draw_report("churn-reasons", [row] * 60, "en", day="2027-03-08", of_one=False)
    text = str(card.blocks)
    assert "<!channel>" not in text
    assert "of the revenue 26%" in text
    assert "and 35 more" in text
    assert all(len(block["text"]["text"]) <= 3000 for block in card.blocks if block["type"] == "section")
