"""The flat form of a playbook that the engine walks: one node per step, each knowing what follows it. Made once per
playbook version; it decides nothing about customers (conditions do) and touches no table (pipeline.advance does)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bot.rules.playbook import Playbook
from bot.rules.steps_model import BranchStep, EndStep, IfStep, SplitStep, Step, WaitStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One step and its ways on. `next` is what follows when the step is over (None: the walk ends "completed"); the
    ways into a block are the block's first node, or `next` when the block is empty."""

    id: str
    step: Step
    next: str | None
    then: str | None
    otherwise: str | None
    cases: tuple[tuple[str, str | None], ...] = ()
    arms: tuple[tuple[str, int, str | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """All nodes of a playbook; `order` is document order."""

    first: str
    nodes: Mapping[str, Node]
    order: tuple[str, ...]

    @classmethod
    def of(cls, playbook: Playbook) -> Program:
        """Raises: ValueError when two steps share an id (`check` reports it, S16)."""
        order: list[Node] = []
        _flatten(playbook.steps, None, order)
        nodes = {node.id: node for node in order}
        if len(nodes) != len(order):
            raise ValueError(f"playbook `{playbook.name}` uses a step id twice")
        return cls(first=order[0].id, nodes=MappingProxyType(nodes), order=tuple(node.id for node in order))


def _flatten(steps: tuple[Step, ...], after: str | None, order: list[Node]) -> str | None:
    """Appends the nodes of a block that is followed by `after`; returns the block's first node, or `after`."""
    followers: list[str | None] = [*(step.id for step in steps[1:]), after] if steps else []
    for step, follower in zip(steps, followers, strict=True):
        place = len(order)
        order.append(Node(id=step.id, step=step, next=None, then=None, otherwise=None))
        order[place] = _node(step, follower, order)
    return steps[0].id if steps else after


def _node(step: Step, after: str | None, order: list[Node]) -> Node:
    match step:
        case WaitStep() | IfStep():
            then, otherwise = _flatten(step.then, after, order), _flatten(step.otherwise, after, order)
            return Node(id=step.id, step=step, next=after, then=then, otherwise=otherwise)
        case BranchStep():
            cases = tuple((case.when, _flatten(case.steps, after, order)) for case in step.cases)
            otherwise = _flatten(step.otherwise, after, order)
            return Node(id=step.id, step=step, next=after, then=None, otherwise=otherwise, cases=cases)
        case SplitStep():
            arms = tuple((arm.arm, arm.weight, _flatten(arm.steps, after, order)) for arm in step.arms)
            return Node(id=step.id, step=step, next=after, then=None, otherwise=None, arms=arms)
        case EndStep():  # passed over where its `when` does not hold
            return Node(id=step.id, step=step, next=after if step.when else None, then=None, otherwise=None)
        case _:
            return Node(id=step.id, step=step, next=after, then=None, otherwise=None)
