"""Counts over a run: each number is the number of rows that a person would count."""

from __future__ import annotations

from datetime import timedelta

from bot.insight.summary import (
    busiest_customer,
    count_handoffs,
    count_mails,
    count_people,
    count_playbooks,
    count_unsent,
)
from storage.database import Database
from tests.demo.stage import NOW, add_customer, add_handoff, add_mail, add_walk

LATER = NOW + timedelta(hours=2)


def test_an_empty_database_counts_nothing(database: Database) -> None:
    with database.read() as connection:
        assert count_people(connection) == (0, 0)
        assert (count_playbooks(connection), count_mails(connection), count_handoffs(connection)) == ((), (), ())
        assert count_unsent(connection) == ()
        assert busiest_customer(connection, "welcome") is None


def test_walks_are_counted_by_how_they_stand(database: Database) -> None:
    with database.write() as connection:
        one, two, three = (add_customer(connection, key) for key in ("one", "two", "three"))
        add_walk(connection, one)
        add_walk(connection, two, outcome="goal")
        add_walk(connection, two, outcome="goal", is_holdout=True)
        add_walk(connection, three, outcome="churned")
        add_walk(connection, three, outcome="completed")
    with database.read() as connection:
        (count,) = count_playbooks(connection)
    assert (count.entered, count.active, count.goal, count.held_out) == (5, 1, 2, 1)
    assert count.others == {"churned": 1, "completed": 1}
    assert count.title == {"en": "Welcome"}


def test_only_accepted_mails_are_sent_ones(database: Database) -> None:
    with database.write() as connection:
        customer = add_customer(connection)
        add_mail(connection, customer, opened_at=LATER, clicked_at=LATER)
        add_mail(connection, customer, opened_at=LATER)
        add_mail(connection, customer, bounced_at=LATER)
        add_mail(connection, customer, state="suppressed", reason="no_consent")
        add_mail(connection, customer, state="suppressed", reason="no_consent")
        add_mail(connection, customer, state="held", reason="review")
        add_mail(connection, customer, state="claimed")
    with database.read() as connection:
        (mails,) = count_mails(connection)
        unsent = count_unsent(connection)
    assert (mails.template, mails.sent, mails.opened, mails.clicked, mails.bounced) == ("welcome", 3, 2, 1, 1)
    assert [(line.state, line.reason, line.count) for line in unsent] == [
        ("suppressed", "no_consent", 2),
        ("held", "review", 1),
    ]


def test_handoffs_are_counted_by_kind_and_state(database: Database) -> None:
    with database.write() as connection:
        customer = add_customer(connection)
        add_handoff(connection, customer, state="done", acknowledged_at=LATER)
        add_handoff(connection, customer, state="acknowledged", acknowledged_at=LATER, escalations=1)
        add_handoff(connection, customer)
        add_handoff(connection, customer, state="withdrawn")
        add_handoff(connection, customer, kind="churn")
    with database.read() as connection:
        risk, churn = count_handoffs(connection)
    assert (risk.kind, risk.closed, risk.escalated) == ("risk", 1, 1)
    assert (risk.opened, risk.acknowledged, risk.done, risk.waiting) == (4, 2, 1, 2)
    assert (churn.kind, churn.opened, churn.waiting) == ("churn", 1, 1)


def test_the_busiest_customer_walked_to_that_outcome_and_was_not_told_of_yet(database: Database) -> None:
    with database.write() as connection:
        calm, busy, elsewhere = (add_customer(connection, key) for key in ("calm", "busy", "elsewhere"))
        for customer in (calm, busy):
            add_walk(connection, customer, outcome="goal")
        add_walk(connection, elsewhere, outcome="completed")
        for customer in (busy, elsewhere):
            add_mail(connection, customer, opened_at=LATER)
            add_handoff(connection, customer, state="done")
    with database.read() as connection:
        found = busiest_customer(connection, "welcome", outcome="goal")
        other = busiest_customer(connection, "welcome", outcome="goal", besides=["busy"])
        assert busiest_customer(connection, "welcome", outcome="nothing like it") is None
    assert found is not None
    assert found.key == "busy"
    assert other is not None
    assert other.key == "calm"
