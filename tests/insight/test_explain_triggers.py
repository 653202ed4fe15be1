"""explain for a customer that has not entered: dates, events, schedules and hands tell what they wait for."""

from __future__ import annotations

from datetime import timedelta

from bot.insight.explanation import SeenLeaf
from tests.cast import change, customer, happened, healthy
from tests.insight.journeys import now_line, renewal, why
from tests.world import World


def test_s7_a_date_that_lies_ahead_is_named(world: World) -> None:
    renewal(world)
    customer(world.database, "acme", world.now, renewal_date=(world.now + timedelta(days=182)).date())
    world.tick()
    line = now_line(world, "acme", "renewal")
    assert line.reason == "not_yet"
    assert "2027-06-01" in line.sentence


def test_s7_a_missing_or_passed_date_is_told(world: World) -> None:
    renewal(world)
    customer(world.database, "none", world.now)
    customer(world.database, "passed", world.now, renewal_date=(world.now + timedelta(days=80)).date())
    customer(world.database, "filtered", world.now, renewal_date=(world.now + timedelta(days=89)).date(), tier="tin")
    world.tick()
    assert why(world, "none", "renewal") == "no_date"
    assert why(world, "passed", "renewal") == "date_passed"
    assert "2027-02-22" in now_line(world, "passed", "renewal").sentence
    assert why(world, "filtered", "renewal") == "filter"


def test_s5_a_date_that_was_walked_and_then_moved_a_little_is_told(world: World) -> None:
    renewal(world)
    renewal_date = (world.now + timedelta(days=90)).date()
    customer(world.database, "acme", world.now, renewal_date=renewal_date, tier="gold")
    world.tick()
    assert [walk.outcome for walk in world.walks] == ["completed"]
    assert why(world, "acme", "renewal") == "walked_this_date"
    change(world.database, "acme", renewal_date=renewal_date - timedelta(days=1))
    world.tick()
    assert why(world, "acme", "renewal") == "date_moved"


def test_an_event_trigger_tells_of_the_latest_event(world: World) -> None:
    world.playbook(
        "exported",
        """
        title: Exported
        state: live
        walks: customer
        enter:
          on: export.done
          when: event.rows >= 100
        steps:
          - wait: 1 day
        """,
    )
    world.deploy()
    member = healthy(world.database, world.now)
    world.tick()
    assert why(world, "healthy", "exported") == "event_never"
    happened(world.database, member.key, "export.done", world.now, rows=7)
    world.tick()
    line = now_line(world, "healthy", "exported")
    assert line.reason == "event_filtered"
    assert line.leaves == (SeenLeaf(text="event.rows >= 100", value=7, holds=False),)
    happened(world.database, member.key, "export.done", world.now, rows=700)
    world.tick()
    assert why(world, "healthy", "exported") == "waits_for_time"
    world.time_passes(days=2)
    assert why(world, "healthy", "exported") == "waits_for_event"


def test_s4_an_old_event_is_told_as_old(world: World) -> None:
    world.playbook(
        "exported", "title: E\nstate: live\nwalks: customer\nenter: {on: export.done}\nsteps:\n  - log: Hi\n"
    )
    world.deploy()
    member = healthy(world.database, world.now)
    happened(world.database, member.key, "export.done", world.now - timedelta(days=5))
    with world.database.write() as connection:
        from tests.cast import EVENT

        connection.execute(EVENT.update().values(received_at=world.now))
    world.tick()
    assert why(world, "healthy", "exported") == "old"


def test_schedules_and_hands_tell_what_they_wait_for(world: World) -> None:
    for name, enter in (
        ("weekly", "every: monday 09:30"),
        ("gone", "once: 2027-02-01 09:00"),
        ("by_hand", "manual: true"),
    ):
        world.playbook(name, f"title: {name}\nstate: live\nwalks: customer\nenter: {{{enter}}}\nsteps:\n  - log: Hi\n")
    world.deploy()
    customer(world.database, "acme", world.now)
    world.tick()
    assert "2027-03-01 09:30 JST" in now_line(world, "acme", "weekly").sentence
    assert why(world, "acme", "gone") == "moment_over"
    assert why(world, "acme", "by_hand") == "by_hand_only"
