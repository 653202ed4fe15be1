"""What the guards cost: CPU time of sending and of advancing with caps against the same without. Everybody has a history of
five mails, the last a day ago. `roomy` caps leave room for all at a glance; `tight` ones leave each reader room for this one mail.
`python -m tests.bench.bench_guards`. Bound: 1.25 times; pairs alternate, the median of their ratios counts."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta

from sqlalchemy import text

from bot.channels.sendgrid import SendGridChannel
from bot.clock import FixedClock
from bot.pipeline.advance import advance
from bot.pipeline.deliver import deliver
from storage.database import Database
from tests.bench.bench_advance import PLAYBOOK
from tests.bench.bench_enroll import ours as enroll_all
from tests.bench.field import NOW, House, Result, add_customers, arguments, database, engines, publish, workspace_files
from tests.fakes.fast_https import FastHttps

KEY, CONCURRENCY = "SG.bench", 32
CAPS = {
    "none": "",
    "roomy": "caps: {mails_per_contact: [2 per day, 9 per 7 days], touches_per_customer: 20 per 7 days}",
    "tight": "caps: {mails_per_contact: [1 per day, 9 per 7 days], touches_per_customer: [2 per day, 9 per 7 days]}",
}
#: Mails everybody got before, a day apart.
HISTORY = 5


def prepared(found: Database, mails: int, caps: str) -> tuple[House, float]:
    """`mails` pending messages of people with a history, and the CPU seconds that advancing to them took."""
    with found.write() as connection:
        add_customers(connection, mails)
    files = workspace_files({"note_play": PLAYBOOK})
    files["playbooks/workspace.yml"] += CAPS[caps]
    house = publish(found, files, FixedClock(NOW))
    add_history(found, mails)
    assert enroll_all(house) == mails
    published = house.published
    start = time.process_time()
    advance(found, published, NOW)
    return house, time.process_time() - start


def add_history(found: Database, mails: int) -> None:
    columns = (
        "customer_id, contact_id, playbook, step, occurrence, template, sender, state, priority, due_at, not_before"
    )
    columns += ", token, claims, attempts, created_at, accepted_at, over_at"
    for days in range(1, HISTORY + 1):
        at = (NOW - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S.000000")
        moment = f"'{at}'" if found.is_sqlite else f"'{at}+00'::timestamptz"
        rows = (
            f"SELECT id, customer_id, 'old', 'old{days}', '1', 'note', 'workspace', 'accepted', 50, {moment}, {moment}"
        )
        rows += f", 1, 0, 1, {moment}, {moment}, {moment} FROM contact WHERE id <= :many"
        with found.write() as connection:
            connection.execute(text(f"INSERT INTO message ({columns}) {rows}"), {"many": mails})
    with found.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))


def send(house: House, server: FastHttps) -> float:
    """CPU seconds of this process for the whole delivery."""
    channel = SendGridChannel(
        KEY, server.base_url, CONCURRENCY, ssl_context=server.ssl_context, monotonic=house.clock.monotonic
    )
    start = time.process_time()
    count = deliver(house.database, house.published, channel, house.clock)
    spent = time.process_time() - start
    channel.close()
    assert set(count.states) == {"accepted"}, count.states
    return spent


def measure(engine: str, mails: int, pairs: int) -> None:
    spent: dict[str, list[tuple[float, float]]] = {caps: [] for caps in CAPS}
    for number in range(pairs):
        for caps in sorted(CAPS, reverse=bool(number % 2)):
            with database(engine) as found, FastHttps() as server:
                house, advancing = prepared(found, mails, caps)
                spent[caps].append((advancing, send(house, server)))
    for caps in ("roomy", "tight"):
        for place, name in enumerate(("advance", "send")):
            ours, floor = [pair[place] for pair in spent[caps]], [pair[place] for pair in spent["none"]]
            _print(f"{name} {mails:,} mails with {caps} caps, {engine}", mails, ours, floor)


def _print(name: str, mails: int, ours: list[float], floor: list[float]) -> None:
    result = Result(
        name=name,
        ours=f"{mails / statistics.median(ours):,.0f} per CPU second",
        floor=f"{mails / statistics.median(floor):,.0f} without",
        ratio=statistics.median(mine / other for mine, other in zip(ours, floor, strict=True)),
        bound=1.25,
        more_is_better=False,
    )
    print(result, flush=True)


def main() -> None:
    given = arguments(__doc__ or "", mails=4_000, pairs=5)
    for engine in engines(given.engine):
        measure(engine, given.mails, given.pairs)


if __name__ == "__main__":
    main()
