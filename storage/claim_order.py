"""In which order due mails are taken: by priority, and within one priority from all playbooks in turn, so that a broadcast
of a hundred thousand never keeps a welcome waiting. Reads and locks; outbox_moves.py claims what it picks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, bindparam, func, literal_column, or_, select

from storage.accounts import Pause
from storage.asking import NOW
from storage.fuses import FUSE_PAUSE, RELEASE
from storage.outbox import Message, MessageState

MESSAGE: Table = Message.__table__  # type: ignore[attr-defined]
PAUSE: Table = Pause.__table__  # type: ignore[attr-defined]
#: Written into the statement, because SQLite takes a partial index only for a constant it can see.
PENDING: ColumnElement[str] = literal_column(f"'{MessageState.PENDING.value}'")


#: Mails that are owed and whose time has come (storage.asking).
DUE = select(MESSAGE.c.id).where(MESSAGE.c.state == PENDING, MESSAGE.c.not_before <= NOW)


class DueQueue(NamedTuple):
    """A playbook with mails that are due; `priority` is that of its first one."""

    playbook: str
    priority: int


def pick_due(
    connection: Connection, columns: Sequence[ColumnElement[Any]], now: datetime, limit: int, *where: Any
) -> list[Row[Any]]:
    """Up to `limit` due pending mails, locked, most important first. Rows that another worker holds are passed over."""
    found: list[Row[Any]] = []
    queues = due_queues(connection, now)
    for _, alike in groupby(queues, key=lambda queue: queue.priority):
        found += _in_turn(connection, columns, list(alike), now, limit - len(found), where)
        if len(found) >= limit:
            break
    return found


def has_due(connection: Connection, now: datetime) -> bool:
    """Whether any mail is owed and its time has come."""
    return connection.scalar(DUE.limit(1), {"now": now}) is not None


def due_queues(connection: Connection, now: datetime) -> list[DueQueue]:
    """The playbooks with due mails, the most important first: a step through the index for each playbook that owes any."""
    rows = connection.execute(_QUEUES, {"now": now})
    queues = [DueQueue(row.playbook, row.priority) for row in rows if row.priority is not None]
    return sorted(queues, key=lambda queue: (-queue.priority, queue.playbook))


def _queues() -> Select[Any]:
    """A loose scan of the index by playbook: its names one by one, however many mails each owes."""
    first = select(func.min(MESSAGE.c.playbook).label("playbook")).where(MESSAGE.c.state == PENDING)
    names = first.cte("queue", recursive=True)
    following = (
        select(func.min(MESSAGE.c.playbook))
        .where(MESSAGE.c.state == PENDING, MESSAGE.c.playbook > names.c.playbook)
        .correlate(names)
        .scalar_subquery()
    )
    names = names.union_all(select(following).where(names.c.playbook.is_not(None)))
    due = MESSAGE.alias("due")
    priority = (
        select(due.c.priority)
        .where(due.c.state == PENDING, due.c.playbook == names.c.playbook, due.c.not_before <= bindparam("now"))
        .order_by(due.c.not_before)
        .limit(1)
        .correlate(names)
        .scalar_subquery()
    )
    found = select(names.c.playbook, priority.label("priority")).where(names.c.playbook.is_not(None))
    return found.where(names.c.playbook.not_in(_closed()))


def _closed() -> Select[Any]:
    """Playbooks that stand still, so that nobody reads through a hundred thousand mails that wait. A fuse may let some go."""
    of_playbook = and_(RELEASE.c.message_id == MESSAGE.c.id, MESSAGE.c.playbook == PAUSE.c.key)
    lets_some_go = select(RELEASE.c.message_id).where(of_playbook, MESSAGE.c.state == PENDING).exists()
    return select(PAUSE.c.key).where(
        or_(PAUSE.c.kind == "playbook", and_(PAUSE.c.kind == FUSE_PAUSE, ~lets_some_go.correlate(PAUSE)))
    )


_QUEUES = _queues()


def _in_turn(
    connection: Connection,
    columns: Sequence[ColumnElement[Any]],
    queues: list[DueQueue],
    now: datetime,
    limit: int,
    where: Sequence[Any],
) -> list[Row[Any]]:
    """An equal part from each queue, and what short ones leave over from the others."""
    taken: dict[str, list[Row[Any]]] = {queue.playbook: [] for queue in queues}
    hungry = [queue.playbook for queue in queues]
    free = limit
    while hungry and free > 0:
        part = max(1, free // len(hungry))
        still: list[str] = []
        for playbook in hungry:
            wanted = min(part, free)
            if not wanted:
                break
            more = connection.execute(_next_of(columns, playbook, now, wanted, len(taken[playbook]), where)).all()
            taken[playbook] += more
            free -= len(more)
            if len(more) == wanted:
                still.append(playbook)
        hungry = still
    places = [(place, queue, row) for queue, rows in enumerate(taken.values()) for place, row in enumerate(rows)]
    return [row for _, _, row in sorted(places, key=lambda found: found[:2])]


def _next_of(
    columns: Sequence[ColumnElement[Any]], playbook: str, now: datetime, limit: int, skip: int, where: Sequence[Any]
) -> Select[Any]:
    """The next mails of one playbook, by time; `skip` are ours already. In the order of the index: a broadcast owes all its mails
    at one moment, and ordering those by number would sort a hundred thousand for each claim."""
    return (
        select(*columns)
        .where(MESSAGE.c.state == PENDING, MESSAGE.c.playbook == playbook, MESSAGE.c.not_before <= now, *where)
        .order_by(MESSAGE.c.not_before)
        .limit(limit)
        .offset(skip)
        .with_for_update(skip_locked=True)
    )
