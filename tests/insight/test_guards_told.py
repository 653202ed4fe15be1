"""Whoever waits on account of another mail learns of which: in explain, in `outbox show`'s words and in doctor."""

from __future__ import annotations

from bot.insight.explain import explain_message
from tests.pipeline.scenes import company, journey, mail_id, settings
from tests.world import World


def crowded(world: World) -> None:
    settings(world, "caps: {mails_per_contact: 1 per 7 days}")
    world.mail("first", "second")
    journey(world, "p", "- email: first\n- email: second")
    world.deploy()
    company(world)
    world.tick()


def test_explain_names_what_took_the_room_and_until_when_it_waits(world: World) -> None:
    crowded(world)
    winner = f"mail {mail_id(world, 'first')} (p → first)"
    with world.database.read() as connection:
        found = explain_message(connection, mail_id(world, "second"), now=world.now)
    (line,) = [line for line in found.history if line.reason == "cap_mails"]
    assert winner in line.sentence
    assert "2027-03-04 00:00 UTC" in line.sentence  # it expires before there is room
    inside = world.explain("sakura", "p").now
    assert any(winner in line.sentence for line in inside)
    told = world.explain("sakura", "p", locale="ja").now
    assert any(f"メール{mail_id(world, 'first')}（p → first）" in line.sentence for line in told)


def test_doctor_tells_of_mails_that_wait_long_and_of_those_that_found_no_room(world: World) -> None:
    crowded(world)
    world.time_passes(days=2)
    assert [(each.name, each.count) for each in world.doctor() if "cap" in each.name] == [("mails_capped", 1)]
    world.time_passes(days=2)
    names = {each.name: each for each in world.doctor()}
    assert names["mails_crowded_out"].count == 1
    assert "mails_capped" not in names
    world.time_passes(days=8)
    assert "mails_crowded_out" not in {each.name for each in world.doctor()}
