"""The flat form of a playbook: what follows what, at any depth."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from bot.rules.playbook import Playbook
from bot.rules.program import Program
from bot.rules.steps_model import EndStep, walk_steps
from tests.rules.test_playbook import STEPS


def program_of(steps: list[dict[str, Any]]) -> Program:
    made = Playbook.model_validate(
        {"name": "x", "title": "x", "walks": "customer", "enter": {"manual": True}, "steps": steps}
    )
    return Program.of(made)


def log(name: str) -> dict[str, Any]:
    return {"kind": "log", "id": name, "text": name}


def test_steps_follow_each_other_and_the_last_ends_the_walk() -> None:
    program = program_of([log("a"), log("b")])
    assert program.first == "a"
    assert program.order == ("a", "b")
    assert (program.nodes["a"].next, program.nodes["b"].next) == ("b", None)


def test_s11_blocks_fall_through_to_the_step_after_them() -> None:
    wait = {
        "kind": "wait",
        "id": "w",
        "until": "renewed",
        "at_most": "3 days",
        "then": [log("a")],
        "otherwise": [log("b"), log("c")],
    }
    nodes = program_of([wait, log("d")]).nodes
    assert (nodes["w"].then, nodes["w"].otherwise, nodes["w"].next) == ("a", "b", "d")
    assert (nodes["a"].next, nodes["b"].next, nodes["c"].next) == ("d", "c", "d")


def test_an_empty_block_leads_to_what_follows() -> None:
    nodes = program_of([{"kind": "if", "id": "i", "condition": "renewed", "then": [log("a")]}, log("b")]).nodes
    assert (nodes["i"].then, nodes["i"].otherwise) == ("a", "b")


def test_a_block_at_the_end_falls_through_all_blocks_around_it() -> None:
    inner = {"kind": "if", "id": "inner", "condition": "renewed", "then": [log("a")]}
    outer = {"kind": "if", "id": "outer", "condition": "renewed", "then": [inner], "otherwise": []}
    nodes = program_of([outer, log("z")]).nodes
    assert (nodes["a"].next, nodes["inner"].otherwise, nodes["outer"].otherwise) == ("z", "z", "z")


def test_a_branch_lists_its_cases_in_order() -> None:
    branch = {
        "kind": "branch",
        "id": "b",
        "cases": [{"when": "tier == 1", "steps": [log("one")]}, {"when": "tier == 2", "steps": []}],
        "otherwise": [log("rest")],
    }
    node = program_of([branch, log("z")]).nodes["b"]
    assert node.cases == (("tier == 1", "one"), ("tier == 2", "z"))
    assert node.otherwise == "rest"


def test_s23_a_split_lists_its_arms_with_their_weights() -> None:
    split = {
        "kind": "split",
        "id": "s",
        "arms": [{"arm": "a", "weight": 90, "steps": [log("x")]}, {"arm": "b", "weight": 10}],
    }
    assert program_of([split]).nodes["s"].arms == (("a", 90, "x"), ("b", 10, None))


def test_s11_an_end_ends_the_walk_at_any_depth() -> None:
    end = {"kind": "end", "id": "e", "outcome": "done"}
    nodes = program_of([{"kind": "if", "id": "i", "condition": "renewed", "then": [end]}, log("z")]).nodes
    assert nodes["e"].next is None


def test_an_end_whose_when_may_not_hold_leads_on() -> None:
    end = {"kind": "end", "id": "e", "outcome": "done", "when": "renewed"}
    assert program_of([end, log("z")]).nodes["e"].next == "z"


def test_s16_two_steps_of_one_id_make_no_program() -> None:
    with pytest.raises(ValueError, match="twice"):
        program_of([log("a"), log("a")])


@given(STEPS)
def test_every_step_is_a_node_and_every_way_leads_forward(steps: list[dict[str, Any]]) -> None:
    made = Playbook.model_validate(
        {"name": "x", "title": "x", "walks": "customer", "enter": {"manual": True}, "steps": _with_own_ids(steps)}
    )
    program = Program.of(made)
    assert program.order == tuple(step.id for step in walk_steps(made.steps))
    places = {name: place for place, name in enumerate(program.order)}
    for node in program.nodes.values():
        ways = [way for way in (node.next, node.then, node.otherwise) if way is not None]
        assert all(places[way] > places[node.id] for way in ways)
        assert not (ways and isinstance(node.step, EndStep) and node.step.when is None)


def _with_own_ids(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mails by unlike names, so that ids do not clash."""
    numbers = iter(range(1000))

    def named(step: dict[str, Any]) -> dict[str, Any]:
        changed = {**step, "template": f"mail_{next(numbers)}"} if step["kind"] == "email" else dict(step)
        for block in ("then", "otherwise"):
            if block in changed:
                changed[block] = [named(inner) for inner in changed[block]]
        return changed

    return [named(step) for step in steps]
