"""Success plans: opened by a step, reached by data, agreed on by a manager, ended with a reason. The world begins on Monday,
1 March 2027."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import Table, select

from storage import handoff_moves
from storage.facts import Event
from storage.plans import PlanObjective, SuccessPlan
from tests.cast import change, csm, customer, ticket
from tests.pipeline.scenes import enroll, journey, took, utc
from tests.world import World

PLAN: Table = SuccessPlan.__table__  # type: ignore[attr-defined]
OBJECTIVE: Table = PlanObjective.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]
PLANS = """
objective:
  title: {en: Customer objectives, ja: カスタマー目標計画}
  shared: true
  due: 30 days
  objectives:
    - {title: {en: First value, ja: 最初の成果}, target: licenses_active >= 9, due: 10 days}
    - {title: Growth, target: arr >= 1.2 * at_start(arr)}
recovery:
  title: {en: Recovery, ja: 回復計画}
  approve: csm.manager
  max_objectives: 2
  review: every monday
  due: 60 days
  objectives:
    - {title: Few licences, target: licenses_active <= 5}
    - {title: No urgent ticket open, target: 'tickets(priority="urgent", status="open") == 0', owner: sato}
    - {title: Confirmed, target: attributes.confirmed == true}
"""
LEAVING = """
timezone: Asia/Tokyo
exit: [{when: stage == "churned", outcome: churned}]
"""


def plan(world: World, kind: str = "objective") -> Any:
    with world.database.read() as connection:
        return connection.execute(select(PLAN).where(PLAN.c.kind == kind).order_by(PLAN.c.id.desc())).first()


def objectives(world: World, kind: str = "objective") -> list[tuple[str, str, float]]:
    """Title, state and progress in per cent."""
    joined = OBJECTIVE.join(PLAN, PLAN.c.id == OBJECTIVE.c.plan_id)
    found = select(OBJECTIVE).select_from(joined).where(PLAN.c.kind == kind).order_by(OBJECTIVE.c.id)
    with world.database.read() as connection:
        rows = connection.execute(found).all()
    return [(row.title.get("en") or row.title[""], row.state, round(100 * row.progress)) for row in rows]


def test_objectives_are_reached_by_data_and_the_last_one_achieves_the_plan(world: World) -> None:
    journey(world, "goals", '- plan: objective\n- wait: {until: \'plan("objective") == "achieved"\', at_most: 90 days}')
    world.deploy({"playbooks/plans.yml": PLANS})
    csm(world.database, "sato")
    customer(world.database, "c", world.now, stage="onboarding", licenses_active=1, arr=100.0, csm="sato")
    world.tick()
    found = plan(world)
    assert (found.state, found.due_on, found.owners, found.shared_at) == (
        "active",
        date(2027, 3, 31),
        ["csm"],
        world.now,
    )
    assert objectives(world) == [("First value", "open", 0), ("Growth", "open", 0)]
    change(world.database, "c", licenses_active=5, arr=110.0)
    world.time_passes(days=5)
    assert objectives(world) == [("First value", "open", 50), ("Growth", "open", 50)]
    assert (round(plan(world).progress, 2), round(plan(world).behind, 2)) == (0.5, 0.0)
    change(world.database, "c", licenses_active=9, arr=110.0)
    world.time_passes(days=13)
    assert objectives(world) == [("First value", "met", 100), ("Growth", "open", 50)]
    assert round(plan(world).behind, 2) == round((18 / 30 - 0.5) / 2, 2)
    change(world.database, "c", licenses_active=2, arr=120.0)
    world.time_passes(hours=1)
    assert plan(world).state == "achieved"
    assert [walk.outcome for walk in world.walks] == ["completed"]
    reached = took(world, "objective_met", "c")
    assert [each.details["because"] for each in reached] == ["licenses_active >= 9", "arr >= 1.2 * at_start(arr)"]
    with world.database.read() as connection:
        (evidence, *_) = connection.scalars(select(OBJECTIVE.c.evidence).order_by(OBJECTIVE.c.id)).all()
    assert evidence == [{"text": "licenses_active >= 9", "value": 9.0, "holds": True, "bound": None}]
    assert took(world, "plan_achieved", "c")[0].details["met"] == 2
    with world.database.read() as connection:
        told = connection.execute(
            select(EVENT.c.name, EVENT.c.properties).where(EVENT.c.name.startswith("plan.")).order_by(EVENT.c.id)
        ).all()
    assert [tuple(each) for each in told] == [
        ("plan.opened", {"kind": "objective", "state": "active"}),
        ("plan.ended", {"kind": "objective", "state": "achieved"}),
    ]
    world.assert_explained()


def answer(world: World, title: str, outcome: str, note: str = "") -> None:
    found = next(each for each in world.handoffs if each.title["en"] == title and each.state == "open")
    with world.database.write() as connection:
        move = handoff_moves.done(
            connection, found.id, by="mori", at=world.now, key=f"k{found.id}", outcome=outcome, note=note
        )
    assert move.is_done


def rescue(world: World) -> None:
    """A red customer with one urgent ticket enters the journey that opens a recovery plan, which Sato's manager must agree on."""
    steps = '- plan: recovery\n- wait: {until: \'plan("recovery") in ["approved", "active"]\', at_most: 5 days}'
    journey(
        world,
        "rescue",
        steps + "\n  else: [{end: nobody agreed}]\n- end: agreed",
        enter='when: band("health") == "red"',
    )
    scorecard = "health: {use: {value: licenses_active}}"
    world.deploy({"playbooks/plans.yml": PLANS, "playbooks/scorecard.yml": scorecard})
    csm(world.database, "mori")
    csm(world.database, "sato", manager="mori")
    customer(world.database, "c", world.now, licenses_active=1, csm="sato")
    ticket(world.database, "c", world.now, priority="urgent")
    world.tick()


