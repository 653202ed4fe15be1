"""Asks the database what an expression is worth for one customer. Used by the tests of what the names of a condition mean."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from bot.rules.conditions import compile_value, parse_value
from tests.rules.facts import CONTACT, CUSTOMER, ENROLLMENT, NOW, TODAY, scope


def ask(
    world: Connection, text: str, customer: int, *, walk: int | None = None, contact: int | None = None, **changes: Any
) -> Any:
    """The value of an expression for one customer (and its walk, and its contact)."""
    rows: Any = CUSTOMER
    where = [CUSTOMER.c.id == customer]
    if walk is not None:
        rows = rows.join(ENROLLMENT, ENROLLMENT.c.customer_id == CUSTOMER.c.id)
        where.append(ENROLLMENT.c.id == walk)
        changes = {"enrollment": ENROLLMENT, "event": ENROLLMENT.c.event, **changes}
    if contact is not None:
        rows = rows.join(CONTACT, CONTACT.c.customer_id == CUSTOMER.c.id)
        where.append(CONTACT.c.id == contact)
        changes = {"contact": CONTACT, **changes}
    value = compile_value(parse_value(text), scope(**changes))
    return world.execute(select(value).select_from(rows).where(*where)).scalar_one()


def days_ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def at(days: float) -> datetime:
    """An instant so many days ago."""
    return NOW - timedelta(days=days)
