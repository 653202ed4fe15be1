"""Leaving out one occurrence by hand, and saying how to go on after a pause (semantics.md S37)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.errors import UsageError
from bot.pipeline.skipping import Skipped, skip_next
from tests.pipeline.scenes import NEW, company, in_days, journey, titles, took, utc
from tests.world import World

WEEKLY = "every: monday 09:00"


def skip(world: World, customer: str | None = None) -> Skipped:
    published = world.app.require_published()
    ground = world.app.ground(published)
    with world.database.write() as connection:
        return skip_next(connection, published, ground, "p", world.now, by="sato", customer=customer)


def weekly(world: World, enter: str = WEEKLY) -> None:
    journey(world, "p", "- handoff: Call", enter=enter)
    world.deploy()
    company(world)
    company(world, "other")
    world.tick()


def test_s37_the_next_moment_is_left_out_and_the_one_after_comes(world: World) -> None:
    weekly(world)
    assert skip(world).moment == utc("2027-03-08 00:00")
    world.time_passes(days=8)
    assert titles(world) == []
    world.time_passes(days=7)
    assert titles(world) == ["Call"]
    assert [found.reason for found in world.decisions].count("occurrence_skipped") == 1
    world.assert_explained()


def test_s37_skipping_again_leaves_out_the_one_after(world: World) -> None:
    weekly(world)
    assert [skip(world).moment, skip(world).moment] == [utc("2027-03-08 00:00"), utc("2027-03-15 00:00")]
    world.time_passes(days=20)
    assert titles(world) == []
    world.time_passes(days=2)
    assert titles(world) == ["Call"]


def test_s37_one_customer_is_left_out_of_one_occurrence(world: World) -> None:
    weekly(world)
    skip(world, "sakura")
    world.time_passes(days=8)
    assert (titles(world), titles(world, "other")) == ([], ["Call"])
    world.time_passes(days=7)
    assert (titles(world), titles(world, "other")) == (["Call"], ["Call", "Call"])
    assert len(took(world, "occurrence_skipped")) == 1


def test_s37_a_broadcast_that_is_skipped_never_comes(world: World) -> None:
    weekly(world, "once: 2027-03-05 10:00")
    skip(world)
    world.time_passes(days=8)
    assert titles(world) == []
    with pytest.raises(UsageError, match="no occurrence to come"):
        skip(world)


def test_s37_a_date_of_one_customer_is_skipped_and_another_date_is_not(world: World) -> None:
    journey(world, "p", "- handoff: Call", enter="at: renewal_date - 30 days")
    world.deploy()
    company(world, renewal_date=in_days(world, 35))
    company(world, "other", renewal_date=in_days(world, 35))
    world.tick()
    assert skip(world, "sakura").day == in_days(world, 35)
    world.time_passes(days=7)
    assert (titles(world), titles(world, "other")) == ([], ["Call"])


def test_s37_a_contacts_walk_is_skipped_for_all_contacts_of_the_customer(world: World) -> None:
    journey(world, "p", "- log: Hello", enter=WEEKLY, walks="contact")
    world.deploy()
    company(world)
    company(world, "other")
    skip(world, "sakura")
    world.time_passes(days=8)
    assert {walk.customer for walk in world.walks} == {"other", "opted_out"}


@pytest.mark.parametrize(
    ("enter", "customer", "words"),
    [
        (f'when: stage == "{NEW}"', None, "no occurrences to skip"),
        ("at: renewal_date - 30 days", None, "a date of its own"),
        ("at: renewal_date - 30 days", "sakura", "has no date"),
        (WEEKLY, "nobody", "no customer `nobody`"),
    ],
)
def test_what_cannot_be_skipped_is_refused(world: World, enter: str, customer: str | None, words: str) -> None:
    weekly(world, enter)
    with pytest.raises(UsageError, match=words):
        skip(world, customer)


def test_a_moment_that_was_skipped_is_not_caught_up_after_downtime(world: World) -> None:
    weekly(world)
    skip(world)
    world.jump(days=8)
    world.tick()
    assert titles(world) == []
    assert world.now - utc("2027-03-08 00:00") == timedelta(days=1)
