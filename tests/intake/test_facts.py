"""Tickets, surveys, subscriptions, meetings, notes and daily totals by file, and the events they tell."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.intake.events import EVENT, FEED, USAGE
from bot.intake.report import FileReport
from bot.intake.writers.meetings import ATTENDEE, MEETING
from bot.intake.writers.notes import NOTE
from bot.intake.writers.subscriptions import SUBSCRIPTION
from bot.intake.writers.surveys import ANSWER
from bot.intake.writers.tickets import TICKET
from storage.database import Database
from tests.intake.house import CONTACTS, CUSTOMERS, NOW, bring, bring_files, names, stored

TICKETS = "customer,contact,ticket,title,kind,priority,status,opened_at,closed_at\n"
SUBSCRIPTIONS = "customer,subscription,product,mrr,started_on,ended_on\n"
MEETINGS = "customer,meeting,kind,contact,starts_at\n"


@pytest.fixture(autouse=True)
def people(database: Database, tmp_path: Path) -> None:
    bring_files(database, tmp_path, customers=CUSTOMERS, contacts=CONTACTS)


def told(database: Database, name: str) -> list[dict[str, Any]]:
    return stored(database, EVENT, name=name)


def one_file(database: Database, folder: Path, **file: Any) -> FileReport:
    return next(iter(bring_files(database, folder, **file).values()))


def test_a_ticket_is_opened_and_closed_once_each(database: Database, tmp_path: Path) -> None:
    opened = "c-1,tanaka,T-1,Crash,bug,high,{status},2027-02-20T10:00:00Z,{closed}\n"
    one_file(database, tmp_path, tickets=TICKETS + opened.format(status="open", closed=""))
    closed = TICKETS + opened.format(status="closed", closed="2027-02-22T10:00:00Z")
    one_file(database, tmp_path, tickets=closed)
    assert one_file(database, tmp_path, tickets=closed).changed == 0
    ticket = stored(database, TICKET)[0]
    assert (ticket["status"], ticket["priority"], ticket["closed_at"].day) == ("closed", "high", 22)
    assert len(told(database, "ticket.opened")) == 1
    event = told(database, "ticket.closed")[0]
    assert event["properties"] == {"ticket": "T-1", "kind": "bug", "priority": "high", "title": "Crash"}
    assert event["contact_id"] == ticket["contact_id"] is not None


@pytest.mark.parametrize(
    ("status", "opened", "closed", "says"),
    [
        ("closed", "2027-02-20", "2027-02-19", "closed before it is opened"),
        ("open", "2027-02-20", "2027-02-21", "is open and has a closed_at"),
        ("whatever", "2027-02-20", "", "`whatever` is no status"),
        ("open", "", "", "`opened_at` is empty"),
        ("open", "1960-01-01", "", "before 1970"),
        ("open", "9999-01-01", "", "more than ten years ahead"),
    ],
)
def test_a_ticket_that_contradicts_itself_is_a_problem(
    database: Database, tmp_path: Path, status: str, opened: str, closed: str, says: str
) -> None:
    report = one_file(
        database,
        tmp_path,
        tickets=TICKETS + f"c-1,,T-1,,,,{status},{opened},{closed}\nc-1,,T-2,,,,solved,2027-02-20,\n",
    )
    assert (report.rejected, report.changed) == (1, 1)
    assert says in report.problems[0].message
    assert [row["status"] for row in stored(database, TICKET)] == ["closed"]


def test_a_column_that_the_file_does_not_have_leaves_the_ticket_as_it_is(database: Database, tmp_path: Path) -> None:
    one_file(database, tmp_path, tickets=TICKETS + "c-1,,T-1,Crash,,,closed,2027-02-20,2027-02-21\n")
    one_file(database, tmp_path, tickets="customer,ticket,opened_at,priority\nc-1,T-1,2027-02-20,urgent\n")
    ticket = stored(database, TICKET)[0]
    assert (ticket["status"], ticket["title"], ticket["priority"]) == ("closed", "Crash", "urgent")


@pytest.mark.parametrize(
    ("kind", "score", "hint"),
    [
        ("nps", "9/10", "nps goes from 0 to 10, in whole numbers"),
        ("nps", "11", "nps goes from 0 to 10, in whole numbers"),
        ("NPS", "7.5", "nps goes from 0 to 10, in whole numbers"),
        ("csat", "0", "csat goes from 1 to 5, in whole numbers"),
        ("mood", "good", "write one number"),
    ],
)
def test_a_score_off_its_scale_is_refused_with_what_is_allowed(
    database: Database, tmp_path: Path, kind: str, score: str, hint: str
) -> None:
    report = one_file(
        database, tmp_path, surveys=f"customer,kind,score,at\nc-1,{kind},{score},2027-02-20\nc-1,nps,0,2027-02-20\n"
    )
    assert (report.rejected, report.changed) == (1, 1)
    assert (report.problems[0].row, report.problems[0].hint) == (2, hint)


def test_s41_a_changed_answer_updates_the_fact_and_fires_once(database: Database, tmp_path: Path) -> None:
    answer = "customer,contact,kind,score,comment,at\nc-1,tanaka,nps,{},{},2027-02-28T10:00:00+09:00\n"
    one_file(database, tmp_path, surveys=answer.format(3, "slow"))
    assert one_file(database, tmp_path, surveys=answer.format(4, "slow")).changed == 1
    assert [row["score"] for row in stored(database, ANSWER)] == [4]
    event = told(database, "survey.answered")[0]
    assert (event["value"], event["properties"]) == (3, {"kind": "nps", "score": 3, "comment": "slow"})
    assert event["contact_id"] is not None
    assert len(told(database, "survey.answered")) == 1


def test_two_anonymous_answers_of_one_day_are_two_answers(database: Database, tmp_path: Path) -> None:
    report = one_file(
        database, tmp_path, surveys="customer,kind,score,at\nc-1,csat,5,2027-02-20\nc-1,csat,2,2027-02-20\n"
    )
    assert report.changed == 2


def test_a_subscription_starts_and_ends_at_its_customers_midnight(database: Database, tmp_path: Path) -> None:
    one_file(database, tmp_path, subscriptions=SUBSCRIPTIONS + "c-1,S-1,pro,100,2027-01-01,2027-02-01\n")
    assert told(database, "subscription.started")[0]["at"].isoformat() == "2026-12-31T15:00:00+00:00"
    assert told(database, "subscription.ended")[0]["at"].isoformat() == "2027-01-31T15:00:00+00:00"
    assert told(database, "subscription.ended")[0]["properties"] == {
        "subscription": "S-1",
        "product": "pro",
        "mrr": 100,
    }


def test_an_end_that_is_called_off_before_it_comes_is_not_told(database: Database, tmp_path: Path) -> None:
    row = SUBSCRIPTIONS + "c-1,S-1,pro,100,2027-01-01,{}\n"
    one_file(database, tmp_path, subscriptions=row.format("2027-04-01"))
    one_file(database, tmp_path, subscriptions=row.format("2027-05-01"))
    assert [event["at"].month for event in told(database, "subscription.ended")] == [4]  # 1 May in Tokyo
    one_file(database, tmp_path, subscriptions=row.format(""))
    assert told(database, "subscription.ended") == []
    assert stored(database, SUBSCRIPTION)[0]["ended_on"] is None


def test_a_subscription_that_ends_before_it_starts_is_a_problem(database: Database, tmp_path: Path) -> None:
    report = one_file(database, tmp_path, subscriptions=SUBSCRIPTIONS + "c-1,S-1,pro,100,2027-01-01,2026-01-01\n")
    assert report.problems[0].message == "the subscription ends before it starts"


def test_meetings_have_attendees_and_old_ones_are_no_news(database: Database, tmp_path: Path) -> None:
    rows = "c-1,M-1,ebr,tanaka;nobody,2027-03-10T10:00\nc-2,M-2,call,mori,2027-02-01T10:00\nc-2,M-3,call,mori,2027-02-28T23:00\n"
    report = one_file(database, tmp_path, meetings=MEETINGS + rows)
    assert [row["is_told"] for row in stored(database, MEETING)] == [False, True, False]
    assert len(stored(database, ATTENDEE)) == 3
    assert any("not known; kept without the contact" in warning for warning in report.warnings)
    assert "times without a zone are read as UTC (--zone changes it)" in report.warnings


def test_a_meeting_that_only_gets_other_attendees_is_a_change(database: Database, tmp_path: Path) -> None:
    row = MEETINGS + "c-1,M-1,ebr,{},2027-03-10T10:00Z\n"
    one_file(database, tmp_path, meetings=row.format("tanaka"))
    report = one_file(database, tmp_path, meetings=row.format(""))
    assert (report.changed, report.unchanged) == (1, 0)
    assert stored(database, ATTENDEE) == []


def test_notes_keep_their_lines(database: Database, tmp_path: Path) -> None:
    one_file(database, tmp_path, notes='customer,by,at,text\nc-1,sato,2027-02-20,"Called.\r\nThey say ""yes"""\n')
    assert stored(database, NOTE)[0]["text"] == 'Called.\r\nThey say "yes"'


