"""Keeps posts durably until absorb has taken them in. A row here is a promise to whoever posted, who forgets what we answered
well. On SQLite they lie in files of their own, so that no post waits for the lock that a tick holds; there the rows of a
round are named in the main database (TakenPosts) with what was made of them, so that a crash in between doubles nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, func, select

from storage.bulk import insert_rows
from storage.database import Database
from storage.dialects import among
from storage.inbound import StrayEvent, TakenPosts, WebhookPost
from storage.upserts import upsert_rows

POST: Table = WebhookPost.__table__  # type: ignore[attr-defined]
STRAY: Table = StrayEvent.__table__  # type: ignore[attr-defined]
TAKEN: Table = TakenPosts.__table__  # type: ignore[attr-defined]
COLUMNS = ("source", "content_type", "received_at", "body")
TRACKED = "track"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Where posts wait: a file beside SQLite's, or some rows of one table. `most_posts`, `most_bytes`: of one round."""

    suffix: str
    has_tracked: bool
    most_posts: int
    most_bytes: int

    @property
    def mine(self) -> ColumnElement[bool]:
        return POST.c.source == TRACKED if self.has_tracked else POST.c.source != TRACKED


#: Of mail providers. A flood of tracked events must not delay a bounce, so those wait in a room of their own.
PROVIDERS = Room(suffix="-posts", has_tracked=False, most_posts=200, most_bytes=8_000_000)
TRACKING = Room(suffix="-tracked", has_tracked=True, most_posts=400, most_bytes=3_000_000)
ROOMS = (PROVIDERS, TRACKING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One post as it arrived."""

    source: str
    content_type: str
    received_at: datetime
    body: bytes


def keep_posts(database: Database, posts: Sequence[Post], room: Room = PROVIDERS) -> None:
    """Store them in one transaction; when this returns, they outlive any crash."""
    rows = [(post.source, post.content_type, post.received_at, post.body) for post in posts]
    with waiting_room(database, room).write() as connection:
        insert_rows(connection, POST, COLUMNS, rows)


#: Posts that lie in this very database (storage.asking).
WAITING_HERE = select(POST.c.id)


def any_waits_beside(database: Database) -> bool:
    """Whether any post lies in a file beside this database; what lies in the database itself is a question to it."""
    return _has_own_file(database) and any(newest_post(database, room) for room in ROOMS)


def newest_post(database: Database, room: Room = PROVIDERS) -> int:
    """The number of the newest that waits; 0: none does."""
    if not _was_used(database, room):
        return 0
    with waiting_room(database, room).read() as connection:
        return connection.scalar(select(func.max(POST.c.id)).where(room.mine)) or 0


def waiting_posts(database: Database, room: Room = PROVIDERS, up_to: int | None = None) -> list[Row[Any]]:
    """The oldest (none newer than `up_to`), as many as one transaction should take in; at least one if there is any."""
    if not _was_used(database, room):
        return []
    with waiting_room(database, room).read() as connection:
        sizes = select(POST.c.id, func.length(POST.c.body)).where(room.mine).order_by(POST.c.id).limit(room.most_posts)
        if up_to is not None:
            sizes = sizes.where(POST.c.id <= up_to)
        ids: list[int] = []
        total = 0
        for found, size in connection.execute(sizes):
            total += size
            if ids and total > room.most_bytes:
                break
            ids.append(found)
        return list(connection.execute(select(POST).where(POST.c.id.in_(ids)).order_by(POST.c.id)).all()) if ids else []


def forget_posts(database: Database, ids: Collection[int], room: Room = PROVIDERS) -> None:
    """They are taken in."""
    with waiting_room(database, room).write() as connection:
        connection.execute(delete(POST).where(among(POST.c.id, ids)))


def take_once(connection: Connection, room: Room, posts: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Those of the posts that nobody took in, in the transaction that takes them in. On PostgreSQL they are gone with it; on
    SQLite it notes them, and `forget_posts` must come before the next round."""
    if connection.dialect.name == "postgresql":
        gone = delete(POST).where(among(POST.c.id, [post.id for post in posts])).returning(POST.c.id)
        mine = set(connection.scalars(gone))
        return [post for post in posts if post.id in mine]
    names = {post.id: f"{post.id} {post.received_at.isoformat()}" for post in posts}
    taken = set(connection.scalar(select(TAKEN.c.names).where(TAKEN.c.room == room.suffix)) or ())
    upsert_rows(connection, TAKEN, ("room", "names"), [(room.suffix, list(names.values()))], {"names": "set"})
    return [post for post in posts if names[post.id] not in taken]


def count_waiting(database: Database) -> tuple[int, datetime | None]:
    """How many posts wait in all rooms, and since when the oldest."""
    number, since = 0, None
    for room in ROOMS:
        if not _was_used(database, room):
            continue
        with waiting_room(database, room).read() as connection:
            found, oldest = connection.execute(
                select(func.count(), func.min(POST.c.received_at)).where(room.mine)
            ).one()
        number += int(found)
        since = oldest if since is None or (oldest is not None and oldest < since) else since
    return number, since


def count_strays(connection: Connection, since: datetime) -> dict[str, int]:
    """Events kept aside since then, by reason."""
    counted = select(STRAY.c.reason, func.count()).where(STRAY.c.received_at >= since).group_by(STRAY.c.reason)
    return {reason: number for reason, number in connection.execute(counted)}


def waiting_room(database: Database, room: Room = PROVIDERS) -> Database:
    """The database in which the posts lie: this one, or on SQLite the file beside it."""
    return database.beside(room.suffix, POST) if _has_own_file(database) else database


def _has_own_file(database: Database) -> bool:
    return database.is_sqlite and bool(database.url.database) and database.url.database != ":memory:"


def _was_used(database: Database, room: Room) -> bool:
    """A file that nobody wrote to is not made by looking into it."""
    return not _has_own_file(database) or Path(f"{database.url.database}{room.suffix}").exists()
