"""How fast mails may leave, shared by all workers on one database: a bucket of slots per way out, taken for a whole batch by
one UPDATE … RETURNING. It never sends and never waits: who gets no slots comes again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Float, Table, case, cast, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Field, SQLModel

#: The bucket holds what flows in within this time, so that a worker may come by every few seconds and still use all of it.
#: A slow one (`100 per hour`) holds one slot besides: no whole one flows in so soon, and none would ever be given.
BURST_SECONDS = 6.0
#: So long at least without a slot taken, and the queue was empty, or nobody worked at it.
IDLE_SECONDS = 900.0
#: Instants as floats are exact to a fraction of a microsecond; a slot that is missing no more than this is there.
ROUNDING = 1e-4


class Pace(SQLModel, table=True):
    """One bucket. `paid_until`: all slots up to this epoch second are taken; `granted`: how many the last one got;
    `busy_since`: since when somebody has come for slots again and again."""

    name: str = Field(primary_key=True)
    paid_until: float = 0.0
    granted: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    busy_since: float | None = None


PACE: Table = Pace.__table__  # type: ignore[attr-defined]


def take_slots(connection: Connection, name: str, per_second: float, wanted: int, now: datetime) -> int:
    """Take up to `wanted` slots; returns how many there were. Within any span of t seconds no more than
    per_second · (t + BURST_SECONDS) are given, however many workers ask; one more where that is less than one a second."""
    at = now.timestamp()
    statement = _taking(connection, name, per_second, wanted, at)
    granted = connection.scalar(statement)
    if granted is None:
        insert = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
        first = insert(PACE).values(name=name, paid_until=at - _depth(per_second), granted=0).on_conflict_do_nothing()
        connection.execute(first)
        granted = connection.scalar(statement)
    return int(granted or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A way out whose mails wait for their turn: since when without a break, and until when that holds if nobody comes."""

    since: datetime
    holds_until: datetime


def queue_of(connection: Connection, pace_of: Callable[[str], float | None]) -> Queue | None:
    """Of the way out that was paced last. What waits since then waits for its turn, and not because we were down."""
    found = select(PACE.c.name, PACE.c.paid_until, PACE.c.busy_since).where(PACE.c.busy_since.is_not(None))
    for row in connection.execute(found.order_by(PACE.c.paid_until.desc())):
        rate = pace_of(row.name)
        if rate is not None:
            end = datetime.fromtimestamp(row.paid_until + _idle(rate), UTC)
            return Queue(since=datetime.fromtimestamp(row.busy_since, UTC), holds_until=end)
    return None


def give_back(connection: Connection, name: str, per_second: float, number: int) -> None:
    """Slots that were taken and not used."""
    if number > 0:
        earlier = PACE.c.paid_until - number / per_second
        connection.execute(update(PACE).where(PACE.c.name == name).values(paid_until=earlier))


def _depth(per_second: float) -> float:
    """In how many seconds an empty bucket is full."""
    return BURST_SECONDS if per_second >= 1 else BURST_SECONDS + 1 / per_second


def _idle(per_second: float) -> float:
    """After how many seconds without a slot taken nobody works at the queue, or it is empty."""
    return max(IDLE_SECONDS, 2 * _depth(per_second))


def _taking(connection: Connection, name: str, per_second: float, wanted: int, at: float) -> Any:
    """Slots older than the bucket is deep are lost. A clock that was set back finds the bucket empty, not shut."""
    floor, ahead = at - _depth(per_second), at + _depth(per_second)
    since = case((PACE.c.paid_until < floor, floor), (PACE.c.paid_until > ahead, at), else_=PACE.c.paid_until)
    free = (literal(at, Float) - since) * per_second + ROUNDING
    whole = cast(free, BigInteger) if connection.dialect.name == "sqlite" else cast(func.floor(free), BigInteger)
    granted = case((whole < 0, 0), (whole > wanted, wanted), else_=whole)
    was_idle = or_(PACE.c.busy_since.is_(None), PACE.c.paid_until < at - _idle(per_second))
    return (
        update(PACE)
        .where(PACE.c.name == name)
        .values(
            granted=granted,
            paid_until=since + cast(granted, Float) / per_second,
            busy_since=case((was_idle, at), else_=PACE.c.busy_since),
        )
        .returning(PACE.c.granted)
    )
