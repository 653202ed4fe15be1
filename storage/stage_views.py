"""Reading stages: the checks of one customer, and over all customers who is where, what holds them up, who moved on. Set-based.
Never writes; what stages.yml expects is added by the report (bot.insight.stage_report)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, and_, case, func, select

from storage.accounts import Customer
from storage.dialects import days_between, local_date
from storage.facts import StageChange
from storage.stages import StageCheck

CHECK = StageCheck.__table__  # type: ignore[attr-defined]
CHANGE = StageChange.__table__  # type: ignore[attr-defined]
CUSTOMER = Customer.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """One check of the stage a customer is in; `holds` None: not known yet."""

    name: str
    holds: bool | None
    since: date


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckCount:
    """How many customers of a stage a check holds for, how many not, and of how many nobody knows."""

    name: str
    holds: int
    fails: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """What happened to a stage since an instant. `days`: how long those who moved on had been in it, on average."""

    entered: int = 0
    left_to: tuple[tuple[str, int], ...] = ()
    days: float | None = None


def checks_of(connection: Connection, customer_id: int) -> list[CheckView]:
    """What still fails comes first."""
    mine = CHECK.join(CUSTOMER, and_(CUSTOMER.c.id == CHECK.c.customer_id, CUSTOMER.c.stage == CHECK.c.stage))
    order = case((CHECK.c.holds.is_(False), 0), (CHECK.c.holds.is_(None), 1), else_=2)
    found = (
        select(CHECK.c.name, CHECK.c.holds, CHECK.c.since).select_from(mine).where(CHECK.c.customer_id == customer_id)
    )
    return [CheckView(**row._mapping) for row in connection.execute(found.order_by(order, CHECK.c.name))]


def check_counts(connection: Connection, csm: str | None = None) -> dict[str, list[CheckCount]]:
    """By stage, over the customers who are in it; the check that fails most comes first."""
    mine = CHECK.join(CUSTOMER, and_(CUSTOMER.c.id == CHECK.c.customer_id, CUSTOMER.c.stage == CHECK.c.stage))
    sums = [
        func.sum(case((condition, 1), else_=0)).label(name)
        for name, condition in (
            ("holds", CHECK.c.holds.is_(True)),
            ("fails", CHECK.c.holds.is_(False)),
            ("unknown", CHECK.c.holds.is_(None)),
        )
    ]
    rows = select(CHECK.c.stage, CHECK.c.name, *sums).select_from(mine).group_by(CHECK.c.stage, CHECK.c.name)
    if csm is not None:
        rows = rows.where(CUSTOMER.c.csm == csm)
    found: dict[str, list[CheckCount]] = {}
    for row in connection.execute(rows):
        count = CheckCount(name=row.name, holds=row.holds, fails=row.fails, unknown=row.unknown)
        found.setdefault(row.stage, []).append(count)
    return {stage: sorted(counts, key=lambda each: (-each.fails, each.name)) for stage, counts in found.items()}


def moves_since(connection: Connection, since: datetime, csm: str | None = None) -> dict[str, Moves]:
    """By stage: who came, who went on to where, and how long that took. A first stage (an import's) is no move."""
    joined = CHANGE.join(CUSTOMER, CUSTOMER.c.id == CHANGE.c.customer_id)
    where = [CHANGE.c.at >= since, CHANGE.c.old.is_not(None), CHANGE.c.new.is_not(None)]
    where += [] if csm is None else [CUSTOMER.c.csm == csm]
    pairs = select(CHANGE.c.old, CHANGE.c.new, func.count().label("number")).select_from(joined).where(*where)
    entered: dict[str, int] = {}
    left: dict[str, list[tuple[str, int]]] = {}
    for row in connection.execute(
        pairs.group_by(CHANGE.c.old, CHANGE.c.new).order_by(func.count().desc(), CHANGE.c.new)
    ):
        entered[row.new] = entered.get(row.new, 0) + row.number
        left.setdefault(row.old, []).append((row.new, row.number))
    stays = _stays(connection, joined, where)
    return {
        stage: Moves(entered=entered.get(stage, 0), left_to=tuple(left.get(stage, ())), days=stays.get(stage))
        for stage in {*entered, *left}
    }


def _stays(connection: Connection, joined: Any, where: list[Any]) -> dict[str, float]:
    """Mean days between coming into a stage and leaving it, where both are known."""
    came = CHANGE.alias()
    begun = (
        select(func.max(came.c.at))
        .where(came.c.customer_id == CHANGE.c.customer_id, came.c.new == CHANGE.c.old, came.c.id < CHANGE.c.id)
        .correlate(CHANGE)
        .scalar_subquery()
    )
    stay = days_between(local_date(CHANGE.c.at, 0), local_date(begun, 0))
    means = select(CHANGE.c.old, func.avg(stay).label("days")).select_from(joined).where(*where).group_by(CHANGE.c.old)
    return {row.old: round(float(row.days), 1) for row in connection.execute(means) if row.days is not None}
