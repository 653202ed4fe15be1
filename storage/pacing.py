"""How fast mails may leave, shared by all workers on one database: a bucket of slots per way out, taken for a whole batch by
one UPDATE … RETURNING. It never sends and never waits: who gets no slots comes again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Float, Table, case, cast, func, literal, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Field, SQLModel

#: The bucket holds what flows in within this time, so that a worker may come by every few seconds and still use all of it.
#: A slow one (`100 per hour`) holds one slot besides: no whole one flows in so soon, and none would ever be given.
BURST_SECONDS = 6.0
#: Instants as floats are exact to a fraction of a microsecond; a slot that is missing no more than this is there.
ROUNDING = 1e-4


class Pace(SQLModel, table=True):
    """One bucket. `paid_until`: all slots up to this epoch second are taken; `granted`: how many the last one got."""

    name: str = Field(primary_key=True)
    paid_until: float = 0.0
    granted: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


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


def give_back(connection: Connection, name: str, per_second: float, number: int) -> None:
    """Slots that were taken and not used."""
    if number > 0:
        earlier = PACE.c.paid_until - number / per_second
        connection.execute(update(PACE).where(PACE.c.name == name).values(paid_until=earlier))


def _depth(per_second: float) -> float:
    """In how many seconds an empty bucket is full."""
    return BURST_SECONDS if per_second >= 1 else BURST_SECONDS + 1 / per_second


def _taking(connection: Connection, name: str, per_second: float, wanted: int, at: float) -> Any:
    """Slots older than the bucket is deep are lost. A clock that was set back finds the bucket empty, not shut."""
    floor, ahead = at - _depth(per_second), at + _depth(per_second)
    since = case((PACE.c.paid_until < floor, floor), (PACE.c.paid_until > ahead, at), else_=PACE.c.paid_until)
    free = (literal(at, Float) - since) * per_second + ROUNDING
    whole = cast(free, BigInteger) if connection.dialect.name == "sqlite" else cast(func.floor(free), BigInteger)
    granted = case((whole < 0, 0), (whole > wanted, wanted), else_=whole)
    return (
        update(PACE)
        .where(PACE.c.name == name)
        .values(granted=granted, paid_until=since + cast(granted, Float) / per_second)
        .returning(PACE.c.granted)
    )
