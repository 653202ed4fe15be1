"""doctor: a healthy world has no complaint of severity error; each broken promise is found, by its own name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table, insert, text, update

from bot.channels.base import Answer, Outcome
from bot.insight.complaints import Complaint
from bot.pipeline.operate import pause
from storage.accounts import Contact, Csm, Customer, Suppression
from storage.enrollments import ENROLLMENT
from storage.facts import Event
from storage.handoffs import Handoff
from storage.outbox import DeliveryEvent
from storage.outbox_moves import ATTEMPT, MESSAGE
from tests.cast import cast, customer, fresh, healthy
from tests.world import World

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]

PLAYBOOK = """
title: Welcome
state: live
walks: customer
enter: {when: stage == "adoption"}
steps:
  - email: welcome
  - handoff: Call them
    kind: task
  - wait: 30 days
"""


def begin(world: World) -> None:
    """The whole cast has its mail (but for who opted out) and its hand-off."""
    world.mail("welcome")
    world.playbook("welcome", PLAYBOOK)
    world.deploy()
    cast(world.database, world.now)
    world.time_passes(days=4)


def found(world: World, name: str) -> Complaint:
    complaints = {complaint.name: complaint for complaint in world.doctor()}
    assert name in complaints, sorted(complaints)
    return complaints[name]


def corrupt(world: World, statement: Any) -> None:
    with world.database.write() as connection:
        connection.execute(statement)


def test_a_healthy_world_has_nothing_to_complain_about(world: World) -> None:
    begin(world)
    assert [mail.customer for mail in world.sent] == ["healthy", "going_quiet"]
    assert [complaint for complaint in world.doctor() if complaint.severity != "note"] == []


def test_before_the_first_deployment_it_says_so(world: World) -> None:
    assert [(complaint.name, complaint.severity) for complaint in world.doctor()] == [("not_deployed", "warning")]


@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("unknown_state", update(MESSAGE).values(state="sent")),
        ("over_without_time", update(MESSAGE).values(over_at=None)),
        ("accepted_twice", None),
        ("accepted_without_attempt", ATTEMPT.delete()),
        ("nobody_wakes", update(ENROLLMENT).values(due_at=None)),
        ("walk_fault", update(ENROLLMENT).values(fault="ValueError: no")),
        ("step_gone", update(ENROLLMENT).values(step="nowhere")),
        ("handoff_lost", update(HANDOFF).values(owner=None, posting="failed")),
    ],
)
def test_every_broken_promise_is_an_error(world: World, name: str, statement: Any) -> None:
    begin(world)
    if name == "accepted_twice":
        row = {"number": 2, "token": 9, "started_at": world.now, "outcome": "accepted"}
        statement = insert(ATTEMPT).values(message_id=world.sent[0].id, **row)
    corrupt(world, statement)
    complaint = found(world, name)
    assert complaint.severity == "error"
    assert complaint.count >= 1
    assert str(complaint.count) in complaint.sentence
    assert complaint.examples


def test_a_step_that_chose_to_resend_once_may_be_accepted_twice_not_thrice(world: World) -> None:
    world.mail("welcome")
    world.playbook(
        "welcome", PLAYBOOK.replace("  - email: welcome\n", "  - email: welcome\n    on_unknown: resend_once\n")
    )
    world.deploy()
    healthy(world.database, world.now)
    world.tick()
    row = {"message_id": world.sent[0].id, "token": 9, "started_at": world.now, "outcome": "accepted"}
    corrupt(world, insert(ATTEMPT).values(number=2, **row))
    assert "accepted_twice" not in {complaint.name for complaint in world.doctor()}
    corrupt(world, insert(ATTEMPT).values(number=3, **row))
    assert found(world, "accepted_twice").severity == "error"


def test_mail_after_a_suppression_is_an_error_and_before_it_is_not(world: World) -> None:
    begin(world)
    address = world.sent[0].to
    accepted = world.sent[0].accepted_at
    assert accepted is not None
    corrupt(world, insert(Suppression).values(address=address, category="", reason="unsubscribed", at=world.now))
    assert "sent_after_suppression" not in {complaint.name for complaint in world.doctor()}
    corrupt(world, update(Suppression).where(Suppression.address == address).values(at=accepted - timedelta(hours=1)))  # type: ignore[arg-type]
    complaint = found(world, "sent_after_suppression")
    assert complaint.severity == "error"
    assert complaint.examples == (f"mail {world.sent[0].id} (healthy, welcome)",)


def test_a_bounce_that_the_provider_told_late_is_no_broken_promise(world: World) -> None:
    begin(world)
    accepted = world.sent[0].accepted_at
    assert accepted is not None
    at = accepted - timedelta(hours=1)
    corrupt(world, insert(Suppression).values(address=world.sent[0].to, category="", reason="bounce", at=at))
    assert "sent_after_suppression" not in {complaint.name for complaint in world.doctor()}


def test_what_waits_is_told_with_its_age(world: World) -> None:
    world.playbook(
        "welcome",
        PLAYBOOK.replace("  - email: welcome\n", "  - email: welcome\n    review: csm\n    expires: 30 days\n"),
    )
    world.mail("welcome")
    world.deploy()
    healthy(world.database, world.now)
    world.tick()
    assert found(world, "mails_held").severity == "note"
    world.time_passes(days=8)
    complaint = found(world, "mails_held")
    assert (complaint.severity, complaint.count) == ("warning", 1)
    assert "more than a week" in complaint.sentence


def test_an_unknown_fate_that_nobody_resolved_is_told(world: World) -> None:
    world.mail("welcome")
    world.playbook("welcome", PLAYBOOK)
    world.deploy()
    healthy(world.database, world.now)
    world.channel.script(Answer(outcome=Outcome.UNKNOWN, reason="timeout"))
    world.tick()
    world.time_passes(days=3)
    assert found(world, "mails_unconfirmed").severity == "warning"


def test_whatever_stands_still_for_too_long_is_told(world: World) -> None:
    begin(world)
    world.jump(days=40)
    assert found(world, "walks_overdue").count == 3
    corrupt(world, update(MESSAGE).where(MESSAGE.c.id == world.sent[0].id).values(state="claimed"))
    assert found(world, "lease_stuck").count == 1
    corrupt(world, update(MESSAGE).where(MESSAGE.c.id == world.sent[1].id).values(state="pending", over_at=None))
    assert found(world, "mails_overdue").count == 1
    old = world.now - timedelta(hours=2)
    event = {"name": "login", "at": old, "received_at": old, "source": "x", "properties": {}, "is_new": True}
    corrupt(world, insert(Event).values(customer_id=1, key="1", **event))
    assert found(world, "events_unread").count == 1
    told = {"kind": "opened", "at": old, "is_machine": False, "details": {}, "is_new": True}
    corrupt(world, insert(DeliveryEvent).values(key="1", message_id=world.sent[0].id, **told))
    assert found(world, "provider_events_unread").count == 1


def test_a_pause_explains_what_stands_still(world: World) -> None:
    begin(world)
    with world.database.write() as connection:
        pause(connection, "all", "", world.now)
    world.jump(days=40)
    names = {complaint.name for complaint in world.doctor()}
    assert "all_paused" in names
    assert "walks_overdue" not in names


def test_gaps_of_the_imported_data_are_counted(world: World) -> None:
    begin(world)
    customer(world.database, "bare", world.now)
    customer(world.database, "strange", world.now, csm="ghost", timezone="Mars/Olympus")
    corrupt(world, update(CONTACT).where(CONTACT.c.key == "mori").values(email=None))
    corrupt(world, insert(Csm).values(key="silent", name="Silent"))
    names = {complaint.name: complaint for complaint in world.doctor()}
    assert names["customer_without_csm"].examples == ("bare",)
    assert names["customer_without_timezone"].count == 1
    assert names["customer_without_contact"].count == 2
    assert names["csm_unknown"].examples == ("strange",)
    assert names["customer_timezone_unknown"].examples == ("Mars/Olympus",)
    assert names["contact_without_address"].examples == ("going_quiet/mori",)
    assert names["csm_unreachable"].examples == ("silent",)


def test_a_feed_that_a_live_playbook_asks_and_that_is_silent_is_told(world: World) -> None:
    world.playbook(
        "quiet",
        """
        title: Quiet
        state: live
        walks: customer
        enter:
          when: count("login", days=7) == 0
        steps:
          - log: Quiet
        """,
    )
    world.deploy()
    assert "`login`" in found(world, "feed_stale").sentence
    fresh(world.database, "login", world.now)
    assert "feed_stale" not in {complaint.name for complaint in world.doctor()}


def test_a_template_that_lacks_a_language_of_the_others_is_told(world: World) -> None:
    world.mail("welcome", "news")
    world.mail("news", locale="ja")
    world.playbook("welcome", PLAYBOOK)
    world.deploy()
    assert found(world, "template_language_missing").examples == ("welcome: ja",)


def test_a_refused_key_closes_the_way_out_and_is_an_error(world: World) -> None:
    world.mail("welcome")
    world.playbook("welcome", PLAYBOOK)
    world.deploy()
    healthy(world.database, world.now)
    world.channel.script(Answer(outcome=Outcome.DENIED, reason="unauthorized", status=401))
    world.tick()
    assert found(world, "transport_blocked").severity == "error"


def test_unowned_and_overdue_handoffs_are_told(world: World) -> None:
    begin(world)
    first, second, *_ = (handoff.id for handoff in world.handoffs if handoff.kind == "task")
    late = {"owner": "ghost", "due_at": world.now - timedelta(days=1)}
    corrupt(world, update(HANDOFF).values(due_at=None))
    corrupt(world, update(HANDOFF).where(HANDOFF.c.id == first).values(owner=None))
    corrupt(world, update(HANDOFF).where(HANDOFF.c.id == second).values(**late))
    names = {complaint.name: complaint for complaint in world.doctor()}
    assert names["handoff_unowned"].count == 1
    assert names["handoff_owner_unknown"].count == 1
    assert names["handoff_overdue"].count == 1


def test_a_database_that_lacks_a_column_is_told_and_nothing_else_is_asked(world: World) -> None:
    begin(world)
    with world.database.write() as connection:
        connection.execute(text("ALTER TABLE message DROP COLUMN reviewed_by"))
    complaints = world.doctor()
    assert [complaint.name for complaint in complaints] == ["schema_behind"]
    assert complaints[0].examples == ("message.reviewed_by",)
    with world.database.write() as connection:  # so that the world can look at its journal again
        connection.execute(text("ALTER TABLE message ADD COLUMN reviewed_by VARCHAR"))


def test_the_worst_comes_first(world: World) -> None:
    begin(world)
    corrupt(world, update(ENROLLMENT).values(fault="ValueError: no"))
    customer(world.database, "bare", world.now)
    severities = [complaint.severity for complaint in world.doctor()]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
