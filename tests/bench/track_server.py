"""The process that bench_track posts to: what `journeybot run` does, and beside its routes the floor: it parses the same JSON and
writes the same rows by the driver, whatever arrived meanwhile in one commit. It checks nothing, asks nothing, knows all keys.
`python -m tests.bench.track_server WORKSPACE`."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.app import App
from bot.console.web import create_web_app
from bot.intake.events import COLUMNS, CONTACT, EVENT, FEED, USAGE
from bot.logs import configure_logs
from bot.runners import local
from bot.settings import Settings
from storage.bulk import insert_rows
from storage.database import Database
from storage.marks import mark_customers
from storage.upserts import raise_instants, upsert_rows

FLOOR = "/floor"
TOTALS = ("customer_id", "event", "day", "source", "count", "total", "users")


class Floor:
    """Groups of posts, a commit each."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.waiting: list[tuple[list[Any], asyncio.Future[None]]] = []
        self.writing: asyncio.Task[None] | None = None

    async def take(self, request: Request) -> Response:
        events = orjson.loads(await request.body())["batch"]
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append((events, kept))
        if self.writing is None or self.writing.done():
            self.writing = asyncio.get_running_loop().create_task(self._write())
        await kept
        return Response(b'{"success": true}', media_type="application/json")

    async def _write(self) -> None:
        while self.waiting:
            group, self.waiting = self.waiting, []
            await run_in_threadpool(self._store, [event for events, _ in group for event in events])
            for _, kept in group:
                kept.set_result(None)

    def _store(self, events: list[Any]) -> None:
        rows: list[tuple[Any, ...]] = []
        totals: dict[tuple[Any, ...], list[float]] = {}
        seen: dict[int, datetime] = {}
        for event in events:
            at, who = datetime.fromisoformat(event["timestamp"]), int(event["userId"][1:])
            value = event["properties"]["value"]
            rows.append(
                (who, who, event["event"], at, value, event["properties"], "floor", event["messageId"], at, False)
            )
            found = totals.setdefault((who, event["event"], at.date(), "events"), [0, 0.0])
            found[0] += 1
            found[1] += value
            seen[who] = max(at, seen.get(who, at))
        with self.database.write() as connection:
            insert_rows(connection, EVENT, COLUMNS, rows)
            adds = [(*group, count, total, 1) for group, (count, total) in totals.items()]
            upsert_rows(connection, USAGE, TOTALS, adds, {"count": "add", "total": "add"})
            raise_instants(connection, CONTACT, "last_seen", list(seen.items()))
            latest = max(seen.values())
            upsert_rows(connection, FEED, ("name", "latest_at"), [("usage", latest)], {"latest_at": "raise"})
            mark_customers(connection, set(seen))


def with_floor(app: App, **options: Any) -> FastAPI:
    web = create_web_app(app, **options)
    web.router.routes.append(Route(FLOOR, Floor(app.database).take, methods=["POST"]))
    return web


def main() -> None:
    configure_logs(as_json=True)
    local.create_web_app = with_floor  # type: ignore[attr-defined]
    settings = Settings.load(Path(sys.argv[1]))
    with App.open(settings) as app:
        local.run(app, host=settings.host, port=settings.port)


if __name__ == "__main__":
    main()
