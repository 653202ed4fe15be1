"""How do they fare? For each card and measure of the scorecard: customers by band now, the mean with that of 30 days ago, and how
many rose or fell a band since: the measure with most movement is what moved the card. Read-only, set-based."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, Table, and_, case, func, literal, select

from storage.accounts import Customer
from storage.health_views import FURTHEST_AHEAD
from storage.scores import BANDS, Score, ScoreState, rank_of

SCORE: Table = Score.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
TREND = timedelta(days=30)


def report_health(connection: Connection, now: datetime, csm: str | None = None) -> list[dict[str, Any]]:
    """One row per card, followed by its measures. Means are points from 0 to 100; who has no value (or to whom a measure does not
    apply) is in no band and no mean. `csm`: only of this CSM's customers."""
    today = (now + FURTHEST_AHEAD).date()  # scores stand under the customer's own day
    current, before = _standing(today, "current", csm), _standing(today - TREND, "before", csm)
    ranks = rank_of(current.c.band), rank_of(before.c.band)
    joined = current.outerjoin(
        before, and_(before.c.customer_id == current.c.customer_id, before.c.name == current.c.name)
    )
    is_card = case((current.c.name == current.c.card, 0), else_=1)
    rows = connection.execute(
        select(
            current.c.card,
            current.c.name,
            *(_count(current.c.band == band).label(band) for band in reversed(BANDS)),
            func.avg(current.c.value).label("mean"),
            func.avg(before.c.value).label("mean_30_days_ago"),
            _count(ranks[0] > ranks[1]).label("rose"),
            _count(ranks[0] < ranks[1]).label("fell"),
            func.avg(current.c.confidence).label("confidence"),
        )
        .select_from(joined)
        .group_by(current.c.card, current.c.name)
        .order_by(
            current.c.card, is_card, (_count(ranks[0] > ranks[1]) + _count(ranks[0] < ranks[1])).desc(), current.c.name
        )
    )
    return [_row(row._mapping) for row in rows]


def _standing(day: date, name: str, csm: str | None) -> Subquery:
    """The row of each score that stands on that day, of customers that are not erased."""
    newest = func.row_number().over(partition_by=(SCORE.c.customer_id, SCORE.c.name), order_by=SCORE.c.day.desc())
    mine = () if csm is None else (CUSTOMER.c.csm == csm,)
    ranked = (
        select(SCORE, newest.label("place"))
        .join(CUSTOMER, CUSTOMER.c.id == SCORE.c.customer_id)
        .where(SCORE.c.day <= literal(day), CUSTOMER.c.erased_at.is_(None), *mine)
        .subquery()
    )
    stands = ranked.c.state.not_in((ScoreState.OFF.value, ScoreState.MISSING.value))
    columns = [ranked.c[column] for column in ("customer_id", "card", "name", "value", "band", "confidence")]
    return select(*columns).where(ranked.c.place == 1, stands).subquery(name)


def _row(found: Any) -> dict[str, Any]:
    rounded = {name: _rounded(found[name]) for name in ("mean", "mean_30_days_ago")}
    confidence = found["confidence"]
    return {**found, **rounded, "confidence": None if confidence is None else round(float(confidence), 2)}


def _rounded(mean: Any) -> float | None:
    return None if mean is None else round(float(mean), 1)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))
