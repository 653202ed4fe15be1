"""`report activity`: how often people were in touch within a month, per CSM, against what workspace.yml asks for their customers
(`touch: {high: {touches_a_month: 2}}`), and whom nobody was in touch with. Counts stored facts only: meetings held, notes, hand-offs
done, mails written by hand. Read-only; seven statements at any size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Subquery,
    Table,
    and_,
    case,
    func,
    literal,
    or_,
    select,
)

from bot.insight.deployed_company import Deployed, deployed_company
from bot.pipeline.scopes import CUSTOMER
from storage.accounts import Csm, has_left
from storage.handoffs import Handoff, HandoffState
from storage.touches import PEOPLES_TOUCHES, touches_by_people

CSM: Table = Csm.__table__  # type: ignore[attr-defined]
HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
MONTH = timedelta(days=30)
ALL = "all"
MOST_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    """What a CSM is to do: customers, touches a month asked for, customers for whom any are asked and who had none."""

    customers: int = 0
    target: float = 0.0
    untouched: int = 0


def report_activity(connection: Connection, now: datetime, csm: str | None = None) -> list[dict[str, Any]]:
    """`csm` (None: customers of nobody), `name`, `touches` of the last 30 days and of what kind, `before` (the 30 days before),
    `target` and `share` of it (None: nothing is asked), `customers`, `untouched` (with a target, and nobody was in touch), `late`
    (open hand-offs past due), `without_a_touch` (the first of them by revenue). Furthest behind first, after the row of all.
    A touch is its doer's, or where nobody of ours is named the customer's CSM's. `csm`: only this one."""
    deployed = deployed_company(connection)
    touched = touches_by_people(now - MONTH, now).subquery("touched")
    counts = _counts(connection, touched)
    before = _totals(connection, now)
    books = _books(connection, deployed, touched)
    late = _late(connection, now)
    people = {row.key: row for row in connection.execute(select(CSM.c.key, CSM.c.name, has_left(CSM).label("left")))}
    here = {key for key, row in people.items() if not row.left}
    found = {*counts, *before, *books, *late, *here}
    alone = _without_a_touch(connection, deployed, touched, csm)
    rows = [
        {
            "csm": key,
            "name": people[key].name if key in people else None,
            **_figures(counts.get(key, {}), before.get(key, 0), books.get(key, _Book()), late.get(key, 0)),
            "without_a_touch": alone.get(key, []),
        }
        for key in found
        if csm is None or key == csm
    ]
    if not any(row["touches"] or row["before"] or row["customers"] or row["late"] for row in rows):
        return []
    rows.sort(key=lambda row: (row["share"] is None, row["share"], -row["untouched"], row["csm"] or "~"))
    return rows if csm is not None else [_sum(rows), *rows]


def _figures(counts: Mapping[str, int], before: int, book: _Book, late: int) -> dict[str, Any]:
    touches = sum(counts.values())
    return {
        "touches": touches,
        **{f"{what}s": counts.get(what, 0) for what in PEOPLES_TOUCHES},
        "before": before,
        "target": round(book.target, 1),
        "share": round(touches / book.target, 2) if book.target else None,
        "customers": book.customers,
        "untouched": book.untouched,
        "late": late,
    }


