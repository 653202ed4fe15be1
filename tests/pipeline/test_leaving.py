"""How walks end before their last step, and what happens to the work in hand (semantics.md S6, S10, S12, S13, S45)."""

from __future__ import annotations

from datetime import date

from storage import handoff_moves
from storage.handoffs import HandoffState
from tests.cast import change
from tests.pipeline.scenes import (
    company,
    enroll,
    goes_on,
    in_days,
    journey,
    leave,
    mails,
    outcomes,
    settings,
    stands_still,
    states,
    took,
    walk,
)
from tests.world import World


def handoff_id(world: World, key: str = "sakura") -> int:
    return next(handoff.id for handoff in world.handoffs if handoff.customer == key and handoff.kind != "question")


def handoff_state(world: World, key: str = "sakura") -> HandoffState:
    return next(handoff.state for handoff in world.handoffs if handoff.customer == key and handoff.kind != "question")


def test_s12_the_goal_ends_a_sleeping_walk_at_the_next_tick(world: World) -> None:
    journey(world, "p", "- wait: 30 days\n- log: Late", more='goal: stage == "adoption"')
    world.deploy()
    company(world)
    world.time_passes(days=2)
    change(world.database, "sakura", stage="adoption")
    world.tick()
    assert outcomes(world) == ["goal"]
    assert walk(world).due_at is None
    assert not took(world, "logged")


def test_s12_an_exit_ends_a_walk_with_its_outcome(world: World) -> None:
    journey(world, "p", "- wait: 30 days", more='exit: [{when: tier == "free", outcome: downgraded}]')
    world.deploy()
    company(world)
    world.tick()
    change(world.database, "sakura", tier="free")
    world.tick()
    assert outcomes(world) == ["downgraded"]


def test_s12_the_goal_goes_before_an_exit_that_holds_too(world: World) -> None:
    journey(
        world, "p", "- wait: 30 days", more='goal: tier == "pro"\nexit: [{when: stage == "adoption", outcome: out}]'
    )
    world.deploy()
    company(world)
    world.tick()
    change(world.database, "sakura", tier="pro", stage="adoption")
    world.tick()
    assert outcomes(world) == ["goal"]


def test_s12_exits_go_in_their_order_and_the_workspaces_come_last(world: World) -> None:
    settings(world, 'exit: [{when: stage == "churned", outcome: churned}]')
    first = 'exit:\n- {when: tier == "free", outcome: first}'
    journey(world, "p", "- wait: 30 days", more=f"{first}\n- when: tier is not none\n  outcome: second")
    world.deploy()
    for key in ("a", "b", "c"):
        company(world, key)
    world.tick()
    change(world.database, "a", tier="free", stage="churned")
    change(world.database, "b", tier="pro", stage="churned")
    change(world.database, "c", stage="churned")
    world.tick()
    assert [outcomes(world, key) for key in "abc"] == [["first"], ["second"], ["churned"]]


def test_s45_exit_on_churn_false_opts_out_of_the_exits_for_all(world: World) -> None:
    settings(world, 'exit: [{when: stage == "churned", outcome: churned}]')
    journey(world, "farewell", "- wait: 30 days", more="exit_on_churn: false", enter='when: stage == "churned"')
    world.deploy()
    company(world, stage="churned")
    world.time_passes(days=1)
    assert outcomes(world) == [None]


def test_s12_the_goal_is_asked_before_the_step_that_is_due_now(world: World) -> None:
    world.mail("late")
    journey(world, "p", "- wait: 3 days\n- email: late", more='goal: stage == "adoption"')
    world.deploy()
    company(world)
    world.tick()
    world.jump(days=3)
    change(world.database, "sakura", stage="adoption")
    world.tick()
    assert (outcomes(world), mails(world), states(world)) == (["goal"], [], [])


def test_s12_what_a_step_changes_is_seen_before_the_next_step(world: World) -> None:
    world.mail("late")
    journey(world, "p", "- set: {stage: adoption}\n- email: late", more='goal: stage == "adoption"')
    world.deploy()
    company(world)
    world.tick()
    assert (outcomes(world), mails(world)) == (["goal"], [])


def test_s12_a_goal_that_came_true_in_a_branch_ends_it_at_once(world: World) -> None:
    journey(
        world,
        "p",
        '- if: stage == "onboarding"\n  then:\n    - set: {attributes.done: true}\n    - log: Not this\n- log: Nor this',
        more="goal: attributes.done == true",
    )
    world.deploy()
    company(world)
    world.tick()
    assert outcomes(world) == ["goal"]
    assert not took(world, "logged")


def test_s6_renewed_holds_when_the_date_moves_a_month_later_and_not_when_it_is_corrected(world: World) -> None:
    journey(world, "p", "- wait: 200 days", more="goal: renewed", enter="at: renewal_date - 90 days\nwithin: 75 days")
    world.deploy()
    company(world, renewal_date=in_days(world, 80))
    world.tick()
    change(world.database, "sakura", renewal_date=in_days(world, 80 + 27))
    world.tick()
    assert outcomes(world) == [None]
    change(world.database, "sakura", renewal_date=in_days(world, 80 + 28))
    world.tick()
    assert outcomes(world) == ["goal"]


# Work in hand (S13)


