"""Hand-off moves: first wins, repeats have one effect, clocks of S27, withdrawal of S13; on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from storage import handoff_moves as moves
from storage.database import Database
from storage.facts import Event, Note
from storage.handoff_views import handoff_id_of, reference_of
from storage.handoffs import Handoff, HandoffAct, HandoffState
from storage.journal import Decision
from storage.marks import CHANGE
from tests.storage.handoff_rows import NOW, handoff, row_of

LATER = NOW + timedelta(minutes=5)


def count(database: Database, model: Any) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(model)).scalar_one())


def test_who_acknowledges_first_has_it_and_the_second_sees_who(database: Database) -> None:
    it = handoff(database)
    with database.write() as connection:
        first = moves.acknowledge(connection, it, by="sato", at=NOW, key="a")
        second = moves.acknowledge(connection, it, by="suzuki", at=LATER, key="b")
    assert first.is_done
    assert (second.is_done, second.by, second.at, second.reason) == (False, "sato", NOW, "taken")
    assert "sato" in second.sentence_reason
    assert count(database, HandoffAct) == count(database, Decision) == 1
    with database.read() as connection:
        told = sorted(connection.execute(select(CHANGE.c.about)).scalars())
    assert told == ["event", "handoff", "handoff_mail"]


def test_two_people_at_once_give_exactly_one_owner(database: Database) -> None:
    it = handoff(database, owner=None)

    def click(person: str) -> moves.Move:
        with database.write() as connection:
            return moves.acknowledge(connection, it, by=person, at=NOW, key=person)

    with ThreadPoolExecutor(8) as people:
        found = list(people.map(click, [f"p{number}" for number in range(8)]))
    winner = [move.by for move in found if move.is_done]
    assert len(winner) == 1
    assert {move.by for move in found} == set(winner)
    assert row_of(database, it).owner == winner[0]


def test_a_repeated_click_has_one_effect(database: Database) -> None:
    it = handoff(database)
    with database.write() as connection:
        moves.done(connection, it, by="sato", at=NOW, key="same", outcome="won")
    with database.write() as connection:
        again = moves.done(connection, it, by="sato", at=LATER, key="same", outcome="won")
    assert (again.is_done, again.reason, again.at) == (True, "repeated", NOW)
    assert count(database, HandoffAct) == 1
    assert count(database, Event) == 1


def test_done_tells_it_as_an_event_and_marks_the_customer(database: Database) -> None:
    it = handoff(database, outcomes=["won", "lost"])
    with database.write() as connection:
        moves.done(connection, it, by="sato", at=NOW, key="a", outcome="lost", note="no budget")
        event = connection.execute(select(Event.__table__)).mappings().one()  # type: ignore[attr-defined]
    assert (event["name"], event["source"], event["key"]) == ("handoff.done", "journeybot", f"handoff-done-{it}")
    assert event["properties"] == {"handoff": "call", "kind": "risk", "outcome": "lost", "playbook": "renewal"}
    found = row_of(database, it)
    assert (found.state, found.outcome, found.note, found.posting) == (HandoffState.DONE, "lost", "no budget", "stale")


def test_an_outcome_the_playbook_does_not_know_is_refused(database: Database) -> None:
    it = handoff(database, outcomes=["won", "lost"])
    with database.write() as connection:
        move = moves.done(connection, it, by="sato", at=NOW, key="a", outcome="maybe")
    assert (move.is_done, move.reason) == (False, "unknown_outcome")
    assert "won, lost" in move.sentence_reason
    assert row_of(database, it).state is HandoffState.OPEN


@pytest.mark.parametrize("act", ["acknowledge", "snooze", "done", "dismiss", "reassign", "escalate"])
def test_nothing_happens_to_a_finished_handoff(database: Database, act: str) -> None:
    it = handoff(database)
    by: dict[str, Any] = {"by": "suzuki", "at": LATER, "key": "b"}
    extra: dict[str, dict[str, Any]] = {
        "acknowledge": by,
        "snooze": {**by, "until": LATER + timedelta(days=1)},
        "done": by,
        "dismiss": {**by, "reason": "old"},
        "reassign": {**by, "owner": "suzuki"},
        "escalate": {"at": LATER, "level": 1, "owner": "suzuki"},
    }
    with database.write() as connection:
        moves.dismiss(connection, it, by="sato", at=NOW, key="a", reason="not needed")
        move = getattr(moves, act)(connection, it, **extra[act])
    assert (move.is_done, move.reason, move.by, move.state) == (False, "finished", "sato", HandoffState.DISMISSED)
    assert count(database, HandoffAct) == 1


def test_an_unknown_handoff_is_answered_not_raised(database: Database) -> None:
    with database.write() as connection:
        assert moves.acknowledge(connection, 99, by="sato", at=NOW, key="a").reason == "unknown"


def test_s27_snooze_goes_at_most_to_due_and_stops_the_clock(database: Database) -> None:
    due = NOW + timedelta(hours=10)
    it = handoff(database, due_at=due, acknowledge_by=NOW + timedelta(hours=2))
    with database.write() as connection:
        moves.snooze(connection, it, by="sato", at=NOW, key="a", until=NOW + timedelta(days=3))
    found = row_of(database, it)
    assert (found.snoozed_until, found.acknowledge_by) == (due, due + timedelta(hours=2))


def test_snoozing_into_the_past_is_refused(database: Database) -> None:
    it = handoff(database, due_at=NOW - timedelta(hours=1))
    with database.write() as connection:
        assert moves.snooze(connection, it, by="sato", at=NOW, key="a", until=LATER).reason == "too_late"


def test_a_snooze_that_is_over_asks_anew_once(database: Database) -> None:
    it = handoff(database)
    with database.write() as connection:
        moves.snooze(connection, it, by="sato", at=NOW, key="a", until=LATER)
        assert not moves.wake(connection, it, at=NOW).is_done
        assert moves.wake(connection, it, at=LATER).is_done
        assert not moves.wake(connection, it, at=LATER).is_done
    assert (row_of(database, it).snoozed_until, row_of(database, it).posting) == (None, "wanted")


def test_s27_reassign_restarts_the_clock_and_asks_the_new_owner(database: Database) -> None:
    it = handoff(database, acknowledge_by=NOW + timedelta(hours=2))
    with database.write() as connection:
        moves.acknowledge(connection, it, by="sato", at=NOW, key="a")
        moves.reassign(connection, it, by="sato", at=LATER, key="b", owner="suzuki")
    found = row_of(database, it)
    assert (found.owner, found.state, found.acknowledged_by) == ("suzuki", HandoffState.OPEN, None)
    assert (found.acknowledge_by, found.posting) == (LATER + timedelta(hours=2), "wanted")


def test_s27_escalation_happens_once_per_level_and_never_after_acknowledging(database: Database) -> None:
    it = handoff(database, acknowledge_by=NOW)
    with database.write() as connection:
        assert moves.escalate(connection, it, at=LATER, level=1, owner="boss").reason == "done"
        assert moves.escalate(connection, it, at=LATER, level=1, owner="boss").reason == "repeated"
        moves.acknowledge(connection, it, by="boss", at=LATER, key="a")
        assert moves.escalate(connection, it, at=LATER, level=2, owner="chief").reason == "taken"
    assert (row_of(database, it).owner, row_of(database, it).escalations) == ("boss", 1)


def test_s13_withdraw_takes_back_only_what_nobody_took(database: Database) -> None:
    free, taken = handoff(database), handoff(database)
    with database.write() as connection:
        moves.acknowledge(connection, taken, by="sato", at=NOW, key="a")
        assert moves.withdraw(connection, [free, taken, 99], reason="renewed", at=LATER) == [free]
        assert moves.withdraw(connection, [free], reason="renewed", at=LATER) == []
    assert (row_of(database, free).state, row_of(database, free).note) == (HandoffState.WITHDRAWN, "renewed")
    assert row_of(database, taken).state is HandoffState.ACKNOWLEDGED
    assert count(database, Decision) == 2


def test_a_note_lands_on_the_timeline_once_also_when_the_handoff_is_finished(database: Database) -> None:
    it = handoff(database)
    with database.write() as connection:
        moves.done(connection, it, by="sato", at=NOW, key="a")
        moves.annotate(connection, it, by="sato", at=LATER, key="n", note="they called")
        moves.annotate(connection, it, by="sato", at=LATER, key="n", note="they called")
    assert count(database, Note) == 1


def test_a_card_on_its_way_keeps_its_lease_when_something_happens_meanwhile(database: Database) -> None:
    lease = NOW + timedelta(minutes=2)
    it = handoff(database, posting="wanted", posted_ts=None, posted_channel=None)
    with database.write() as connection:
        connection.execute(update(Handoff).values(post_not_before=lease, post_attempts=1))
        moves.acknowledge(connection, it, by="sato", at=NOW, key="a")
        left = connection.execute(select(Handoff.__table__)).mappings().one()  # type: ignore[attr-defined]
    assert (left["posting"], left["post_not_before"], left["post_attempts"]) == ("wanted", lease, 1)


def test_the_list_has_the_names_and_the_due_order(database: Database) -> None:
    late, soon = handoff(database), handoff(database, due_at=LATER, owner=None)
    with database.write() as connection:
        moves.done(connection, handoff_id := late, by="sato", at=NOW, key="a")
    open_one = handoff(database)
    with database.read() as connection:
        found = moves.list_open(connection)
        unowned = moves.list_open(connection, owner="")
        assert moves.list_open(connection, customer="nobody") == []
    assert [record.id for record in found] == [soon, open_one]
    assert handoff_id not in [record.id for record in found]
    assert [record.id for record in unowned] == [soon]
    assert (found[1].customer, found[1].customer_name, found[1].contact_name) == ("acme", "Acme", "Tanaka")
    assert (found[1].owner_name, found[1].owner_slack_id, found[0].owner_slack_id) == ("佐藤", "U1", None)


def test_a_reference_of_another_installation_is_not_ours() -> None:
    assert handoff_id_of("a1", reference_of("a1", 7)) == 7
    assert handoff_id_of("b2", reference_of("a1", 7)) is None
    for text in ("", ".", "a1.", "a1.x", "a1.-1", "a1.٣", "a1." + "9" * 30, "7"):
        assert handoff_id_of("a1", text) is None


def test_a_person_flags_a_hand_off_and_takes_the_flag_off_again(database: Database) -> None:
    it = handoff(database)
    with database.write() as connection:
        assert moves.flag(connection, it, by="sato", at=NOW, key="a").is_done
    assert (row_of(database, it).flagged_at, row_of(database, it).state) == (NOW, HandoffState.OPEN)
    with database.write() as connection:
        moves.flag(connection, it, by="sato", at=LATER, key="b", is_flagged=False)
        moves.dismiss(connection, it, by="sato", at=LATER, key="c", reason="settled")
        assert moves.flag(connection, it, by="sato", at=LATER, key="d").reason == "finished"
    assert row_of(database, it).flagged_at is None
