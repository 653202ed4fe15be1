"""A customer's story: every stored fact one line, in the order in which it happened, and nobody else's."""

from __future__ import annotations

from datetime import timedelta

from bot.insight.timeline import StoryKind, tell
from storage.database import Database
from storage.facts import StageChange, SurveyAnswer
from tests.demo.stage import NOW, add, add_customer, add_handoff, add_mail, add_walk, contact_of


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def test_a_walk_is_told_from_entering_to_leaving(database: Database) -> None:
    with database.write() as connection:
        customer = add_customer(connection)
        add_walk(connection, customer, outcome="goal")
        add_mail(connection, customer, opened_at=NOW + hours(2), clicked_at=NOW + hours(3))
        lines = tell(connection, customer)
    assert [line.kind for line in lines] == ["entered", "sent", "opened", "clicked", "left"]
    assert (lines[1].subject, lines[1].who) == ("About welcome", "森 葵")
    assert lines[-1].detail == "goal"


def test_a_mail_that_was_not_sent_is_told_with_its_reason(database: Database) -> None:
    with database.write() as connection:
        customer = add_customer(connection)
        add_mail(connection, customer, state="suppressed", reason="no_consent", over_at=NOW)
        (line,) = tell(connection, customer)
    assert (line.kind, line.subject, line.detail) == (StoryKind.NOT_SENT, "welcome", "suppressed: no_consent")


def test_a_handoff_is_told_in_the_language_asked_for(database: Database) -> None:
    with database.write() as connection:
        customer = add_customer(connection)
        add_handoff(
            connection,
            customer,
            state="done",
            outcome="lost",
            note="They leave.",
            acknowledged_at=NOW + hours(1),
            acknowledged_by="sato",
            closed_at=NOW + hours(5),
            closed_by="sato",
        )
        lines = tell(connection, customer, locale="ja")
    assert [line.kind for line in lines] == [StoryKind.ASKED, StoryKind.TAKEN, StoryKind.DONE]
    assert {line.subject for line in lines} == {"電話する"}
    assert lines[-1].detail == "lost: They leave."


def test_what_a_sent_mail_came_to_is_told(database: Database) -> None:
    with database.write() as connection:
        customer = add_customer(connection)
        add_mail(connection, customer, unsubscribed_at=NOW + hours(2), complained_at=NOW + hours(3))
        add_mail(connection, customer, step="later", bounced_at=NOW + hours(4))
        kinds = [line.kind for line in tell(connection, customer)]
    assert kinds == ["sent", "sent", "unsubscribed", "complained", "bounced"]


def test_a_withdrawn_handoff_is_told(database: Database) -> None:
    with database.write() as connection:
        customer = add_customer(connection)
        add_handoff(connection, customer, state="withdrawn", closed_at=NOW + hours(5))
        assert [line.kind for line in tell(connection, customer)] == [StoryKind.ASKED, StoryKind.WITHDRAWN]


def test_stages_and_answers_are_told(database: Database) -> None:
    with database.write() as connection:
        customer = add_customer(connection)
        add(connection, StageChange, customer_id=customer, old=None, new="onboarding", at=NOW, cause="demo")
        add(
            connection,
            SurveyAnswer,
            customer_id=customer,
            contact_id=contact_of(connection, customer),
            kind="nps",
            score=3.0,
            comment="遅い",
            at=NOW + hours(1),
            source="demo",
            key="1",
        )
        stage, answer = tell(connection, customer)
    assert (stage.kind, stage.subject, stage.detail) == (StoryKind.STAGE, "onboarding", "")
    assert (answer.kind, answer.subject, answer.who, answer.detail) == (StoryKind.ANSWER, "NPS", "森 葵", "3: 遅い")


def test_other_customers_are_not_in_the_story(database: Database) -> None:
    with database.write() as connection:
        other, customer = add_customer(connection, "other"), add_customer(connection, "quiet")
        add_walk(connection, other)
        add_mail(connection, other)
        add_handoff(connection, other)
        assert tell(connection, customer) == ()
