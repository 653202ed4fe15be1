"""Takes in what the tracking API kept: groups become customers, identified users contacts, the rest events with their daily
rollup, a round of posts in one transaction. Who is unknown yet is kept aside and taken in when they appear, by a group call, an
import or an alias. Called by absorb; before it: the web route kept the posts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select

from bot.intake.job import IMPORT
from bot.intake.tracking.bodies import call_of, waiting
from bot.intake.tracking.calls import Call, Refused
from bot.intake.tracking.rounds import Round
from storage.bulk import insert_new_rows
from storage.database import Database
from storage.dialects import among
from storage.posts import TRACKING, forget_posts, newest_post, take_once, waiting_posts
from storage.tracking import HELD, READY, count_calls, has_ready_calls
from storage.upserts import hold_alone

MOST_READY = 2_000
HELD_COLUMNS = ("key", "reason", "person", "customer_key", "content", "received_at", "is_ready")


def take_in_tracked(database: Database, now: datetime, zone: str) -> int:
    """Everything that waits now, but not what arrives meanwhile; returns how many calls. `zone`: of customers without one."""
    taken = 0
    newest = newest_post(database, TRACKING)
    while newest and (posts := waiting_posts(database, TRACKING, newest)):
        with database.write() as connection:
            hold_alone(connection, IMPORT)  # a customer that an import brings now must find the calls that wait for it
            calls: list[Call] = []
            refused: list[Refused] = []
            counts: Counter[str] = Counter()
            for post in take_once(connection, TRACKING, posts):
                more, worse, odd = waiting(post.body)
                calls += more
                refused += worse
                counts.update(odd)
            _keep_refused(connection, refused, counts, now)
            _take_in(connection, calls, counts, now, zone)
        if database.is_sqlite:
            forget_posts(database, [post.id for post in posts], TRACKING)
        taken += len(calls)
    return taken + _take_in_ready(database, now, zone)


def _take_in_ready(database: Database, now: datetime, zone: str) -> int:
    """Calls whose customer or user has appeared."""
    taken = 0
    while True:
        with database.read() as connection:
            if not has_ready_calls(connection):
                return taken
        with database.write() as connection:
            hold_alone(connection, IMPORT)
            ready = select(HELD.c.id, HELD.c.content).where(READY).order_by(HELD.c.id).limit(MOST_READY)
            rows = connection.execute(ready).all()
            connection.execute(delete(HELD).where(among(HELD.c.id, [row.id for row in rows])))
            _take_in(connection, [call_of(row.content) for row in rows], Counter(), now, zone, were_held=True)
        taken += len(rows)


def _take_in(
    connection: Connection,
    calls: Sequence[Call],
    counts: Counter[str],
    now: datetime,
    zone: str,
    *,
    were_held: bool = False,
) -> None:
    done = Round(connection, now, zone)
    done.take(calls, were_held=were_held)
    held = [
        (f"held:{call.key}", reason, person, group, list(call), now, False) for call, reason, person, group in done.held
    ]
    insert_new_rows(connection, HELD, HELD_COLUMNS, held)
    done.record()
    counts.update(done.counts)
    count_calls(connection, counts, now)


def _keep_refused(connection: Connection, refused: Sequence[Refused], counts: Counter[str], now: datetime) -> None:
    rows = [(one.key, one.reason, None, None, one.content, now, False) for one in refused if one.content is not None]
    insert_new_rows(connection, HELD, HELD_COLUMNS, rows)
    counts.update(f"refused_{one.reason}" for one in refused)
