"""The demo's last page: complete, readable, and without a crash on nothing."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console

from bot.demo.story import SENTENCES, SIGNS, print_summary, sentence
from bot.demo.summary import DemoSummary, summarize
from bot.insight.timeline import StoryKind, StoryLine
from storage.database import Database
from tests.demo.stage import NOW, add_customer, add_handoff, add_health, add_mail, add_signal, add_walk


def summary_of(database: Database) -> DemoSummary:
    with database.read() as connection:
        return summarize(
            connection,
            company="Hanabi Cloud",
            first_day=date(2027, 4, 1),
            last_day=date(2027, 7, 29),
            seconds=31.4,
            folder=Path("demo"),
            outbox=Path("demo/outbox"),
        )


def printed(summary: DemoSummary) -> str:
    console = Console(file=io.StringIO(), width=120)
    print_summary(console, summary)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_run_is_summed_up_on_one_page(database: Database) -> None:
    with database.write() as connection:
        for key, playbook in (("one", "setup_video"), ("two", "going_quiet"), ("three", "renewal_90_days")):
            customer = add_customer(connection, key)
            add_walk(connection, customer, playbook, outcome="goal")
            add_mail(connection, customer, opened_at=NOW)
            add_mail(connection, customer, state="suppressed", reason="no_consent", over_at=NOW)
            add_handoff(connection, customer)
            add_signal(connection, customer)
            add_health(connection, customer)
    page = printed(summary_of(database))
    for words in (
        "120 days",
        "3 customers",
        "3 mails went out",
        "Who walked",
        "What was sent",
        "3 (100%)",
        "suppressed: no consent",
        "What was noticed",
        "Health: 3 green, 0 yellow, 0 red",
    ):
        assert words in page
    for headline in (
        "From the welcome mail to real use: One",
        "Quiet, and what was done about it: Two",
        "A renewal: Three",
    ):
        assert headline in page
    assert "journeybot explain one" in page
    assert "demo/outbox" in page


def test_no_customer_is_told_of_twice(database: Database) -> None:
    with database.write() as connection:
        customer = add_customer(connection, "only")
        for playbook in ("setup_video", "going_quiet", "renewal_90_days"):
            add_walk(connection, customer, playbook, outcome="goal")
    assert [story.customer for story in summary_of(database).stories] == ["only"]


def test_a_run_in_which_nothing_happened_is_told_too(database: Database) -> None:
    assert "0 mails went out" in printed(summary_of(database))


def test_square_brackets_in_names_are_printed_as_they_are(database: Database) -> None:
    with database.write() as connection:
        add_walk(connection, add_customer(connection, "[bold]x"), "welcome")
    assert "[Bold]X" in printed(summary_of(database))


@pytest.mark.parametrize("kind", StoryKind)
def test_every_kind_of_line_has_a_sign_and_a_sentence(kind: StoryKind) -> None:
    assert kind in SIGNS
    assert kind in SENTENCES
    said = sentence(StoryLine(at=NOW, kind=kind, subject="subject", who="who", detail="detail"))
    assert "subject" in said
    assert "{" not in said
