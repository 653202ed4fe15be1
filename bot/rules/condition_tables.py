"""Which tables an expression reads, found in the expression itself, so that nobody has to say it of each name. From this follows
who must look again when facts change. Pure."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Alias, ColumnElement, Table
from sqlalchemy.sql import visitors


def tables_read(expression: ColumnElement[Any], *, besides: Table | None = None) -> frozenset[str]:
    """Names of all tables below it. `besides`: the row the expression is asked of, which is no fact to it unless it is looked up
    under another name."""
    found = set[str]()
    for node in visitors.iterate(expression):
        if isinstance(node, Alias) and isinstance(node.element, Table):
            found.add(node.element.name)
        for table in (node, getattr(node, "table", None)):
            if isinstance(table, Table) and table is not besides:
                found.add(table.name)
    return frozenset(found)
