"""A condition taken apart for explaining: per leaf the value, the verdict, and whether a silent feed or a young customer
stands behind an "unknown", all as columns of one statement. Evaluates nothing in Python. Used by why_not and waiting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row

from bot.insight.explanation import SeenLeaf, plain
from bot.rules.condition_feeds import feed_of, is_stale
from bot.rules.condition_sql import call_arguments
from bot.rules.condition_tree import Call, Node, every_node, leaf_nodes
from bot.rules.conditions import Condition, Leaf, Scope, compile_condition, leaves
from bot.rules.vocabulary import VOCABULARY
from bot.rules.vocabulary_entry import Silence
from bot.rules.vocabulary_usage import began_on
from storage.dialects import days_between


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Why "nothing happened" in one leaf may not be believed: a feed that must be fresh (S2), or an age in days that the
    customer must have (S3)."""

    leaf: int
    feed: str = ""
    days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The cause of an unknown verdict, as a reason and its details."""

    reason: str
    details: dict[str, Any]


class LeafColumns:
    """The columns of one condition over one scope, and how to read a row that was selected with them. `prefix` keeps
    several conditions of one statement apart."""

    def __init__(self, condition: Condition, scope: Scope, prefix: str = "c") -> None:
        self._prefix = prefix
        self._scope = scope
        self._holds = compile_condition(condition, scope)
        self._leaves: list[Leaf] = leaves(condition, scope)
        self._doubts = tuple(_doubts(condition, scope))
        self._nodes = tuple(leaf_nodes(condition.tree))

    @property
    def leaves(self) -> list[Leaf]:
        return self._leaves

    @property
    def holds(self) -> ColumnElement[Any]:
        return self._holds

    def columns(self) -> list[ColumnElement[Any]]:
        """To be selected beside whatever else is asked."""
        name = self._prefix
        found: list[ColumnElement[Any]] = [self._holds.label(f"{name}_holds")]
        for place, leaf in enumerate(self._leaves):
            found += [leaf.value.label(f"{name}_value{place}"), leaf.holds.label(f"{name}_verdict{place}")]
            if leaf.bound is not None:
                found.append(leaf.bound.label(f"{name}_bound{place}"))
        for place, doubt in enumerate(self._doubts):
            found.append(self._doubt_column(doubt).label(f"{name}_doubt{place}"))
        return found

    def verdict(self, row: Row[Any]) -> bool | None:
        return _truth(row._mapping[f"{self._prefix}_holds"])

    def seen(self, row: Row[Any]) -> tuple[SeenLeaf, ...]:
        found, name = row._mapping, self._prefix
        return tuple(
            SeenLeaf(
                text=leaf.text,
                value=_value(found[f"{name}_value{place}"], node),
                holds=_truth(found[f"{name}_verdict{place}"]),
                bound=None if leaf.bound is None else plain(found[f"{name}_bound{place}"]),
            )
            for place, (leaf, node) in enumerate(zip(self._leaves, self._nodes, strict=True))
        )

    def why_unknown(self, row: Row[Any]) -> Unknown:
        """Silence first, youth second, an empty value (S1) last."""
        unknown = {
            place for place in range(len(self._leaves)) if row._mapping[f"{self._prefix}_verdict{place}"] is None
        }
        standing = [
            doubt
            for place, doubt in enumerate(self._doubts)
            if doubt.leaf in unknown and row._mapping[f"{self._prefix}_doubt{place}"]
        ]
        feeds = sorted({doubt.feed for doubt in standing if doubt.feed})
        if feeds:
            return Unknown(reason="feed_stale", details={"feeds": feeds})
        days = max((doubt.days for doubt in standing), default=0)
        if days:
            return Unknown(reason="too_young", details={"days": days})
        return Unknown(reason="condition_empty", details={})

    def _doubt_column(self, doubt: Doubt) -> ColumnElement[bool]:
        if doubt.feed:
            return is_stale(doubt.feed, self._scope)
        return days_between(self._scope.today(), began_on(self._scope)) < doubt.days


def _doubts(condition: Condition, scope: Scope) -> Iterator[Doubt]:
    for place, leaf in enumerate(leaf_nodes(condition.tree)):
        for node in every_node(leaf):
            if isinstance(node, Call):
                yield from _doubts_of(node, place, scope)


def _doubts_of(call: Call, place: int, scope: Scope) -> Iterator[Doubt]:
    entry = VOCABULARY[call.function]
    if entry.silence is Silence.NONE:
        return
    arguments = call_arguments(call, scope)
    feed = feed_of(entry, arguments, scope)
    if feed is not None:
        yield Doubt(leaf=place, feed=feed)
    days = entry.window(arguments) if entry.window is not None else None
    if days is not None:
        yield Doubt(leaf=place, days=days)


def _truth(value: Any) -> bool | None:
    return None if value is None else bool(value)


def _value(value: Any, node: Node) -> Any:
    """A yes-or-no leaf is its own value; SQLite says 1 for it."""
    is_question = not hasattr(node, "operator") and node.type == "bool" and isinstance(value, int)
    return bool(value) if is_question else plain(value)
