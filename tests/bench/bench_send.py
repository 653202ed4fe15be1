"""Sending 20,000 mails (claim, checks, render, intent, post, record) to a local HTTPS endpoint, in a process of its own, that
answers as SendGrid does. Floors: a pooled keep-alive client that posts the same bodies with as many commits, each of one
small row (the bound) or of the same rows by the bare driver; and the official client in a loop. All trust the machine's own CA
bundle, as any installation does. `python -m tests.bench.bench_send`. Bounds: 0.6 of the pooled client, 20 × the
official; memory flat in the numbers of mails and customers. The floor needs one core and a half with its server, we two: so
only runs on a machine with nothing else to do compare."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
from psycopg.types.string import TextLoader
from sqlalchemy import Connection, event, text

from bot.channels.aside import AsideChannel
from bot.clock import FixedClock
from bot.pipeline.advance import advance
from bot.pipeline.deliver import deliver
from storage.database import Database
from storage.mail_texts import contents_of
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
    publish,
    workspace_files,
)
from tests.bench.send_memory import Peak
from tests.fakes.fast_https import FastHttps

KEY = "SG.bench"
CONCURRENCY = 32
MANY_TIMES = 4


def prepared(found: Database, mails: int) -> House:
    """`mails` pending messages, due now."""
    with found.write() as connection:
        add_customers(connection, mails)
    house = publish(found, workspace_files({"note_play": PLAYBOOK}), FixedClock(NOW))
    assert enroll_all(house) == mails
    advance(found, house.published, NOW)
    if not found.is_sqlite:  # PostgreSQL does so by itself within a minute; SQLite only when asked, and we never ask
        with found.write() as connection:
            connection.execute(text("ANALYZE"))
    return house


def commits_of(found: Database) -> count[int]:
    """Counts commits from now on; the end of a transaction that only read is none."""
    commits: count[int] = count()

    @event.listens_for(found.engine, "commit")
    def counted(connection: Connection) -> None:
        if not connection.get_execution_options().get("journeybot_reads"):
            next(commits)

    return commits


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Mails a second, and what this process and the one that posts aside spent on each."""

    rate: float
    cpu_microseconds: float
    cpu_microseconds_aside: float

    @classmethod
    def of(cls, mails: int, work: Callable[[], object]) -> Pace:
        before, start = os.times(), time.perf_counter()
        work()
        spent, after = time.perf_counter() - start, os.times()
        here = after.user + after.system - before.user - before.system
        aside = after.children_user + after.children_system - before.children_user - before.children_system
        return cls(rate=mails / spent, cpu_microseconds=here / mails * 1e6, cpu_microseconds_aside=aside / mails * 1e6)

    def __str__(self) -> str:
        aside = f" + {self.cpu_microseconds_aside:.0f}" if self.cpu_microseconds_aside else ""
        return f"{self.rate:,.0f}/s ({self.cpu_microseconds:.0f}{aside} µs CPU a mail)"


Writer = Callable[[Connection, int, int], object]


def write_one_small_row(connection: Connection, _start: int, _end: int) -> None:
    connection.execute(text("UPDATE customer SET name = name WHERE id = 1"))


async def _post_all(
    base_url: str, context: ssl.SSLContext, bodies: list[bytes], found: Database, commits: int, write: Writer
) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    every = max(1, len(bodies) // max(1, commits))
    waiting = iter(enumerate(bodies, start=1))
    connector = aiohttp.TCPConnector(limit=CONCURRENCY, ssl=context)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def worker() -> None:
            for place, body in waiting:
                async with session.post(f"{base_url}/v3/mail/send", data=body) as answer:
                    assert answer.status == 202
                if place % every == 0 or place == len(bodies):
                    with found.write() as connection:
                        write(connection, (place - 1) // every * every, place)

        await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))