def test_a_daily_total_replaces_what_its_source_said_of_that_day(database: Database, tmp_path: Path) -> None:
    row = "customer,day,event,count,users\nc-1,2027-02-20,login,{},3\n"
    one_file(database, tmp_path, usage=row.format(10))
    one_file(database, tmp_path, usage=row.format(7))
    assert one_file(database, tmp_path, usage=row.format(7)).changed == 0
    found = stored(database, USAGE)
    assert [(row["day"], row["count"], row["total"], row["users"]) for row in found] == [(date(2027, 2, 20), 7, 7, 3)]
    assert {row["name"] for row in stored(database, FEED)} >= {"login", "usage"}


def test_a_day_of_several_rows_is_their_sum_and_a_corrected_row_moves_it(database: Database, tmp_path: Path) -> None:
    head = "id,customer,day,event,count\n"
    one_file(database, tmp_path, usage=head + "u-1,c-1,2027-02-20,scouts,10\nu-2,c-1,2027-02-20,scouts,5\n")
    assert [row["count"] for row in stored(database, USAGE)] == [15]
    one_file(database, tmp_path, usage=head + "u-1,c-1,2027-02-20,scouts,8\nu-2,c-1,2027-02-21,scouts,5\n")
    assert [(row["day"].day, row["count"]) for row in stored(database, USAGE)] == [(20, 8), (21, 5)]


