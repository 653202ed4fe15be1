"""E-mail assist: the draft of a hand-off's mail, sending it through the outbox, and what the journey hears (S29)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select

from bot.errors import UsageError
from storage import handoff_moves
from storage.accounts import Suppression
from storage.database import Database
from storage.enrollments import ENROLLMENT
from storage.handoff_mails import HANDOFF_MAIL
from storage.handoffs import HandoffState
from storage.outbox_moves import cancel_for_walks
from tests.cast import change, csm, healthy, opted_out, person
from tests.pipeline.assist_scenes import at_risk_world, drafted, sent, wrote_myself
from tests.world import World

WELCOME = """
title: Welcome
state: live
walks: customer
enter: {when: stage == "adoption", existing: enter}
steps: [{email: welcome, to: decision_maker}]
"""


@pytest.fixture
def scene(world: World) -> World:
    at_risk_world(world)
    csm(world.database, "sato", manager="suzuki")
    healthy(world.database, world.now)
    world.tick()
    return world


def test_the_draft_is_filled_for_its_reader_and_lists_whom_and_what_else(scene: World) -> None:
    person(scene.database, "healthy", "abe", scene.now, email="abe@healthy.example", title="CFO")
    mail = drafted(scene)
    assert mail.draft.subject == "Hinode Foods before August 30, 2027"
    assert mail.draft.body_markdown.startswith("Hi Tanaka,\n\nyour contract renews on August 30, 2027.")
    assert (mail.draft.gaps, mail.from_line) == ((), "Sato <sato@us.example>")
    assert [reader.key for reader in mail.readers] == ["tanaka", "abe"]
    assert [offer.name for offer in mail.offered] == ["at_risk", "event_invitation"], "no score, so no reply to one"
    other = drafted(scene, to="abe", template="event_invitation")
    assert "Hi Abe," in other.draft.body_markdown
    assert other.draft.gaps == ("date and place",)


def test_a_field_without_a_value_is_a_gap_that_must_be_filled(scene: World) -> None:
    change(scene.database, "healthy", renewal_date=None)
    mail = drafted(scene)
    assert mail.draft.gaps == ("customer.renewal_date",)
    assert "renews on [[customer.renewal_date]]." in mail.draft.body_markdown
    refused = sent(scene)
    assert [notice.reason for notice in refused.outlook.refusals] == ["assist_gaps"]
    assert scene.outbox == []
    filled = drafted(scene, fills={"customer.renewal_date": "2027-05-01"})
    assert "renews on May 1, 2027." in filled.draft.body_markdown
    with pytest.raises(UsageError, match="has no gap"):
        drafted(scene, fills={"customer.name": "x"})


def test_it_goes_through_the_outbox_from_the_csm_and_the_journey_hears_of_it(scene: World) -> None:
    done = sent(scene, body="Hello {{ csm.name }} **there** <b>&</b>\n\nSato\n")
    assert done.is_done
    scene.time_passes(minutes=5)
    (mail,) = scene.channel.accepted
    assert (mail.from_email, mail.reply_to_email, mail.to_email) == (
        "sato@us.example",
        "sato@us.example",
        "tanaka@healthy.example",
    )
    assert "{{ csm.name }}" in mail.text, "what a person writes is never a template again"
    assert "&lt;b&gt;" in mail.html
    assert "<strong>there</strong>" in mail.html
    (card,) = scene.handoffs
    assert (card.state, card.acknowledged_by) == (HandoffState.ACKNOWLEDGED, "sato")
    scene.time_passes(hours=3)
    assert _logged(scene) == ["It was sent"]
    assert {"handoff_mailed", "mail_by_hand"} <= set(scene.reasons("healthy"))
    scene.assert_explained()
    assert [found.name for found in scene.doctor()] == ["no_unsubscribe_link"]


def test_two_presses_owe_one_mail(scene: World) -> None:
    first, again, other = sent(scene), sent(scene), sent(scene, by="suzuki", key="another")
    assert (first.message_id, again.message_id) == (1, 1)
    assert [notice.reason for notice in other.outlook.refusals] == ["mail_sent_already"]
    scene.time_passes(hours=1)
    assert len(scene.channel.accepted) == 1


def test_only_the_owner_their_manager_and_their_cover_may_write(scene: World) -> None:
    refused = sent(scene, by="mori", key="other")
    assert (refused.is_done, refused.move and refused.move.reason) == (False, "not_yours")
    assert wrote_myself(scene, by="mori", key="other").reason == "not_yours"
    assert sent(scene, by="suzuki").is_done


def test_i_wrote_it_myself_sends_nothing_and_the_journey_goes_on(scene: World) -> None:
    assert wrote_myself(scene).is_done
    assert wrote_myself(scene).reason == "repeated"
    scene.time_passes(hours=3)
    assert scene.outbox == []
    assert _logged(scene) == ["It was sent"]
    assert [n.reason for n in sent(scene, key="later").outlook.refusals] == ["mail_written_elsewhere"]
    scene.assert_explained()


def test_the_journey_waits_while_somebody_may_still_write_and_no_longer(scene: World) -> None:
    scene.time_passes(days=2)
    assert [walk.status for walk in scene.walks] == ["active"]
    with scene.database.write() as connection:
        handoff_moves.dismiss(connection, 1, by="sato", at=scene.now, key="k", reason="settled")
    scene.time_passes(hours=3)
    assert [walk.status for walk in scene.walks] == ["ended"]
    assert "mail_was_not_sent" in scene.reasons("healthy")


def test_who_opted_out_is_never_mailed_and_the_sender_hears_why(world: World) -> None:
    at_risk_world(world)
    csm(world.database, "sato")
    opted_out(world.database, world.now)
    world.tick()
    mail = drafted(world)
    assert (mail.reader, [reader.is_allowed for reader in mail.readers]) == (None, [False])
    assert [notice.reason for notice in sent(world).outlook.refusals] == ["assist_nobody"]
    refused = sent(world, to="nakano").outlook.refusals
    assert [notice.sentence("en", "UTC") for notice in refused] == [
        "Nakano unsubscribed from mails of this kind (lifecycle)"
    ]
    world.time_passes(hours=1)
    assert (world.outbox, world.channel.accepted) == ([], [])


def test_consent_is_asked_again_when_it_goes_and_another_may_follow(scene: World) -> None:
    person(scene.database, "healthy", "abe", scene.now, email="abe@healthy.example")
    assert sent(scene).is_done
    with scene.database.write() as connection:
        row = {"address": "tanaka@healthy.example", "category": "", "reason": "unsubscribed", "at": scene.now}
        connection.execute(insert(Suppression).values(**row))
    scene.time_passes(hours=1)
    assert [(row.state, row.reason) for row in scene.outbox] == [("suppressed", "not_allowed")]
    acts = [took.details for took in scene.decisions if took.reason == "handoff_unsent"]
    assert [(told["to"], told["why"]) for told in acts] == [("Tanaka", "not_allowed")], "told once, on the card"
    assert sent(scene, key="second", to="abe").is_done
    scene.time_passes(hours=1)
    assert [mail.to_email for mail in scene.channel.accepted] == ["abe@healthy.example"]
    scene.assert_explained()


def test_caps_and_odd_hours_are_told_and_never_hold_it_back(world: World) -> None:
    world.write(
        "playbooks/workspace.yml",
        """
        company: Test Company
        sender: {name: Test Company, email: hello@us.example}
        timezone: Asia/Tokyo
        windows: [{days: monday-friday, hours: "09:00-10:00"}]
        owners: {default: sato}
        caps: {mails_per_contact: 1 per 7 days}
        """,
    )
    world.mail("welcome")
    world.playbook("welcome", WELCOME)
    at_risk_world(world)
    csm(world.database, "sato")
    healthy(world.database, world.now)
    world.tick()
    assert [row.template for row in world.sent] == ["welcome"]
    world.time_passes(hours=12)
    done = sent(world)
    assert [notice.reason for notice in done.outlook.warnings] == ["assist_cap", "assist_odd_hour"]
    assert all(notice.sentence(locale, "UTC") for notice in done.outlook.warnings for locale in ("en", "ja"))
    world.tick()
    assert [row.template for row in world.sent] == ["welcome", "at_risk"]
    assert "cap_passed" in world.reasons("healthy", "at_risk")


def test_a_mail_that_was_sent_goes_though_the_journey_ends_meanwhile(scene: World) -> None:
    assert sent(scene).is_done
    with scene.database.write() as connection:
        ids = list(connection.scalars(select(ENROLLMENT.c.id)))
        assert cancel_for_walks(connection, ids, scene.now, "left") == []
    scene.tick()
    assert len(scene.sent) == 1


def test_nothing_in_a_subject_opens_a_header(scene: World) -> None:
    assert sent(scene, subject="Hello\r\nBcc: all@evil.example\n\nx").is_done
    scene.tick()
    (mail,) = scene.channel.accepted
    assert mail.subject == "Hello Bcc: all@evil.example x"


def _logged(world: World) -> list[str]:
    return [took.details["text"][""] for took in world.decisions if took.reason == "logged"]


def _changes(database: Database) -> Any:
    with database.read() as connection:
        return connection.scalar(select(HANDOFF_MAIL.c.changes))


def test_what_was_changed_is_kept_in_the_templates_words(scene: World) -> None:
    draft = drafted(scene).draft
    sent(scene, body=draft.body_markdown.replace("Could we speak this week?", "Tanaka, may I call you on Monday?"))
    assert _changes(scene.database) == [
        {"before": "Could we speak this week?", "after": "{{ contact.name }}, may I call you on Monday?"}
    ]


def test_filling_a_gap_is_no_change(scene: World) -> None:
    draft = drafted(scene, template="event_invitation").draft
    body = draft.body_markdown.replace("[[date and place]]", "3 May in Osaka")
    assert sent(scene, template="event_invitation", body=body).is_done
    assert _changes(scene.database) == []


def test_an_erased_customer_leaves_no_words_behind(scene: World) -> None:
    draft = drafted(scene).draft
    sent(scene, body=draft.body_markdown.replace("Could we", "Could Mr Tanaka and we"))
    scene.tick()
    scene.app.erase("healthy", None, by="sato")
    assert _changes(scene.database) == []