class SameRows:
    """Writes what sending wrote, by the bare driver: the text, the attempt and the decision of each mail, and its state."""

    TABLES = (
        ("message_content", "message_id", ""),
        ("attempt", "id", ""),
        ("decision", "id", "WHERE verdict = 'sent'"),
    )
    STATE = (
        "UPDATE message SET state = 'accepted', reason = 'accepted', provider_message_id = 'x', attempts = 1, token = 1"
    )

    def __init__(self, found: Database) -> None:
        self._rows = []
        with found.write() as connection:
            for table, order, where in self.TABLES:
                cursor = _cursor(connection)
                cursor.execute(f"SELECT * FROM {table} {where} ORDER BY {order}")
                self._rows.append((table, tuple(column[0] for column in cursor.description), cursor.fetchall()))
                connection.execute(text(f"DELETE FROM {table} {where}"))
            connection.execute(text("UPDATE message SET state = 'pending', attempts = 0, token = 0"))
        self._ids = [row[0] for row in self._rows[0][2]]

    def __call__(self, connection: Connection, start: int, end: int) -> None:
        cursor = _cursor(connection)
        for table, columns, rows in self._rows:
            if connection.dialect.name == "sqlite":
                marks = ", ".join("?" * len(columns))
                cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows[start:end])
            else:
                with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                    for row in rows[start:end]:
                        copy.write_row(row)
        first, last = self._ids[start], self._ids[end - 1]
        cursor.execute(f"{self.STATE} WHERE id BETWEEN {first} AND {last}")


def _cursor(connection: Connection) -> Any:
    """Documents are read as the texts they are, and so can be written back."""
    driver = connection.connection.driver_connection
    assert driver is not None
    cursor = driver.cursor()
    if connection.dialect.name == "postgresql":
        cursor.adapters.register_loader("jsonb", TextLoader)
    return cursor


def floor_pace(
    base_url: str, context: ssl.SSLContext, bodies: list[bytes], found: Database, commits: int, write: Writer
) -> Pace:
    return Pace.of(len(bodies), lambda: asyncio.run(_post_all(base_url, context, bodies, found, commits, write)))


@contextmanager
def usual_trust(server: FastHttps) -> Iterator[ssl.SSLContext]:
    """The machine's CA bundle with the server's certificate added, for us and, by the environment, for the official client: it
    reads the whole bundle for every mail, and a bundle of one certificate would hide that."""
    bundle = ssl.get_default_verify_paths().cafile
    assert bundle is not None, "this machine has no CA bundle"
    with tempfile.NamedTemporaryFile("wb", suffix=".pem") as file:
        file.write(Path(bundle).read_bytes() + b"\n" + server.certificate.read_bytes())
        file.flush()
        os.environ["SSL_CERT_FILE"] = file.name
        yield ssl.create_default_context()
        del os.environ["SSL_CERT_FILE"]


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

    same = ("to_email", "to_name", "from_email", "from_name", "subject", "text", "category")
    with found.read() as connection:
        ids = connection.scalars(text("SELECT message_id FROM message_content")).all()
        rows = contents_of(connection, ids)
    return [
        body_bytes(
            Outgoing(
                reference=str(number),
                document=row["html"],
                **{name: row[name] for name in same},
                reply_to_email=row["reply_to"],
                reply_to_name=None,
                headers={},
                deadline=0.0,
            )
        )
        for number, row in sorted(rows.items())
    ]


def send_all(house: House, server: FastHttps, context: ssl.SSLContext) -> Pace:
    """The whole delivery pass; each mail arrives exactly once."""
    channel = AsideChannel(KEY, server.base_url, CONCURRENCY, ssl_context=context, monotonic=house.clock.monotonic)
    before = len(server.ledger())
    published = house.published
    owed = mails_owed(house.database)
    pace = Pace.of(owed, lambda: deliver(house.database, published, channel, house.clock))
    channel.close()
    ledger = server.ledger()[before:]
    assert len(set(ledger)) == len(ledger) == owed, "every mail exactly once"
    return pace