def test_usage_may_name_a_subscription_instead_of_its_customer(database: Database, tmp_path: Path) -> None:
    one_file(database, tmp_path, subscriptions=SUBSCRIPTIONS + "c-2,S-1,pro,100,2027-01-01,\n")
    report = one_file(
        database, tmp_path, usage="subscription,day,event,count\nS-1,2027-02-20,login,4\nS-9,2027-02-20,login,4\n"
    )
    assert (report.changed, report.rejected) == (1, 1)
    assert report.problems[0].message == "unknown subscription `S-9`"


def test_feeds_are_as_fresh_as_their_latest_fact_and_never_fresher_than_now(database: Database, tmp_path: Path) -> None:
    bring_files(
        database,
        tmp_path,
        tickets=TICKETS + "c-1,,T-1,,,,open,2027-02-20T00:00:00Z,\n",
        meetings=MEETINGS + "c-1,M-1,ebr,,2027-06-01T00:00:00Z\n",
        surveys="customer,kind,score,at\nc-1,nps,9,2027-02-25T00:00:00Z\n",
    )
    feeds = {row["name"]: row["latest_at"] for row in stored(database, FEED)}
    assert feeds["tickets"].isoformat() == "2027-02-20T00:00:00+00:00"
    assert feeds["meetings"] == NOW
    assert feeds["surveys"].isoformat() == "2027-02-25T00:00:00+00:00"


def test_two_sources_may_use_the_same_ids(database: Database, tmp_path: Path) -> None:
    tickets = TICKETS + "c-1,,1,,,,open,2027-02-20,\n"
    one_file(database, tmp_path, tickets=tickets, more={"source": "zendesk"})
    one_file(database, tmp_path, tickets=tickets, more={"source": "jira"})
    assert len(stored(database, TICKET)) == 2
    with database.read() as connection:
        keys = connection.execute(select(EVENT.c.key).where(EVENT.c.name == "ticket.opened")).scalars().all()
    assert sorted(keys) == ["ticket.opened:jira:1", "ticket.opened:zendesk:1"]


def test_a_whole_folder_again_a_day_later_changes_nothing(database: Database, tmp_path: Path) -> None:
    bring_files(
        database,
        tmp_path,
        customers=CUSTOMERS,
        contacts=CONTACTS,
        tickets=TICKETS + "c-1,tanaka,T-1,,,,open,2027-02-20,\n",
        meetings=MEETINGS + "c-1,M-1,ebr,tanaka,2027-02-20\n",
        notes="customer,at,text\nc-1,2027-02-20,hello\n",
        surveys="customer,kind,score,at\nc-1,nps,9,2027-02-25\n",
        subscriptions=SUBSCRIPTIONS + "c-1,S-1,pro,100,2027-01-01,2028-01-01\n",
        usage="customer,day,event,count\nc-1,2027-02-20,login,10\n",
        events="customer,contact,event,at\nc-1,tanaka,login,2027-02-20T10:00\n",
    )
    before = names(database)
    again = bring(database, tmp_path, now=NOW + timedelta(days=1))
    assert (again.changed, again.rejected, again.exit_code) == (0, 0, 0)
    assert names(database) == before
