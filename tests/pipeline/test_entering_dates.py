"""Who enters by a date, and what a moved date does (semantics.md S5, S7)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.cast import change
from tests.pipeline.scenes import (
    company,
    in_days,
    journey,
    mails,
    settings,
    titles,
    took,
    utc,
    walk,
    walks,
)
from tests.world import World

HELLO = "- email: hello"


def hello(world: World, steps: str = HELLO, **options: str) -> None:
    world.mail("hello")
    journey(world, "hello", steps, **options)


def test_s7_a_date_lets_in_at_midnight_where_the_customer_is_and_mails_in_the_next_window(world: World) -> None:
    settings(world, 'windows: [{days: every day, hours: "09:00-18:00"}]')
    hello(world, enter="at: renewal_date - 90 days")
    world.deploy()
    company(world, "tokyo", renewal_date=date(2027, 5, 31), timezone="Asia/Tokyo")
    company(world, "lima", renewal_date=date(2027, 5, 31), timezone="America/Lima")
    world.time_passes(days=2, every=timedelta(hours=1))
    entered = {found.customer: found.entered_at for found in world.walks if found.customer != "opted_out"}
    assert entered == {"tokyo": utc("2027-03-01 15:00"), "lima": utc("2027-03-02 05:00")}
    assert {mail.customer: mail.accepted_at for mail in world.sent} == {
        "tokyo": utc("2027-03-02 00:00"),
        "lima": utc("2027-03-02 14:00"),
    }


@pytest.mark.parametrize(("late", "enters"), [(0, True), (3, True), (4, False)])
def test_s7_within_three_days_an_imported_customer_still_enters(world: World, late: int, enters: bool) -> None:
    hello(world, enter="at: renewal_date - 90 days")
    world.deploy()
    company(world, renewal_date=in_days(world, 90 - late))
    world.tick()
    assert bool(mails(world)) is enters


@pytest.mark.parametrize(("late", "enters"), [(75, True), (76, False)])
def test_s7_within_can_be_as_long_as_the_playbook_wants(world: World, late: int, enters: bool) -> None:
    hello(world, enter="at: renewal_date - 90 days\nwithin: 75 days")
    world.deploy()
    company(world, renewal_date=in_days(world, 90 - late))
    world.tick()
    assert bool(mails(world)) is enters


def test_s7_who_is_inside_the_time_when_the_playbook_goes_live_enters_too(world: World) -> None:
    company(world, renewal_date=in_days(world, 89))
    hello(world, enter="at: renewal_date - 90 days")
    world.deploy()
    world.tick()
    assert mails(world) == ["hello"]


def test_s7_month_offsets_clamp_to_the_end_of_the_month(world: World) -> None:
    hello(world, enter="at: renewal_date - 3 months")
    world.deploy()
    company(world, renewal_date=date(2027, 6, 30))  # 30 March
    company(world, "leap", renewal_date=date(2027, 7, 31))  # 30 April
    world.time_passes(days=62, every=timedelta(hours=12))
    entered = {found.customer: found.entered_at + timedelta(hours=9) for found in world.walks}
    assert (entered["sakura"].date(), entered["leap"].date()) == (date(2027, 3, 30), date(2027, 4, 30))


def test_s7_a_date_after_an_anchor_and_business_days_before_it(world: World) -> None:
    hello(world, enter="at: started_on + 30 days")
    journey(world, "soon", HELLO.replace("hello", "hello\n  id: soon"), enter="at: renewal_date - 5 business days")
    world.deploy()
    company(world, started_on=date(2027, 2, 4), renewal_date=date(2027, 3, 15))  # 6 March; Monday 8 March
    world.time_passes(days=10, every=timedelta(hours=3))
    entered = {found.playbook: (found.entered_at + timedelta(hours=9)).date() for found in walks(world)}
    assert entered == {"hello": date(2027, 3, 6), "soon": date(2027, 3, 8)}


def test_s7_a_date_of_the_teams_own_is_an_anchor_too_and_a_text_is_none(world: World) -> None:
    hello(
        world,
        "- email: hello\n- wait: {until: attributes.go_live - 1 day}\n- log: Live",
        enter="at: attributes.go_live - 2 days",
    )
    world.deploy()
    company(world, attributes={"go_live": "2027-03-05"})
    company(world, "vague", attributes={"go_live": "soon"})
    world.time_passes(days=2, hours=12)
    assert (mails(world), walks(world, "vague")) == (["hello"], [])
    assert walk(world).due_at == utc("2027-03-03 15:00")


def test_s5_a_moved_date_re_times_the_running_walk_and_starts_no_second_one(world: World) -> None:
    hello(
        world,
        "- email: hello\n- wait: {until: renewal_date - 10 days}\n- handoff: Call",
        enter="at: renewal_date - 90 days\nwithin: 75 days",
    )
    world.deploy()
    company(world, renewal_date=in_days(world, 80))
    world.tick()
    change(world.database, "sakura", renewal_date=in_days(world, 100))
    world.time_passes(days=72, every=timedelta(days=2))
    assert (titles(world), len(walks(world))) == ([], 1)
    world.time_passes(days=19, every=timedelta(days=2))
    assert mails(world) == ["hello"]
    assert (titles(world), len(walks(world))) == (["Call"], 1)


def test_s5_a_date_moved_after_the_walk_gives_no_second_notice_within_the_offset(world: World) -> None:
    hello(world, enter="at: renewal_date - 90 days\nwithin: 75 days")
    world.deploy()
    company(world, renewal_date=date(2027, 3, 31))
    world.tick()
    world.time_passes(days=5)
    change(world.database, "sakura", renewal_date=date(2027, 4, 30))
    world.time_passes(days=5)
    assert mails(world) == ["hello"]
    assert len(took(world, "date_moved")) == 1


def test_s5_the_next_years_date_starts_the_next_walk(world: World) -> None:
    hello(world, enter="at: renewal_date - 90 days")
    world.deploy()
    company(world, renewal_date=in_days(world, 90))
    world.tick()
    change(world.database, "sakura", renewal_date=in_days(world, 90 + 365))
    world.jump(days=364)
    world.time_passes(days=3)
    assert mails(world) == ["hello"] * 2
