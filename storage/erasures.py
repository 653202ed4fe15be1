"""Being forgotten: which rows are a person's or a customer's, what becomes of every column, and the tombstones that keep
late events and nightly files from bringing them back. It moves no state: ending walks and mails comes first, in
bot/pipeline/erasing.py. All in the caller's transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, String, Table, cast, delete, literal, or_, select, update

from storage.accounts import Erasure
from storage.bulk import insert_new_rows
from storage.journeys import Installation
from storage.tables import metadata

ERASURE: Table = Erasure.__table__  # type: ignore[attr-defined]
INSTALLATION: Table = Installation.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose rows: those of whole customers, or of single contacts."""

    customer_ids: Sequence[int] = ()
    contact_ids: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What an erasure does to the rows of one table: forget them, or keep them with some columns blank. A blank of
    `AS_ERASED` is `erased-<id>`, for columns that must stay unique."""

    forgets: bool = False
    blanks: Mapping[str, Any] = field(default_factory=dict)


AS_ERASED = object()
#: What stands in a text instead of a person's name. Whoever re-imports the text does not put the name back.
GONE = "[erased]"
_WITH_EVENT = Fate(blanks={"event": None, "fault": None})

#: Every table that belongs to a customer, a contact, a mail or a hand-off, in the order in which they are erased. What has
#: no person in it stays, so that the counts of walks, mails and hand-offs, and the sums of reports, stay what they were.
FATES: Mapping[str, Fate] = {
    "contact_role": Fate(forgets=True),
    "curriculum_assignment": Fate(forgets=True),
    "webhook_call": Fate(forgets=True),
    "tracked_person": Fate(forgets=True),
    "note": Fate(forgets=True),
    "reply": Fate(forgets=True),
    "message_content": Fate(forgets=True),
    "attempt": Fate(blanks={"detail": None}),
    "delivery_event": Fate(blanks={"details": {}}),
    "fuse_release": Fate(),
    "decision": Fate(blanks={"details": None}),
    "handoff_act": Fate(blanks={"details": None}),
    "handoff_mail": Fate(blanks={"changes": []}),
    "notice": Fate(blanks={"content": None, "fault": None}),
    "staff_mail": Fate(blanks={"subject": None, "text": None, "fault": None}),
    "handoff": Fate(blanks={"note": None, "event": None, "post_fault": None}),
    "fuse": Fate(),
    "message": Fate(),
    "held_step": Fate(),
    "enrollment": _WITH_EVENT,
    "occasion": Fate(blanks={"event": None}),
    "event": Fate(blanks={"properties": {}, "key": AS_ERASED, "is_new": False}),
    "daily_usage": Fate(),
    "ticket": Fate(blanks={"title": None, "url": None, "key": AS_ERASED}),
    "survey_answer": Fate(blanks={"comment": None, "key": AS_ERASED}),
    "subscription": Fate(blanks={"reason": None, "key": AS_ERASED}),
    "meeting": Fate(blanks={"summary": None, "key": AS_ERASED, "is_told": True}),
    "meeting_attendee": Fate(),
    "stage_change": Fate(),
    "score": Fate(blanks={"facts": None}),
    "stage_check": Fate(forgets=True),
    "plan_objective": Fate(blanks={"title": {}, "tasks": [], "evidence": None}),
    "success_plan": Fate(blanks={"reason": None}),
    "stage_hold": Fate(forgets=True),
    "metric_value": Fate(),
    "feature_band": Fate(),
    "signal_episode": Fate(blanks={"evidence": None}),
    "customer_change": Fate(forgets=True),
    "contact": Fate(
        blanks={
            **dict.fromkeys(("email", "name", "title", "phone", "locale", "timezone", "last_seen", "bounced_at")),
            "key": AS_ERASED,
            "consent": [],
            "attributes": {},
        }
    ),
    "customer": Fate(
        blanks={
            **dict.fromkeys(
                (
                    "parent",
                    "stage",
                    "stage_since",
                    "tier",
                    "arr",
                    "currency",
                    "industry",
                    "region",
                    "locale",
                    "timezone",
                )
            ),
            **dict.fromkeys(
                ("touch", "csm", "started_on", "renewal_date", "licenses_purchased", "licenses_active", "open_days")
            ),
            "tags": [],
            "owners": {},
            "limits": {},
            "attributes": {},
            "bucket": 0,
            "key": AS_ERASED,
            "name": AS_ERASED,
        }
    ),
}

#: Tables that belong to nobody: the workspace's files, our own people, the machine's own affairs. `imported_row`, `pause`,
#: `suppression`, `held_call`, `sync_row`, `sync_stranger` and `written_back` name people by key or address and are emptied by it.
NOBODYS = frozenset(
    (
        *("csm", "deployment", "deployed_file", "file_text", "playbook", "playbook_version", "playbook_day"),
        *(
            "feed",
            "heartbeat",
            "host",
            "installation",
            "mail_skeleton",
            "pace",
            "round_robin",
            "transport",
            "zone_day",
            "erasure",
        ),
        *("imported_row", "pause", "suppression", "stray_event", "webhook_post", "derived_item"),
        *("held_call", "applied_call", "tracking_count", "taken_posts"),
        *("daily_digest", "desk_habit", "handoff_list", "sync_state", "sync_row", "sync_stranger"),
        "written_back",
    )
)


def belongs_to(table: Table, scope: Scope) -> ColumnElement[bool] | None:
    """Which rows of a table are theirs; None: none of this table are."""
    found = [*_of_customers(table, scope.customer_ids), *_of_contacts(table, scope.contact_ids)]
    return or_(*found) if found else None


def _of_customers(table: Table, ids: Sequence[int]) -> Iterator[ColumnElement[bool]]:
    if not ids:
        return
    if table.name == "customer":
        yield table.c.id.in_(ids)
    elif "customer_id" in table.c:
        yield table.c.customer_id.in_(ids)
    else:
        for column, owner in _links(table):
            yield column.in_(select(owner.c.id).where(owner.c.customer_id.in_(ids)))


def _of_contacts(table: Table, ids: Sequence[int]) -> Iterator[ColumnElement[bool]]:
    if not ids:
        return
    if table.name == "contact":
        yield table.c.id.in_(ids)
    elif table.name == "meeting":
        attendee = metadata.tables["meeting_attendee"]
        yield table.c.id.in_(select(attendee.c.meeting_id).where(attendee.c.contact_id.in_(ids)))
    elif "contact_id" in table.c:
        yield table.c.contact_id.in_(ids)
    else:
        for column, owner in _links(table):
            if "contact_id" in owner.c:
                yield column.in_(select(owner.c.id).where(owner.c.contact_id.in_(ids)))


def _links(table: Table) -> Iterator[tuple[Column[Any], Table]]:
    """The columns by which a row belongs to a mail, a hand-off, a meeting or a contact."""
    for name in ("message", "handoff", "meeting", "contact"):
        if f"{name}_id" in table.c:
            yield table.c[f"{name}_id"], metadata.tables[name]


def erase_rows(connection: Connection, scope: Scope, now: datetime) -> None:
    """Everything that FATES says, in its order. A single contact's meetings keep their keys: other people were there."""
    for name, fate in FATES.items():
        table = metadata.tables[name]
        theirs = belongs_to(table, scope)
        if theirs is None:
            continue
        if fate.forgets:
            connection.execute(delete(table).where(theirs))
            continue
        blanks = dict(fate.blanks)
        if name == "meeting" and not scope.customer_ids:
            blanks = {"summary": None}
        if name in ("customer", "contact"):
            blanks["erased_at"] = now
        if name == "contact":
            blanks["gone_at"] = now
        if blanks:
            connection.execute(update(table).where(theirs).values(_values(table, blanks)))


