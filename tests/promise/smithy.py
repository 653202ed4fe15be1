"""The test's side of the forge: an installation whose every tick is a process, on fresh copies of one prepared database, and
the oracle that compares what the provider took with what the database says (delivery.md: the promise)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text

from bot.insight.complaints import run_checks
from bot.insight.doctor_mails import mail_checks
from bot.insight.doctor_walks import walk_checks
from storage.outbox import MessageState
from tests.fakes.sendgrid_server import FakeSendGrid
from tests.fakes.sendgrid_webhook import wire_event
from tests.moving_database import MovingDatabase
from tests.postgresql import FilledDatabase
from tests.promise.forge import End, Order, SharedClock

ROOT = Path(__file__).parents[2]
OPTED_OUT_ID = "SELECT id FROM customer WHERE key = 'opted_out'"
STRAYS = "SELECT count(*) AS number FROM stray_event"


class Forge:
    """The warm process."""

    def __init__(self, workspace: Path, clock: Path, scratch: str, log: Path) -> None:
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.promise.forge", str(workspace), str(clock), scratch],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, cwd=ROOT,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", log.read_text()

    def start(self, order: Order) -> int:
        return int(self._ask(asdict(order))["pid"])

    def wait(self, pid: int) -> End:
        return End(**self._ask({"wait": pid}))

    def run(self, order: Order) -> End:
        return self.wait(self.start(order))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found


@dataclass(kw_only=True)
class Smithy:
    """Makes cases: copies of one database, each with a provider of its own."""

    template: str
    folder: Path
    workspace: Path
    clock: SharedClock
    start_at: datetime
    forge: Forge
    database: MovingDatabase
    events_url: str
    number: int = 0
    _admin: Any = None
    _filled: FilledDatabase | None = None

    @contextmanager
    def case(self) -> Iterator[Case]:
        """A fresh copy at the beginning of time, and a healthy provider."""
        self.number += 1
        self.clock.move_to(self.start_at)
        copy = self._copied if self.database.is_sqlite else self._refilled
        with copy() as url, FakeSendGrid() as provider:
            yield Case(smithy=self, url=url, provider=provider)

    @contextmanager
    def _copied(self) -> Iterator[str]:
        name = f"case_{os.getpid()}_{self.number}.db"
        path = self.folder / name
        shutil.copyfile(str(make_url(self.template).database), path)
        self.database.move_to(f"sqlite:///{path}")
        yield f"sqlite:///{path}"
        self.database.engine.dispose()
        for left in self.folder.glob(f"{name}*"):
            left.unlink()

    @contextmanager
    def _refilled(self) -> Iterator[str]:
        """Always the same database: a copy of its own for each case takes the server longer than the case."""
        name = f"{make_url(self.template).database}_case"
        url = make_url(self.template).set(database=name).render_as_string(hide_password=False)
        if self._filled is None:
            self._administer(f"CREATE DATABASE {name} TEMPLATE {make_url(self.template).database} STRATEGY FILE_COPY")
            self.database.move_to(url)
            self._filled = FilledDatabase(self.database.engine)
        self._filled.refill()
        yield url

    def _administer(self, statement: str) -> None:
        if self._admin is None:
            url = make_url(self.template).set(drivername="postgresql+psycopg", database="postgres")
            self._admin = create_engine(url, isolation_level="AUTOCOMMIT")
        with self._admin.connect() as connection:
            connection.execute(text(statement))

    def close(self) -> None:
        self.forge.close()
        self.database.engine.dispose()
        if self._filled is not None:
            self._administer(f"DROP DATABASE {make_url(self.template).database}_case WITH (FORCE)")
        if self._admin is not None:
            self._admin.dispose()


@dataclass(kw_only=True)
class Case:
    """One installation with its provider, living through one misfortune. `told`: acceptances whose events were delivered."""

    smithy: Smithy
    url: str
    provider: FakeSendGrid
    told: Counter[str] = field(default_factory=Counter)
    _keys: int = 0

    @property
    def now(self) -> datetime:
        return self.smithy.clock.now()

    def order(self, failpoint: str | None = None, *, base_url: str = "", **more: Any) -> Order:
        return Order(database=self.url, base_url=base_url or self.provider.base_url, failpoint=failpoint, **more)

    def tick(self, failpoint: str | None = None, **more: Any) -> End:
        """One tick in a process of its own, to its end."""
        return self.smithy.forge.run(self.order(failpoint, **more))

    def start(self, failpoint: str | None = None, **more: Any) -> int:
        return self.smithy.forge.start(self.order(failpoint, **more))

    def wait(self, pid: int) -> End:
        return self.smithy.forge.wait(pid)

    def wake(self, pid: int) -> End:
        """Thaw a frozen process and let it go on to its end."""
        os.kill(pid, signal.SIGCONT)
        return self.wait(pid)

    def time_passes(self, **span: float) -> None:
        self.smithy.clock.move_to(self.now + timedelta(**span))

    def hear_from_the_provider(self, kinds: Sequence[str] = ("processed", "delivered", "delivered")) -> set[int]:
        """Its events for everything it took, one of them twice with changed ids; returns the mails they are about."""
        taken = sorted({found.reference for found in list(self.provider.acceptances)})
        self.tell([(reference, kind) for reference in taken for kind in kinds])
        return {message_of(reference) for reference in taken}

    def tell(self, words: Sequence[tuple[str, str]]) -> None:
        """The provider posts signed events to our web server: (reference of the mail, the vendor's kind), in this order."""
        events = []
        for reference, kind in words:
            self._keys += 1
            told = {"sg_event_id": f"event-{self._keys}", "timestamp": int(self.now.timestamp())}
            events.append(wire_event(reference, kind, **told))
        if events:
            self.provider.post_events(self.smithy.events_url, events)

    def states(self) -> dict[int, str]:
        return {row.id: row.state for row in self._rows("SELECT id, state FROM message")}

    def mail_of(self, customer: str) -> int:
        """The id of the customer's only mail."""
        owed = "SELECT m.id FROM message m JOIN customer c ON c.id = m.customer_id WHERE c.key = :customer"
        with self.smithy.database.read() as connection:
            return int(connection.execute(text(owed), {"customer": customer}).scalar_one())

    def count(self, table: str) -> int:
        return int(self._rows(f"SELECT count(*) AS number FROM {table}")[0].number)

    def taken(self) -> Counter[int]:
        """Message id → how often the provider took it."""
        return Counter(message_of(found.reference) for found in list(self.provider.acceptances))

    def _rows(self, statement: str) -> list[Any]:
        with self.smithy.database.read() as connection:
            return list(connection.execute(text(statement)))

    # The oracle

    def faults(self, *, most: int = 1) -> list[str]:
        """What is wrong with the promise at any moment, in the middle of a crash or after it."""
        states, taken = self.states(), self.taken()
        found = [f"mail {key} was taken {number} times" for key, number in taken.items() if number > most]
        found += [
            f"mail {key} counts as sent, the provider never had it"
            for key, state in states.items()
            if state == MessageState.ACCEPTED and not taken[key]
        ]
        found += [f"{row.number} events found no mail" for row in self._rows(STRAYS) if row.number]
        found += [f"the provider has mail {key}, which nobody owes" for key in taken.keys() - states.keys()]
        lacking = "SELECT id FROM message m WHERE attempts <> (SELECT count(*) FROM attempt WHERE message_id = m.id)"
        found += [f"mail {row.id} lacks an attempt" for row in self._rows(lacking)]
        return found

    def lost_rows(self, steps: Sequence[str], playbook: str, walks: int) -> list[str]:
        """Walks that did not begin, or did not come to their end, or passed a mail step that never owed its mail. The
        opted-out customer's waits for somebody to write to."""
        mine = f"FROM enrollment e WHERE e.playbook = '{playbook}' AND e.customer_id NOT IN ({OPTED_OUT_ID})"
        begun = self._rows(f"SELECT count(*) AS number {mine}")[0].number
        found = [] if begun == walks else [f"{begun} walks of {playbook} began, not {walks}"]
        found += [f"walk {row.id} never ended" for row in self._rows(f"SELECT id {mine} AND e.status <> 'ended'")]
        for step in steps:
            owed = f"(SELECT count(*) FROM message m WHERE m.enrollment_id = e.id AND m.step = '{step}')"
            found += [f"walk {row.id} owes {step} wrongly" for row in self._rows(f"SELECT id {mine} AND {owed} <> 1")]
        return found

    def disagreements(self) -> list[str]:
        """Where journal and outbox tell two stories, and what the auditor says."""
        told = Counter(row.message_id for row in self._rows("SELECT message_id FROM decision WHERE verdict = 'sent'"))
        states = self.states()
        found = [
            f"mail {key} is {state} and the journal says sent {told[key]} times"
            for key, state in states.items()
            if told[key] != (1 if state == MessageState.ACCEPTED else 0)
        ]
        with self.smithy.database.read() as connection:
            checks = [*mail_checks(connection, None, self.now), *walk_checks(connection, None, self.now)]
            complaints = run_checks(connection, checks)
        return found + [str(complaint) for complaint in complaints if complaint.severity == "error"]


def message_of(reference: str) -> int:
    return int(reference.split("-")[-2])
