"""What a provider tells becomes facts and decisions: signed evidence settles doubts, bounces and complaints suppress, machines
never count, strays are kept aside, and whoever was erased stays erased."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from bot.channels.base import Answer, Outcome
from bot.pipeline.outbox_acts import resend
from storage.inbound import WebhookPost
from storage.outbox import Attempt
from storage.outbox_moves import CONTENT, MESSAGE
from storage.posts import count_waiting
from tests.pipeline.provider import (
    CONTACT,
    DELIVERY_EVENT,
    STRAY,
    facts,
    heard,
    keep,
    message,
    posted,
    rows,
    said,
    strays,
    suppressed,
    take_in,
)
from tests.pipeline.scenes import company, journey, mail_id, mails, outcomes, titles, took
from tests.world import World

UNKNOWN = Answer(outcome=Outcome.UNKNOWN, reason="timeout")


@pytest.fixture
def sent(world: World) -> World:
    """Sakura was mailed `hello`; a day later `next` is owed."""
    world.mail("hello", "next")
    journey(world, "p", "- email: hello\n- wait: 1 day\n- email: next")
    world.deploy()
    company(world)
    world.tick()
    assert mails(world) == ["hello"]
    return world


def test_each_event_moves_the_mail_one_way(sent: World) -> None:
    way = [("processed", "processed"), ("deferred", "deferred"), ("delivered", "delivered"), ("open", "clicked")]
    heard(sent, said(sent, "click", timestamp=int(sent.now.timestamp()) + 60))
    assert message(sent).delivery == "clicked"
    for kind, _ in way:
        heard(sent, said(sent, kind))
        assert message(sent).delivery == "clicked"
    found = message(sent)
    assert all((found.delivered_at, found.opened_at, found.clicked_at))
    assert not suppressed(sent)


def test_an_unknown_fate_is_settled_within_one_tick_of_its_event(world: World) -> None:
    world.mail("hello")
    journey(world, "p", '- email: hello\n- wait: {until: clicked("hello"), at_most: 30 days}')
    world.deploy()
    company(world)
    world.channel.script(UNKNOWN)
    world.tick()
    assert message(world).state == "unknown"
    posted(world, said(world, "delivered"))
    world.jump(minutes=1)
    world.tick()
    found = message(world)
    assert (found.state, found.provider_message_id) == ("accepted", "14c5d75ce93")
    assert [mail.template for mail in world.sent] == ["hello"]
    assert len(took(world, "evidence")) == 1


def test_a_late_event_settles_what_nobody_could_confirm(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello")
    world.deploy()
    company(world)
    world.channel.script(UNKNOWN)
    world.tick()
    world.time_passes(hours=26)
    assert message(world).state == "unconfirmed"
    heard(world, said(world, "bounce"))
    assert (message(world).state, message(world).delivery) == ("accepted", "bounced")


def test_evidence_that_comes_before_a_resend_leaves_stops_it(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello")
    world.deploy()
    company(world)
    world.channel.script(UNKNOWN)
    world.tick()
    world.time_passes(hours=26)
    with world.database.write() as connection:
        resend(connection, mail_id(world, "hello"), by="sato", at=world.now)
    posted(world, said(world, "delivered"))
    world.time_passes(hours=1)
    assert message(world).state == "accepted"
    assert len(world.channel.offered) == 1


def test_a_hard_bounce_suppresses_the_address_and_is_a_fact(sent: World) -> None:
    heard(sent, said(sent, "bounce", sg_event_id="b1"))
    assert suppressed(sent) == [("tanaka@sakura.example", "", "bounce")]
    assert facts(sent) == ["message.bounced"]
    assert rows(sent, select(CONTACT.c.bounced_at).where(CONTACT.c.key == "tanaka"))[0][0] == sent.now
    sent.time_passes(days=2)
    assert mails(sent) == ["hello"]


@pytest.mark.parametrize("kind", ["deferred", "bounce"])
def test_deferred_and_blocked_suppress_nobody(sent: World, kind: str) -> None:
    heard(sent, said(sent, kind, type="blocked" if kind == "bounce" else None))
    assert message(sent).delivery in ("deferred", "blocked")
    assert not suppressed(sent)
    sent.time_passes(days=2)
    assert mails(sent) == ["hello", "next"]


@pytest.mark.parametrize(
    ("kind", "reason", "expected"),
    [
        ("dropped", "Bounced Address", ("", "bounce")),
        ("dropped", "Invalid", ("", "bounce")),
        ("dropped", "Something new", ("", "bounce")),
        ("dropped", "Spam Reporting Address", ("", "complaint")),
        ("dropped", "Unsubscribed Address", ("", "unsubscribed")),
        ("dropped", "Spam Content", None),
        ("dropped", "Invalid SMTPAPI header", None),
        ("spamreport", None, ("", "complaint")),
        ("unsubscribe", None, ("", "unsubscribed")),
        ("group_unsubscribe", None, ("lifecycle", "unsubscribed")),
        ("group_resubscribe", None, None),
    ],
)
def test_who_must_not_be_mailed_again(
    sent: World, kind: str, reason: str | None, expected: tuple[str, str] | None
) -> None:
    heard(sent, said(sent, kind, reason=reason))
    assert suppressed(sent) == ([("tanaka@sakura.example", *expected)] if expected else [])
    sent.time_passes(days=2)
    assert mails(sent) == (["hello"] if expected else ["hello", "next"])


def test_s9_a_dropped_mail_was_accepted_and_stays_so(sent: World) -> None:
    """Accepted is accepted: the walk went on when the provider took it; the drop suppresses and is told."""
    heard(sent, said(sent, "dropped"))
    found = message(sent)
    assert (found.state, found.delivery) == ("accepted", "dropped")
    assert found.accepted_at is not None
    assert [took(sent, "mail_dropped")[0].verdict] == ["not_sent"]


def test_machine_opens_and_scanner_clicks_are_kept_and_never_count(sent: World) -> None:
    now = int(sent.now.timestamp())
    heard(
        sent,
        said(sent, "delivered"),
        said(sent, "open", sg_machine_open=True),
        said(sent, "click", timestamp=now + 3, url="https://a.example", sg_event_id="c1"),
        said(sent, "click", timestamp=now + 4, url="https://b.example", sg_event_id="c2"),
    )
    found = message(sent)
    assert (found.delivery, found.opened_at, found.clicked_at) == ("delivered", None, None)
    assert len(rows(sent, select(DELIVERY_EVENT.c.id))) == 4
    assert not took(sent, "mail_opened")


def test_a_click_that_turns_out_to_be_a_scanners_is_taken_back_and_told(sent: World) -> None:
    now = int(sent.now.timestamp())
    heard(sent, said(sent, "click", timestamp=now + 3, url="https://a.example", sg_event_id="c1"))
    assert message(sent).clicked_at is not None
    heard(
        sent, said(sent, "click", timestamp=now + 4, url="https://b.example", sg_event_id="c2"), said(sent, "delivered")
    )
    assert message(sent).clicked_at is None
    assert [len(took(sent, reason)) for reason in ("mail_clicked", "mail_clicked_by_machine")] == [1, 1]


def test_a_person_who_clicks_later_counts_although_a_scanner_was_first(sent: World) -> None:
    now = int(sent.now.timestamp())
    clicks = [
        said(sent, "click", timestamp=now + after, url=f"https://{after}.example", sg_event_id=f"c{after}")
        for after in (1, 2, 600)
    ]
    heard(sent, said(sent, "delivered"), *clicks)
    assert message(sent).clicked_at == sent.now + timedelta(seconds=600)


def test_an_event_is_taken_in_once_by_its_id_and_once_by_what_it_says(sent: World) -> None:
    heard(sent, said(sent, "delivered"), said(sent, "delivered"))
    heard(sent, said(sent, "delivered"), said(sent, "delivered", sg_event_id="a retry with another id"))
    assert len(rows(sent, select(DELIVERY_EVENT.c.id))) == 1
    heard(sent, said(sent, "delivered", timestamp=int(sent.now.timestamp()) + 1, sg_event_id="another"))
    assert len(rows(sent, select(DELIVERY_EVENT.c.id))) == 2


def test_a_replayed_bounce_does_not_undo_a_persons_decision(sent: World) -> None:
    from storage.consent import Told, lift

    heard(sent, said(sent, "bounce"))
    with sent.database.write() as connection:
        lift(connection, "tanaka@sakura.example", [""], sent.now, Told(by="sato"))
    heard(sent, said(sent, "bounce"))
    heard(sent, said(sent, "open"))
    assert suppressed(sent) == []


def test_one_bad_event_among_five_hundred_costs_none_of_the_others(sent: World) -> None:
    good = [said(sent, "open", timestamp=1803862000 + number, sg_event_id=f"o{number}") for number in range(495)]
    bad: list[Any] = [None, 3, "x", {"event": "open"}, {"event": "nonsense", "timestamp": 1}]
    heard(sent, *good[:200], *bad, *good[200:])
    assert len(rows(sent, select(DELIVERY_EVENT.c.id))) == 495
    assert sorted(strays(sent)) == ["no_object", "no_object", "no_object", "no_time", "unknown_kind"]


def test_a_post_that_nobody_can_read_is_set_aside_and_the_next_is_taken_in(sent: World) -> None:
    keep(sent, "sendgrid", b"\xff not json: it cannot have come by the route")
    heard(sent, said(sent, "delivered"))
    assert strays(sent) == ["unreadable_post"]
    assert message(sent).delivery == "delivered"
    assert count_waiting(sent.database) == (0, None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"journeybot_message": "ffffffff-1-gk1x0"}, "other_installation"),
        ({"journeybot_message": "@-999999-gk1x0"}, "unknown_message"),
        ({"journeybot_message": "@-1-gk1x0"}, "unknown_message"),
        ({"journeybot_message": None, "sg_message_id": "else.filter"}, "no_reference"),
        ({"journeybot_message": {"a": 1}, "sg_message_id": None, "email": "nobody@else.example"}, "no_reference"),
        ({"journeybot_message": "1 OR 1=1", "sg_message_id": "else"}, "no_reference"),
    ],
)
def test_events_of_others_are_kept_aside_with_a_reason(sent: World, changes: dict[str, Any], reason: str) -> None:
    given = {
        name: value.replace("@", sent.app.installation) if isinstance(value, str) and value[0] == "@" else value
        for name, value in changes.items()
    }
    heard(sent, said(sent, "bounce", **given), said(sent, "delivered"))
    assert strays(sent) == [reason]
    assert not suppressed(sent)
    assert message(sent).delivery == "delivered"
    assert "tanaka" not in str(rows(sent, select(STRAY)))
    expected = "events_of_lost_mails" if reason == "unknown_message" else "events_kept_aside"
    assert expected in [found.name for found in sent.doctor()]


def test_an_event_without_our_name_is_found_by_the_providers_id(sent: World) -> None:
    with sent.database.write() as connection:
        mine = MESSAGE.c.id == mail_id(sent, "hello")
        connection.execute(update(MESSAGE).where(mine).values(provider_message_id="14c5d75ce93"))
    heard(sent, said(sent, "bounce", journeybot_message=None))
    assert message(sent).delivery == "bounced"


def test_an_asynchronous_bounce_is_found_by_the_address_in_any_case(sent: World) -> None:
    late = sent.now + timedelta(days=2)
    sent.time_passes(days=2)
    assert mails(sent) == ["hello", "next"]
    nameless: dict[str, Any] = {"journeybot_message": None, "sg_message_id": None, "timestamp": int(late.timestamp())}
    heard(sent, said(sent, "bounce", email="Tanaka@Sakura.example", **nameless))
    assert message(sent, "next").delivery == "bounced"
    assert message(sent, "hello").delivery is None
    assert suppressed(sent) == [("tanaka@sakura.example", "", "bounce")]


def test_an_address_alone_is_no_proof_that_this_mail_was_accepted(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello")
    world.deploy()
    company(world)
    world.channel.script(UNKNOWN)
    world.tick()
    heard(world, said(world, "bounce", journeybot_message=None, sg_message_id=None))
    assert message(world).state == "unknown"
    assert suppressed(world) == [("tanaka@sakura.example", "", "bounce")]


def test_the_address_that_was_written_to_is_suppressed_not_a_newer_one(sent: World) -> None:
    with sent.database.write() as connection:
        connection.execute(update(CONTACT).where(CONTACT.c.key == "tanaka").values(email="new@sakura.example"))
    heard(sent, said(sent, "bounce"))
    assert suppressed(sent) == [("tanaka@sakura.example", "", "bounce")]
    sent.time_passes(days=2)
    assert mails(sent) == ["hello", "next"]


@pytest.mark.parametrize("kind", ["bounce", "spamreport", "unsubscribe", "dropped", "click"])
def test_a_late_event_never_brings_back_an_erased_person(sent: World, kind: str) -> None:
    """What erasure leaves: the mail without its text and without its reader."""
    late = said(sent, kind)
    before = len(sent.decisions)
    with sent.database.write() as connection:
        connection.execute(delete(CONTENT))
        connection.execute(update(MESSAGE).where(MESSAGE.c.contact_id.is_not(None)).values(contact_id=None))
        connection.execute(
            update(CONTACT).where(CONTACT.c.key == "tanaka").values(email=None, name=None, gone_at=sent.now)
        )
    heard(sent, late)
    assert message(sent).delivery is not None
    assert suppressed(sent) == []
    assert facts(sent) == []
    assert [took.reason for took in sent.decisions[before:]] == [f"mail_{message(sent).delivery}"]
    stored = [str(rows(sent, select(table))) for table in (DELIVERY_EVENT, STRAY, WebhookPost)]
    assert not [text for text in stored if "tanaka" in text]


def test_a_complaint_is_a_fact_that_playbooks_hear(sent: World) -> None:
    journey(sent, "sorry", "- handoff: Call them", enter="on: message.complained")
    sent.deploy()
    posted(sent, said(sent, "spamreport"))
    sent.tick()
    assert titles(sent) == ["Call them"]


def test_s30_a_contact_who_bounces_leaves_contact_walks(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello\n- wait: 5 days\n- log: late", walks="contact")
    world.deploy()
    company(world)
    world.tick()
    posted(world, said(world, "bounce"))
    world.tick()
    assert outcomes(world) == ["contact_gone"]


def test_a_bounce_is_heeded_between_two_ticks_before_anything_leaves(sent: World) -> None:
    sent.jump(days=1)
    posted(sent, said(sent, "bounce"))
    sent.app.deliver()
    assert suppressed(sent) == [("tanaka@sakura.example", "", "bounce")]


def test_a_crash_between_storing_and_forgetting_a_post_changes_nothing(sent: World) -> None:
    body = json.dumps([said(sent, "delivered"), {"event": "?"}]).encode()
    keep(sent, "sendgrid", body)
    take_in(sent)
    once = (rows(sent, select(DELIVERY_EVENT)), strays(sent), len(sent.decisions))
    keep(sent, "sendgrid", body)
    take_in(sent)
    assert (rows(sent, select(DELIVERY_EVENT)), strays(sent), len(sent.decisions)) == once


def test_the_auditor_stays_content(sent: World) -> None:
    for kind in ("processed", "delivered", "open", "click", "unsubscribe", "bounce", "spamreport"):
        posted(sent, said(sent, kind))
    sent.time_passes(days=2)
    assert [found.name for found in sent.doctor() if found.severity == "error"] == []
    assert rows(sent, select(Attempt.id))  # type: ignore[call-overload]
