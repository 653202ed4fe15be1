"""The demo itself, small: the real pipeline on the starter workspace for one week of the invented company."""

from __future__ import annotations

import io
from datetime import date
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import select

from bot.demo.company import build_company
from bot.demo.run import DemoPlan, copy_workspace, run_demo
from bot.demo.story import print_summary
from bot.demo.summary import DemoSummary
from bot.errors import UsageError
from storage.database import Database
from storage.journal import Decision
from tests.demo.stage import table_of

STARTER = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("demo run")


def plan_in(folder: Path) -> DemoPlan:
    return DemoPlan(starter=STARTER, folder=folder, customers=24, days=6)


def page_of(summary: DemoSummary) -> str:
    console = Console(file=io.StringIO(), width=120)
    print_summary(console, summary)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> DemoPlan:
    return plan_in(tmp_path_factory.mktemp("demo") / "workspace")


@pytest.fixture(scope="module")
def summary(plan: DemoPlan) -> DemoSummary:
    return run_demo(plan, Console(file=io.StringIO()))


def mails_of(plan: DemoPlan) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(plan.outbox.glob("*.eml"))}


def test_customers_walk_mails_go_out_and_people_are_asked(summary: DemoSummary) -> None:
    assert (summary.first_day, summary.last_day, summary.days) == (date(2027, 4, 1), date(2027, 4, 6), 6)
    assert summary.customers > 24
    assert sum(count.entered for count in summary.playbooks) > 20
    assert sum(count.sent for count in summary.mails) > 10
    assert sum(count.opened for count in summary.handoffs) >= 1
    assert summary.stories


def test_every_mail_sent_lies_in_the_folder(plan: DemoPlan, summary: DemoSummary) -> None:
    assert len(mails_of(plan)) == sum(count.sent for count in summary.mails)


def test_the_customer_who_opted_out_is_never_mailed(plan: DemoPlan, summary: DemoSummary) -> None:
    opted_out = {contact.email for contact in build_company(plan.seed, plan.customers, plan.start).opted_out.contacts}
    mailed = {str(message_from_bytes(mail, policy=policy.default)["To"]) for mail in mails_of(plan).values()}
    assert summary.mails
    assert mailed
    assert not [address for address in mailed if any(refused in address for refused in opted_out)]


def test_no_playbook_broke(plan: DemoPlan, summary: DemoSummary) -> None:
    assert summary.playbooks
    database = Database(plan.settings.database_url)
    decisions = table_of(Decision)
    with database.read() as connection:
        faults = connection.execute(select(decisions.c.details).where(decisions.c.verdict == "fault")).scalars().all()
    database.dispose()
    assert faults == []


def test_the_page_is_in_terms_of_this_run(plan: DemoPlan, summary: DemoSummary) -> None:
    page = page_of(summary)
    assert "6 days" in page
    assert str(plan.outbox)[:30] in page


def test_the_same_run_writes_the_same_mails_and_the_same_page(
    plan: DemoPlan, summary: DemoSummary, tmp_path: Path
) -> None:
    again = plan_in(tmp_path / "workspace")
    repeated = run_demo(again, Console(file=io.StringIO()))
    assert mails_of(again) == mails_of(plan)
    assert repeated.playbooks == summary.playbooks
    assert (repeated.mails, repeated.handoffs, repeated.unsent) == (summary.mails, summary.handoffs, summary.unsent)
    assert repeated.stories == summary.stories


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        copy_workspace(STARTER, tmp_path)
