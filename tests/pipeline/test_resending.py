"""`on_unknown: resend_once` (delivery.md, promise 3): at most two acceptances, and evidence stops the second."""

from __future__ import annotations

import pytest

from bot.channels.base import Answer, Outcome
from tests.pipeline.scenes import company, journey, mail_id, stands_still, states, suppress, took
from tests.world import World

UNKNOWN = Answer(outcome=Outcome.UNKNOWN, reason="timeout")
LATER = Answer(outcome=Outcome.NOT_ACCEPTED, reason="connect_error")


def owe(world: World, rule: str = "on_unknown: resend_once") -> None:
    """One mail whose fate is unknown."""
    world.mail("hello")
    journey(world, "p", f"- email: hello\n  {rule}\n- wait: 30 days")
    world.deploy()
    company(world)
    world.channel.script(UNKNOWN)
    world.tick()
    assert ("hello", "unknown") in states(world)


def test_p3_a_mail_of_unknown_fate_is_sent_once_more_after_an_hour(world: World) -> None:
    owe(world)
    world.time_passes(minutes=59)
    assert states(world) == [("hello", "unknown")]
    world.time_passes(minutes=2)
    assert states(world) == [("hello", "accepted")]
    assert len(world.channel.offered) == 2
    assert took(world, "resend_once")
    world.assert_explained()


def test_p3_it_is_the_same_mail_with_the_same_reference(world: World) -> None:
    owe(world)
    world.mail("hello", locale="ja")
    world.write("templates/emails/hello.en.md", "---\nsubject: Another\ncategory: lifecycle\n---\nOther words\n")
    world.deploy()
    world.time_passes(hours=2)
    first, second = world.channel.offered
    assert (first.reference, first.subject, first.text) == (second.reference, second.subject, second.text)


def test_p3_never_a_third_time(world: World) -> None:
    owe(world)
    world.channel.script(UNKNOWN)
    world.time_passes(hours=30)
    assert states(world) == [("hello", "unconfirmed")]
    world.time_passes(days=5)
    assert len(world.channel.offered) == 2


def test_p3_tries_that_surely_did_not_get_through_do_not_count(world: World) -> None:
    owe(world)
    world.channel.script(LATER, LATER, LATER)
    world.time_passes(hours=20)
    assert states(world) == [("hello", "accepted")]
    assert len(world.channel.offered) == 5


def test_p3_evidence_within_the_hour_means_it_is_not_sent_again(world: World) -> None:
    owe(world)
    world.time_passes(minutes=30)
    world.tell(mail_id(world, "hello"), "delivered")
    world.time_passes(days=3)
    assert states(world) == [("hello", "accepted")]
    assert len(world.channel.offered) == 1


def test_p3_evidence_while_the_second_waits_for_its_turn_stops_it(world: World) -> None:
    owe(world)
    world.channel.script(LATER)
    world.time_passes(hours=1, seconds=1)
    assert states(world) == [("hello", "pending")]
    world.tell(mail_id(world, "hello"), "delivered")
    world.time_passes(hours=3)
    assert states(world) == [("hello", "accepted")]
    assert len(world.channel.offered) == 2


@pytest.mark.parametrize("rule", ["from: csm", "late: send"])
def test_p2_without_it_nothing_is_ever_sent_again_by_itself(world: World, rule: str) -> None:
    owe(world, rule)
    world.time_passes(hours=30)
    assert states(world) == [("hello", "unconfirmed")]
    assert len(world.channel.offered) == 1


def test_p5_a_second_try_asks_consent_and_pauses_again(world: World) -> None:
    owe(world)
    stands_still(world, "customer", "sakura")
    world.time_passes(hours=5)
    assert states(world) == [("hello", "unknown")]


def test_p5_a_reader_who_unsubscribed_meanwhile_gets_no_second(world: World) -> None:
    owe(world)
    suppress(world, "tanaka@sakura.example")
    world.time_passes(hours=2)
    assert states(world) == [("hello", "suppressed")]
    assert len(world.channel.offered) == 1


def test_s9_a_second_try_does_not_move_the_walk_back(world: World) -> None:
    owe(world)
    (before,) = [walk for walk in world.walks if walk.customer == "sakura"]
    world.time_passes(hours=2)
    (after,) = [walk for walk in world.walks if walk.customer == "sakura"]
    assert (before.step, before.due_at) == (after.step, after.due_at)
