"""Sending 20,000 mails (claim, checks, render, intent, post, record) to a local HTTPS endpoint that answers as SendGrid
does, against a pooled keep-alive client that posts the same bodies with the same number of commits, and against the
official client in a loop. `python -m tests.bench.bench_send`. Bounds: 0.6 of the pooled client, 20 × the official one."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from itertools import count

import aiohttp
from sqlalchemy import event, text

from bot.channels.sendgrid import SendGridChannel
from bot.clock import FixedClock
from bot.pipeline.advance import advance
from bot.pipeline.deliver import deliver
from storage.database import Database
from tests.bench.bench_advance import PLAYBOOK
from tests.bench.bench_enroll import ours as enroll_all
from tests.bench.field import (
    NOW,
    House,
    Result,
    add_customers,
    arguments,
    database,
    engines,
    peak_memory_mb,
    publish,
    seconds,
    workspace_files,
)
from tests.fakes.fast_https import FastHttps

KEY = "SG.bench"
CONCURRENCY = 32


def prepared(found: Database, mails: int) -> House:
    """`mails` pending messages, due now."""
    with found.write() as connection:
        add_customers(connection, mails)
    house = publish(found, workspace_files({"note_play": PLAYBOOK}), FixedClock(NOW))
    assert enroll_all(house) == mails
    advance(found, house.published, NOW)
    return house


def commits_of(found: Database) -> count[int]:
    """Counts commits from now on."""
    commits: count[int] = count()

    @event.listens_for(found.engine, "commit")
    def counted(_connection: object) -> None:
        next(commits)

    return commits


async def _post_all(base_url: str, context: ssl.SSLContext, bodies: list[bytes], found: Database, commits: int) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    every = max(1, len(bodies) // max(1, commits))
    waiting = iter(enumerate(bodies))
    connector = aiohttp.TCPConnector(limit=CONCURRENCY, ssl=context)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def worker() -> None:
            for place, body in waiting:
                async with session.post(f"{base_url}/v3/mail/send", data=body) as answer:
                    assert answer.status == 202
                if place % every == 0:
                    with found.write() as connection:
                        connection.execute(text("UPDATE customer SET name = name WHERE id = 1"))

        await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))


def floor_rate(base_url: str, context: ssl.SSLContext, bodies: list[bytes], found: Database, commits: int) -> float:
    spent = seconds(lambda: asyncio.run(_post_all(base_url, context, bodies, found, commits)))
    return len(bodies) / spent


def official_rate(base_url: str, body: bytes, times: int) -> float:
    """The official client as its documentation shows it: one `send` after the other."""
    import sendgrid
    from orjson import loads

    client = sendgrid.SendGridAPIClient(KEY, host=base_url)
    message = loads(body)
    start = time.perf_counter()
    for _ in range(times):
        assert client.client.mail.send.post(request_body=message).status_code == 202
    return times / (time.perf_counter() - start)


def bodies_of(found: Database) -> list[bytes]:
    """The bodies that were posted, rebuilt from the stored snapshots by the channel's own builder."""
    from bot.channels.base import Outgoing
    from bot.channels.sendgrid_payload import body_bytes

    with found.read() as connection:
        rows = connection.execute(text("SELECT * FROM message_content ORDER BY message_id")).all()
    return [
        body_bytes(
            Outgoing(
                reference=str(row.message_id),
                to_email=row.to_email,
                to_name=row.to_name,
                from_email=row.from_email,
                from_name=row.from_name,
                reply_to_email=row.reply_to,
                reply_to_name=None,
                subject=row.subject,
                html=row.html,
                text=row.text,
                category=row.category,
                headers={},
                deadline=0.0,
            )
        )
        for row in rows
    ]


def send_all(house: House, server: FastHttps) -> float:
    """Mails a second through the whole delivery pass; each arrives exactly once."""
    channel = SendGridChannel(
        KEY, server.base_url, CONCURRENCY, ssl_context=server.ssl_context, monotonic=house.clock.monotonic
    )
    spent = seconds(lambda: deliver(house.database, house.published, channel, house.clock))
    channel.close()
    ledger = server.ledger()
    assert len(set(ledger)) == len(ledger), "every mail exactly once"
    return len(ledger) / spent


def measure(found: Database, server: FastHttps, engine: str, mails: int, official_mails: int) -> None:
    house = prepared(found, mails)
    commits = commits_of(found)
    ours = send_all(house, server)
    made = next(commits)
    bodies = bodies_of(found)
    assert len(bodies) == mails
    floor = floor_rate(server.base_url, server.ssl_context, bodies, found, made)
    name = f"send {mails:,} mails ({made} commits), {engine}"
    result = Result(name=name, ours=f"{ours:,.0f}/s", floor=f"{floor:,.0f}/s", ratio=ours / floor, bound=0.6)
    print(result, f"peak {peak_memory_mb():.0f} MB", flush=True)
    os.environ["SSL_CERT_FILE"] = str(server.certificate)
    official = official_rate(server.base_url, bodies[0], official_mails)
    name = f"send against the official client in a loop, {engine}"
    print(
        Result(name=name, ours=f"{ours:,.0f}/s", floor=f"{official:,.0f}/s", ratio=ours / official, bound=20),
        flush=True,
    )


def measure_slow(found: Database, server: FastHttps, engine: str, mails: int) -> None:
    allowed = CONCURRENCY / 0.1
    ours = send_all(prepared(found, mails), server)
    name = f"send with answers that take 100 ms, {engine}"
    floor = f"{allowed:,.0f}/s (what {CONCURRENCY} at once allow)"
    print(Result(name=name, ours=f"{ours:,.0f}/s", floor=floor, ratio=ours / allowed, bound=0.9), flush=True)


def main() -> None:
    given = arguments(__doc__ or "", mails=20_000, official=40, slow=3_000)
    for engine in engines(given.engine):
        with database(engine) as found, FastHttps() as server:
            measure(found, server, engine, given.mails, given.official)
        with database(engine) as found, FastHttps(delay_ms=100) as server:
            measure_slow(found, server, engine, given.slow)


if __name__ == "__main__":
    main()
