"""POST /v1/batch as fast as a few clients can: events a second stored durably by one process (answered, and standing as rows with
their daily rollup), against the same server parsing the same JSON and writing the same rows by the driver in batches.
`python -m tests.bench.bench_track [--events 60000] [--size 100]`. Bound: at least 0.6 of the floor, nothing lost or doubled."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import psutil
from sqlalchemy import text

from bot.app import App
from bot.settings import Settings
from storage.database import Database
from storage.posts import count_waiting
from storage.upgrade import mark_current
from tests.bench.field import arguments, database, engines
from tests.bench.serving import serving
from tests.bench.track_server import FLOOR
from tests.runners.shop import add_customers, write_workspace

KEY = "the-write-key-of-the-bench"
CUSTOMERS = 500
CLIENTS = 8
NAMES = ("login", "report_created", "report_viewed", "scouts_sent", "page_opened")
BOUND = 0.6
LONGEST_WAIT = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """`stored`: seconds until all were rows; `answered`: until all were answered; `seconds` per post; `memory` in MB."""

    stored: float
    answered: float
    seconds: list[float]
    statuses: dict[int, int]
    memory: float

    def at(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def bodies(prefix: str, events: int, size: int) -> list[bytes]:
    """Batches as Segment's clients write them, of users that the database knows."""
    now = datetime.now(UTC)
    made = []
    for start in range(0, events, size):
        batch = [
            {
                "type": "track",
                "messageId": f"{prefix}-{number}",
                "userId": f"p{number % CUSTOMERS + 1}",
                "event": NAMES[number % len(NAMES)],
                "timestamp": (now - timedelta(seconds=number % 7200)).isoformat(),
                "properties": {"value": number % 7, "plan": "pro", "source": "web", "path": f"/reports/{number % 50}"},
                "context": {"library": {"name": "analytics-python", "version": "2.3.2"}},
            }
            for number in range(start, min(start + size, events))
        ]
        made.append(json.dumps({"batch": batch, "sentAt": now.isoformat(), "writeKey": KEY}).encode())
    return made


async def load(url: str, posts: Sequence[bytes], server: psutil.Process, found: Database, events: int) -> Run:
    seconds: list[float] = []
    statuses: dict[int, int] = {}
    waiting = iter(posts)
    before = rows_of(found)

    async def client(session: aiohttp.ClientSession) -> None:
        for body in waiting:
            began = time.perf_counter()
            async with session.post(url, data=body, headers={"content-type": "application/json"}) as answer:
                await answer.read()
                statuses[answer.status] = statuses.get(answer.status, 0) + 1
            seconds.append(time.perf_counter() - began)

    began = time.perf_counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CLIENTS)) as session:
        await asyncio.gather(*(client(session) for _ in range(CLIENTS)))
    answered = time.perf_counter() - began
    while rows_of(found) < before + events and time.perf_counter() - began < LONGEST_WAIT:
        await asyncio.sleep(0.05)
    stored = time.perf_counter() - began
    memory = server.memory_info().rss / 1e6
    return Run(stored=stored, answered=answered, seconds=seconds, statuses=statuses, memory=memory)


def rows_of(found: Database) -> int:
    with found.read() as connection:
        return int(connection.execute(text("SELECT coalesce(max(id), 0) FROM event")).scalar_one())


def bench(engine: str, found: Database, given: argparse.Namespace) -> bool:
    url = found.url.render_as_string(hide_password=False)
    with found.write() as connection:
        mark_current(connection)
    add_customers(found, CUSTOMERS)
    with tempfile.TemporaryDirectory() as folder:
        workspace = write_workspace(Path(folder))
        with App.open(Settings(workspace=workspace, database_url=url), database=Database(url)) as app:
            app.deploy()
        settings = {
            "JOURNEYBOT_DATABASE_URL": url,
            "JOURNEYBOT_WRITE_KEY": KEY,
            "JOURNEYBOT_TRACKING_RATE": "0",
        }
        with serving("tests.bench.track_server", workspace, settings) as (base, server):
            asyncio.run(load(f"{base}/v1/batch", bodies("warm", 2000, given.size), server, found, 2000))
            floor = asyncio.run(
                load(base + FLOOR, bodies("floor", given.events, given.size), server, found, given.events)
            )
            ours = asyncio.run(
                load(f"{base}/v1/batch", bodies("ours", given.events, given.size), server, found, given.events)
            )
    counted = "SELECT count(*), count(DISTINCT key) FROM event WHERE source = 'tracking'"
    rolled = "SELECT sum(count) FROM daily_usage WHERE source = 'events'"
    with found.read() as connection:
        rows, keys = connection.execute(text(counted)).one()
        total = int(connection.execute(text(rolled)).scalar_one())
    is_exact = rows == keys == given.events + 2000 and total == 2 * given.events + 2000 and not count_waiting(found)[0]
    for name, run in (("floor", floor), ("ours", ours)):
        print(
            f"{engine:<11} {name:<6} {given.events / run.stored:8.0f} events/s stored, {given.events / run.answered:8.0f} answered; "
            f"p50 {run.at(0.5):6.1f} ms  p99 {run.at(0.99):6.1f} ms  {run.memory:.0f} MB  {run.statuses}"
        )
    ratio = floor.stored / ours.stored
    print(f"{engine:<11} {ratio:.2f} of the floor (bound {BOUND}); every event once, rollups exact: {is_exact}")
    return is_exact and ratio >= BOUND


def main() -> None:
    given = arguments(__doc__ or "", events=60_000, size=100)
    kept = []
    for engine in engines(given.engine):
        with database(engine) as found:
            kept.append(bench(engine, found, given))
    raise SystemExit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
