"""Whether a number may only look like nothing, because a feed it counts on is silent or the customer too young (semantics.md
S2, S3). For what is stored from conditions: metrics, bands; conditions themselves ask leaf by leaf in condition_sql."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, false, or_

from bot.rules.condition_feeds import is_in_doubt
from bot.rules.condition_scope import Scope
from bot.rules.condition_sql import call_arguments
from bot.rules.condition_tree import Call, every_node
from bot.rules.conditions import Condition
from bot.rules.vocabulary import VOCABULARY
from bot.rules.vocabulary_entry import Silence


def is_doubtful(condition: Condition, scope: Scope) -> ColumnElement[Any]:
    """Never unknown itself."""
    calls = (node for node in every_node(condition.tree) if isinstance(node, Call))
    doubts = [
        is_in_doubt(VOCABULARY[call.function], call_arguments(call, scope), scope)
        for call in calls
        if VOCABULARY[call.function].silence is not Silence.NONE
    ]
    return or_(false(), *doubts)
