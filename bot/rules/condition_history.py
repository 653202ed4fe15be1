"""How far back a number looks, and at which events: whether it can be worked out for a day in the past from daily totals.
Used by the pipeline's kept_metrics."""

from __future__ import annotations

from dataclasses import dataclass

from bot.rules.condition_tree import Call, every_node
from bot.rules.conditions import Condition
from bot.rules.vocabulary import VOCABULARY
from bot.rules.vocabulary_entry import Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The events whose totals are counted, and over how many days at most."""

    events: frozenset[str]
    days: int


def reach_of(formula: Condition) -> Reach | None:
    """None where the past is not known from totals of named events: it asks none, or asks anything else beside them."""
    calls = [node for node in every_node(formula.tree) if isinstance(node, Call)]
    events, days = set[str](), 1
    for call in calls:
        given = dict(call.arguments)
        event, window = given.get("event"), given.get("days")
        if (
            VOCABULARY[call.function].topic is not Topic.USAGE
            or not isinstance(event, str)
            or not isinstance(window, int)
        ):
            return None
        events.add(event)
        days = max(days, window)
    return Reach(events=frozenset(events), days=days) if events else None