def test_a_red_band_opens_a_recovery_plan_of_the_first_objectives_not_reached_and_the_manager_agrees(
    world: World,
) -> None:
    rescue(world)
    assert [title for title, *_ in objectives(world, "recovery")] == ["No urgent ticket open", "Confirmed"]
    (card,) = world.handoffs
    assert (plan(world, "recovery").state, card.owner, card.outcomes) == ("proposed", "mori", ["approved", "declined"])
    assert card.title == {"en": "Agree on the plan: Recovery", "ja": "プランの承認：回復計画"}
    answer(world, "Agree on the plan: Recovery", "approved")
    world.time_passes(hours=1)
    assert (plan(world, "recovery").state, plan(world, "recovery").approved_by) == ("approved", "mori")
    assert [walk.outcome for walk in world.walks] == ["agreed"]
    world.time_passes(days=7)
    (review,) = [each for each in world.handoffs if each.title["en"] == "Go through the plan: Recovery"]
    assert (review.owner, review.opened_at) == ("sato", utc("2027-03-08 01:00"))
    world.time_passes(days=55, every=timedelta(days=11))
    assert plan(world, "recovery").state == "missed"
    assert took(world, "plan_missed", "c")[0].details["open"] == 2
    assert [each.state for each in world.handoffs if each.step == "review"] == ["withdrawn"]
    world.assert_explained()


def test_a_plan_that_is_not_agreed_on_is_closed_and_who_has_one_open_gets_no_second(world: World) -> None:
    rescue(world)
    journey(world, "again", "- plan: recovery", enter="manual: true")
    world.deploy()
    enroll(world, "again", customer="c")
    world.tick()
    assert len(took(world, "plan_open_already", "c")) == 1
    answer(world, "Agree on the plan: Recovery", "declined", "not now")
    world.time_passes(hours=1)
    assert (plan(world, "recovery").state, plan(world, "recovery").reason) == ("closed", "not_agreed")
    assert took(world, "plan_declined", "c")[0].details["by"] == "mori"


def test_when_the_customer_leaves_its_plans_are_closed_and_who_comes_back_gets_a_new_one(world: World) -> None:
    winback = (
        PLANS
        + """
account:
  title: Win back
  exit_on_churn: false
  due: 90 days
  objectives: [{title: Back, target: stage != "churned"}]
"""
    )
    steps = "- plan: objective\n- plan: account"
    journey(world, "again", steps, enter="manual: true", more="exit_on_churn: false")
    world.deploy({"playbooks/plans.yml": winback, "playbooks/workspace.yml": LEAVING})
    customer(world.database, "c", world.now, stage="onboarding", licenses_active=5, csm="sato")
    enroll(world, "again", customer="c")
    world.tick()
    change(world.database, "c", stage="churned", licenses_active=9)
    world.time_passes(hours=1)
    closed = plan(world)
    assert (closed.state, closed.reason, closed.ended_at) == ("closed", "customer_left", world.now)
    assert plan(world, "account").state == "achieved", "it was still a customer when that plan was opened"
    told = took(world, "plan_customer_left", "c")
    assert [(each.details["met"], each.details["open"]) for each in told] == [(1, 1)]
    enroll(world, "again", customer="c")
    world.tick()
    assert (plan(world).id, plan(world, "account").state) == (closed.id, "active")
    assert len(took(world, "plan_not_for_left", "c")) == 1
    change(world.database, "c", stage="onboarding")
    enroll(world, "again", customer="c")
    world.time_passes(hours=1)
    assert (plan(world).state, plan(world).opened_at, plan(world, "account").state) == ("active", world.now, "achieved")
    world.assert_explained()
