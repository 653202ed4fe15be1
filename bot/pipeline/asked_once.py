"""What several expressions of one statement ask of a customer, worked out once: a database repeats a subquery wherever the
expression stands that holds it. For what is needed of every customer looked at; a condition that stops at its first no is faster
without."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import ColumnElement, Subquery, select

from bot.pipeline.scopes import CUSTOMER
from bot.rules.condition_scope import Scope
from bot.rules.conditions import Condition
from bot.rules.score_sql import fact_columns


def asked_once(
    conditions: Iterable[Condition], scope: Scope, where: Iterable[ColumnElement[bool]]
) -> tuple[Subquery, Scope]:
    """The customers (`customer_id`) with every name and function that the conditions look at, to be joined by whoever compiles
    them in the scope that comes with it."""
    found = fact_columns(conditions, scope)
    labels = {text: f"asked_{number}" for number, text in enumerate(found)}
    rows = (
        select(CUSTOMER.c.id.label("customer_id"), *(found[text].label(label) for text, label in labels.items()))
        .where(*where, CUSTOMER.c.erased_at.is_(None))
        .offset(0)  # else a planner may put the columns back to where they are used
        .subquery("asked")
    )
    return rows, replace(scope, known={text: rows.c[label] for text, label in labels.items()})
