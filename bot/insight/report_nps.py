"""`report nps`: the NPS of all, and by stage and by each segment (touch, tier, region, industry). Each person's latest answer
counts, if it is not older than half a year (S30). Read-only; one statement per grouping."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, case, func, literal, select

from bot.rules.surveys import DETRACTOR, PROMOTER, nps_of
from storage.accounts import Customer
from storage.facts import SurveyAnswer

ANSWER: Table = SurveyAnswer.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]

LATEST = timedelta(days=180)
GROUPINGS = ("stage", "touch", "tier", "region", "industry")


def report_nps(connection: Connection, now: datetime, kind: str = "nps") -> list[dict[str, Any]]:
    """`by`, `group`, `answers`, `promoters`, `passives`, `detractors`, `nps`: first of all, then by each grouping."""
    ranked = _ranked(now, kind)
    rows = _rows(connection, ranked, "all", literal(""))
    for name in GROUPINGS:
        rows += _rows(connection, ranked, name, func.coalesce(CUSTOMER.c[name], ""))
    return rows


def _ranked(now: datetime, kind: str) -> Any:
    """Answers with their place among those of the same person; an answer of nobody known is a person of its own."""
    who: ColumnElement[Any] = func.coalesce(ANSWER.c.contact_id, -ANSWER.c.id)
    latest = (ANSWER.c.at.desc(), ANSWER.c.id.desc())
    place = func.row_number().over(partition_by=(ANSWER.c.customer_id, who), order_by=latest).label("place")
    recent = (ANSWER.c.kind == kind, ANSWER.c.score.is_not(None), ANSWER.c.at > now - LATEST, ANSWER.c.at <= now)
    return select(ANSWER.c.customer_id, ANSWER.c.score, place).where(*recent).subquery("ranked")


def _rows(
    connection: Connection, ranked: Any, by: str, group: ColumnElement[Any] | Column[Any]
) -> list[dict[str, Any]]:
    promoters = func.sum(case((ranked.c.score >= PROMOTER, 1), else_=0))
    detractors = func.sum(case((ranked.c.score <= DETRACTOR, 1), else_=0))
    named = group.label("name")
    found = (
        select(named, func.count(), promoters, detractors)
        .select_from(ranked.join(CUSTOMER, CUSTOMER.c.id == ranked.c.customer_id))
        .where(ranked.c.place == 1)
        .group_by(named)
        .order_by(named)
    )
    return [
        {
            "by": by,
            "group": name,
            "answers": answers,
            "promoters": for_us,
            "passives": answers - for_us - against,
            "detractors": against,
            "nps": nps_of(for_us, against, answers),
        }
        for name, answers, for_us, against in connection.execute(found)
    ]
