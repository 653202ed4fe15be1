"""What people do to success plans by hand: each is recorded, and what cannot be is refused with what to do. The world begins on
Monday, 1 March 2027."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from bot.errors import UsageError
from bot.pipeline import plan_acts as acts
from bot.pipeline.erasing import erase
from bot.pipeline.opening_plans import open_by_hand
from bot.pipeline.plan_acts import Doing
from bot.pipeline.scopes import CUSTOMER
from bot.rules.conditions import compile_value, parse_value
from storage.plan_views import PlanView, open_plans_of, plan_of
from storage.plans import PlanObjective
from tests.cast import change, csm, customer
from tests.pipeline.test_plans import PLANS
from tests.world import World


def opened(world: World, kind: str = "objective") -> int:
    """A plan of customer c, opened by Sato."""
    world.deploy({"playbooks/plans.yml": PLANS})
    csm(world.database, "mori")
    csm(world.database, "sato", manager="mori")
    found = customer(world.database, "c", world.now, licenses_active=3, arr=100.0, csm="sato")
    published = world.app.require_published()
    ground = world.app.ground(published)
    with world.database.write() as connection:
        return open_by_hand(connection, published, ground, kind, found, owner=None, by="sato", at=world.now)


def do(world: World, plan: int, act: Any, *more: Any, **options: Any) -> None:
    with world.database.write() as connection:
        act(Doing(connection=connection, plan_id=plan, by="sato", at=world.now), *more, **options)


def add(world: World, plan: int, title: str, **options: Any) -> None:
    ground = world.app.ground(world.app.require_published())
    do(world, plan, acts.add, ground, title, **{"target": None, "due_on": None, "owner": None, **options})


def value(world: World, text: str) -> Any:
    """What an expression is for the only customer."""
    scope = world.app.ground(world.app.require_published()).scope()
    with world.database.read() as connection:
        return connection.scalar(select(compile_value(parse_value(text), scope)).select_from(CUSTOMER))


def seen(world: World, plan: int) -> PlanView:
    with world.database.read() as connection:
        found = plan_of(connection, plan)
    assert found is not None
    return found


def test_an_objective_that_is_added_by_hand_counts_from_what_is_so_now(world: World) -> None:
    plan = opened(world)
    add(world, plan, "Half as much again", target="licenses_active >= 1.5 * at_start(licenses_active)", owner="mori")
    do(world, plan, acts.drop, 1, "not theirs")
    do(world, plan, acts.reach, 2)
    change(world.database, "c", licenses_active=4)
    world.tick()
    assert [(each.state.value, round(each.progress, 2)) for each in seen(world, plan).objectives] == [
        ("dropped", 0.0),
        ("met", 1.0),
        ("open", 0.67),
    ]
    do(world, plan, acts.reopen, 2)
    change(world.database, "c", licenses_active=5)
    world.time_passes(hours=1)
    found = seen(world, plan)
    assert (found.state, found.reached, found.counted) == ("active", 1, 2)
    assert world.reasons("c") == [
        "plan_opened", "objective_added", "objective_dropped", "objective_done", "objective_reopened", "objective_met",
    ]  # fmt: skip
    world.assert_explained()


def test_a_later_date_moves_the_objectives_that_were_due_with_the_plan(world: World) -> None:
    plan = opened(world)
    do(world, plan, acts.change, owner="mori", due_on=date(2027, 5, 1))
    do(world, plan, acts.change, number=1, due_on=date(2027, 3, 15))
    found = seen(world, plan)
    assert (found.owners, found.due_on) == (["mori"], date(2027, 5, 1))
    assert [each.due_on for each in found.objectives] == [date(2027, 3, 15), date(2027, 5, 1)]


def test_a_plan_is_shown_to_the_customer_once_it_is_agreed_on_and_a_closed_one_is_over(world: World) -> None:
    plan = opened(world, "recovery")
    with pytest.raises(UsageError, match="Nobody has agreed"):
        do(world, plan, acts.share)
    assert value(world, 'plan_objectives("recovery")') is None
    do(world, plan, acts.approve)
    assert value(world, 'plan_objectives("recovery", locale="ja")') == "No urgent ticket open、Confirmed"
    assert [handoff.state for handoff in world.handoffs] == ["withdrawn"]
    do(world, plan, acts.share)
    assert (seen(world, plan).state, seen(world, plan).shared_at) == ("active", world.now)
    with pytest.raises(UsageError, match="no more are allowed"):
        add(world, plan, "A third one")
    do(world, plan, acts.close, "They merge")
    assert (seen(world, plan).state, seen(world, plan).ended_by, seen(world, plan).reason) == (
        "closed",
        "sato",
        "They merge",
    )
    with pytest.raises(UsageError, match="is over"):
        do(world, plan, acts.reach, 1)


@pytest.mark.parametrize(
    ("act", "given", "problem"),
    [
        (acts.reach, (9,), "no objective 9"),
        (acts.reopen, (1,), "is open"),
        (acts.tick_off, (1, 1), "no task 1"),
        (acts.change, (), "changes nothing"),
        (acts.approve, (), "waits for nobody"),
    ],
)
def test_what_cannot_be_is_refused(world: World, act: Any, given: tuple[Any, ...], problem: str) -> None:
    plan = opened(world)
    options = {"is_done": True} if act is acts.tick_off else {}
    with pytest.raises(UsageError, match=problem):
        do(world, plan, act, *given, **options)


def test_a_target_that_cannot_be_asked_is_refused_with_the_nearest_name(world: World) -> None:
    plan = opened(world)
    with pytest.raises(UsageError, match="cannot be asked") as refusal:
        add(world, plan, "Typo", target="licences_active >= 3")
    assert "licenses_active" in refusal.value.hint


def test_who_is_forgotten_has_no_open_plan_and_no_word_of_one(world: World) -> None:
    plan = opened(world)
    with world.database.write() as connection:
        erase(connection, None, None, "c", None, world.now, by="sato")
    with world.database.read() as connection:
        titles = list(connection.scalars(select(PlanObjective.title)))  # type: ignore[call-overload]
        customer_plans = open_plans_of(connection, 1)
    assert (seen(world, plan).state, titles, customer_plans) == ("closed", [{}, {}], [])
