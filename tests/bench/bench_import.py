"""Importing a big events.csv against csv.reader and the driver's executemany of the same rows in the same transactions:
`python -m tests.bench.bench_import`, a file of 1 GB (`--rows N`: another one; `--keep DIR` takes it from there next time).
Bounds: at least 0.4 of the floor, and less than 200 MB in the importing process, whatever the size of the file."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from bot.intake.importer import BATCH_ROWS
from storage.database import Database
from tests.bench.field import (
    NOW,
    Result,
    add_customers,
    arguments,
    database,
    engines,
    seconds,
)

CUSTOMERS = 20_000
#: A file of about 1 GB.
FULL_ROWS = 13_000_000
NAMES = ("login", "report_opened", "scout_sent", "export_done")
START = datetime(2026, 8, 1, tzinfo=UTC)
MAX_MB = 200.0

INSERT = """INSERT INTO event (customer_id, contact_id, name, at, value, properties, source, key, received_at, is_new)
    VALUES (?, ?, ?, ?, ?, ?, 'import', ?, ?, ?)"""
UPSERT = """INSERT INTO daily_usage (customer_id, event, day, source, count, total, users) VALUES (?, ?, ?, 'events', ?, ?, 0)
    ON CONFLICT (customer_id, event, day, source) DO UPDATE SET count = daily_usage.count + excluded.count"""


#: A process that imports and nothing else.
CHILD = """
import json, resource, sys, time
from datetime import datetime
from pathlib import Path
from bot.intake.importer import import_paths
from storage.database import Database
began = time.perf_counter()
import_paths(Database(sys.argv[1]), [Path(sys.argv[2])], now=datetime.fromisoformat(sys.argv[3]))
took = time.perf_counter() - began
print(json.dumps({"seconds": took, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def write_file(path: Path, rows: int) -> None:
    """Events of 100 days in the order in which they happened, about 90 bytes each."""
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("customer", "contact", "event", "at", "value", "id", "plan", "browser"))
        step = timedelta(days=100) / rows
        for number in range(rows):
            customer = number * 7919 % CUSTOMERS + 1
            at = (START + number * step).isoformat(timespec="seconds")
            out.writerow(
                (f"c{customer}", f"p{customer}", NAMES[number % 4], at, number % 9, f"e-{number}", "pro", "Firefox 130")
            )


def import_by_hand(found: Database, path: Path) -> None:
    """The floor: everything the import stores for an event, without looking at anything."""
    mark = "?" if found.is_sqlite else "%s"
    insert, upsert = INSERT.replace("?", mark), UPSERT.replace("?", mark)
    received = NOW.strftime("%Y-%m-%d %H:%M:%S.%f")
    with path.open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        while batch := list(islice(rows, BATCH_ROWS)):
            with found.write() as connection:
                driver: Any = connection.connection.driver_connection
                cursor = driver.cursor()
                days = Counter((int(row[0][1:]), row[2], row[3][:10]) for row in batch)
                cursor.executemany(
                    insert,
                    [
                        (
                            int(r[0][1:]),
                            int(r[1][1:]),
                            r[2],
                            r[3],
                            float(r[4]),
                            f'{{"plan":"{r[6]}","browser":"{r[7]}"}}',
                            r[5],
                            received,
                            True,
                        )
                        for r in batch
                    ],
                )
                cursor.executemany(upsert, [(*key, count, float(count)) for key, count in days.items()])


def import_in_child(found: Database, path: Path) -> dict[str, float]:
    """Import in a process of its own, so that its memory is only the import's."""
    url = found.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, url, str(path), NOW.isoformat()], check=True, capture_output=True, text=True
    )
    told: dict[str, float] = json.loads(done.stdout)
    return told


def measure(engine: str, rows: int, path: Path) -> list[Result]:
    with database(engine) as ours:
        with ours.write() as connection:
            add_customers(connection, CUSTOMERS)
        told = import_in_child(ours, path)
    with database(engine) as by_hand:
        with by_hand.write() as connection:
            add_customers(connection, CUSTOMERS)
        floor = seconds(lambda: import_by_hand(by_hand, path))
    return [
        Result(
            name=f"import of {rows:,} events, {engine}",
            ours=f"{rows / told['seconds']:,.0f} rows/s",
            floor=f"{rows / floor:,.0f} rows/s",
            ratio=floor / told["seconds"],
            bound=0.4,
        ),
        Result(
            name=f"peak memory of the import, {engine}",
            ours=f"{told['memory']:.0f} MB",
            floor=f"{MAX_MB:.0f} MB",
            ratio=told["memory"] / MAX_MB,
            bound=1.0,
            more_is_better=False,
        ),
    ]


def main() -> None:
    chosen = arguments(__doc__ or "", rows=FULL_ROWS)
    with tempfile.TemporaryDirectory(prefix="journeybot-bench-") as folder:
        path = (chosen.keep or Path(folder)) / f"events-{chosen.rows}.csv"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".new")
            write_file(unfinished, chosen.rows)
            unfinished.rename(path)
        print(f"{path.stat().st_size / 1e6:,.0f} MB in {chosen.rows:,} rows")
        for engine in engines(chosen.engine):
            for result in measure(engine, chosen.rows, path):
                print(result)


if __name__ == "__main__":
    main()
