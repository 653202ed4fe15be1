"""What stays? Month by month from the subscriptions: gross and net revenue retention, customers and revenue lost, and
what a customer is worth while churn stays as it is. Who goes from paid to free is lost. Read-only, one statement a month."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, case, func, literal, or_, select

from bot.rules.schedules import add_months
from storage.facts import Subscription

HELD: Table = Subscription.__table__  # type: ignore[attr-defined]
MONTHS = 12


def report_retention(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """The last twelve months, the newest first, the running one up to today. Money is monthly revenue in the subscriptions' own
    currency; rates are shares of what stood when the month began, None where nothing did. `ltv`: revenue a month of one customer
    divided by the share of customers lost a month, in the mean of the months up to this one."""
    first = now.date().replace(day=1)
    months = [add_months(first, -back) for back in range(MONTHS)]
    found = [_month(connection, month, min(add_months(month, 1), now.date())) for month in months]
    rows = [row for row in found if row["customers"] or row["mrr"]]
    for place, row in enumerate(rows):
        row["ltv"] = _ltv(rows[place:])
    return rows


def _month(connection: Connection, begins: date, ends: date) -> dict[str, Any]:
    """What stood on the day before the month began, and what of it stands when it ends."""
    of_customer = (
        select(
            HELD.c.customer_id,
            _mrr_on(begins - timedelta(days=1)).label("before"),
            _mrr_on(ends - timedelta(days=1)).label("after"),
        )
        .group_by(HELD.c.customer_id)
        .subquery()
    )
    before, after = of_customer.c.before, of_customer.c.after
    kept = case((after < before, after), else_=before)
    row = connection.execute(
        select(
            func.count().label("customers"),
            func.count(case((after <= 0, 1))).label("lost"),
            func.coalesce(func.sum(before), 0.0).label("mrr"),
            func.coalesce(func.sum(kept), 0.0).label("kept"),
            func.coalesce(func.sum(after), 0.0).label("after"),
        ).where(before > 0)
    ).one()
    return {
        "month": f"{begins:%Y-%m}",
        "customers": row.customers,
        "customers_lost": row.lost,
        "customer_churn": _share(row.lost, row.customers),
        "mrr": round(float(row.mrr), 2),
        "revenue_churn": _share(row.mrr - row.kept, row.mrr),
        "grr": _share(row.kept, row.mrr),
        "nrr": _share(row.after, row.mrr),
    }


def _mrr_on(day: date) -> ColumnElement[float]:
    """The monthly revenue of the subscriptions that run on that day; the last day counts."""
    runs = and_(
        or_(HELD.c.started_on.is_(None), HELD.c.started_on <= literal(day)),
        or_(HELD.c.ended_on.is_(None), HELD.c.ended_on >= literal(day)),
    )
    return func.coalesce(func.sum(case((runs, HELD.c.mrr), else_=0.0)), 0.0)


def _share(part: float, whole: float) -> float | None:
    return round(float(part) / float(whole), 4) if whole else None


def _ltv(months: list[dict[str, Any]]) -> float | None:
    """None while nobody was ever lost."""
    customers = sum(month["customers"] for month in months)
    lost = sum(month["customers_lost"] for month in months)
    if not customers or not lost:
        return None
    revenue = float(sum(month["mrr"] for month in months))
    return round(revenue / float(lost), 2)
