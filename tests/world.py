"""The world: journeybot running on one database, with a workspace of a few files, a clock that stands still, and a mail
channel that keeps what it is given. The harness for tests of the whole pipeline.

    def test_a_new_customer_is_welcomed(world: World) -> None:
        world.mail("welcome")
        world.playbook("welcome", '''
            title: Welcome
            state: live
            walks: customer
            enter: {when: stage == "onboarding", existing: enter}
            steps:
              - email: welcome
              - wait: 5 days
              - handoff: Call them
        ''')
        world.deploy()
        healthy(world.database, world.now, stage="onboarding")
        world.time_passes(hours=1)                      # ticks
        assert [mail.template for mail in world.sent] == ["welcome"]
        world.time_passes(days=5)                       # ticks every three hours on the way
        assert [handoff.title for handoff in world.handoffs] == [{"": "Call them"}]

It begins on Monday, 1 March 2027, 09:00 in Tokyo; mails may go at any hour unless a `playbooks/workspace.yml` is written.
`world` is a fixture and runs on SQLite and PostgreSQL. People and facts come from tests/cast.py."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Table, insert, select

from bot.app import App
from bot.channels.memory import MemoryChannel
from bot.clock import FixedClock
from bot.errors import WorkspaceError
from bot.insight.doctor import Complaint, examine
from bot.insight.explain import explain_customer
from bot.insight.explanation import Explanation
from bot.insight.listings import OutboxRow, list_outbox
from bot.pipeline.deploying import DeployReport
from bot.pipeline.ticking import TickReport
from bot.rules.reasons import has_sentence
from bot.settings import Settings
from storage.accounts import Customer
from storage.database import Database
from storage.handoff_views import HandoffRecord, list_handoffs
from storage.handoffs import HandoffState
from storage.journal import Decision
from storage.journeys import Enrollment
from storage.outbox import DeliveryEvent

BEGINNING = datetime(2027, 3, 1, 0, 0, tzinfo=UTC)
PACES = (
    (timedelta(days=10), timedelta(hours=3)),
    (timedelta(days=30), timedelta(hours=6)),
    (timedelta.max, timedelta(hours=12)),
)
WORKSPACE = """
company: Test Company
sender: {name: Test Company, email: hello@us.example}
timezone: Asia/Tokyo
windows: [{days: every day, hours: "00:00-24:00"}]
owners: {default: sato}
"""
MAIL = """---
subject: %s for {{ customer.name }}
category: lifecycle
---
Hello {{ contact.name or "you" }}, this is %s.
"""

DECISION: Table = Decision.__table__  # type: ignore[attr-defined]
WALK: Table = Enrollment.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
DELIVERY_EVENT: Table = DeliveryEvent.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """One decision of the journal."""

    verdict: str
    reason: str
    customer: str | None
    playbook: str | None
    step: str | None
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """One walk, as it stands."""

    id: int
    customer: str
    contact_id: int | None
    playbook: str
    version_id: int
    step: str
    status: str
    outcome: str | None
    is_holdout: bool
    entered_at: datetime
    due_at: datetime | None
    fault: str | None


class World:
    """One installation. `folder` is its workspace, `channel` its way out (script refusals with `channel.script(…)`);
    `staff` is the way out for mails to our own people."""

    def __init__(self, database: Database, folder: Path, *, at: datetime = BEGINNING) -> None:
        self.database = database
        self.folder = folder
        self.clock = FixedClock(at)
        self.channel = MemoryChannel(self.clock.monotonic)
        self.staff = MemoryChannel(self.clock.monotonic)
        self.write("playbooks/workspace.yml", WORKSPACE)
        settings = Settings(workspace=folder)
        self.app = App.open(
            settings, clock=self.clock, channel=self.channel, staff_channel=self.staff, database=database
        )

    @property
    def now(self) -> datetime:
        return self.clock.now()

    # The workspace

    def write(self, path: str, text: str) -> None:
        """A file of the workspace; the text may be indented as a whole. Nothing changes until `deploy`."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")

    def playbook(self, name: str, text: str) -> None:
        self.write(f"playbooks/journeys/{name}.yml", text)

    def mail(self, *names: str, locale: str = "en") -> None:
        """Plain templates by these names."""
        for name in names:
            self.write(f"templates/emails/{name}.{locale}.md", MAIL % (name, name))

    def deploy(self, files: Mapping[str, str] | None = None) -> DeployReport:
        """Publish the workspace, with these files (path → text) added first. Raises: WorkspaceError, its findings as
        notes, so that pytest shows them."""
        for path, text in (files or {}).items():
            self.write(path, text)
        try:
            return self.app.deploy()
        except WorkspaceError as error:
            for finding in error.findings:
                error.add_note(str(finding))
            raise

    # Time

    def tick(self) -> TickReport:
        return self.app.tick()

    def time_passes(self, *, every: timedelta | None = None, **span: float) -> None:
        """Ticks until so much time has passed (`days=3`), and once at the end: every three hours, in spans longer than
        ten days every six, longer than thirty days every twelve (a mail is late after 24)."""
        end = self.now + timedelta(**span)
        pace = every or next(pace for longest, pace in PACES if end - self.now <= longest)
        while self.now + pace < end:
            self.clock.move_to(self.now + pace)
            self.tick()
        self.clock.move_to(end)
        self.tick()

    def jump(self, **span: float) -> None:
        """The clock moves and nobody ticks: we were down."""
        self.clock.move_to(self.now + timedelta(**span))

    # What happened

    @property
    def outbox(self) -> list[OutboxRow]:
        """Every mail ever owed, oldest first."""
        with self.database.read() as connection:
            return sorted(list_outbox(connection, limit=None), key=lambda row: row.id)

    @property
    def sent(self) -> list[OutboxRow]:
        """The mails that were accepted, oldest first; `channel.accepted` has them as they left."""
        return sorted((row for row in self.outbox if row.accepted_at), key=lambda row: (row.accepted_at, row.id))

    @property
    def handoffs(self) -> list[HandoffRecord]:
        """Every hand-off, whatever its state, oldest first."""
        with self.database.read() as connection:
            found = list_handoffs(connection, states=list(HandoffState))
        return sorted(found, key=lambda handoff: handoff.id)

    @property
    def walks(self) -> list[Walked]:
        """Every walk, oldest first."""
        columns = [WALK.c[name] for name in Walked.__dataclass_fields__ if name != "customer"]
        statement = select(CUSTOMER.c.key.label("customer"), *columns).join(WALK, WALK.c.customer_id == CUSTOMER.c.id)
        with self.database.read() as connection:
            return [Walked(**row._mapping) for row in connection.execute(statement.order_by(WALK.c.id))]

    @property
    def decisions(self) -> list[Took]:
        """The whole journal, oldest first."""
        columns = [DECISION.c[name] for name in ("verdict", "reason", "playbook", "step", "details")]
        statement = (
            select(CUSTOMER.c.key.label("customer"), *columns)
            .select_from(DECISION.outerjoin(CUSTOMER, CUSTOMER.c.id == DECISION.c.customer_id))
            .order_by(DECISION.c.id)
        )
        with self.database.read() as connection:
            rows = [dict(row._mapping) for row in connection.execute(statement)]
        return [Took(**{**row, "details": row["details"] or {}}) for row in rows]

    def reasons(self, customer: str, playbook: str | None = None) -> list[str]:
        """The reasons of a customer's decisions, oldest first."""
        mine = (took for took in self.decisions if took.customer == customer and playbook in (None, took.playbook))
        return [took.reason for took in mine]

    def explain(self, customer: str, playbook: str | None = None, **options: Any) -> Explanation:
        published = self.app.require_published()
        with self.database.read() as connection:
            return explain_customer(connection, published, self.now, customer, playbook, **options)

    def doctor(self) -> list[Complaint]:
        return examine(self.database, self.app.published(), self.now, self.app.settings)

    # What others do

    def tell(self, mail_id: int, kind: str, *, is_machine: bool = False, **details: Any) -> None:
        """The provider tells of a mail: delivered, opened, clicked, replied, bounced, complained …"""
        row = {"message_id": mail_id, "kind": kind, "at": self.now, "is_machine": is_machine, "details": details}
        key = f"{mail_id}-{kind}-{is_machine}-{self.now.isoformat()}"
        with self.database.write() as connection:
            connection.execute(insert(DeliveryEvent).values(key=key, is_new=True, **row))

    def assert_explained(self) -> None:
        """Whatever the journal holds has a sentence."""
        missing = {(took.verdict, took.reason) for took in self.decisions if not has_sentence(took.reason)}
        assert not missing, f"bot/rules/reason_sentences.py lacks: {sorted(missing)}"