def _sum(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = ("touches", *(f"{what}s" for what in PEOPLES_TOUCHES), "before", "target", "customers", "untouched", "late")
    sums = {name: sum(row[name] for row in rows) for name in names}
    target = round(sums["target"], 1)
    summed = {**sums, "target": target, "share": round(sums["touches"] / target, 2) if target else None}
    return {**{name: summed.get(name) for name in rows[0]}, "csm": ALL, "name": None, "without_a_touch": []}


def _by_doer(touched: Subquery, *columns: ColumnElement[Any]) -> Select[Any]:
    doer = touched.outerjoin(CSM, CSM.c.key == touched.c.by).join(CUSTOMER, CUSTOMER.c.id == touched.c.customer_id)
    who = func.coalesce(CSM.c.key, CUSTOMER.c.csm).label("who")
    return select(who, *columns, func.count().label("number")).select_from(doer).group_by(who, *columns)


def _counts(connection: Connection, touched: Subquery) -> dict[str | None, dict[str, int]]:
    found: dict[str | None, dict[str, int]] = {}
    for row in connection.execute(_by_doer(touched, touched.c.what)):
        found.setdefault(row.who, {})[row.what] = row.number
    return found


def _totals(connection: Connection, now: datetime) -> dict[str | None, int]:
    earlier = touches_by_people(now - 2 * MONTH, now - MONTH).subquery("earlier")
    return {row.who: row.number for row in connection.execute(_by_doer(earlier))}


def _asked(deployed: Deployed) -> ColumnElement[Any]:
    """How many touches a month the customer's touch model asks for."""
    policies = deployed.settings.touch.items()
    cases = [(CUSTOMER.c.touch == name, policy.touches_a_month) for name, policy in policies if policy.touches_a_month]
    return case(*cases, else_=0.0) if cases else literal(0.0)


def _is_ours(deployed: Deployed) -> ColumnElement[bool]:
    final = [stage.stage for stage in deployed.company.stages if stage.final]
    stays = or_(CUSTOMER.c.stage.is_(None), CUSTOMER.c.stage.not_in(final))
    return and_(CUSTOMER.c.erased_at.is_(None), stays)


def _books(connection: Connection, deployed: Deployed, touched: Subquery) -> dict[str | None, _Book]:
    asked, (joined, is_alone) = _asked(deployed), _customers(touched)
    columns = (
        func.count().label("customers"),
        func.sum(asked).label("target"),
        func.count(case((and_(asked > 0, is_alone), 1))).label("untouched"),
    )
    statement = select(CUSTOMER.c.csm, *columns).select_from(joined).where(_is_ours(deployed))
    return {
        row.csm: _Book(customers=row.customers, target=float(row.target), untouched=row.untouched)
        for row in connection.execute(statement.group_by(CUSTOMER.c.csm))
    }


def _customers(touched: Subquery) -> tuple[FromClause, ColumnElement[bool]]:
    """The customers to select from, and whether nobody was in touch with one."""
    met = select(touched.c.customer_id).distinct().subquery("met")
    return CUSTOMER.outerjoin(met, met.c.customer_id == CUSTOMER.c.id), met.c.customer_id.is_(None)


def _late(connection: Connection, now: datetime) -> dict[str | None, int]:
    open_ones = HANDOFF.c.state.in_((HandoffState.OPEN.value, HandoffState.ACKNOWLEDGED.value))
    statement = select(HANDOFF.c.owner, func.count().label("number")).where(open_ones, HANDOFF.c.due_at < now)
    return {row.owner: row.number for row in connection.execute(statement.group_by(HANDOFF.c.owner))}


def _without_a_touch(
    connection: Connection, deployed: Deployed, touched: Subquery, csm: str | None
) -> dict[str | None, list[dict[str, Any]]]:
    """CSM → their customers with a target and no touch, the most revenue first, so many as a person reads."""
    order = (func.coalesce(CUSTOMER.c.arr, 0.0).desc(), CUSTOMER.c.key)
    place = func.row_number().over(partition_by=CUSTOMER.c.csm, order_by=order).label("place")
    columns = (CUSTOMER.c.key, CUSTOMER.c.name, CUSTOMER.c.csm, CUSTOMER.c.touch, CUSTOMER.c.arr)
    mine = () if csm is None else (CUSTOMER.c.csm == csm,)
    joined, is_alone = _customers(touched)
    wanted = (_is_ours(deployed), _asked(deployed) > 0, is_alone, *mine)
    ranked = select(*columns, place).select_from(joined).where(*wanted).subquery()
    found: dict[str | None, list[dict[str, Any]]] = {}
    for row in connection.execute(select(ranked).where(ranked.c.place <= MOST_NAMED).order_by(ranked.c.place)):
        told = {"customer": row.key, "name": row.name, "touch": row.touch, "arr": row.arr}
        found.setdefault(row.csm, []).append(told)
    return found


def untouched_of(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Below the table: with whom nobody was in touch, per CSM."""
    for row in (row for row in rows if row["without_a_touch"]):
        names = ", ".join(str(found["customer"]) for found in row["without_a_touch"])
        more = row["untouched"] - len(row["without_a_touch"])
        yield f"{row['csm'] or 'nobody'}: no touch in 30 days: {names}{f' and {more} more' if more else ''}"
