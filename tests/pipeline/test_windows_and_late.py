"""When mails may go: windows, holidays, lateness and expiry (semantics.md S7, S8, S18, and delivery after downtime)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.channels.base import Answer, Outcome
from tests.cast import change
from tests.pipeline.scenes import (
    change_contact,
    company,
    journey,
    mails,
    outcomes,
    settings,
    states,
    titles,
    took,
    utc,
)
from tests.world import World

OFFICE = 'windows: [{days: monday to friday, hours: "09:00-18:00"}]'


def one_mail(world: World, mail: str = "", **options: str) -> None:
    world.mail("hello")
    lines = "\n".join(f"  {line}" for line in mail.splitlines())
    journey(world, "p", f"- email: hello\n{lines}\n- log: Over", **options)
    world.deploy()


def accepted(world: World, key: str = "sakura") -> list[object]:
    return [mail.accepted_at for mail in world.sent if mail.customer == key]


def test_s18_the_window_is_where_the_reader_is(world: World) -> None:
    settings(world, OFFICE)
    one_mail(world)
    company(world, "tokyo", timezone="Asia/Tokyo")
    company(world, "paris", timezone="Europe/Paris")
    member = company(world, "mixed", timezone="Asia/Tokyo")
    change_contact(world, member.contact_id, timezone="America/New_York")
    company(world, "nowhere")
    world.time_passes(days=1, every=timedelta(minutes=30))
    assert accepted(world, "tokyo") == accepted(world, "nowhere") == [utc("2027-03-01 00:30")]
    assert accepted(world, "paris") == [utc("2027-03-01 08:00")]
    assert accepted(world, "mixed") == [utc("2027-03-01 14:00")]


def test_s8_a_weekend_is_never_late(world: World) -> None:
    settings(world, OFFICE)
    one_mail(world)
    world.clock.move_to(utc("2027-03-05 10:00"))  # Friday, 19:00 in Tokyo
    company(world)
    world.tick()
    assert states(world) == [("hello", "pending")]
    world.time_passes(days=3)
    assert accepted(world) == [utc("2027-03-08 01:00")]
    assert len(took(world, "outside_window")) == 1


def test_s8_downtime_over_the_weekend_is_counted_from_the_window(world: World) -> None:
    settings(world, OFFICE)
    one_mail(world)
    world.clock.move_to(utc("2027-03-05 10:00"))
    company(world)
    world.tick()
    world.jump(days=3, hours=13)  # Tuesday, 08:00: the window opened on Monday at 9, so it is 23 hours late
    world.tick()
    world.time_passes(hours=2)
    assert mails(world) == ["hello"]


def test_s8_a_mail_that_no_tick_meets_in_its_window_expires_all_the_same(world: World) -> None:
    settings(world, OFFICE)
    one_mail(world)
    world.clock.move_to(utc("2027-03-01 11:00"))  # 20:00 in Tokyo
    company(world)
    world.tick()
    for _ in range(6):
        world.jump(days=1)  # always after office hours
        world.tick()
    assert states(world) == [("hello", "expired")]
    assert outcomes(world) == ["completed"]


@pytest.mark.parametrize(
    ("rule", "hours", "sent"),
    [
        ("", 23, True),
        ("", 25, False),
        ("late: send", 60, True),
        ("late: skip after 2 days", 47, True),
        ("late: skip after 2 days", 49, False),
    ],
)
def test_s8_our_own_downtime_makes_a_mail_late_by_its_rule(world: World, rule: str, hours: int, sent: bool) -> None:
    world.mail("hello")
    journey(world, "p", f"- wait: 1 day\n- email: hello\n  {rule}\n- log: Over")
    world.deploy()
    company(world)
    world.tick()
    world.jump(days=1, hours=hours)
    world.tick()
    assert (mails(world) == ["hello"]) is sent
    assert (states(world) == [("hello", "expired")]) is not sent
    assert bool(took(world, "late")) is not sent
    assert outcomes(world) == ["completed"]


def test_s8_a_provider_that_was_down_for_two_days_makes_no_mail_late(world: World) -> None:
    one_mail(world)
    company(world)
    world.channel.script(*[Answer(outcome=Outcome.NOT_ACCEPTED, reason="connect_error")] * 18)
    world.tick()
    world.time_passes(days=2)
    assert states(world) == [("hello", "pending")]
    world.time_passes(hours=12)
    assert (mails(world), took(world, "late")) == (["hello"], [])


def test_a_playbooks_window_and_a_steps_window_must_both_be_open(world: World) -> None:
    world.mail("hello")
    journey(
        world, "p", '- email: hello\n  window: "16:00-18:00"', more='window: {days: thursday, hours: "09:00-17:00"}'
    )
    world.deploy()
    company(world)
    world.time_passes(days=4, every=timedelta(hours=1))
    assert accepted(world) == [utc("2027-03-04 07:00")]


def test_s18_holidays_of_the_customers_country_and_freeze_dates_close_the_window(world: World) -> None:
    settings(world, f"{OFFICE}\ncalendar: {{holidays: [JP public], freeze: [2027-04-30 to 2027-04-30]}}")
    one_mail(world, enter='when: tier == "pro"')
    company(world, "tokyo", region="JP")
    company(world, "boston", region="US")
    world.clock.move_to(utc("2027-04-28 23:00"))  # Thursday 29 April 08:00 in Tokyo: Showa Day
    for key in ("tokyo", "boston"):
        change(world.database, key, tier="pro")
    world.time_passes(days=6)
    assert accepted(world, "boston") == [utc("2027-04-29 02:00")]
    assert accepted(world, "tokyo") == []  # 30 April is frozen, 3 to 5 May are holidays; it expires
    assert states(world, "tokyo") in ([("hello", "expired")], [("hello", "pending")])


def test_a_window_for_some_customers(world: World) -> None:
    settings(
        world,
        'windows:\n- {when: tier == "pro", days: every day, hours: "20:00-21:00"}\n- {days: every day, hours: "10:00-11:00"}',
    )
    one_mail(world)
    company(world, "pro", tier="pro")
    company(world, "free", tier="free")
    world.time_passes(days=1, every=timedelta(minutes=30))
    assert accepted(world, "pro") == [utc("2027-03-01 11:00")]
    assert accepted(world, "free") == [utc("2027-03-01 01:00")]


def test_a_mail_waits_through_the_missing_hour_and_goes_once_in_the_doubled_one(world: World) -> None:
    one_mail(world, 'window: "02:00-02:45"', enter='when: tier == "gap"')
    company(world, timezone="America/New_York")
    world.clock.move_to(utc("2027-03-14 05:00"))
    change(world.database, "sakura", tier="gap")
    world.time_passes(days=2, every=timedelta(minutes=30))
    assert accepted(world) == [utc("2027-03-15 06:00")]  # on the 14th there is no half past two


def test_a_window_in_the_doubled_hour_sends_once(world: World) -> None:
    one_mail(world, 'window: "01:00-02:00"', enter='when: tier == "fold"')
    company(world, timezone="America/New_York")
    world.clock.move_to(utc("2027-11-07 04:00"))
    change(world.database, "sakura", tier="fold")
    world.time_passes(days=1, every=timedelta(minutes=30))
    assert accepted(world) == [utc("2027-11-07 05:00")]


def test_expires_is_counted_from_when_it_might_first_go(world: World) -> None:
    settings(world, 'windows: [{days: saturday, hours: "09:00-18:00"}]')
    one_mail(world, "expires: 1 day")
    company(world)
    world.time_passes(days=6)
    assert accepted(world) == [utc("2027-03-06 00:00")]


def test_three_days_down_with_much_due_loses_nothing_and_sends_nothing_late(world: World) -> None:
    world.mail("one", "two")
    settings(world, "fuses: {enter: 'off'}")
    steps = "- wait: 1 day\n- handoff: Call\n- email: one\n- wait: 3 days\n- email: two"
    journey(world, "p", steps)
    world.deploy()
    keys = [f"c{number}" for number in range(60)]
    for key in keys:
        company(world, key)
    world.tick()
    world.jump(days=4)
    world.tick()
    assert {tuple(states(world, key)) for key in keys} == {(("one", "expired"),)}
    assert all(titles(world, key) == ["Call"] for key in keys)
    world.time_passes(days=3)
    assert {tuple(mails(world, key)) for key in keys} == {("two",)}
    assert {tuple(outcomes(world, key)) for key in keys} == {("completed",)}
