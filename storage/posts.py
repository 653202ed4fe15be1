"""Keeps verified posts durably until absorb has taken them in. A row here is a promise to the vendor, who forgets what we
answered 204 to. On SQLite they lie in a file of their own, so that no post waits for the lock that a tick holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, func, select

from storage.bulk import insert_rows
from storage.database import Database
from storage.inbound import StrayEvent, WebhookPost

POST: Table = WebhookPost.__table__  # type: ignore[attr-defined]
STRAY: Table = StrayEvent.__table__  # type: ignore[attr-defined]
COLUMNS = ("source", "content_type", "received_at", "body")
MOST_POSTS = 200
MOST_BYTES = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One post as it arrived."""

    source: str
    content_type: str
    received_at: datetime
    body: bytes


def keep_posts(database: Database, posts: Sequence[Post]) -> None:
    """Store them in one transaction; when this returns, they outlive any crash."""
    rows = [(post.source, post.content_type, post.received_at, post.body) for post in posts]
    with waiting_room(database).write() as connection:
        insert_rows(connection, POST, COLUMNS, rows)


def waiting_posts(database: Database) -> list[Row[Any]]:
    """The oldest, as many as one transaction should take in; at least one if there is any."""
    if not _was_used(database):
        return []
    with waiting_room(database).read() as connection:
        sizes = select(POST.c.id, func.length(POST.c.body)).order_by(POST.c.id).limit(MOST_POSTS)
        ids: list[int] = []
        total = 0
        for found, size in connection.execute(sizes):
            total += size
            if ids and total > MOST_BYTES:
                break
            ids.append(found)
        return list(connection.execute(select(POST).where(POST.c.id.in_(ids)).order_by(POST.c.id)).all()) if ids else []


def forget_posts(database: Database, ids: Collection[int]) -> None:
    """They are taken in."""
    with waiting_room(database).write() as connection:
        connection.execute(delete(POST).where(POST.c.id.in_(list(ids))))


def count_waiting(database: Database) -> tuple[int, datetime | None]:
    """How many posts wait, and since when the oldest."""
    if not _was_used(database):
        return 0, None
    with waiting_room(database).read() as connection:
        number, oldest = connection.execute(select(func.count(), func.min(POST.c.received_at))).one()
        return int(number), oldest


def count_strays(connection: Connection, since: datetime) -> dict[str, int]:
    """Events kept aside since then, by reason."""
    counted = select(STRAY.c.reason, func.count()).where(STRAY.c.received_at >= since).group_by(STRAY.c.reason)
    return {reason: number for reason, number in connection.execute(counted)}


def waiting_room(database: Database) -> Database:
    """The database in which the posts lie: this one, or on SQLite the file beside it."""
    return database.beside(SUFFIX, POST) if _has_own_file(database) else database


SUFFIX = "-posts"


def _has_own_file(database: Database) -> bool:
    return database.is_sqlite and bool(database.url.database) and database.url.database != ":memory:"


def _was_used(database: Database) -> bool:
    """A file that nobody wrote to is not made by looking into it."""
    return not _has_own_file(database) or Path(f"{database.url.database}{SUFFIX}").exists()
