"""`report metric-discovery`: which measure of a customer's first days tells apart who stayed and who left later, and from which number
on; the key metric of the first month is looked for here before it goes into metrics.yml. Set-based: two statements, whatever the
number of customers; only sums of ranks come to Python. Finds what goes together, not what causes what. Read-only."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    Subquery,
    Table,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)

from bot.insight.deployed_company import deployed_company
from bot.pipeline.scopes import CUSTOMER
from bot.rules.vocabulary_usage import began_on
from bot.rules.zones import local_date as day_in
from storage.dialects import add_days, days_between, local_date
from storage.facts import DailyUsage, Subscription
from storage.health import MetricValue

USAGE: Table = DailyUsage.__table__  # type: ignore[attr-defined]
METRIC: Table = MetricValue.__table__  # type: ignore[attr-defined]
HELD: Table = Subscription.__table__  # type: ignore[attr-defined]
FIRST_DAYS = 30
#: Younger customers had no time to leave, so they say nothing yet.
TIME_TO_LEAVE = timedelta(days=180)
#: So many must have stayed, left, reached a number and not reached it.
ENOUGH = 20
#: Into how many groups of about the same size the customers are ranked; between them lie the numbers that are tried.
RANKS = 20
CHANCE = 0.05
TOO_FEW, BY_CHANCE, TELLS = "too few to tell", "may be chance", "tells them apart"
TOTAL, DAYS, BREADTH, KEPT = "total", "days", "breadth", "metric"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rank:
    """Customers of about the same value: how many stayed and left, the smallest value, the sums."""

    smallest: float
    stayed: int
    left: int
    sum_stayed: float
    sum_left: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """What a number tells: of those who reached it, and of the others, how many stayed and how many there are."""

    number: float
    reached_stayed: int
    reached: int
    others_stayed: int
    others: int

    @property
    def difference(self) -> float:
        return self.reached_stayed / self.reached - self.others_stayed / self.others

    @property
    def chance(self) -> float:
        """How likely so large a difference is where there is none: two shares, normal approximation, both sides."""
        everybody = self.reached + self.others
        share = (self.reached_stayed + self.others_stayed) / everybody
        spread = math.sqrt(share * (1 - share) * (1 / self.reached + 1 / self.others))
        return math.erfc(abs(self.difference) / spread / math.sqrt(2)) if spread else 1.0


def report_metric_discovery(
    connection: Connection, now: datetime, first_days: int = FIRST_DAYS
) -> list[dict[str, Any]]:
    """`measure`, `stayed`, `left` (customers who began at least 180 days ago, since the measure is tracked, and did not leave within
    the first days), `mean_stayed`, `mean_left`, `at_least` (the number that tells most), `stayed_who_reached`,
    `stayed_of_others` (shares), `difference`, `verdict`: `tells them apart`, `may be chance` (5 %, all that was tried counted), `too
    few to tell` (fewer than 20 in a group: then without a number). What tells most first."""
    people = _people(connection, now, first_days)
    worth = union_all(*_measures(people, first_days)).subquery("worth")
    ranks: dict[tuple[str, str], list[_Rank]] = defaultdict(list)
    for row in connection.execute(_ranked(worth)):
        sum_stayed = float(row.sum_stayed)
        ranks[row.kind, row.name].append(
            _Rank(
                smallest=float(row.smallest),
                stayed=int(row.stayed),
                left=int(row.number) - int(row.stayed),
                sum_stayed=sum_stayed,
                sum_left=float(row.sum_all) - sum_stayed,
            )
        )
    everybody = {
        (row.kind, row.name): (int(row.stayed or 0), int(row.number or 0) - int(row.stayed or 0))
        for row in connection.execute(_all(people))
    }
    tries = sum(len(found) for found in ranks.values())
    rows = [_row(key, found, everybody.get(key), first_days, tries) for key, found in ranks.items()]
    return sorted(rows, key=lambda row: (_ORDER[row["verdict"]], -abs(row["difference"] or 0), row["measure"]))


_ORDER = {TELLS: 0, BY_CHANCE: 1, TOO_FEW: 2}


def _people(connection: Connection, now: datetime, first_days: int) -> Subquery:
    """`customer_id, began, stayed` (1 or 0) of those who had the time to leave and did not within the first days."""
    deployed = deployed_company(connection)
    scope = deployed.ground(connection, now).scope()
    today = day_in(now, deployed.settings.timezone)
    final = [stage.stage for stage in deployed.company.stages if stage.final]
    mine = HELD.c.customer_id == CUSTOMER.c.id
    runs = select(1).where(mine, or_(HELD.c.ended_on.is_(None), HELD.c.ended_on >= today)).correlate(CUSTOMER).exists()
    last = select(func.max(HELD.c.ended_on)).where(mine, HELD.c.ended_on < today).correlate(CUSTOMER).scalar_subquery()
    in_final = CUSTOMER.c.stage.in_(final)
    ended = case((~runs, last))
    left_on = case((in_final, func.coalesce(ended, local_date(CUSTOMER.c.stage_since, 0))), else_=ended)
    found = (
        select(
            CUSTOMER.c.id.label("customer_id"),
            began_on(scope).label("began"),
            left_on.label("left_on"),
            case((or_(in_final, left_on.is_not(None)), 0), else_=1).label("stayed"),
        )
        .where(CUSTOMER.c.erased_at.is_(None))
        .subquery("customers")
    )
    had_time = found.c.began <= literal(today - TIME_TO_LEAVE)
    not_at_once = or_(found.c.left_on.is_(None), days_between(found.c.left_on, found.c.began) >= first_days)
    return select(found.c.customer_id, found.c.began, found.c.stayed).where(had_time, not_at_once).subquery("people")


def _tracked() -> Subquery:
    """`name, since`: from which day on an event is known at all; who began before has no first days to count."""
    return (
        select(USAGE.c.event.label("name"), func.min(USAGE.c.day).label("since"))
        .group_by(USAGE.c.event)
        .subquery("tracked")
    )


def _measures(people: Subquery, first_days: int) -> Iterator[Select[Any]]:
    """`kind, name, customer_id, stayed, value` of whoever has a value."""
    tracked, whose = _tracked(), (people.c.customer_id, people.c.stayed)
    first = and_(
        USAGE.c.customer_id == people.c.customer_id,
        USAGE.c.day >= people.c.began,
        USAGE.c.day < add_days(people.c.began, first_days),
    )
    known = and_(tracked.c.name == USAGE.c.event, people.c.began >= tracked.c.since)
    used = people.join(USAGE, first).join(tracked, known)
    for kind, value in ((TOTAL, func.sum(USAGE.c.total)), (DAYS, func.count(USAGE.c.day.distinct()) * 1.0)):
        yield (
            select(literal(kind).label("kind"), USAGE.c.event.label("name"), *whose, value.label("value"))
            .select_from(used)
            .group_by(USAGE.c.event, *whose)
        )
    breadth = func.count(USAGE.c.event.distinct()) * 1.0
    since = select(func.max(tracked.c.since)).scalar_subquery()
    yield (
        select(literal(BREADTH), literal(""), *whose, breadth)
        .select_from(people.join(USAGE, first))
        .where(people.c.began >= since)
        .group_by(*whose)
    )
    yield _kept_metrics(people, first_days)


def _kept_metrics(people: Subquery, first_days: int) -> Select[Any]:
    """The metrics of metrics.yml as they stood when the first days were over."""
    newest = func.row_number().over(partition_by=(METRIC.c.customer_id, METRIC.c.metric), order_by=METRIC.c.day.desc())
    within = and_(
        METRIC.c.customer_id == people.c.customer_id,
        METRIC.c.day >= people.c.began,
        METRIC.c.day < add_days(people.c.began, first_days),
    )
    columns = (METRIC.c.metric, people.c.customer_id, people.c.stayed, METRIC.c.value, newest.label("place"))
    placed = select(*columns).select_from(people.join(METRIC, within)).subquery("placed")
    kept = (placed.c.metric, placed.c.customer_id, placed.c.stayed, placed.c.value)
    return select(literal(KEPT), *kept).where(placed.c.place == 1, placed.c.value.is_not(None))


def _ranked(worth: Subquery) -> Select[Any]:
    """Per measure the customers in ranks; equal values are never torn apart."""
    measure = (worth.c.kind, worth.c.name)
    place = func.rank().over(partition_by=measure, order_by=worth.c.value)
    number = func.count().over(partition_by=measure)
    rank = ((place - 1) * RANKS // number).label("rank")
    ranked = select(*measure, worth.c.stayed, worth.c.value, rank).where(worth.c.value > 0).subquery("ranked")
    return (
        select(
            ranked.c.kind,
            ranked.c.name,
            func.min(ranked.c.value).label("smallest"),
            func.count().label("number"),
            func.sum(ranked.c.stayed).label("stayed"),
            func.sum(ranked.c.value).label("sum_all"),
            func.sum(ranked.c.value * ranked.c.stayed).label("sum_stayed"),
        )
        .group_by(ranked.c.kind, ranked.c.name, ranked.c.rank)
        .order_by(ranked.c.kind, ranked.c.name, ranked.c.rank)
    )


def _all(people: Subquery) -> Select[Any]:
    """Per event (and for all of them) everybody whose first days it covers, those who never did it included."""
    by_day = (
        select(people.c.began, func.count().label("number"), func.sum(people.c.stayed).label("stayed"))
        .group_by(people.c.began)
        .subquery("by_day")
    )
    tracked = _tracked()
    sums = (func.sum(by_day.c.stayed).label("stayed"), func.sum(by_day.c.number).label("number"))
    covers = tracked.join(by_day, by_day.c.began >= tracked.c.since)
    events = select(tracked.c.name, *sums).select_from(covers).group_by(tracked.c.name).subquery("events")
    since = select(func.max(tracked.c.since)).scalar_subquery()
    figures = (events.c.name, events.c.stayed, events.c.number)
    of_events = [select(literal(kind).label("kind"), *figures) for kind in (TOTAL, DAYS)]
    return union_all(*of_events, select(literal(BREADTH), literal(""), *sums).where(by_day.c.began >= since))  # type: ignore[return-value]


def _row(
    key: tuple[str, str], ranks: Sequence[_Rank], everybody: tuple[int, int] | None, first_days: int, tries: int
) -> dict[str, Any]:
    """`everybody`: how many stayed and left, with those without a value; None: who has none is not counted."""
    with_value = sum(rank.stayed for rank in ranks), sum(rank.left for rank in ranks)
    stayed, left = everybody or with_value
    best = max(_cuts(ranks, stayed, left), key=lambda cut: abs(cut.difference), default=None)
    if best is None or min(stayed, left) < ENOUGH:
        best, verdict = None, TOO_FEW
    else:
        verdict = TELLS if best.chance * tries < CHANCE else BY_CHANCE
    return {
        "measure": _name(*key, first_days),
        "stayed": stayed,
        "left": left,
        "mean_stayed": round(sum(rank.sum_stayed for rank in ranks) / stayed, 2) if stayed else None,
        "mean_left": round(sum(rank.sum_left for rank in ranks) / left, 2) if left else None,
        "at_least": None if best is None else round(best.number, 2),
        "stayed_who_reached": None if best is None else round(best.reached_stayed / best.reached, 2),
        "stayed_of_others": None if best is None else round(best.others_stayed / best.others, 2),
        "difference": None if best is None else round(best.difference, 2),
        "verdict": verdict,
    }


def _cuts(ranks: Sequence[_Rank], stayed: int, left: int) -> Iterator[_Cut]:
    """The numbers that leave enough customers on both sides."""
    reached_stayed = reached = 0
    for rank in reversed(ranks):
        reached_stayed += rank.stayed
        reached += rank.stayed + rank.left
        others = stayed + left - reached
        if reached >= ENOUGH and others >= ENOUGH:
            yield _Cut(
                number=rank.smallest,
                reached_stayed=reached_stayed,
                reached=reached,
                others_stayed=stayed - reached_stayed,
                others=others,
            )


def _name(kind: str, name: str, first_days: int) -> str:
    """As a condition writes it where it can."""
    match kind:
        case "total":
            return f'in_first_days("{name}", days={first_days})'
        case "days":
            return f'days with "{name}" in the first {first_days}'
        case "breadth":
            return f"different events in the first {first_days} days"
        case _:
            return f'metric("{name}") after {first_days} days'


def found_of(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Below the table: what to make of it."""
    telling = [row for row in rows if row["verdict"] == TELLS]
    for row in telling[:3]:
        yield (
            f"{row['measure']} >= {row['at_least']:g}: {row['stayed_who_reached']:.0%} of those who reached it stayed, "
            f"{row['stayed_of_others']:.0%} of the others"
        )
    if telling:
        yield "It goes together; whether it is the cause, only a trial with a holdout tells. A good one belongs into metrics.yml."
    else:
        yield f"No measure tells apart who stays and who leaves; each group needs {ENOUGH} customers to tell anything."
