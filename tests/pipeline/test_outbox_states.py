"""What becomes of one owed mail: every state of the outbox and its ways back (delivery.md; semantics.md S9, S39)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.channels.base import Answer, Outcome
from bot.errors import UsageError
from bot.pipeline.outbox_acts import approve, reject, resend, skip
from storage.mail_texts import store_contents
from storage.outbox import MessageState
from storage.outbox_moves import (
    ATTEMPT,
    MESSAGE,
    IllegalMove,
    claim_due_messages,
    lock_messages,
    reap_expired_leases,
    store_intent,
    write_moves,
)
from tests.pipeline.scenes import (
    REFUSED,
    UNKNOWN,
    company,
    journey,
    mail_id,
    mails,
    outcomes,
    owed,
    settings,
    state,
    states,
    took,
    utc,
)
from tests.world import World


def attempts(world: World) -> list[tuple[int, str | None]]:
    with world.database.read() as connection:
        rows = connection.execute(
            select(ATTEMPT.c.number, ATTEMPT.c.outcome)
            .where(ATTEMPT.c.message_id == mail_id(world, "hello"))
            .order_by(ATTEMPT.c.number)
        )
        return [(number, outcome) for number, outcome in rows]


def offered(world: World) -> int:
    return len([mail for mail in world.channel.offered if mail.to_email == "tanaka@sakura.example"])


def test_an_accepted_mail_has_one_attempt_its_text_and_the_providers_id(world: World) -> None:
    owed(world)
    world.tick()
    assert (state(world), attempts(world), offered(world)) == ("accepted", [(1, "accepted")], 1)
    world.time_passes(days=3)
    assert offered(world) == 1


def test_not_accepted_is_tried_again_later_each_time_longer(world: World) -> None:
    owed(world)
    world.channel.script(*[Answer(outcome=Outcome.NOT_ACCEPTED, reason="connect_error")] * 4)
    world.tick()
    assert state(world) == "pending"
    world.time_passes(seconds=10)
    assert offered(world) == 1
    world.time_passes(hours=2, every=timedelta(minutes=1))
    assert (state(world), len(attempts(world))) == ("accepted", 5)


def test_the_providers_own_word_says_when_to_try_again(world: World) -> None:
    owed(world)
    world.channel.script(
        Answer(outcome=Outcome.NOT_ACCEPTED, reason="rate_limited", status=429, retry_after_seconds=900.0)
    )
    world.tick()
    world.time_passes(minutes=14, every=timedelta(minutes=1))
    assert (offered(world), state(world)) == (1, "pending")
    world.time_passes(minutes=2)
    assert (offered(world), state(world)) == (2, "accepted")


def test_a_refused_key_stops_everything_with_one_alert_and_loses_nothing(world: World) -> None:
    owed(world)
    for number in range(30):
        company(world, f"c{number}")
    world.channel.script(Answer(outcome=Outcome.DENIED, reason="unauthorized", status=401))
    for _ in range(3):
        world.tick()
    assert [found.reason for found in world.decisions].count("transport_denied") == 1
    world.time_passes(hours=2)
    assert len(world.sent) == 31


def test_a_refused_mail_fails_alone(world: World) -> None:
    owed(world)
    company(world, "other")
    world.channel.script(REFUSED)
    world.tick()
    assert sorted([state(world), states(world, "other")[0][1]]) == ["accepted", "failed"]


# Unknown


def test_unknown_is_never_sent_again_by_itself(world: World) -> None:
    owed(world)
    world.channel.script(UNKNOWN)
    world.time_passes(days=1)
    assert (state(world), offered(world)) == ("unknown", 1)


def test_any_signed_event_proves_an_unknown_mail_was_accepted(world: World) -> None:
    owed(world)
    world.channel.script(UNKNOWN)
    world.tick()
    world.tell(mail_id(world, "hello"), "processed")
    world.tick()
    assert (state(world), offered(world)) == ("accepted", 1)


def test_without_evidence_for_25_hours_a_person_decides(world: World) -> None:
    owed(world)
    world.channel.script(UNKNOWN)
    world.tick()
    world.time_passes(hours=24)
    assert state(world) == "unknown"
    world.time_passes(hours=2)
    assert (state(world), len(took(world, "no_evidence"))) == ("unconfirmed", 1)


def test_a_late_event_still_proves_an_unconfirmed_mail(world: World) -> None:
    owed(world)
    world.channel.script(UNKNOWN)
    world.tick()
    world.time_passes(hours=30)
    world.tell(mail_id(world, "hello"), "opened")
    world.tick()
    assert state(world) == "accepted"


# Leases and tokens


def owed_and_claimed(world: World, *, submitted: bool = False) -> None:
    """A worker took the mail, perhaps handed it over, and was never seen again."""
    owed(world, 'window: "09:30-18:00"')
    world.tick()
    world.jump(minutes=30)
    with world.database.write() as connection:
        rows = claim_due_messages(connection, world.now, "lost", 10)
        if submitted:
            words = (
                "tanaka@sakura.example",
                None,
                "hello@us.example",
                None,
                None,
                "Hi",
                "h",
                "t",
                "lifecycle",
                "en",
                "d",
            )
            store_contents(connection, [(row.id, *words, False, None, None) for row in rows])
            store_intent(connection, rows, world.now, "memory")


def test_a_claim_of_a_lost_worker_is_taken_over_when_its_lease_is_over(world: World) -> None:
    owed_and_claimed(world)
    assert state(world) == "claimed"
    world.time_passes(seconds=89)
    assert (state(world), offered(world)) == ("claimed", 0)
    world.time_passes(seconds=2)
    assert (state(world), offered(world)) == ("accepted", 1)


def test_a_submission_of_a_lost_worker_becomes_unknown_and_is_not_sent(world: World) -> None:
    owed_and_claimed(world, submitted=True)
    world.time_passes(minutes=2)
    assert (state(world), offered(world)) == ("unknown", 0)
    assert outcomes(world) == ["completed"]


def test_the_third_lost_claim_is_quarantined(world: World) -> None:
    owed_and_claimed(world)
    for _ in range(2):
        world.jump(seconds=91)
        with world.database.write() as connection:
            reap_expired_leases(connection, world.now)
            claim_due_messages(connection, world.now, "lost", 10)
    world.time_passes(minutes=2)
    assert (state(world), offered(world)) == ("quarantined", 0)
    assert took(world, "killed_its_worker")


def test_evidence_beats_a_stale_token_and_nothing_else_does(world: World) -> None:
    owed_and_claimed(world, submitted=True)
    world.tell(mail_id(world, "hello"), "delivered")
    world.tick()
    assert state(world) == "accepted"


def test_no_move_that_is_not_declared_is_ever_written(world: World) -> None:
    owed(world)
    world.tick()
    with world.database.write() as connection:
        row = next(iter(lock_messages(connection, [mail_id(world, "hello")]).values()))
        with pytest.raises(IllegalMove):
            write_moves(connection, [(row, row.to(MessageState.PENDING, world.now))])


# Ways back (S39)


def test_s39_a_failed_mail_is_sent_again_by_a_person_as_a_new_attempt(world: World) -> None:
    owed(world)
    world.channel.script(REFUSED)
    world.tick()
    with world.database.write() as connection:
        resend(connection, mail_id(world, "hello"), by="sato", at=world.now)
    world.tick()
    assert (state(world), attempts(world)) == ("accepted", [(1, "refused"), (2, "accepted")])


def test_s39_an_unconfirmed_mail_is_sent_again_or_skipped_by_a_person(world: World) -> None:
    owed(world)
    world.channel.script(UNKNOWN)
    world.tick()
    world.time_passes(hours=30)
    with world.database.write() as connection:
        skip(connection, mail_id(world, "hello"), by="sato", at=world.now)
    world.tick()
    assert (state(world), offered(world)) == ("cancelled", 1)


def test_s39_an_unknown_mail_cannot_be_sent_again_before_its_time(world: World) -> None:
    owed(world)
    world.channel.script(UNKNOWN)
    world.tick()
    with world.database.write() as connection, pytest.raises(UsageError):
        resend(connection, mail_id(world, "hello"), by="sato", at=world.now)


def test_s39_a_held_mail_is_approved_or_rejected(world: World) -> None:
    owed(world, "review: csm")
    company(world, "other")
    world.tick()
    with world.database.write() as connection:
        approve(connection, mail_id(world, "hello"), by="sato", at=world.now)
        reject(connection, mail_id(world, "hello", "other"), by="sato", at=world.now)
    world.tick()
    assert (state(world), states(world, "other")) == ("accepted", [("hello", "cancelled")])
    assert (outcomes(world), outcomes(world, "other")) == (["completed"], ["completed"])


def test_s9_a_resend_does_not_move_the_walk_back(world: World) -> None:
    world.mail("hello", "next")
    journey(world, "p", "- email: hello\n- wait: 2 days\n- email: next")
    world.deploy()
    company(world)
    world.channel.script(REFUSED)
    world.tick()
    world.time_passes(days=1)
    with world.database.write() as connection:
        resend(connection, mail_id(world, "hello"), by="sato", at=world.now)
    world.time_passes(days=1)
    assert mails(world) == ["hello", "next"]


def test_an_approved_mail_waits_for_its_window(world: World) -> None:
    settings(world, 'windows: [{days: every day, hours: "09:00-18:00"}]')
    owed(world, "review: csm")
    world.tick()
    world.time_passes(hours=12)
    with world.database.write() as connection:
        approve(connection, mail_id(world, "hello"), by="sato", at=world.now)
    world.tick()
    assert state(world) == "pending"
    world.time_passes(hours=15)
    assert [mail.accepted_at for mail in world.sent] == [utc("2027-03-02 00:00")]


def test_a_complaint_suppresses_the_address_for_everything(world: World) -> None:
    world.mail("hello", "next")
    journey(world, "p", "- email: hello\n- wait: 1 day\n- email: next")
    world.deploy()
    company(world)
    world.tick()
    world.tell(mail_id(world, "hello"), "complained")
    world.time_passes(days=2)
    assert mails(world) == ["hello"]


@pytest.mark.parametrize("order", [("delivered", "opened", "clicked"), ("clicked", "delivered", "opened")])
def test_events_in_any_order_and_any_number_end_the_same(world: World, order: tuple[str, ...]) -> None:
    owed(world)
    world.tick()
    for kind in (*order, *order):
        world.time_passes(seconds=1)
        world.tell(mail_id(world, "hello"), kind)
    world.tick()
    with world.database.read() as connection:
        row = connection.execute(select(MESSAGE).where(MESSAGE.c.id == mail_id(world, "hello"))).one()
    assert all((row.delivered_at, row.opened_at, row.clicked_at))
    assert [len(took(world, f"mail_{kind}")) for kind in order] == [1, 1, 1]


def test_the_more_important_mail_goes_first(world: World) -> None:
    world.mail("low", "high")
    for name, priority in (("low", 10), ("high", 90)):
        journey(world, name, f"- email: {name}", more=f"priority: {priority}")
    world.deploy()
    company(world)
    world.tick()
    assert [mail.subject.split()[0] for mail in world.channel.accepted] == ["high", "low"]


def test_every_mail_ends_in_a_named_state_and_the_auditor_agrees(world: World) -> None:
    owed(world)
    for number in range(12):
        company(world, f"c{number}")
    world.channel.script(REFUSED, UNKNOWN, Answer(outcome=Outcome.NOT_ACCEPTED, reason="connect_error"))
    world.time_passes(days=5)
    known = {found.value for found in MessageState}
    assert {mail.state for mail in world.outbox} <= known
    assert not [mail for mail in world.outbox if mail.state in ("pending", "claimed", "submitting", "held")]
