"""Who may act on a hand-off, and what their acts leave behind: ownership, ticks, flags, answers that become facts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from bot.authoring.workspace_file import Cover, Owners, WorkspaceSettings
from bot.pipeline import handoff_acts as acts
from bot.pipeline.handoff_acts import Actor, actor_of_command
from bot.pipeline.handoff_questions import Question
from storage.accounts import Csm, Customer
from storage.database import Database
from storage.facts import Event, Note
from storage.handoff_deeds import Move
from storage.handoffs import HandoffState
from tests.storage.handoff_rows import NOW, handoff, row_of

AWAY = WorkspaceSettings(owners=Owners(cover={"sato": Cover(by="mori", first=date(2027, 3, 1), last=date(2027, 3, 5))}))
PLAIN = WorkspaceSettings()


def do(
    database: Database, by: str, act: Any, handoff_id: int, *, settings: WorkspaceSettings = PLAIN, **more: Any
) -> Move:
    key = more.pop("key", f"{by}-{getattr(act, '__name__', '')}")
    with database.write() as connection:
        actor = Actor(connection=connection, settings=settings, by=by, at=NOW, key=key)
        move: Move = act(actor, handoff_id, **more)
        return move


def give_a_manager(database: Database) -> None:
    with database.write() as connection:
        connection.execute(insert(Csm).values(key="boss", name="Boss"))
        connection.execute(update(Csm).where(Csm.key == "sato").values(manager="boss"))  # type: ignore[arg-type]


def test_the_owner_their_manager_and_the_cover_of_today_may_act_and_nobody_else(database: Database) -> None:
    it = handoff(database)
    give_a_manager(database)
    refused = do(database, "suzuki", acts.flag, it, is_on=True)
    assert (refused.is_done, refused.reason, refused.by) == (False, "not_yours", "sato")
    for by in ("sato", "boss"):
        assert do(database, by, acts.flag, it, is_on=True).is_done, by
    assert not do(database, "mori", acts.flag, it, is_on=True).is_done, "covers only while the owner is away"
    assert do(database, "mori", acts.flag, it, is_on=True, settings=AWAY, key="away").is_done
    assert not do(database, "suzuki", acts.done, it, settings=AWAY).is_done


def test_whoever_acknowledges_becomes_the_owner(database: Database) -> None:
    mine, unowned = handoff(database), handoff(database, owner=None)
    give_a_manager(database)
    assert do(database, "boss", acts.acknowledge, mine).is_done
    assert (row_of(database, mine).owner, row_of(database, mine).acknowledged_by) == ("boss", "boss")
    assert do(database, "slack:U9", acts.acknowledge, unowned).is_done
    assert row_of(database, unowned).owner == "slack:U9"


def test_the_second_to_acknowledge_is_told_who_was_first_also_when_it_was_nobodys(database: Database) -> None:
    it = handoff(database, owner=None)
    do(database, "sato", acts.acknowledge, it)
    second = do(database, "suzuki", acts.acknowledge, it)
    assert (second.reason, second.by, row_of(database, it).owner) == ("taken", "sato", "sato")


def test_a_repetition_after_the_hand_off_was_given_away_is_no_refusal(database: Database) -> None:
    it = handoff(database)
    for _ in range(2):
        assert do(database, "sato", acts.reassign, it, owner="suzuki").is_done, "Slack tells one click several times"
    again = do(database, "suzuki", acts.reassign, it, owner="suzuki")
    assert (again.is_done, again.reason) == (False, "has_it")


def test_a_finished_hand_off_says_how_it_ended_to_whoever_asks(database: Database) -> None:
    it = handoff(database)
    do(database, "sato", acts.dismiss, it, reason="settled", cause="already_handled")
    assert do(database, "suzuki", acts.done, it).reason == "finished"


def test_s27_the_clock_of_the_new_owner_counts_their_working_hours(database: Database) -> None:
    it = handoff(database, acknowledge_within="4 business hours", acknowledge_by=NOW + timedelta(hours=1))
    with database.write() as connection:
        connection.execute(update(Csm).where(Csm.key == "suzuki").values(timezone="Europe/London"))  # type: ignore[arg-type]
    do(database, "sato", acts.reassign, it, owner="suzuki")
    assert row_of(database, it).acknowledge_by == datetime(2027, 3, 3, 13, 0, tzinfo=UTC)


def test_who_names_a_csm_acts_as_one_and_anybody_else_runs_this_installation(database: Database) -> None:
    handoff(database)
    with database.read() as connection:
        for by, is_operator in (("suzuki", False), ("root", True)):
            assert actor_of_command(connection, PLAIN, by=by, at=NOW, key="k").is_operator is is_operator


def test_an_operator_takes_nothing_over(database: Database) -> None:
    it = handoff(database)
    with database.write() as connection:
        assert acts.acknowledge(actor_of_command(connection, PLAIN, by="root", at=NOW, key="k"), it).is_done
    assert (row_of(database, it).owner, row_of(database, it).acknowledged_by) == ("sato", "root")


def test_ticks_are_stored_and_two_people_ticking_different_tasks_lose_none(database: Database) -> None:
    it = handoff(database, tasks=[{"en": "a"}, {"en": "b"}, {"en": "c"}])
    do(database, "sato", acts.tick, it, done=[0, 99], key="1")
    do(database, "sato", acts.tick, it, done=[2], key="2")
    assert row_of(database, it).ticked == [0, 2]
    do(database, "sato", acts.tick, it, done=[], undone=[0], key="3")
    assert row_of(database, it).ticked == [2]


def test_note_and_answers_become_facts(database: Database) -> None:
    asked = {"churn_reason": "churn_reasons", "attributes.usage_talk_ok": "yes_no", "note": "text"}
    it = handoff(database, ask=asked, outcomes=["answered"])
    answers = {"churn_reason": "price", "attributes.usage_talk_ok": True, "note": "<!channel> too dear"}
    move = do(database, "sato", acts.done, it, outcome="answered", note="They left", answers=answers)
    assert move.state is HandoffState.DONE
    with database.read() as connection:
        (note,) = connection.execute(select(Note.text, Note.by)).all()  # type: ignore[call-overload]
        attributes = connection.execute(select(Customer.attributes)).scalar_one()  # type: ignore[call-overload]
        told = connection.execute(select(Event.name, Event.properties).order_by(Event.id)).all()  # type: ignore[call-overload]
    assert tuple(note) == ("They left\n<!channel> too dear", "sato")
    assert attributes == {"churn_reason": "price", "usage_talk_ok": True}
    assert [(event.name, event.properties.get("question"), event.properties.get("answer")) for event in told] == [
        ("handoff.answered", "churn_reason", "price"),
        ("handoff.answered", "usage_talk_ok", True),
        ("handoff.done", None, None),
    ]


@pytest.mark.parametrize(
    ("kind", "text", "answer"),
    [("text", " x ", "x"), ("yes_no", "はい", True), ("yes_no", "No", False), ("number", "3", 3.0)],
)
def test_what_people_type_is_read_as_an_answer(kind: str, text: str, answer: object) -> None:
    assert Question(name="q", kind=kind).read(text) == answer


@pytest.mark.parametrize(("kind", "text"), [("yes_no", "maybe"), ("number", "a lot")])
def test_what_is_no_answer_is_refused_with_what_would_do(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match="`q` is"):
        Question(name="q", kind=kind).read(text)
