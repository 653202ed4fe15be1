"""Signals as people see them: which are open for a customer since when and why, and the report over all of them. Reads the
episodes that the pipeline's kept_signals writes; works nothing out anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, case, func, select

from bot.insight.explanation import Line, SeenLeaf, Teller
from storage.accounts import Customer
from storage.health import SignalEpisode

EPISODE: Table = SignalEpisode.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
WEEK = timedelta(days=7)


def signals_of(connection: Connection, customer_id: int) -> list[dict[str, Any]]:
    """The open signals of a customer, the longest open first, with the evidence of their opening."""
    rows = connection.execute(
        select(EPISODE.c.signal, EPISODE.c.opened_at, EPISODE.c.evidence)
        .where(EPISODE.c.customer_id == customer_id, _is_open())
        .order_by(EPISODE.c.opened_at, EPISODE.c.id)
    )
    return [{"signal": row.signal, "since": row.opened_at, "evidence": row.evidence or []} for row in rows]


def signal_lines(connection: Connection, teller: Teller, customer_id: int) -> list[Line]:
    """The same for `explain`: one line per open signal, its evidence as the parts of its condition."""
    return [
        teller.line(
            "signal",
            "signal_open",
            {"signal": found["signal"], "since": found["since"]},
            playbook=None,
            leaves=tuple(SeenLeaf(**leaf) for leaf in found["evidence"]),
            since=found["since"],
        )
        for found in signals_of(connection, customer_id)
    ]


def report_signals(connection: Connection, now: datetime, csm: str | None = None) -> list[dict[str, Any]]:
    """One row for each signal that ever opened: how many customers it is open for, what of it is new within a week, how many
    closed, since when the oldest stands, and the revenue behind. `csm`: only of this CSM's customers."""
    lately, mine = now - WEEK, () if csm is None else (CUSTOMER.c.csm == csm,)

    def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count(case((condition, 1)))

    statement = (
        select(
            EPISODE.c.signal,
            count(_is_open()).label("open"),
            count(EPISODE.c.opened_at > lately).label("opened_in_7_days"),
            count(EPISODE.c.closed_at > lately).label("closed_in_7_days"),
            func.min(case((_is_open(), EPISODE.c.opened_at))).label("oldest_since"),
            func.coalesce(func.sum(case((_is_open(), CUSTOMER.c.arr))), 0.0).label("arr"),
        )
        .select_from(EPISODE.join(CUSTOMER, CUSTOMER.c.id == EPISODE.c.customer_id))
        .where(EPISODE.c.opened_at.is_not(None), *mine)
        .group_by(EPISODE.c.signal)
        .order_by(count(_is_open()).desc(), EPISODE.c.signal)
    )
    return [dict(row._mapping) for row in connection.execute(statement)]


def _is_open() -> ColumnElement[bool]:
    return EPISODE.c.opened_at.is_not(None) & EPISODE.c.closed_at.is_(None)
