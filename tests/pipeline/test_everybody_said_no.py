"""S10, S24: where everybody a mail could go to said no, it ends suppressed; where somebody is missing, the CSM is asked."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select

from bot.pipeline.scopes import CUSTOMER
from storage.accounts import Suppression
from storage.facts import Note
from storage.marks import mark_customers
from tests.cast import address, customer, person
from tests.world import World

NOTE = Note.__table__  # type: ignore[attr-defined]
NEWS = """
title: News
state: live
walks: customer
enter: {when: stage == "adoption", existing: enter}
steps:
  - email: news
    to: champion
  - handoff: Call them
"""


def begin(world: World, *people: dict[str, Any]) -> None:
    world.mail("news")
    world.playbook("news", NEWS)
    world.deploy()
    customer(world.database, "acme", world.now, stage="adoption", timezone="Asia/Tokyo")
    for number, values in enumerate(people):
        person(world.database, "acme", f"p{number}", world.now, roles=("champion",), **values)


def says_no(world: World, number: int, reason: str = "unsubscribed", category: str = "*") -> None:
    row = {"address": address("acme", f"p{number}"), "category": category, "reason": reason, "at": world.now}
    with world.database.write() as connection:
        connection.execute(insert(Suppression).values(row))


def test_s10_everybody_unsubscribed_ends_suppressed_and_the_walk_goes_on(world: World) -> None:
    begin(world, {}, {"consent": ["newsletter"]})
    says_no(world, 0)
    world.tick()
    (mail,) = world.outbox
    assert (mail.state, mail.reason) == ("suppressed", "everybody_said_no")
    assert [handoff.title for handoff in world.handoffs] == [{"": "Call them"}]


@pytest.mark.parametrize(
    "people", [(), ({"email": None},), ({}, {"email": ""})], ids=["nobody", "no address", "one without address"]
)
def test_s24_where_somebody_is_missing_the_csm_is_asked(world: World, people: tuple[dict[str, Any], ...]) -> None:
    begin(world, *people)
    says_no(world, 0)
    world.tick()
    (mail,) = world.outbox
    assert (mail.state, mail.reason) == ("held", "nobody_to_write_to")


def test_a_bounce_is_no_wish(world: World) -> None:
    begin(world, {})
    says_no(world, 0, "bounce", "")
    world.tick()
    assert [mail.state for mail in world.outbox] == ["held"]


def test_a_no_that_comes_while_the_mail_is_held_ends_it(world: World) -> None:
    begin(world)
    world.tick()
    assert [mail.state for mail in world.outbox] == ["held"]
    person(world.database, "acme", "p0", world.now, roles=("champion",), consent=[])
    world.time_passes(hours=1)
    assert [mail.state for mail in world.outbox] == ["suppressed"]


def test_a_held_mail_is_tried_again_when_people_change_not_at_every_fact(world: World) -> None:
    begin(world)
    world.tick()
    with world.database.write() as connection:
        mark_customers(connection, list(connection.scalars(select(CUSTOMER.c.id))), NOTE)
    world.time_passes(hours=1)
    assert [entry.verdict for entry in world.decisions].count("held") == 1
    person(world.database, "acme", "p0", world.now, roles=("champion",))
    world.time_passes(hours=1)
    assert [mail.state for mail in world.outbox] == ["accepted"]
