"""For which stages a condition can hold, as far as its text says: `stage == "onboarding" and …` only for that one. For the report
that looks for stages in which nobody acts on a signal. Pure; errs on the side of "any"."""

from __future__ import annotations

from collections.abc import Collection

from bot.rules.condition_tree import Comparison, Constant, Junction, Membership, Node, Word
from bot.rules.conditions import Condition


def stages_in_scope(condition: Condition | None, stages: Collection[str]) -> frozenset[str]:
    """Those of `stages` in which it may hold; all of them without a condition."""
    every = frozenset(stages)
    return every if condition is None else _scope(condition.tree, every)


def _scope(node: Node, every: frozenset[str]) -> frozenset[str]:
    match node:
        case Junction(operator="and"):
            return frozenset.intersection(*(_scope(each, every) for each in node.operands))
        case Junction(operator="or"):
            return frozenset.union(*(_scope(each, every) for each in node.operands))
        case Comparison(operator="==" | "!=" as operator):
            named = _texts(node.left, node.right)
            if not named or not any(_is_stage(each) for each in (node.left, node.right)):
                return every
            return every & named if operator == "==" else every - named
        case Membership(value=value, items=items, is_negated=is_negated) if _is_stage(value):
            named = _texts(*items)
            return every - named if is_negated else every & named
        case _:
            return every


def _is_stage(node: Node) -> bool:
    return isinstance(node, Word) and node.name == "stage"


def _texts(*nodes: Node) -> frozenset[str]:
    return frozenset(node.value for node in nodes if isinstance(node, Constant) and isinstance(node.value, str))