def mails_owed(found: Database) -> int:
    with found.read() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM message WHERE state = 'pending'")) or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One sending of all mails, and the floors right after it. A noisy machine changes its pace from second to second: the round
    whose ratio is the median of several counts."""

    ours: Pace
    small: Pace
    same: Pace
    commits: int
    body: bytes


def told(name: str, rounds: list[Round], floor: Callable[[Round], Pace], bound: float) -> None:
    ratios = sorted((found.ours.rate / floor(found).rate, place) for place, found in enumerate(rounds))
    ratio, place = ratios[len(ratios) // 2]
    middle = rounds[place]
    of_all = f", median of {', '.join(f'{each:.2f}' for each, _ in ratios)}" if len(ratios) > 1 else ""
    result = Result(
        name=f"{name} ({middle.commits} commits{of_all})",
        ours=str(middle.ours),
        floor=str(floor(middle)),
        ratio=ratio,
        bound=bound,
    )
    print(result, flush=True)


def one_round(engine: str, server: FastHttps, mails: int) -> Round:
    with database(engine) as found:
        house = prepared(found, mails)
        commits = commits_of(found)
        with usual_trust(server) as context:
            ours = send_all(house, server, context)
            made = next(commits)
            bodies = bodies_of(found)
            assert len(bodies) == mails
            posting = partial(floor_pace, server.base_url, context, bodies, found, made)
            small, same = posting(write_one_small_row), posting(SameRows(found))
    return Round(ours=ours, small=small, same=same, commits=made, body=bodies[0])


def measure(engine: str, mails: int, official_mails: int, times: int) -> None:
    with FastHttps() as server:
        rounds = [one_round(engine, server, mails) for _ in range(times)]
        told(f"send {mails:,} mails, {engine}", rounds, lambda found: found.small, 0.6)
        told(f"send, the floor writing the same rows, {engine}", rounds, lambda found: found.same, 0.6)
        with usual_trust(server):
            official = official_rate(server.base_url, rounds[-1].body, official_mails)
    ours = rounds[-1].ours
    name, floor = f"send against the official client in a loop, {engine}", f"{official:,.0f}/s"
    print(Result(name=name, ours=str(ours), floor=floor, ratio=ours.rate / official, bound=20), flush=True)


def measure_slow(found: Database, server: FastHttps, engine: str, mails: int) -> None:
    allowed = CONCURRENCY / 0.1
    with usual_trust(server) as context:
        ours = send_all(prepared(found, mails), server, context)
    floor = f"{allowed:,.0f}/s (what {CONCURRENCY} at once allow)"
    name = f"send with answers that take 100 ms, {engine}"
    print(Result(name=name, ours=str(ours), floor=floor, ratio=ours.rate / allowed, bound=0.9), flush=True)


def measure_memory(engine: str, few: int) -> None:
    """Sends a few mails, and many of still more customers, each in a process of its own: it must need the same for both."""
    peaks = []
    for mails, others in ((few, 0), (few * MANY_TIMES, few * MANY_TIMES)):
        with database(engine) as found, FastHttps() as server:
            prepared(found, mails)
            with found.write() as connection:
                add_customers(connection, mails + others, after=mails)
            with usual_trust(server):
                peaks.append(Peak.of_sending(found, server.base_url, mails))
    small, large = peaks
    name = f"send, peak memory of {few * MANY_TIMES:,} mails, {2 * few * MANY_TIMES:,} customers, {engine}"
    floor = f"{small} ({few:,} mails, {few:,} customers)"
    ratio = large.total_mb / small.total_mb
    print(Result(name=name, ours=str(large), floor=floor, ratio=ratio, bound=1.25, more_is_better=False), flush=True)


def main() -> None:
    given = arguments(__doc__ or "", mails=20_000, official=40, slow=3_000, memory=5_000, rounds=3)
    for engine in engines(given.engine):
        measure(engine, given.mails, given.official, given.rounds)
        with database(engine) as found, FastHttps(delay_ms=100) as server:
            measure_slow(found, server, engine, given.slow)
        measure_memory(engine, given.memory)


if __name__ == "__main__":
    main()
