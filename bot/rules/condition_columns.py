"""A condition as a column of a statement. SQLite works out every part of an AND or OR that stands in a column, also behind one
that settles the answer: what is quick to ask, the stage a customer is in, is asked first, and what needs rows of other tables
only where that leaves the answer open. In a WHERE, or a CASE's WHEN, it stops at the first part by itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, SelectBase, and_, case, false, not_, or_, true
from sqlalchemy.sql import visitors

from bot.rules.condition_scope import Scope
from bot.rules.condition_sql import verdict_sql
from bot.rules.condition_tree import Junction
from bot.rules.conditions import Condition, compile_condition


def verdict_column(condition: Condition, scope: Scope) -> ColumnElement[bool]:
    """The same three answers as `compile_condition`. Raises: as compile_condition."""
    tree = condition.tree
    if not isinstance(tree, Junction):
        return compile_condition(condition, scope)
    parts = [verdict_sql(each, scope) for each in tree.operands]
    quick = [part for part in parts if not _reads_other_rows(part)]
    if tree.operator == "and":
        return case((not_(and_(*quick)), false()), else_=and_(*parts)) if 0 < len(quick) < len(parts) else and_(*parts)
    return case((or_(*quick), true()), else_=or_(*parts)) if 0 < len(quick) < len(parts) else or_(*parts)


def _reads_other_rows(expression: ColumnElement[Any]) -> bool:
    return any(isinstance(node, SelectBase) for node in visitors.iterate(expression))