def _values(table: Table, blanks: Mapping[str, Any]) -> dict[str, Any]:
    erased = literal("erased-") + cast(table.c.id, String) if "id" in table.c else literal("erased")
    return {name: erased if value is AS_ERASED else value for name, value in blanks.items()}


def was_scrubbed(value: Any) -> bool:
    """Whether a person was taken out of this text or document."""
    return GONE in value if isinstance(value, str) else isinstance(value, dict) and GONE in str(value)


_DIGESTS, _INSTALLATION = select(ERASURE.c.digest), select(INSTALLATION.c.id)


class Tombstones:
    """Who was erased, as digests: what is left of an address or a key is no longer readable, and still known again."""

    def __init__(self, connection: Connection) -> None:
        self._installation = str(connection.scalar(_INSTALLATION) or "")
        self._digests = set(connection.scalars(_DIGESTS))

    def __bool__(self) -> bool:
        return bool(self._digests)

    def has_address(self, address: str | None) -> bool:
        return self._has("address", (address or "").strip().lower())

    def has_customer(self, key: str | None) -> bool:
        return self._has("customer", key or "")

    def has_contact(self, customer_id: int, key: str | None) -> bool:
        """By the key, or by the address where that serves as key."""
        return self._has("contact", f"{customer_id}\0{key}") or self.has_address(key)

    def add(self, connection: Connection, things: Iterable[tuple[str, str]], now: datetime) -> None:
        """(kind, value) pairs: `address`, `customer`, or `contact` (its customer's id, NUL, its key)."""
        rows = {(self._digest(kind, value), kind, now) for kind, value in things if value}
        insert_new_rows(connection, ERASURE, ("digest", "kind", "at"), sorted(rows))
        self._digests |= {digest for digest, _, _ in rows}

    def _has(self, kind: str, value: str) -> bool:
        return bool(self._digests) and bool(value) and self._digest(kind, value) in self._digests

    def _digest(self, kind: str, value: str) -> str:
        return hashlib.sha256("\0".join(("erased", self._installation, kind, value)).encode()).hexdigest()
