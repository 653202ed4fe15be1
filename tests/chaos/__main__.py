"""`python -m tests.chaos --seed 1 --customers 2000 --days 30 --runs 3`: lives through that many seeds, one line each, and exits
with 1 if any promise broke. `--postgresql` uses a server of its own, or name one with `--server URL`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.life import Life, company_of
from tests.postgresql import begin_run, end_run, own_server, template_database
from tests.promise.openings import open_smithy
from tests.promise.smithy import Smithy


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Seeded random kills.")
    parser.add_argument("--seed", type=int, default=1, help="the first seed; each run takes the next one")
    parser.add_argument("--customers", type=int, default=60)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true", help="a PostgreSQL of its own instead of SQLite")
    parser.add_argument("--database-url", help="a PostgreSQL server in which databases may be made")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="journeybot-chaos-")))
        server = _server(stack, asked.database_url, own=asked.postgresql)
        smithy = stack.enter_context(open_smithy(folder, company_of(asked.customers), postgresql=server))
        return _live_through(smithy, asked)


def _server(stack: ExitStack, url: str | None, *, own: bool) -> tuple[str, str] | None:
    if url is None and not own:
        return None
    if url is None:
        run = begin_run()
        stack.callback(end_run, run)
        url = stack.enter_context(own_server(run / "chaos"))
    return url, stack.enter_context(template_database(url))


def _live_through(smithy: Smithy, asked: argparse.Namespace) -> int:
    sums: Counter[str] = Counter()
    began = time.monotonic()
    for seed in range(asked.seed, asked.seed + asked.runs):
        with smithy.case() as case:
            life = Life(case=case, seed=seed, customers=asked.customers, days=asked.days)
            life.live()
            print(life.verdict(), flush=True)
            sums.update(
                runs=1, broken=int(bool(life.faults)), mails=len(case.states()), kills=life.kills, ticks=life.ticks
            )
    engine = smithy.database.dialect
    spent = time.monotonic() - began
    print(
        f"{engine}: {sums['runs']} runs of {asked.customers} customers × {asked.days} days, {sums['mails']} mails, "
        f"{sums['ticks']} ticks, {sums['kills']} kills: {sums['broken']} broken ({spent:.0f} s)"
    )
    return 1 if sums["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
