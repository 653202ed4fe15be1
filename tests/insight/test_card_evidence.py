"""What a card of a real walk says beside the brief: the evidence, what was sent already, and whom to talk to."""

from __future__ import annotations

import json
from datetime import timedelta

from sqlalchemy import insert

from bot.clock import FixedClock
from bot.insight.handoff_brief import Reader
from bot.insight.handoff_people import contact_to_talk_to
from bot.slack.card_views import CardDrawer
from storage.facts import Meeting, MeetingAttendee
from storage.handoff_views import get
from tests.cast import customer
from tests.fakes.slack_blocks import faults_of
from tests.pipeline.scenes import company, journey
from tests.world import World

STEPS = """
- email: hello
  to: champion
- wait: {until: 'clicked("hello")', at_most: 3 days}
  else:
    - handoff: Call them
      kind: risk
"""


def test_a_card_says_what_led_to_it_what_was_sent_and_whom_to_talk_to(world: World) -> None:
    world.mail("hello")
    journey(world, "p", STEPS)
    world.deploy()
    company(world)
    world.tick()
    world.time_passes(days=4)
    (found,) = (one for one in world.handoffs if one.customer == "sakura")
    expected = {
        "en": (
            "did not come true",
            'clicked(\\"hello\\") → ✗',
            "Already sent",
            "→ Tanaka",
            "champion",
            "last touch: mail",
        ),
        "ja": ("成立しませんでした", "→ ✗", "送信済みのメール", "最後の接点：メール"),
    }
    for locale, parts in expected.items():
        drawer = CardDrawer(clock=FixedClock(world.now), locale=locale)
        with world.database.read() as connection:
            card = drawer.draw(connection, found.id)
        assert card is not None
        assert faults_of(list(card.blocks)) == []
        shown = json.dumps(card.blocks, ensure_ascii=False)
        assert [part for part in parts if part not in shown] == [], shown


def test_the_last_touch_is_the_latest_meeting_that_was_held(world: World) -> None:
    journey(world, "p", "- handoff: Call them")
    world.deploy()
    member = company(world, roles=("decision_maker",))
    world.tick()
    (found,) = (one for one in world.handoffs if one.customer == "sakura")
    reader = Reader(locale="en", timezone="UTC", now=world.now)
    with world.database.write() as connection:
        handoff = get(connection, found.id)
        assert handoff is not None
        assert "decision_maker · tanaka@sakura.example · no touch yet" in str(
            contact_to_talk_to(connection, handoff, reader)
        )
        for key, days in (("held", -2), ("to come", 5)):
            at = world.now + timedelta(days=days)
            values = {"customer_id": member.id, "source": "t", "key": key, "starts_at": at}
            meeting = connection.execute(insert(Meeting).values(**values).returning(Meeting.id)).scalar_one()  # type: ignore[call-overload]
            connection.execute(insert(MeetingAttendee).values(meeting_id=meeting, contact_id=member.contact_id))
        held = reader.day(world.now - timedelta(days=2))
        assert f"last touch: meeting, {held}" in str(contact_to_talk_to(connection, handoff, reader))


def test_the_evidence_knows_the_companys_files(world: World) -> None:
    condition = 'stage_overdue and could_own("core") and unseen_content() == 1'
    journey(world, "p", "- handoff: Call them", enter=f"{{when: '{condition}', existing: enter}}")
    world.deploy(
        {
            "playbooks/stages.yml": "[{stage: trial, title: Trial, expected: 10 days}]",
            "playbooks/products.yml": "core: {title: Core}",
            "playbooks/content.yml": "items: {film: {title: Film, kind: film, url: 'https://x.example/f'}}",
        }
    )
    customer(world.database, "c", world.now, stage="trial", stage_since=world.now - timedelta(days=20))
    world.tick()
    (found,) = (one for one in world.handoffs if one.customer == "c")
    with world.database.read() as connection:
        card = CardDrawer(clock=FixedClock(world.now)).draw(connection, found.id)
    assert card is not None
    shown = json.dumps(card.blocks, ensure_ascii=False)
    told = ("stage_overdue → ✓", 'could_own(\\"core\\") → ✓', "unseen_content() == 1 → 1")
    assert [part for part in told if part not in shown] == [], shown
