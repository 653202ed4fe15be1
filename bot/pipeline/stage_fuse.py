"""The fuse of stages (semantics.md S38): when stages.yml would move more customers on from a stage today than its bound, nobody of
them moves; they stay until a person decides. Set-based, within the derive pass, before a move is told to anybody. Whom a
person released is never asked about; whom a person dropped stays until the stage is left or defined otherwise."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Delete, Table, and_, cast, delete, func, literal, select, update
from sqlalchemy.types import String

from bot.pipeline.fuses import DROP, Blown, blow, blown_fuses
from bot.pipeline.news import CHANGE as MARK
from bot.pipeline.published import Published
from bot.pipeline.scopes import CUSTOMER, Ground
from bot.rules.fuses import FROM_CUSTOMERS, FuseKind, audience_bound
from bot.rules.zones import local_date, start_of_day
from storage.bulk import insert_selected
from storage.columns import Document, UtcDateTime
from storage.facts import StageChange
from storage.fuses import FUSE, FuseState
from storage.handoff_moves import MACHINE, done
from storage.journal import Verdict
from storage.journal_entries import DECISION
from storage.stages import BY_CHECKS, HoldState, StageHold

HOLD: Table = StageHold.__table__  # type: ignore[attr-defined]
CHANGE: Table = StageChange.__table__  # type: ignore[attr-defined]
HELD = "stage_fuse"


def is_held_in(stage: str) -> ColumnElement[bool]:
    """Whether the customer of the enclosing statement may not move on from this stage."""
    mine = select(1).where(HOLD.c.customer_id == CUSTOMER.c.id, HOLD.c.stage == stage)
    return mine.where(HOLD.c.state != HoldState.RELEASED.value).correlate(CUSTOMER).exists()


def hold_jump(connection: Connection, ground: Ground, stage: str, mark: int) -> None:
    """Take back the moves out of this stage after `mark` that nobody was told of yet, if they are too many for one day."""
    share = ground.settings.fuses.enter_share
    if share is None:
        return
    released = select(HOLD.c.customer_id).where(HOLD.c.stage == stage, HOLD.c.state == HoldState.RELEASED.value)
    moves = and_(CHANGE.c.id > mark, CHANGE.c.cause == BY_CHECKS, CHANGE.c.customer_id.not_in(released))
    number = connection.scalar(select(func.count()).where(moves)) or 0
    is_blown = any(fuse.kind is FuseKind.STAGES and fuse.playbook == stage for fuse in blown_fuses(connection))
    if not number or not (is_blown or _is_jump(connection, ground, stage, mark, number, share)):
        return
    now = ground.days.now
    rows = select(CHANGE.c.customer_id, literal(stage), literal(HoldState.HELD.value), literal(now, UtcDateTime))
    insert_selected(connection, HOLD, ("customer_id", "stage", "state", "at"), rows.where(moves))
    _decide(connection, Verdict.DEFERRED, HELD, stage, now, once=True)
    connection.execute(delete(CHANGE).where(moves))


def _is_jump(connection: Connection, ground: Ground, stage: str, mark: int, number: int, share: float) -> bool:
    """With those who moved earlier on this day (the workspace's); customers are counted only when it may be one."""
    zone = ground.settings.timezone
    began = start_of_day(local_date(ground.days.now, zone), zone)
    earlier = select(func.count()).where(
        CHANGE.c.at >= began, CHANGE.c.id <= mark, CHANGE.c.old == stage, CHANGE.c.cause == BY_CHECKS
    )
    moving = number + (connection.scalar(earlier) or 0)
    if moving <= share * FROM_CUSTOMERS:
        return False
    customers = _customers(connection)
    bound = audience_bound(share, customers, _released_since(connection, stage, began))
    return customers >= FROM_CUSTOMERS and moving > bound


def _customers(connection: Connection) -> int:
    return connection.scalar(select(func.count()).where(CUSTOMER.c.erased_at.is_(None))) or 0


def _released_since(connection: Connection, stage: str, began: datetime) -> int:
    """Whom a person let move since."""
    fuses = select(FUSE.c.numbers).where(
        FUSE.c.kind == FuseKind.STAGES.value, FUSE.c.playbook == stage, FUSE.c.blown_at >= began
    )
    return sum(int(numbers.get("released", 0)) for numbers in connection.scalars(fuses))


_HELD = (
    select(HOLD.c.stage, func.count().label("number"))
    .where(HOLD.c.state == HoldState.HELD.value)
    .group_by(HOLD.c.stage)
)


def ask_about_stages(connection: Connection, published: Published, now: datetime) -> None:
    """One card for each stage that holds customers and has none yet."""
    held = connection.execute(_HELD).all()
    blown = {fuse.playbook for fuse in blown_fuses(connection) if fuse.kind is FuseKind.STAGES} if held else ()
    for row in held:
        if row.stage in blown:
            continue
        customers = _customers(connection)
        share = published.settings.fuses.enter_share or 0.0
        numbers = {"moving": row.number, "customers": customers, "bound": audience_bound(share, customers)}
        blow(connection, published, FuseKind.STAGES, row.stage, numbers, now)


def held_moves(connection: Connection, fuse: Blown) -> int:
    """How many customers the fuse of a stage holds."""
    return connection.scalar(select(func.count()).where(_is_held(fuse))) or 0


def release_moves(connection: Connection, fuse: Blown, at: datetime, some: int | None) -> int:
    """They are looked at once more by the next tick, and move if they still may."""
    chosen = select(HOLD.c.customer_id).where(_is_held(fuse)).order_by(HOLD.c.customer_id)
    chosen = chosen if some is None else chosen.limit(some)
    mine = and_(_is_held(fuse), HOLD.c.customer_id.in_(select(chosen.subquery().c.customer_id)))
    insert_selected(connection, MARK, ("customer_id",), select(HOLD.c.customer_id).where(mine))
    number = connection.execute(update(HOLD).where(mine).values(state=HoldState.RELEASED.value, at=at)).rowcount
    numbers = {**fuse.numbers, "released": int(fuse.numbers.get("released", 0)) + number}
    connection.execute(update(FUSE).where(FUSE.c.id == fuse.id).values(numbers=numbers))
    return number


def drop_moves(connection: Connection, fuse: Blown, at: datetime) -> int:
    """They stay where they are until they leave the stage otherwise, or it is defined otherwise."""
    assert fuse.playbook is not None
    _decide(connection, Verdict.SKIPPED, "stage_move_dropped", fuse.playbook, at, once=False)
    dropped = update(HOLD).where(_is_held(fuse)).values(state=HoldState.DROPPED.value, at=at)
    return connection.execute(dropped).rowcount


def forget_holds(connection: Connection, stage: str, now: datetime) -> None:
    """All of them, where the stage was defined anew: everybody is judged, and a person asked, by the new definition."""
    connection.execute(delete(HOLD).where(HOLD.c.stage == stage))
    for fuse in blown_fuses(connection):
        if fuse.kind is FuseKind.STAGES and fuse.playbook == stage:
            _close_by_definition(connection, fuse, now)


def forgetting_left(stage: str, inside: ColumnElement[bool]) -> Delete:
    """Holds of customers who left the stage. `inside`: over the customer table, whom to look at."""
    elsewhere = CUSTOMER.c.stage.is_distinct_from(stage)
    left = select(1).where(CUSTOMER.c.id == HOLD.c.customer_id, elsewhere, inside).correlate(HOLD)
    return delete(HOLD).where(HOLD.c.stage == stage, left.exists())


def _close_by_definition(connection: Connection, fuse: Blown, now: datetime) -> None:
    closed = {"state": FuseState.DROPPED.value, "closed_at": now, "closed_by": MACHINE}
    connection.execute(update(FUSE).where(FUSE.c.id == fuse.id).values(closed))
    if fuse.handoff_id is not None:
        done(connection, fuse.handoff_id, by=MACHINE, at=now, key=f"fuse-{fuse.id}-defined-anew", outcome=DROP)


def _is_held(fuse: Blown) -> ColumnElement[bool]:
    return and_(HOLD.c.stage == fuse.playbook, HOLD.c.state == HoldState.HELD.value)


def _decide(connection: Connection, verdict: Verdict, reason: str, stage: str, at: datetime, *, once: bool) -> None:
    """One decision for each customer that is held in the stage."""
    key = literal(f"{reason}:{stage}:{at:%Y-%m-%d}:") + cast(HOLD.c.customer_id, String)
    decided: list[ColumnElement[Any]] = [
        literal(at, UtcDateTime), literal(verdict.value), literal(reason), HOLD.c.customer_id,
        literal({"stage": stage}, Document),
    ]  # fmt: skip
    columns = ["at", "verdict", "reason", "customer_id", "details"]
    if once:
        decided.append(key)
        columns.append("once")
    held = select(*decided).where(HOLD.c.stage == stage, HOLD.c.state == HoldState.HELD.value)
    insert_selected(connection, DECISION, columns, held)
