"""When each part of the running server last did its work, and what stopped it, so that `doctor` and `/readyz` see from
another process whether anybody works at all. Written by the runner around each tick; decides nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Connection, Integer, Table, insert, select, update
from sqlmodel import Field, SQLModel

from storage.columns import UtcDateTime


class Heartbeat(SQLModel, table=True):
    """One part, such as `tick`. `finished_at` is its last success; `fault` the last failure's sentence, emptied by a
    success, while `faults` counts all of them and `fault_at` keeps the time of the last."""

    name: str = Field(primary_key=True)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    fault: str | None = None
    fault_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    faults: int = Field(default=0, sa_column=Column(Integer, nullable=False))


HEARTBEAT: Table = Heartbeat.__table__  # type: ignore[attr-defined]


def record_success(connection: Connection, name: str, at: datetime) -> None:
    """The part did its work."""
    _put(connection, name, {"finished_at": at, "fault": None})


def record_fault(connection: Connection, name: str, at: datetime, sentence: str) -> None:
    """The part broke; the sentence holds no personal data."""
    before = connection.scalar(select(HEARTBEAT.c.faults).where(HEARTBEAT.c.name == name).with_for_update()) or 0
    _put(connection, name, {"fault": sentence, "fault_at": at, "faults": before + 1})


def heartbeats(connection: Connection) -> dict[str, Heartbeat]:
    """By the part's name."""
    found = connection.execute(select(HEARTBEAT).order_by(HEARTBEAT.c.name))
    return {row.name: Heartbeat(**row._mapping) for row in found}


def _put(connection: Connection, name: str, values: dict[str, object]) -> None:
    changed = connection.execute(update(HEARTBEAT).where(HEARTBEAT.c.name == name).values(**values))
    if not changed.rowcount:
        connection.execute(insert(HEARTBEAT).values(**{"name": name, "faults": 0, **values}))
