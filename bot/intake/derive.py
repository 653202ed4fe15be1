"""What a map may ask to derive for customers after its files are in: `arr`, twelve times the monthly revenue of the running
subscriptions; `renewal_date`, the next anniversary of the running paid subscription that began last. Applied like any
other value of that source (S17), so a date that a person corrected stays until the subscriptions say something new."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from dateutil.relativedelta import relativedelta
from sqlalchemy import Connection, Table, and_, case, func, or_, select

from bot.intake.rows import Record
from storage.accounts import Customer
from storage.facts import Subscription

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
SUBSCRIPTION: Table = Subscription.__table__  # type: ignore[attr-defined]
BATCH = 5_000


def derived_batch(
    connection: Connection, source: str, names: Sequence[str], today: date, after: int
) -> tuple[list[Record], int]:
    """Records with the derived columns of the next customers (by id, behind `after`) who have a subscription of this source,
    and the last one's id; no records when there is none left."""
    is_running = and_(
        SUBSCRIPTION.c.started_on <= today, or_(SUBSCRIPTION.c.ended_on.is_(None), SUBSCRIPTION.c.ended_on > today)
    )
    is_paid = and_(is_running, SUBSCRIPTION.c.mrr > 0)
    revenue = func.sum(case((is_running, SUBSCRIPTION.c.mrr), else_=0))
    began = func.max(case((is_paid, SUBSCRIPTION.c.started_on)))
    query = (
        select(CUSTOMER.c.id, CUSTOMER.c.key, revenue, began)
        .join(SUBSCRIPTION, SUBSCRIPTION.c.customer_id == CUSTOMER.c.id)
        .where(SUBSCRIPTION.c.source == source, CUSTOMER.c.id > after)
        .group_by(CUSTOMER.c.id, CUSTOMER.c.key)
        .order_by(CUSTOMER.c.id)
        .limit(BATCH)
    )
    rows = connection.execute(query).all()
    records = [_record(key, monthly, latest, names, today) for _, key, monthly, latest in rows]
    return records, rows[-1][0] if rows else after


def _record(key: str, monthly: float | None, latest: date | None, names: Sequence[str], today: date) -> Record:
    values: dict[str, Any] = {"customer": key}
    if "arr" in names:
        values["arr"] = round(12 * (monthly or 0.0), 2)
    if "renewal_date" in names:
        values["renewal_date"] = None if latest is None else next_anniversary(latest, today)
    return Record(0, values)


def next_anniversary(began: date, today: date) -> date:
    """The first yearly return of `began` after `today`; 29 February returns on the 28th in common years."""
    years = max(1, today.year - began.year)
    found = began + relativedelta(years=years)
    return found if found > today else began + relativedelta(years=years + 1)
