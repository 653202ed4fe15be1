"""The hosts that may hand over what this database decides, and how far the hand-overs had come. A host is stopped whose name is not
among them (a copy of the database), or whose marker is ahead of the database (a restored backup): delivery.md's send-pause.
It only compares and counts; bot/pipeline/send_guard.py asks it before each hand-over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Column, Connection, Table, func, insert, select, update
from sqlmodel import Field, SQLModel

from storage.columns import UtcDateTime
from storage.handoffs import Handoff
from storage.marker import Marker
from storage.outbox import Message

#: Ways out on which nobody outside hears of a mail.
HARMLESS = ("folder", "memory")


class Host(SQLModel, table=True):
    """One host that may hand over. `generation` grows with every batch of intents and every card, over all hosts; it is
    written in the transaction that stores them, so a database that lacks one of them has a lower one."""

    id: str = Field(primary_key=True)
    name: str
    joined_at: datetime = Field(sa_type=UtcDateTime)
    joined_by: str
    generation: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    moved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


HOST: Table = Host.__table__  # type: ignore[attr-defined]
MESSAGE: Table = Message.__table__  # type: ignore[attr-defined]
HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]


class PauseCause(StrEnum):
    """Why nothing may be handed over from this host."""

    COPIED = "copied"  #: this host is not among the database's: a copy of it, or a host that was never released
    RESTORED = "restored"  #: the database is older than what this host remembers: a backup was restored


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPause:
    """Nothing may be handed over. `known_until`: the last hand-over that the database knows of; `handed_over_until`: the last
    that this host knows of."""

    cause: PauseCause
    generation: int
    known_until: datetime | None = None
    handed_over_until: datetime | None = None


def find_pause(connection: Connection, marker: Marker | None) -> SendPause | None:
    """None: this host may hand over. Read the marker before the transaction looks: others move the database first."""
    rows = connection.execute(select(HOST.c.id, HOST.c.generation, HOST.c.moved_at)).all()
    generation = max((row.generation for row in rows), default=0)
    known_until = max((row.moved_at for row in rows if row.moved_at), default=None)
    if marker is not None and marker.generation > generation:
        return SendPause(
            cause=PauseCause.RESTORED,
            generation=generation,
            known_until=known_until,
            handed_over_until=marker.moved_at,
        )
    if marker is None or marker.host not in {row.id for row in rows}:
        return SendPause(cause=PauseCause.COPIED, generation=generation, known_until=known_until)
    return None


def move_generation(connection: Connection, host: str, now: datetime) -> int:
    """One further, as the last thing of a transaction that stores what will be handed over."""
    newest = select(func.max(HOST.c.generation)).scalar_subquery()
    connection.execute(update(HOST).where(HOST.c.id == host).values(generation=newest + 1, moved_at=now))
    return int(connection.execute(select(HOST.c.generation).where(HOST.c.id == host)).scalar_one())


def newest_generation(connection: Connection) -> int:
    return int(connection.scalar(select(func.max(HOST.c.generation))) or 0)


def join(connection: Connection, marker: Marker, name: str, by: str, now: datetime) -> None:
    """The host may hand over from now on; its marker says how far the database has come at least."""
    values = {"name": name, "joined_at": now, "joined_by": by, "generation": marker.generation}
    if not connection.execute(update(HOST).where(HOST.c.id == marker.host).values(**values)).rowcount:
        connection.execute(insert(HOST).values(id=marker.host, **values))


def count_hosts(connection: Connection) -> int:
    return int(connection.scalar(select(func.count()).select_from(HOST)) or 0)


def has_handed_over(connection: Connection) -> bool:
    """Whether anything ever left the house, also before hosts were counted."""
    if newest_generation(connection):
        return True
    mails = select(MESSAGE.c.id).where(MESSAGE.c.attempts > 0, MESSAGE.c.provider.not_in(HARMLESS)).limit(1)
    cards = select(HANDOFF.c.id).where(HANDOFF.c.posted_ts.is_not(None)).limit(1)
    return any(connection.execute(found).first() is not None for found in (mails, cards))
