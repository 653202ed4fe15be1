"""A workspace on disk with one mail for everybody, customers in the database, and a server process over them."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import textwrap
import threading
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table, insert, text

from storage.accounts import Contact, ContactRole, Customer, bucket_of
from storage.database import Database
from storage.upgrade import upgrade

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
ROLE: Table = ContactRole.__table__  # type: ignore[attr-defined]
WAIT_SECONDS = 60
FILES = {
    "playbooks/workspace.yml": """
        company: Test Company
        sender: {name: Test Company, email: hello@us.example}
        timezone: Asia/Tokyo
        windows: [{days: every day, hours: "00:00-24:00"}]
        owners: {default: sato}
        fuses: {enter: 'off', send: 'off'}
    """,
    "playbooks/journeys/hello.yml": """
        title: Hello
        state: live
        walks: customer
        enter: {when: stage == "new", existing: enter}
        steps:
          - email: hello
            to: champion
    """,
    "templates/emails/hello.en.md": """
        ---
        subject: Hello {{ customer.name }}
        category: lifecycle
        ---
        Hello {{ contact.name or "you" }}.
    """,
}


def write_workspace(folder: Path) -> Path:
    for path, content in FILES.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(content).lstrip("\n"), encoding="utf-8")
    return folder


def add_customers(database: Database, number: int) -> None:
    """Each with a champion who can be mailed."""
    upgrade(database)
    at = datetime.now(UTC)
    ids = range(1, number + 1)
    with database.write() as connection:
        connection.execute(insert(CUSTOMER), [_customer(found, at) for found in ids])
        connection.execute(insert(CONTACT), [_contact(found, at) for found in ids])
        connection.execute(
            insert(ROLE), [{"contact_id": found, "role": "champion", "is_primary": True} for found in ids]
        )


def message_states(database: Database) -> Counter[str]:
    with database.read() as connection:
        found = connection.execute(text("SELECT state, count(*) FROM message GROUP BY state"))
        return Counter({state: number for state, number in found})


def _customer(found: int, at: datetime) -> dict[str, Any]:
    key = f"c{found}"
    return {
        "id": found,
        "key": key,
        "bucket": bucket_of(key),
        "name": f"Company {found}",
        "stage": "new",
        "tags": [],
        "owners": {},
        "limits": {},
        "attributes": {},
        "created_at": at,
    }


def _contact(found: int, at: datetime) -> dict[str, Any]:
    return {
        "id": found,
        "customer_id": found,
        "key": f"p{found}",
        "email": f"person{found}@customer.example",
        "name": f"Person {found}",
        "attributes": {},
        "created_at": at,
    }


@dataclass(kw_only=True)
class Server:
    """`journeybot run` as its own process. `logs` are its lines so far."""

    process: subprocess.Popen[str]
    logs: list[dict[str, Any]] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    _lines: queue.Queue[str | None] = field(default_factory=queue.Queue)
    port: int = 0

    @classmethod
    def start(cls, workspace: Path, database_url: str, **environment: str) -> Server:
        given = {**os.environ, "JOURNEYBOT_DATABASE_URL": database_url, "JOURNEYBOT_PORT": "0", **environment}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.runners.serve", str(workspace)],
            env=given,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        server = cls(process=process)
        threading.Thread(target=server._read, daemon=True).start()
        return server

    def wait_for(self, event: str, **values: Any) -> dict[str, Any]:
        """The next line about this event with these values."""
        while True:
            line = self._lines.get(timeout=WAIT_SECONDS)
            if line is None:
                raise AssertionError(f"the server ended before {event!r}: {self.raw}")
            found: dict[str, Any] = json.loads(line)
            self.logs.append(found)
            if found["event"] == "running":
                self.port = found["port"]
            if found["event"] == event and values.items() <= found.items():
                return found

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=WAIT_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def end(self) -> int:
        """Waits for the process to exit; kills it if a test failed before it was asked to."""
        try:
            return self.process.wait(timeout=WAIT_SECONDS)
        finally:
            self.kill()

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        try:
            for line in self.process.stderr:
                self.raw.append(line)
                self._lines.put(line)
        except ValueError:
            return  # closed by kill()
        finally:
            self._lines.put(None)
