"""Waits that follow a mail or ask for what became of it (semantics.md S9, S10, S11)."""

from __future__ import annotations

from tests.cast import change
from tests.pipeline.scenes import (
    company,
    journey,
    mail_id,
    mails,
    suppress,
    took,
    utc,
    walk,
)
from tests.world import World


def said(world: World, key: str = "sakura") -> list[str]:
    return [str(found.details["text"][""]) for found in took(world, "logged", key)]


ASKED = """
- email: hello
- wait: {until: clicked("hello"), at_most: 5 days}
  then:
    - log: Clicked
  else:
    - log: Not clicked
"""


def test_s9_the_wait_after_a_mail_counts_from_when_the_mail_was_over(world: World) -> None:
    world.mail("hello")
    journey(world, "p", '- email: hello\n  window: "18:00-20:00"\n- wait: 2 days\n- log: Over')
    world.deploy()
    company(world)
    world.time_passes(days=1)
    assert walk(world).due_at == utc("2027-03-03 09:00")


def test_s11_a_click_ends_the_wait(world: World) -> None:
    world.mail("hello")
    journey(world, "p", ASKED)
    world.deploy()
    company(world)
    world.time_passes(days=1)
    world.tell(mail_id(world, "hello"), "clicked")
    world.tick()
    assert said(world) == ["Clicked"]


def test_a_scanners_click_never_counts(world: World) -> None:
    world.mail("hello")
    journey(world, "p", ASKED)
    world.deploy()
    company(world)
    world.tick()
    world.tell(mail_id(world, "hello"), "clicked", is_machine=True)
    world.time_passes(days=5)
    assert said(world) == ["Not clicked"]


def test_s10_a_wait_that_only_asks_for_a_mail_that_was_not_sent_goes_to_else_at_once(world: World) -> None:
    world.mail("hello")
    journey(world, "p", ASKED)
    world.deploy()
    member = company(world)
    world.mail("hello")
    suppress(world, member.email)
    world.tick()
    world.time_passes(days=3, hours=1)  # nobody to write to; the mail expires after three days
    assert (mails(world), said(world)) == ([], ["Not clicked"])
    assert world.now < utc("2027-03-04 12:00")


def test_s10_a_wait_that_asks_for_more_than_mails_waits_on(world: World) -> None:
    world.mail("hello")
    journey(world, "p", ASKED.replace('clicked("hello")', 'clicked("hello") or tier == "pro"'))
    world.deploy()
    member = company(world)
    suppress(world, member.email)
    world.time_passes(days=4)
    assert (mails(world), said(world)) == ([], [])
    change(world.database, "sakura", tier="pro")
    world.tick()
    assert said(world) == ["Clicked"]


def test_s10_sent_lets_a_playbook_ask(world: World) -> None:
    world.mail("hello")
    journey(world, "p", '- email: hello\n- if: sent("hello")\n  then:\n    - log: Went\n  else:\n    - log: Did not')
    world.deploy()
    company(world, "a")
    member = company(world, "b")
    suppress(world, member.email)
    world.time_passes(days=4)
    assert (said(world, "a"), said(world, "b")) == (["Went"], ["Did not"])
