"""Measuring: the silent share and the arms (semantics.md S23, S33)."""

from __future__ import annotations

import pytest

from bot.errors import WorkspaceError
from storage.handoffs import HandoffState
from tests.cast import change
from tests.pipeline.scenes import (
    attributes,
    company,
    enroll,
    journey,
    leave,
    mails,
    outcomes,
    states,
    titles,
    took,
    walk,
    walks,
)
from tests.world import World

SPLIT = """
- split:
    - {arm: a, weight: 50, steps: [{set: {attributes.arm: a}}]}
    - {arm: b, weight: 50, steps: [{set: {attributes.arm: b}}]}
- wait: 5 days
"""
KEYS = [f"c{number}" for number in range(24)]


def arms(world: World) -> dict[str, list[str]]:
    return {key: [str(found.details["arm"]) for found in took(world, "arm", key)] for key in KEYS}


def test_s23_an_arm_is_stable_and_the_arms_share_by_weight(world: World) -> None:
    journey(world, "p", SPLIT, more="again: always", enter="manual: true")
    world.deploy()
    for key in KEYS:
        company(world, key)
    for _ in range(2):
        enroll(world, "p")
        world.tick()
        leave(world, "p")
    found = arms(world)
    assert all(first == second for first, second in found.values())
    assert 4 <= [first for first, _ in found.values()].count("a") <= 20


def test_s23_an_arm_of_weight_zero_gets_nobody(world: World) -> None:
    journey(world, "p", SPLIT.replace("arm: b, weight: 50", "arm: b, weight: 0"))
    world.deploy()
    for key in KEYS[:8]:
        company(world, key)
    world.tick()
    assert {arm for arms_of in arms(world).values() for arm in arms_of} == {"a"}


def test_s23_changed_weights_touch_newcomers_only(world: World) -> None:
    journey(world, "p", SPLIT)
    world.deploy()
    for key in KEYS[:12]:
        company(world, key)
    world.tick()
    before = arms(world)
    journey(world, "p", SPLIT.replace("arm: b, weight: 50", "arm: b, weight: 0"))
    world.deploy()
    for key in KEYS[12:]:
        company(world, key)
    world.time_passes(hours=3)
    after = arms(world)
    assert all(after[key] == before[key] for key in KEYS[:12])
    assert {arm for key in KEYS[12:] for arm in after[key]} == {"a"}


def test_s23_another_playbook_divides_the_customers_in_another_way(world: World) -> None:
    for name in ("p", "q"):
        journey(world, name, SPLIT)
    world.deploy()
    for key in KEYS:
        company(world, key)
    world.tick()
    assert any(first != second for first, second in arms(world).values())


# Holdout (S33)

LOUD = """
- email: hello
- handoff: Call
- set: {attributes.touched: true}
- enroll: child
- log: Seen
"""


def loud(world: World, steps: str = LOUD) -> tuple[str, str]:
    """A playbook that does everything, half of it silent; keys of a customer inside and one outside of the holdout."""
    world.mail("hello")
    journey(world, "child", "- log: Child", enter="manual: true")
    journey(world, "p", steps, more='holdout: 50%\ngoal: stage == "adoption"')
    world.deploy()
    for key in KEYS:
        company(world, key)
    world.tick()
    silent = [key for key in KEYS if walk(world, key, "p").is_holdout]
    loud_ones = [key for key in KEYS if key not in silent]
    assert 4 <= len(silent) <= 20
    return silent[0], loud_ones[0]


def test_s33_the_holdout_walks_silently_and_the_others_do_not(world: World) -> None:
    silent, spoken = loud(world)
    assert (states(world, silent), titles(world, silent), walks(world, silent, "child")) == ([], [], [])
    assert (mails(world, spoken), titles(world, spoken)) == (["hello"], ["Call"])
    assert len(walks(world, spoken, "child")) == 1
    assert attributes(world, silent) == {}
    assert attributes(world, spoken) == {"touched": True}
    assert len(took(world, "holdout", silent)) == 4


def test_s33_the_goal_ends_a_silent_walk_too(world: World) -> None:
    silent, _ = loud(world, "- email: hello\n- wait: 30 days")
    change(world.database, silent, stage="adoption")
    world.tick()
    assert outcomes(world, silent, "p") == ["goal"]


def test_s33_waits_take_their_time_as_if_nothing_was_sent(world: World) -> None:
    steps = (
        '- email: hello\n- wait: {until: clicked("hello"), at_most: 5 days}\n  then:\n    - end: clicked\n- end: silent'
    )
    silent, _ = loud(world, steps)
    world.time_passes(days=4)
    assert outcomes(world, silent, "p") == [None]
    world.time_passes(days=1)
    assert outcomes(world, silent, "p") == ["silent"]


def test_s33_the_holdout_is_stable_and_another_one_for_each_playbook(world: World) -> None:
    for name in ("p", "q"):
        journey(world, name, "- log: Hello", more="holdout: 50%\nagain: always", enter="manual: true")
    world.deploy()
    for key in KEYS:
        company(world, key)
    for _ in range(2):
        enroll(world, "p")
        enroll(world, "q")
        world.tick()
    twice = {key: [found.is_holdout for found in walks(world, key, "p")] for key in KEYS}
    assert all(first == second for first, second in twice.values())
    assert any(twice[key][0] != walks(world, key, "q")[0].is_holdout for key in KEYS)


def test_s33_a_mail_that_is_exempt_from_caps_and_a_holdout_exclude_each_other(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello\n  cap: exempt", more="holdout: 10%")
    with pytest.raises(WorkspaceError) as refused:
        world.deploy()
    assert [found.rule for found in refused.value.findings] == ["holdout-exempt"]


def test_s33_no_question_is_asked_about_a_silent_walk(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello\n  to: nobody_has_this", more="holdout: 50%")
    world.deploy()
    for key in KEYS[:12]:
        company(world, key)
    world.tick()
    asked = {found.customer for found in world.handoffs if found.state is HandoffState.OPEN}
    silent = {found.customer for found in world.walks if found.is_holdout}
    assert silent.isdisjoint(asked)
    assert silent