def two_debts(world: World, more: str) -> None:
    """A hand-off, and a mail that waits for its window."""
    world.mail("hello")
    journey(world, "p", '- handoff: Call\n- email: hello\n  window: "22:00-23:00"', more=more)
    world.deploy()
    company(world)
    world.tick()


def test_s13_leaving_cancels_the_mail_that_waits_and_withdraws_the_open_hand_off(world: World) -> None:
    two_debts(world, 'goal: stage == "adoption"')
    assert (states(world), handoff_state(world)) == ([("hello", "pending")], HandoffState.OPEN)
    change(world.database, "sakura", stage="adoption")
    world.time_passes(days=1)
    assert (states(world), handoff_state(world)) == ([("hello", "cancelled")], HandoffState.WITHDRAWN)
    assert mails(world) == []


def test_s13_leaving_cancels_a_held_mail(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello\n  review: csm", more='exit: [{when: stage == "adoption", outcome: out}]')
    world.deploy()
    company(world)
    world.tick()
    assert states(world) == [("hello", "held")]
    change(world.database, "sakura", stage="adoption")
    world.tick()
    assert (states(world), outcomes(world)) == ([("hello", "cancelled")], ["out"])


def test_s13_an_acknowledged_hand_off_stays_with_its_person_who_is_asked_once(world: World) -> None:
    two_debts(world, 'goal: stage == "adoption"')
    it = handoff_id(world)
    with world.database.write() as connection:
        handoff_moves.acknowledge(connection, it, by="sato", at=world.now, key="k")
    change(world.database, "sakura", stage="adoption")
    world.time_passes(hours=6)
    assert handoff_state(world) is HandoffState.ACKNOWLEDGED
    asked = [found.details for found in took(world, "handoff_outlived")]
    assert [(found["handoff"], found["reason"]) for found in asked] == [(it, "goal")]


def test_s13_each_hand_off_is_told_how_its_own_walk_ended(world: World) -> None:
    exits = "[{when: tier == 'free', outcome: shrunk}, {when: tier == 'pro', outcome: grown}]"
    journey(world, "p", "- handoff: Call\n- wait: 30 days", more=f"exit: {exits}")
    world.deploy()
    company(world, "a")
    company(world, "b")
    world.tick()
    change(world.database, "a", tier="free")
    change(world.database, "b", tier="pro")
    world.tick()
    reasons = {key: took(world, "handoff_withdrawn", key)[0].details["reason"] for key in "ab"}
    assert reasons == {"a": "shrunk", "b": "grown"}


def test_s13_keep_handoffs_leaves_the_open_ones_of_that_exit(world: World) -> None:
    exits = "[{when: tier == 'free', outcome: kept, keep_handoffs: true}, {when: tier == 'pro', outcome: gone}]"
    journey(world, "p", "- handoff: Call\n- wait: 30 days", more=f"exit: {exits}")
    world.deploy()
    company(world, "a")
    company(world, "b")
    world.tick()
    change(world.database, "a", tier="free")
    change(world.database, "b", tier="pro")
    world.tick()
    assert (outcomes(world, "a"), handoff_state(world, "a")) == (["kept"], HandoffState.OPEN)
    assert (outcomes(world, "b"), handoff_state(world, "b")) == (["gone"], HandoffState.WITHDRAWN)


def test_s13_coming_to_the_end_leaves_the_hand_off_open(world: World) -> None:
    journey(world, "p", "- handoff: Call")
    world.deploy()
    company(world)
    world.time_passes(hours=1)
    assert (outcomes(world), handoff_state(world)) == (["completed"], HandoffState.OPEN)


def test_s13_ending_by_hand_cleans_up_too(world: World) -> None:
    two_debts(world, "again: always")
    assert leave(world, "p", customer="sakura") == 1
    assert (states(world), handoff_state(world)) == ([("hello", "cancelled")], HandoffState.WITHDRAWN)
    assert outcomes(world) == ["exited"]


def test_s13_ending_everybody_by_hand(world: World) -> None:
    journey(world, "p", "- wait: 9 days", enter="manual: true")
    world.deploy()
    for key in ("a", "b"):
        company(world, key)
    assert enroll(world, "p") == 3
    world.tick()
    assert leave(world, "p") == 3
    assert [outcomes(world, key) for key in "ab"] == [["exited"], ["exited"]]


def test_s37_a_goal_reached_during_a_pause_counts_before_the_mail_that_waited(world: World) -> None:
    world.mail("hello")
    journey(world, "p", '- email: hello\n  window: "10:00-20:00"', more='goal: stage == "adoption"')
    world.deploy()
    company(world)
    world.tick()
    world.jump(minutes=30)  # half past nine
    stands_still(world, "playbook", "p")
    world.time_passes(hours=5)
    change(world.database, "sakura", stage="adoption")
    world.tick()
    assert outcomes(world) == [None]  # it stands still
    goes_on(world, "playbook", "p")
    world.time_passes(hours=4)
    assert (outcomes(world), mails(world)) == (["goal"], [])


def test_s10_a_walk_leaves_once_and_says_so_once(world: World) -> None:
    journey(world, "p", "- wait: 30 days", more='goal: renewal_date >= "2028-01-01"')
    world.deploy()
    company(world)
    world.tick()
    change(world.database, "sakura", renewal_date=date(2028, 3, 1))
    world.time_passes(days=2)
    assert len(took(world, "goal")) == 1
