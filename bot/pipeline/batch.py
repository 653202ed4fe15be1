"""One batch of walks while it moves: the transaction, the ground for conditions, and everything the steps want written.
Steps collect here and `flush` writes in bulk, so a batch costs a handful of statements however many walks it has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table, select

from bot.pipeline.published import Published, Version
from bot.pipeline.scopes import CUSTOMER, Ground, evidence_of_walks, values_of_walks, walks_where
from bot.pipeline.walk_decisions import WalkDecisions
from bot.rules.conditions import Condition
from bot.rules.zones import is_zone
from storage.accounts import Contact, Csm
from storage.bulk import MANY_ALIKE, insert_new_rows, insert_rows
from storage.dialects import among_given
from storage.enrollments import Walk
from storage.facts import Event
from storage.journal import Verdict
from storage.journeys import EnrollmentStatus, Occasion
from storage.marks import mark_changed
from storage.outbox_moves import MESSAGE

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
CSM: Table = Csm.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]
OCCASION: Table = Occasion.__table__  # type: ignore[attr-defined]

MESSAGE_COLUMNS = (
    "enrollment_id",
    "customer_id",
    "contact_id",
    "playbook",
    "step",
    "occurrence",
    "template",
    "sender",
    "state",
    "reason",
    "priority",
    "due_at",
    "not_before",
    "expires_at",
    "token",
    "claims",
    "attempts",
    "created_at",
)
EVENT_COLUMNS = ("customer_id", "contact_id", "name", "at", "properties", "source", "key", "received_at", "is_new")
OCCASION_COLUMNS = ("playbook", "customer_id", "contact_id", "key", "opened_at", "event", "state", "is_open")


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where a walker is: time zone, country, and the customer's CSM and role owners."""

    zone: str
    region: str | None
    csm: str | None
    owners: Mapping[str, str]
    key: str
    bucket: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """For which walks a condition is true, and (for few) what its parts were: walk id → a list of leaves."""

    holding: Set[int]
    seen: Mapping[int, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    def evidence(self, walk: Walk) -> dict[str, Any]:
        """For the details of a decision, so that `explain` knows later what the values were."""
        return {"leaves": self.seen[walk.id]} if walk.id in self.seen else {}


_CUSTOMERS = (
    select(
        CUSTOMER.c.id,
        CUSTOMER.c.timezone,
        CUSTOMER.c.region,
        CUSTOMER.c.csm,
        CUSTOMER.c.owners,
        CUSTOMER.c.key,
        CUSTOMER.c.bucket,
        CSM.c.timezone.label("csm_timezone"),
    )
    .join_from(CUSTOMER, CSM, CSM.c.key == CUSTOMER.c.csm, isouter=True)
    .where(among_given(CUSTOMER.c.id))
)
_ZONES_OF_CONTACTS = select(CONTACT.c.id, CONTACT.c.timezone).where(among_given(CONTACT.c.id))


@dataclass(slots=True, kw_only=True)
class Batch:
    """The walks in hand and what is to be written for them."""

    connection: Connection
    published: Published
    ground: Ground
    now: datetime
    decisions: WalkDecisions = field(default_factory=WalkDecisions)
    messages: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    occasions: list[tuple[Any, ...]] = field(default_factory=list)
    changed: dict[Table, set[int]] = field(default_factory=lambda: defaultdict(set))

    def version_of(self, walk: Walk) -> Version:
        return self.published.versions[walk.version_id]

    def is_left_out(self, walk: Walk) -> bool:
        """Whether what fell due in a pause is not caught up (`on_resume: expire`)."""
        return walk.fell_due_in_pause and self.version_of(walk).playbook.on_resume == "expire"

    def where_true(self, condition: Condition, walks: Sequence[Walk]) -> set[int]:
        """Ids of the walks for which the condition is true now."""
        contact = walks[0].contact_id is not None
        ids = [walk.id for walk in walks]
        return set(self.connection.scalars(walks_where(self.ground, condition, ids, contact=contact)))

    def answers(self, condition: Condition, walks: Sequence[Walk]) -> Answers:
        """The same, with the parts of the condition where few walks are asked: many alike are decided by one statement, and a
        document for each would cost more than the step itself."""
        if not 0 < len(walks) < MANY_ALIKE:
            return Answers(holding=self.where_true(condition, walks) if walks else set())
        statement = evidence_of_walks(self.ground, condition, contact=walks[0].contact_id is not None)
        rows = self.connection.execute(statement, {"walks": [walk.id for walk in walks]}).all()
        return Answers(holding={row.id for row in rows if row.holds}, seen={row.id: row.leaves for row in rows})

    def values(self, values: dict[str, Condition], walks: Sequence[Walk]) -> dict[int, Any]:
        """Walk id → row with one attribute per named value."""
        contact = walks[0].contact_id is not None
        statement = values_of_walks(self.ground, values, [walk.id for walk in walks], contact=contact)
        return {row.id: row for row in self.connection.execute(statement)}

    def whereabouts(self, walks: Sequence[Walk]) -> dict[int, Whereabouts]:
        """Walk id → where its walker is: contact's zone → customer's → CSM's → workspace's (S18)."""
        customer_ids = {walk.customer_id for walk in walks}
        contact_ids = {walk.contact_id for walk in walks if walk.contact_id is not None}
        customers = {row.id: row for row in self.connection.execute(_CUSTOMERS, {"keys": list(customer_ids)})}
        zones: dict[int | None, str | None] = {}
        if contact_ids:
            rows = self.connection.execute(_ZONES_OF_CONTACTS, {"keys": list(contact_ids)})
            zones = {row.id: row.timezone for row in rows}
        return {
            walk.id: Whereabouts(
                zone=usable_zone(
                    zones.get(walk.contact_id),
                    customers[walk.customer_id].timezone,
                    customers[walk.customer_id].csm_timezone,
                    self.ground.settings.timezone,
                ),
                region=customers[walk.customer_id].region,
                csm=customers[walk.customer_id].csm,
                owners=customers[walk.customer_id].owners or {},
                key=customers[walk.customer_id].key,
                bucket=customers[walk.customer_id].bucket,
            )
            for walk in walks
        }

    def decide(self, walk: Walk, verdict: Verdict, reason: str, **details: Any) -> None:
        self.decisions.add(walk, verdict, reason, details)

    def changes(self, customer_ids: Iterable[int], *about: Table) -> None:
        """What walking changes in these tables about these customers is news to whoever reads them."""
        ids = set(customer_ids)
        for table in about:
            self.changed[table] |= ids

    def flush(self) -> None:
        """Write what was collected, so that the next round's conditions see it."""
        insert_new_rows(self.connection, MESSAGE, MESSAGE_COLUMNS, self.messages)
        insert_rows(self.connection, EVENT, EVENT_COLUMNS, self.events)
        insert_new_rows(self.connection, OCCASION, OCCASION_COLUMNS, self.occasions)
        self.decisions.write(self.connection, self.now)
        self.changed[EVENT].update(event[0] for event in self.events)
        for table, customer_ids in self.changed.items():
            mark_changed(self.connection, customer_ids, table)
        for collected in (self.messages, self.events, self.occasions):
            collected.clear()
        self.changed.clear()


def go(walk: Walk, node_id: str | None, at: datetime) -> None:
    """Move a walk on to a node, or to its end; `at` is when, in the walk's own time."""
    if node_id is None:
        end(walk, "completed", at)
        return
    walk.step, walk.has_arrived, walk.step_since, walk.due_at = node_id, False, None, at


def end(walk: Walk, outcome: str, at: datetime) -> None:
    walk.status, walk.outcome, walk.ended_at, walk.due_at = EnrollmentStatus.ENDED, outcome, at, None


def sleep(walk: Walk, until: datetime | None) -> None:
    """Stay on this step; look again at `until`, or (None) when somebody wakes the walk."""
    walk.has_arrived, walk.step_since, walk.due_at = True, walk.step_since or walk.since, until


@lru_cache(maxsize=4096)
def usable_zone(*zones: str | None) -> str:
    """The first that is a known time zone; else UTC."""
    return next((zone for zone in zones if zone and is_zone(zone)), "UTC")
