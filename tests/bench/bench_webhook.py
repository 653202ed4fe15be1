"""POST /webhooks/sendgrid under load: signed batches at a steady rate against the process that `journeybot run` is, while it ticks
and takes the events in. Floor: a bare route of the same server, under the same load. Latency counts from the moment a post was
due, so a stall is seen by all who wait for it. Afterwards every event that was answered 204 must be a row.
`python -m tests.bench.bench_webhook [--seconds 60] [--rate 200]`. Bound: p99 ≤ 300 ms, nothing lost."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import psutil
from sqlalchemy import select, text

from bot.app import App
from bot.rules.references import MailName, reference_of
from bot.settings import Settings
from storage.database import Database
from storage.outbox_moves import MESSAGE
from storage.posts import count_waiting
from storage.upgrade import mark_current
from tests.bench.field import arguments, database, engines
from tests.bench.serving import serving
from tests.bench.webhook_server import BARE
from tests.fakes.sendgrid_webhook import public_key, signed, wire_event
from tests.runners.shop import add_customers, write_workspace

MAILS = 2000
KINDS = ("processed", "delivered", "delivered", "open", "open", "click", "deferred")
MOST_EVENTS = 10
EVENTS_PATH = "/webhooks/sendgrid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One post, ready to go, and the events in it."""

    body: bytes
    headers: dict[str, str]
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a load met: seconds per post in order of due time, statuses, CPU seconds of the server."""

    seconds: list[float]
    statuses: dict[int, int]
    cpu: float

    def at(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def batches(references: Sequence[str], number: int) -> list[Batch]:
    """Made beforehand, so that only posting is measured."""
    chance = random.Random(20270301)
    now = int(datetime.now(UTC).timestamp())
    moments = itertools.count(now)
    made = []
    for post in range(number):
        events = [
            # Every event happens at a second of its own, so that none is another one told twice.
            wire_event(
                chance.choice(references), chance.choice(KINDS), timestamp=next(moments), sg_event_id=f"e{post}-{place}"
            )
            for place in range(chance.randint(1, MOST_EVENTS))
        ]
        body = json.dumps(events).encode()
        ids = tuple(event["sg_event_id"] for event in events)
        made.append(Batch(body=body, headers=signed(body, timestamp=str(now)), ids=ids))
    return made


async def load(url: str, posts: Sequence[Batch], rate: int, server: psutil.Process) -> Run:
    seconds: list[float] = [0.0] * len(posts)
    statuses: dict[int, int] = {}

    async def one(session: aiohttp.ClientSession, place: int, due: float) -> None:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        async with session.post(url, data=posts[place].body, headers=posts[place].headers) as answer:
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
        seconds[place] = time.perf_counter() - due

    before = sum(server.cpu_times()[:2])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        began = time.perf_counter() + 0.2
        await asyncio.gather(*(one(session, place, began + place / rate) for place in range(len(posts))))
    return Run(seconds=seconds, statuses=statuses, cpu=sum(server.cpu_times()[:2]) - before)


def prepared(workspace: Path, url: str) -> list[str]:
    """A shop whose customers were all mailed; the references of the mails."""
    write_workspace(workspace)
    shop = Database(url)
    add_customers(shop, MAILS)
    with App.open(Settings(workspace=workspace, database_url=url), database=shop) as app:
        app.deploy()
        app.tick()
        with shop.read() as connection:
            taken = select(MESSAGE.c.id, MESSAGE.c.created_at).where(MESSAGE.c.state == "accepted")
            names = [MailName(*found) for found in connection.execute(taken)]
        assert len(names) == MAILS, f"only {len(names)} of {MAILS} mails were accepted"
        return [reference_of(app.installation, name) for name in names]


def lost_events(found: Database, posts: Sequence[Batch]) -> int:
    """Events that were posted and are no rows."""
    with found.read() as connection:
        keys = connection.execute(text("SELECT key FROM delivery_event")).scalars()
        stored = {key.removeprefix("sendgrid:") for key in keys}
    return len({name for post in posts for name in post.ids} - stored)


def bench(engine: str, found: Database, given: argparse.Namespace) -> bool:
    url = found.url.render_as_string(hide_password=False)
    with found.write() as connection:
        mark_current(connection)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        references = prepared(workspace, url)
        posts = batches(references, given.seconds * given.rate)
        settings = {"JOURNEYBOT_DATABASE_URL": url, "SENDGRID_WEBHOOK_PUBLIC_KEY": public_key()}
        with serving("tests.bench.webhook_server", workspace, settings) as (base, server):
            floor = asyncio.run(load(base + BARE, posts, given.rate, server))
            ours = asyncio.run(load(base + EVENTS_PATH, posts, given.rate, server))
        with App.open(Settings(workspace=workspace, database_url=url)) as app:
            app.tick()  # what still waited when the server was stopped
            assert count_waiting(app.database)[0] == 0
    lost = lost_events(found, posts)
    events = sum(len(post.ids) for post in posts)
    for name, run in (("bare 204", floor), ("events", ours)):
        print(
            f"{engine:<11} {name:<9} {len(posts)} posts at {given.rate}/s: p50 {run.at(0.5):7.1f} ms  p99 {run.at(0.99):7.1f} ms"
            f"  max {run.at(1):7.1f} ms  server CPU {1000 * run.cpu / len(posts):.2f} ms a post  {run.statuses}"
        )
    ratio = ours.at(0.99) / floor.at(0.99)
    print(
        f"{engine:<11} {events} events, {lost} lost; p99 is {ratio:.1f} × the floor's (bound: p99 ≤ 300 ms, none lost)"
    )
    return lost == 0 and set(ours.statuses) == {204} and ours.at(0.99) <= 300


def main() -> None:
    given = arguments(__doc__ or "", seconds=60, rate=200)
    kept = []
    for engine in engines(given.engine):
        with database(engine) as found:
            kept.append(bench(engine, found, given))
    raise SystemExit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
