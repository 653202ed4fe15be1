"""Conditions are SQL: `parse_condition` reads a text once into a checked value, `compile_condition` makes it one expression
for one customer or a million, `leaves` one column per part for `explain`. Never evaluates anything in Python.
Before: playbooks (text). After: detect, enroll, advance, which put the expression into their statements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement

from bot.errors import ConditionError
from bot.rules.condition_parser import parse_tree
from bot.rules.condition_scope import LocalDays, Scope
from bot.rules.condition_sql import holds_for_zero, value_sql, verdict_sql, with_zero_counts
from bot.rules.condition_time import is_made_true_by_time
from bot.rules.condition_tree import (
    Call,
    Comparison,
    Constant,
    Emptiness,
    Limit,
    Membership,
    Negation,
    Node,
    Property,
    ValueType,
    Word,
    children,
    every_node,
    leaf_nodes,
    text_of,
)
from bot.rules.condition_types import as_type, as_verdict
from bot.rules.vocabulary import VOCABULARY
from bot.rules.vocabulary_entry import Arguments, Entry, Shape, Silence

__all__ = [
    "Condition",
    "ConditionError",
    "Leaf",
    "LocalDays",
    "Scope",
    "asks_absence",
    "compile_condition",
    "compile_value",
    "leaves",
    "parse_condition",
    "parse_value",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A parsed, type-checked expression.

    `names` are the vocabulary entries it uses, `steps` the step ids it refers to, `feeds` the feeds whose silence makes it
    unknown (`*`: any usage; when one wakes up, customers without facts of their own may start to match).
    `only_asks_mail`: every leaf asks what became of a step's mail (S10). `moves_with_time`: its answer may change by time
    alone, so it needs the daily sweep; `becomes_true_by_time`: time itself makes it true (`until` without `at_most`, S11)."""

    text: str
    tree: Node = field(repr=False)
    names: frozenset[str]
    steps: frozenset[str]
    event_fields: frozenset[str]
    feeds: frozenset[str]
    only_asks_mail: bool
    moves_with_time: bool
    becomes_true_by_time: bool
    needs_contact: bool
    needs_walk: bool

    @property
    def type(self) -> str:
        """`bool`, `number`, `text`, `date`, `any` or `nothing`."""
        return self.tree.type.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One part of a condition with the value it looked at and its verdict, both as columns. `bound` is what a comparison
    was against, when that is not written in the text."""

    text: str
    value: ColumnElement[Any]
    holds: ColumnElement[Any]
    bound: ColumnElement[Any] | None = None


@lru_cache(maxsize=4096)
def parse_condition(text: str) -> Condition:
    """An expression that is a yes or no. Raises: ConditionError."""
    return _described(text, as_verdict(parse_tree(text)))


@lru_cache(maxsize=4096)
def parse_value(text: str) -> Condition:
    """An expression of any type: for `set:` and for templates. Raises: ConditionError."""
    return _described(text, parse_tree(text))


def parse_date(text: str) -> Condition:
    """The date of an anchor; a free field is read as one. Raises: ConditionError when it can be none."""
    return _described(text, as_type(parse_tree(text), ValueType.DATE, "an anchor"))


def compile_condition(condition: Condition, scope: Scope) -> ColumnElement[bool]:
    """True, false, or NULL for unknown. Raises: ConditionError for a name this version cannot answer."""
    return verdict_sql(condition.tree, scope)


def compile_value(condition: Condition, scope: Scope) -> ColumnElement[Any]:
    """The value, NULL for empty or unknown; a free attribute as text. Raises: as compile_condition."""
    return verdict_sql(condition.tree, scope) if condition.type == "bool" else value_sql(condition.tree, scope)


def leaves(condition: Condition, scope: Scope) -> list[Leaf]:
    """Every comparison and bare yes-or-no of the condition, left to right. Raises: as compile_condition."""
    return [_leaf(node, is_positive, scope) for node, is_positive in _signed_leaves(condition.tree, is_positive=True)]


def _signed_leaves(node: Node, *, is_positive: bool) -> Iterator[tuple[Node, bool]]:
    if isinstance(node, Negation):
        yield from _signed_leaves(node.operand, is_positive=not is_positive)
    elif children(node) and [*leaf_nodes(node)] != [node]:
        for child in children(node):
            yield from _signed_leaves(child, is_positive=is_positive)
    else:
        yield node, is_positive


def asks_absence(condition: Condition) -> bool:
    """Whether it may hold because something did not happen, so that silence would make it hold as well (S2, S32)."""
    return any(_is_absence(node, is_positive) for node, is_positive in _signed_leaves(condition.tree, is_positive=True))


def _is_absence(leaf: Node, is_positive: bool) -> bool:
    silences = {VOCABULARY[call.function].silence for call in every_node(leaf) if isinstance(call, Call)}
    if Silence.ZERO in silences:
        holds = holds_for_zero(with_zero_counts(leaf))
        return holds is None or holds is is_positive
    return Silence.WHOLE in silences


def _leaf(node: Node, is_positive: bool, scope: Scope) -> Leaf:
    looked_at, bound = node, None
    if isinstance(node, Comparison):
        looked_at, other = (node.right, node.left) if isinstance(node.left, Constant) else (node.left, node.right)
        bound = None if isinstance(other, Constant) else value_sql(other, scope)
    elif isinstance(node, Membership | Emptiness):
        looked_at = node.value
    return Leaf(
        text=text_of(node),
        value=value_sql(looked_at, scope),
        holds=verdict_sql(node, scope, is_positive=is_positive),
        bound=bound,
    )


def _described(text: str, tree: Node) -> Condition:
    nodes = tuple(every_node(tree))
    entries = tuple(entry for node in nodes if (entry := _entry(node)) is not None)
    calls = tuple(node for node in nodes if isinstance(node, Call))
    return Condition(
        text=text,
        tree=tree,
        names=frozenset(entry.name for entry in entries),
        steps=frozenset(step for call in calls for step in _steps(call)),
        event_fields=frozenset(node.key for node in nodes if isinstance(node, Property) and node.document == "event"),
        feeds=frozenset(feed for call in calls if (feed := _feed(call)) is not None),
        only_asks_mail=all(_asks_mail(leaf) for leaf in leaf_nodes(tree)),
        moves_with_time=any(_moves(node) for node in nodes),
        becomes_true_by_time=is_made_true_by_time(tree),
        needs_contact=any(entry.needs_contact for entry in entries),
        needs_walk=any(entry.needs_walk for entry in entries) or any("since" in dict(call.arguments) for call in calls),
    )


def _entry(node: Node) -> Entry | None:
    match node:
        case Word():
            return VOCABULARY[node.name]
        case Call():
            return VOCABULARY[node.function]
        case Property():
            return VOCABULARY[node.document]
        case Limit():
            return VOCABULARY["limit"]
        case _:
            return None


def _steps(call: Call) -> Iterator[str]:
    asked = {parameter.name for parameter in VOCABULARY[call.function].parameters if parameter.shape is Shape.STEP}
    yield from (str(argument) for name, argument in call.arguments if name in asked)


def _feed(call: Call) -> str | None:
    feed = VOCABULARY[call.function].feed
    return None if feed is None else feed(Arguments(dict(call.arguments)))


def _asks_mail(leaf: Node) -> bool:
    return isinstance(leaf, Call) and VOCABULARY[leaf.function].asks_mail


def _moves(node: Node) -> bool:
    entry = _entry(node)
    given = frozenset(name for name, _ in node.arguments) if isinstance(node, Call) else frozenset()
    return entry is not None and entry.moves_with(given)
