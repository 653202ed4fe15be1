"""Which derived things a condition asks: metrics, features, scores, plans, signals by name. From this follow the order of derivation
within a kind (semantics.md S31), the cycles that `check` names, and who must be looked at again. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bot.rules.condition_feeds import OVER_TIME
from bot.rules.condition_tree import Call, Word, every_node
from bot.rules.conditions import Condition

Kind = Literal["metric", "feature", "score", "plan", "signal", "stage"]
#: The order in which they are derived from one another.
KINDS: tuple[Kind, ...] = ("metric", "feature", "score", "plan", "signal", "stage")
#: The name that stands for all of a kind.
ALL = "*"
_BY_NAME: Mapping[str, Kind] = {
    "metric": "metric",
    "feature_band": "feature",
    "score": "score",
    "band": "score",
    "band_days": "score",
    "worsened": "score",
    "improved": "score",
    "score_change": "score",
    "plan": "plan",
    "plan_behind": "plan",
    "plan_progress": "plan",
    "plan_due": "plan",
    "plan_objectives": "plan",
    "signal": "signal",
}
_OF_ALL: Mapping[str, Kind] = {"features": "feature", "weakest_feature": "feature"}


@dataclass(frozen=True, slots=True, order=True)
class Derived:
    """One derived thing; the name may be ALL."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def asked_of(conditions: Iterable[Condition], metrics: Collection[str]) -> frozenset[Derived]:
    """What these conditions ask. `metrics`: the names of metrics.yml."""
    return frozenset(found for condition in conditions for found in _asked(condition, metrics))


def _asked(condition: Condition, metrics: Collection[str]) -> Iterator[Derived]:
    for node in every_node(condition.tree):
        if isinstance(node, Word) and node.name in _OF_ALL:
            yield Derived(_OF_ALL[node.name], ALL)
        if not isinstance(node, Call):
            continue
        if node.function in _OF_ALL:
            yield Derived(_OF_ALL[node.function], ALL)
            continue
        name = str(node.arguments[0][1]) if node.arguments else ""
        if node.function in _BY_NAME:
            yield Derived(_BY_NAME[node.function], name)
        elif node.function in OVER_TIME and name in metrics:
            yield Derived("metric", name)


Asking = Mapping[Derived, frozenset[Derived]]


def targets_of(asking: Asking, asked: Iterable[Derived]) -> Iterator[Derived]:
    """The things of `asking` that are asked: by name, or all of a kind."""
    for found in asked:
        if found in asking:
            yield found
        elif found.name == ALL:
            yield from (other for other in asking if other.kind == found.kind)


def in_order(asking: Asking) -> list[Derived]:
    """By kind; within a kind whatever is asked goes before who asks it. In a ring one of them goes
    first, and reads what the others were at the previous tick."""
    ordered: list[Derived] = []
    for thing in sorted(asking, key=lambda each: (KINDS.index(each.kind), each.name)):
        _place(thing, asking, ordered, [])
    return ordered


def _place(thing: Derived, asking: Asking, ordered: list[Derived], above: list[Derived]) -> None:
    if thing in ordered or thing in above:
        return
    for other in sorted(targets_of(asking, asking[thing])):
        if other.kind == thing.kind:
            _place(other, asking, ordered, [*above, thing])
    ordered.append(thing)


def rings(asking: Asking) -> list[tuple[Derived, ...]]:
    """Every true cycle once, beginning with its first member in the order of derivation."""
    found: dict[frozenset[Derived], tuple[Derived, ...]] = {}
    for thing in sorted(asking, key=lambda each: (KINDS.index(each.kind), each.name)):
        way = _way_back(thing, asking)
        if way:
            found.setdefault(frozenset(way), way)
    return list(found.values())


def _way_back(start: Derived, asking: Asking) -> tuple[Derived, ...]:
    """The shortest way from a thing to itself; empty where there is none."""
    ways: list[tuple[Derived, ...]] = [(start,)]
    seen: set[Derived] = set()
    for way in ways:
        for other in sorted(targets_of(asking, asking[way[-1]])):
            if other == start:
                return way
            if other not in seen:
                seen.add(other)
                ways.append((*way, other))
    return ()
