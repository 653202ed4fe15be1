"""How far are they, and where are they stuck? Per stage: who is in it, how long a stay takes against the time expected, who is
overdue, how many complete it, and whether those who moved on renew and grow more often than those who did not. Read-only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, case, func, literal, or_, select, union

from bot.insight.deployed_company import deployed_company
from bot.rules.stages import Stage
from storage.accounts import Customer
from storage.columns import UtcDateTime
from storage.dialects import days_between, local_date
from storage.facts import StageChange, Subscription
from storage.stages import StageCheck

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CHANGE: Table = StageChange.__table__  # type: ignore[attr-defined]
CHECK: Table = StageCheck.__table__  # type: ignore[attr-defined]
HELD: Table = Subscription.__table__  # type: ignore[attr-defined]


def report_stages(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """One row per stage, in the order of stages.yml. Days are days of 24 hours; rates are shares from 0 to 1, None where nobody
    is counted. A customer progressed from a stage when it moved on to one that is not final."""
    defined = {stage.stage: stage for stage in deployed_company(connection).company.stages}
    inside = {row.stage: row for row in connection.execute(_inside())}
    names = [*defined, *sorted(stage for stage in inside if stage and stage not in defined)]
    medians = _median_days(connection)
    final = {name for name, stage in defined.items() if stage.final}
    return [
        {
            "stage": name,
            "people": inside[name].people if name in inside else 0,
            "median_days": medians.get(name),
            "expected_days": defined[name].expected_days if name in defined else None,
            "overdue": _overdue(connection, defined.get(name), name, now),
            **_progress(connection, name, final),
            "stuck_at": _stuck_at(connection, name),
        }
        for name in names
    ]


def stuck_of(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Which checks fail most, for each stage that has some."""
    for row in rows:
        if row["stuck_at"]:
            checks = ", ".join(f"{each['check']} {each['customers']}" for each in row["stuck_at"])
            yield f"{row['stage']}: checks that fail: {checks}"


def _inside() -> Select[Any]:
    return (
        select(CUSTOMER.c.stage, func.count().label("people"))
        .where(CUSTOMER.c.stage.is_not(None), CUSTOMER.c.erased_at.is_(None))
        .group_by(CUSTOMER.c.stage)
    )


def _median_days(connection: Connection) -> dict[str, float]:
    """Stage → the median of all stays that are over, in days: the middle one, or the mean of both middle ones."""
    before = func.lag(CHANGE.c.at, type_=UtcDateTime()).over(
        partition_by=CHANGE.c.customer_id, order_by=(CHANGE.c.at, CHANGE.c.id)
    )
    stays = select(CHANGE.c.old.label("stage"), CHANGE.c.at.label("ended"), before.label("began")).subquery()
    length = days_between(local_date(stays.c.ended, literal(0)), local_date(stays.c.began, literal(0)))
    placed = (
        select(
            stays.c.stage,
            length.label("days"),
            func.row_number().over(partition_by=stays.c.stage, order_by=length).label("place"),
            func.count().over(partition_by=stays.c.stage).label("number"),
        )
        .where(stays.c.began.is_not(None), stays.c.stage.is_not(None))
        .subquery()
    )
    # Twice the place is within one of the number and one: the middle ones, without dividing.
    is_middle = func.abs(2 * placed.c.place - placed.c.number - 1) <= 1
    rows = select(placed.c.stage, func.avg(placed.c.days).label("median")).where(is_middle).group_by(placed.c.stage)
    return {row.stage: round(float(row.median), 1) for row in connection.execute(rows)}


def _overdue(connection: Connection, stage: Stage | None, name: str, now: datetime) -> int | None:
    """How many are in it longer than expected; None: nobody said how long."""
    days = stage.expected_days if stage else None
    if days is None:
        return None
    since = literal(now - timedelta(days=days + 1), UtcDateTime())
    late = select(func.count()).where(
        CUSTOMER.c.stage == name, CUSTOMER.c.erased_at.is_(None), CUSTOMER.c.stage_since <= since
    )
    return int(connection.execute(late).scalar_one())


def _progress(connection: Connection, name: str, final: Iterable[str]) -> dict[str, Any]:
    """Who was ever in the stage, how many of them moved on, and what became of both."""
    was_here = union(
        select(CHANGE.c.customer_id).where(or_(CHANGE.c.new == name, CHANGE.c.old == name)),
        select(CUSTOMER.c.id).where(CUSTOMER.c.stage == name),
    ).subquery()
    moved_on = (
        select(1)
        .where(CHANGE.c.customer_id == was_here.c.customer_id, CHANGE.c.old == name, CHANGE.c.new.not_in(sorted(final)))
        .exists()
    )
    ended, renewed, grew = _ends(was_here.c.customer_id)
    row = connection.execute(
        select(
            func.count().label("ever"),
            _count(moved_on).label("moved"),
            _count(and_(moved_on, ended)).label("moved_ended"),
            _count(and_(moved_on, renewed)).label("moved_renewed"),
            _count(and_(moved_on, grew)).label("moved_grew"),
            _count(and_(~moved_on, ended)).label("others_ended"),
            _count(and_(~moved_on, renewed)).label("others_renewed"),
            _count(and_(~moved_on, grew)).label("others_grew"),
        ).select_from(was_here)
    ).one()
    return {
        "completion": _share(row.moved, row.ever),
        "renewal_of_movers": _share(row.moved_renewed, row.moved_ended),
        "renewal_of_others": _share(row.others_renewed, row.others_ended),
        "expansion_of_movers": _share(row.moved_grew, row.moved_ended),
        "expansion_of_others": _share(row.others_grew, row.others_ended),
    }


def _ends(customer_id: ColumnElement[int]) -> tuple[ColumnElement[bool], ColumnElement[bool], ColumnElement[bool]]:
    """Whether a subscription of the customer ended, whether another of the product followed, and whether that is worth more."""
    former, later = HELD.alias("former"), HELD.alias("later")
    mine = (former.c.customer_id == customer_id, former.c.ended_on.is_not(None))
    follows = and_(
        later.c.customer_id == former.c.customer_id,
        later.c.id != former.c.id,
        later.c.product.is_not_distinct_from(former.c.product),
        later.c.started_on > former.c.started_on,
    )
    ended = select(1).select_from(former).where(*mine).exists()
    renewed = select(1).select_from(former.join(later, follows)).where(*mine).exists()
    grew = select(1).select_from(former.join(later, follows)).where(*mine, later.c.mrr > former.c.mrr).exists()
    return ended, renewed, grew


def _stuck_at(connection: Connection, name: str) -> list[dict[str, Any]]:
    """The checks that fail for those who are inside, the most frequent first."""
    rows = connection.execute(
        select(CHECK.c.name, func.count().label("customers"))
        .where(CHECK.c.stage == name, CHECK.c.holds.is_(False))
        .group_by(CHECK.c.name)
        .order_by(func.count().desc(), CHECK.c.name)
    )
    return [{"check": row.name, "customers": row.customers} for row in rows]


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 2) if whole else None
