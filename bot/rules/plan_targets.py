"""How far it is to the target of an objective: a comparison of numbers is measured from what the number was when the plan opened,
anything else holds or does not. Makes SQL of a condition; never runs it. Beside vocabulary_plans, which has `at_start`."""

from __future__ import annotations

from functools import reduce
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, case, cast, func, literal

from bot.rules.condition_scope import Scope
from bot.rules.condition_sql import value_sql, verdict_sql
from bot.rules.condition_tree import Call, Comparison, Constant, Junction, Node, ValueType, every_node, text_of
from bot.rules.conditions import Condition
from bot.rules.vocabulary_plans import AT_START, start_key
from storage.dialects import json_number, larger_of

Sql = ColumnElement[Any]
#: As long as the target does not hold there is something left.
ALMOST = 0.99


def starting_values(target: Condition) -> dict[str, Node]:
    """What an objective keeps from its opening: the numbers whose way to the target is measured, and what `at_start` asks."""
    found: dict[str, Node] = {}
    for node in every_node(target.tree):
        if _is_measure(node):
            assert isinstance(node, Comparison)
            value, _ = _sides(node)
            found[start_key(text_of(value))] = value
        if isinstance(node, Call) and node.function == AT_START:
            value = _argument(node)
            found[start_key(text_of(value))] = value
    return found


def progress_of(target: Condition, scope: Scope) -> Sql:
    """From 0 to 1; 1 only where the target holds, 0 where nothing is known."""
    return _progress(target.tree, scope)


def _progress(node: Node, scope: Scope) -> Sql:
    if isinstance(node, Junction):
        parts = [_progress(each, scope) for each in node.operands]
        if node.operator == "or":
            return reduce(larger_of, parts)
        return sum(parts[1:], start=parts[0]) / literal(float(len(parts)), Float())
    holds = verdict_sql(node, scope)
    if not _is_measure(node):
        return case((holds, literal(1.0, Float())), else_=literal(0.0, Float()))
    assert isinstance(node, Comparison)
    return case((holds, literal(1.0, Float())), else_=_way(node, scope))


def _way(comparison: Comparison, scope: Scope) -> Sql:
    """The share of the way from where it began (0, if nobody knows) to the target."""
    measured, against = _sides(comparison)
    value, bound = cast(value_sql(measured, scope), Float), cast(value_sql(against, scope), Float)
    kept = None if scope.objective is None else scope.objective.c.start
    zero = literal(0.0, Float())
    start = zero if kept is None else func.coalesce(json_number(kept, start_key(text_of(measured))), zero)
    whole = bound - start
    share = (value - start).op("/", return_type=Float(), precedence=8)(func.nullif(whole, 0.0, type_=Float()))
    return case((and_(share > zero, share < ALMOST), share), (share >= ALMOST, literal(ALMOST, Float())), else_=zero)


def _is_measure(node: Node) -> bool:
    """Whether one can be part of the way to it."""
    if not isinstance(node, Comparison) or node.operator == "!=":
        return False
    value, against = _sides(node)
    return value.type is ValueType.NUMBER and against.type is ValueType.NUMBER


def _sides(comparison: Comparison) -> tuple[Node, Node]:
    """What is measured, and against what."""
    is_turned = isinstance(comparison.left, Constant)
    return (comparison.right, comparison.left) if is_turned else (comparison.left, comparison.right)


def _argument(call: Call) -> Node:
    found = call.arguments[0][1]
    assert not isinstance(found, str | int | tuple)
    return found
