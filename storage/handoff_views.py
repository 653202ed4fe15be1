"""Reading hand-offs: one hand-off with the customer, contact and owner it concerns, as a frozen value, and the list of
open ones. Never writes; handoff_moves.py changes states. Read by the CLI, the cards, the console and escalation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from storage.accounts import Contact, Csm, Customer
from storage.dialects import among_given
from storage.handoffs import Handoff, HandoffState
from storage.journeys import Installation

UNFINISHED = (HandoffState.OPEN, HandoffState.ACKNOWLEDGED)
NO_INSTALLATION = "local"

_handoffs = Handoff.__table__  # type: ignore[attr-defined]
_customers = Customer.__table__  # type: ignore[attr-defined]
_contacts = Contact.__table__  # type: ignore[attr-defined]
_csms = Csm.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffRecord:
    """One hand-off as people see it; `customer` "" and `customer_id` None: it concerns all of them. `title` and each task are
    texts by locale; `owner` is a CSM's key, `slack:U…` for a Slack user we do not know, or None; `owner_slack_id` is where
    its card goes."""

    id: int
    enrollment_id: int | None
    customer_id: int | None
    customer: str
    customer_name: str
    stage: str | None
    tier: str | None
    arr: float | None
    currency: str | None
    renewal_date: date | None
    contact_id: int | None
    contact: str | None
    contact_name: str | None
    contact_title: str | None
    contact_email: str | None
    playbook: str
    step: str
    occurrence: str
    title: dict[str, str]
    kind: str
    urgency: str
    owner: str | None
    owner_name: str | None
    owner_slack_id: str | None
    owner_timezone: str | None
    owner_locale: str | None
    owner_working_hours: str | None
    owner_urgent_hours: str | None
    owner_email: str | None
    owner_manager: str | None
    state: HandoffState
    opened_at: datetime
    due_at: datetime | None
    acknowledge_by: datetime | None
    acknowledge_within: str | None
    escalate_to: str | None
    escalations: int
    snoozed_until: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    closed_by: str | None
    closed_at: datetime | None
    outcome: str | None
    note: str | None
    brief: list[str]
    tasks: list[dict[str, str]]
    outcomes: list[str]
    notify: list[str]
    prepare: str | None
    ask: dict[str, str] | None
    ticked: list[int] | None
    event: dict[str, Any] | None
    merged_into: int | None
    cause_over: str | None
    flagged_at: datetime | None
    posting: str
    posted_channel: str | None
    posted_ts: str | None
    post_attempts: int
    post_fault: str | None

    @property
    def is_finished(self) -> bool:
        return self.state not in UNFINISHED


@cache
def _records() -> Select[Any]:
    own = [
        _handoffs.c[name]
        for name in HandoffRecord.__dataclass_fields__
        if name in _handoffs.c and name not in ("customer", "contact")
    ]
    joined = (
        _handoffs.outerjoin(_customers, _customers.c.id == _handoffs.c.customer_id)
        .outerjoin(_contacts, _contacts.c.id == _handoffs.c.contact_id)
        .outerjoin(_csms, _csms.c.key == _handoffs.c.owner)
    )
    return select(
        *own,
        func.coalesce(_customers.c.key, "").label("customer"),
        func.coalesce(_customers.c.name, "").label("customer_name"),
        *(_customers.c[name] for name in ("stage", "tier", "arr", "currency", "renewal_date")),
        _contacts.c.key.label("contact"),
        _contacts.c.name.label("contact_name"),
        _contacts.c.title.label("contact_title"),
        _contacts.c.email.label("contact_email"),
        _csms.c.name.label("owner_name"),
        _csms.c.slack_user_id.label("owner_slack_id"),
        _csms.c.timezone.label("owner_timezone"),
        _csms.c.locale.label("owner_locale"),
        _csms.c.working_hours.label("owner_working_hours"),
        _csms.c.urgent_hours.label("owner_urgent_hours"),
        _csms.c.email.label("owner_email"),
        _csms.c.manager.label("owner_manager"),
    ).select_from(joined)


def _record(row: Row[Any]) -> HandoffRecord:
    values = dict(row._mapping)
    values["state"] = HandoffState(values["state"])
    owner = values["owner"] or ""
    if values["owner_slack_id"] is None and owner.startswith("slack:"):
        values["owner_slack_id"] = owner.removeprefix("slack:")
    return HandoffRecord(**values)


def get(connection: Connection, handoff_id: int) -> HandoffRecord | None:
    """None: there is no such hand-off."""
    row = connection.execute(_one(), {"handoff": handoff_id}).one_or_none()
    return None if row is None else _record(row)


@cache
def _one() -> Select[Any]:
    return _records().where(_handoffs.c.id == bindparam("handoff"))


def get_many(connection: Connection, handoff_ids: Collection[int]) -> list[HandoffRecord]:
    """Those that there are, in the order in which they are asked for."""
    rows = connection.execute(_many(), {"keys": list(handoff_ids)})
    found = {row.id: _record(row) for row in rows}
    return [found[one] for one in handoff_ids if one in found]


@cache
def _many() -> Select[Any]:
    return _records().where(among_given(_handoffs.c.id))


def causes_of(connection: Connection, handoff_id: int) -> list[HandoffRecord]:
    """The causes that joined this card and are not over (S28), the oldest first."""
    return [_record(row) for row in connection.execute(_causes(), {"handoff": handoff_id})]


@cache
def _causes() -> Select[Any]:
    joined = (_handoffs.c.merged_into == bindparam("handoff"), _handoffs.c.state == HandoffState.MERGED)
    return _records().where(*joined).order_by(_handoffs.c.id)


def list_handoffs(
    connection: Connection,
    *,
    states: Sequence[str] = UNFINISHED,
    owner: str | None = None,
    customer: str | None = None,
    kind: str | None = None,
    playbook: str | None = None,
    limit: int | None = None,
    offset: int | None = None,
) -> list[HandoffRecord]:
    """Those due first come first, those without a due date last. `owner` "" asks for the unowned, `customer` is a key."""
    found = _records().where(_handoffs.c.state.in_([str(state) for state in states]))
    if owner is not None:
        found = found.where(_handoffs.c.owner == owner if owner else _handoffs.c.owner.is_(None))
    if customer is not None:
        found = found.where(_customers.c.key == customer)
    if kind is not None:
        found = found.where(_handoffs.c.kind == kind)
    if playbook is not None:
        found = found.where(_handoffs.c.playbook == playbook)
    found = found.order_by(_handoffs.c.due_at.is_(None), _handoffs.c.due_at, _handoffs.c.id)
    found = found.limit(limit).offset(offset)
    return [_record(row) for row in connection.execute(found)]


def list_open(
    connection: Connection,
    *,
    owner: str | None = None,
    customer: str | None = None,
    kind: str | None = None,
    limit: int | None = None,
    offset: int | None = None,
) -> list[HandoffRecord]:
    """Open and acknowledged ones, snoozed included."""
    return list_handoffs(connection, owner=owner, customer=customer, kind=kind, limit=limit, offset=offset)


def installation_of(connection: Connection) -> str:
    """This database's own name, so that a card of another installation is never taken for ours."""
    table = Installation.__table__  # type: ignore[attr-defined]
    found = connection.execute(select(table.c.id).limit(1)).scalar()
    return str(found)[:32] if found else NO_INSTALLATION


def reference_of(installation: str, handoff_id: int) -> str:
    """What a card's buttons and its message carry: opaque to Slack, no personal data."""
    return f"{installation}.{handoff_id}"


def handoff_id_of(installation: str, reference: str) -> int | None:
    """None for a reference that is not ours or no reference at all."""
    origin, _, number = reference.rpartition(".")
    if origin not in (installation, NO_INSTALLATION) or not (number.isascii() and number.isdigit()):
        return None
    return int(number) if len(number) < 19 else None


def count_open(connection: Connection, owner: str, *, due_before: datetime | None = None) -> int:
    """How many open and acknowledged hand-offs a person has, or has that are due before then."""
    mine = [_handoffs.c.owner == owner, _handoffs.c.state.in_([str(state) for state in UNFINISHED])]
    if due_before is not None:
        mine.append(_handoffs.c.due_at < due_before)
    return connection.execute(select(func.count()).select_from(_handoffs).where(*mine)).scalar_one()


#: Hand-offs that somebody still has to do something about (storage.asking).
ANY_UNFINISHED = select(_handoffs.c.id).where(_handoffs.c.state.in_(UNFINISHED))
