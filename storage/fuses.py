"""Fuses that blew, and what they are measured by: how many entered and were mailed on each day. A blown fuse waits for a
person; bot.pipeline.fuses writes it. A mail in FuseRelease may go although its playbook's fuse holds the others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, ForeignKey, Table, bindparam, select, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, Document, UtcDateTime, partial_index, state_column


class FuseState(StrEnum):
    """Where a fuse stands."""

    BLOWN = "blown"  #: holds what it guards until a person decides
    RELEASED = "released"  #: a person let everything go
    DROPPED = "dropped"  #: a person gave up what it held


class Fuse(SQLModel, table=True):
    """One fuse that blew. `playbook` None: all mails of the sender. `numbers` are what a person is told."""

    __table_args__ = (
        partial_index("uq_fuse_blown", "kind", text("coalesce(playbook, '')"), unique=True, where="state = 'blown'"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    kind: str
    playbook: str | None = None
    state: str = Field(default=FuseState.BLOWN, sa_column=state_column(FuseState.BLOWN))
    blown_at: datetime = Field(sa_type=UtcDateTime)
    numbers: dict[str, Any] = Field(sa_column=Column(Document, nullable=False))
    handoff_id: int | None = Field(default=None, sa_column=Column(BigKey, ForeignKey("handoff.id")))
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_by: str | None = None


class PlaybookDay(SQLModel, table=True):
    """What a playbook did on one day of the workspace: customers that entered without a person being asked, mails accepted.
    The row of playbook "" says up to which day mails are counted."""

    __tablename__ = "playbook_day"

    playbook: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    entered: int = 0
    mails: int = 0


class FuseRelease(SQLModel, table=True):
    """A mail that a person let go while its playbook's fuse holds the others."""

    __tablename__ = "fuse_release"

    message_id: int = Field(
        sa_column=Column(BigKey, ForeignKey("message.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)
    )
    at: datetime = Field(sa_type=UtcDateTime)


FUSE: Table = Fuse.__table__  # type: ignore[attr-defined]
PLAYBOOK_DAY: Table = PlaybookDay.__table__  # type: ignore[attr-defined]
RELEASE: Table = FuseRelease.__table__  # type: ignore[attr-defined]
#: The kind of a pause that a blown fuse makes: of a playbook, or (key EVERY_MAIL) of all mails, but of nothing else.
FUSE_PAUSE = "fuse"
EVERY_MAIL = "*"
#: The playbook of the row that says how far mails are counted.
COUNTED = ""


def entered_on(connection: Connection, day: date) -> Mapping[str, int]:
    """Playbook → customers that entered on that day so far."""
    return {playbook: entered for playbook, entered in connection.execute(_ENTERED, {"on": day})}


_ENTERED = select(PLAYBOOK_DAY.c.playbook, PLAYBOOK_DAY.c.entered).where(PLAYBOOK_DAY.c.day == bindparam("on"))


def add_entered(connection: Connection, playbook: str, day: date, number: int) -> None:
    _add(connection, {"playbook": playbook, "day": day, "entered": number, "mails": 0}, "entered")


def put_mails(connection: Connection, playbook: str, day: date, number: int) -> None:
    """Set, not added: the day is counted as a whole."""
    _add(connection, {"playbook": playbook, "day": day, "entered": 0, "mails": number}, "mails", is_sum=False)


def _add(connection: Connection, values: dict[str, Any], column: str, *, is_sum: bool = True) -> None:
    connection.execute(_adding(connection.dialect.name, column, is_sum), values)


@cache
def _adding(dialect: str, column: str, is_sum: bool) -> Any:
    statement: Any = (sqlite_insert if dialect == "sqlite" else postgresql_insert)(PLAYBOOK_DAY)
    given = statement.excluded[column]
    changed = {column: PLAYBOOK_DAY.c[column] + given if is_sum else given}
    return statement.on_conflict_do_update(index_elements=["playbook", "day"], set_=changed)
