"""Customers: applies what their source changed (S17) and tells of it: created, stage changed, CSM or tier changed. Rows are
locked while they are read and written, so that a playbook's `set` in between is not lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, select

from bot.intake.columns import EXTRA, Kind
from bot.intake.events import BUILT_IN, EventRow, record_events
from bot.intake.job import Job
from bot.intake.remembered import last_said, remember, said_now, what_changed
from bot.intake.rows import Record
from bot.rules.zones import is_zone, start_of_day
from storage.accounts import Csm, Customer, bucket_of
from storage.bulk import insert_rows, update_rows
from storage.facts import StageChange
from storage.given import is_given
from storage.marks import mark_customers
from storage.tracking import release_calls

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CSM: Table = Csm.__table__  # type: ignore[attr-defined]
STAGE_CHANGE: Table = StageChange.__table__  # type: ignore[attr-defined]

FIELDS = tuple(
    column.name for column in CUSTOMER.columns if column.name not in ("id", "key", "bucket", "created_at", "erased_at")
)
NEW = ("key", "bucket", "created_at", *FIELDS)
#: A prefix of columns → the document of the customer that holds them.
DOCUMENTS = {"owner.": "owners", "limits.": "limits", EXTRA: "attributes"}
TOLD = {"csm": "customer.csm_changed", "tier": "customer.tier_changed"}
#: A customer who began longer ago than this is not news: importing the existing base must not welcome everybody.
RECENTLY = timedelta(days=7)


@dataclass(slots=True, kw_only=True)
class Change:
    """One customer to write: its fields before (empty: it is new) and after."""

    key: str
    id: int | None
    before: Mapping[str, Any]
    after: dict[str, Any]
    stage_since_given: bool


def write_customers(connection: Connection, records: Sequence[Record], job: Job) -> None:
    keyed = job.first_of(
        [(record.values["customer"], record) for record in _living(connection, records, job)], "the customer"
    )
    if not keyed:
        return
    keys = [key for key, _ in keyed]
    last = last_said(connection, job.source, Kind.CUSTOMERS, keys)
    standing = _standing(connection, keys)
    said: dict[str, dict[str, Any]] = {}
    changes = []
    for key, record in keyed:
        values = {name: value for name, value in record.values.items() if name != "customer"}
        applied = what_changed(values, last.get(key))
        now_said = said_now(values, last.get(key))
        if now_said != last.get(key):
            said[key] = now_said
        change = _change(key, standing.get(key), applied, job.now)
        if change is None:
            job.tally.unchanged += 1
        else:
            job.tally.changed += 1
            changes.append(change)
    _write(connection, changes, job)
    remember(connection, job.source, Kind.CUSTOMERS, said)
    _warn_of_unknown_csms(connection, changes, job)
    _tell(connection, changes, job)


def _living(connection: Connection, records: Sequence[Record], job: Job) -> list[Record]:
    """Without the customers who were erased: tonight's file must not bring them back."""
    erased = job.directory.erased(connection)
    living = []
    for record in records:
        if erased.has_customer(record.values["customer"]):
            job.tally.pass_by_erased(record.line)
        else:
            living.append(record)
    return living


def _standing(connection: Connection, keys: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    asked = is_given(connection, [CUSTOMER.c.key], [(key,) for key in keys])
    rows = connection.execute(select(CUSTOMER).where(asked).order_by(CUSTOMER.c.id).with_for_update(key_share=True))
    return {row["key"]: dict(row) for row in rows.mappings()}


def _change(key: str, standing: Mapping[str, Any] | None, applied: Mapping[str, Any], now: datetime) -> Change | None:
    before = {} if standing is None else {name: standing[name] for name in FIELDS}
    empty: dict[str, Any] = {"name": key, "tags": [], "owners": {}, "limits": {}, "attributes": {}}
    after = dict(before) if before else {**dict.fromkeys(FIELDS), **empty}
    for name, value in applied.items():
        _apply(after, name, value)
    after["name"] = after["name"] or key
    after["tags"] = after["tags"] or []
    moved = after["stage"] != before.get("stage")
    if moved and "stage_since" not in applied:
        after["stage_since"] = now if after["stage"] else None
    if before and after == before:
        return None
    found = None if standing is None else standing["id"]
    return Change(key=key, id=found, before=before, after=after, stage_since_given="stage_since" in applied)


def _apply(after: dict[str, Any], name: str, value: Any) -> None:
    for prefix, document in DOCUMENTS.items():
        if name.startswith(prefix):
            inner = dict(after[document])
            inner.pop(name.removeprefix(prefix), None)
            after[document] = inner if value is None else {**inner, name.removeprefix(prefix): value}
            return
    after[name] = value


def _write(connection: Connection, changes: Sequence[Change], job: Job) -> None:
    new = [change for change in changes if change.id is None]
    insert_rows(
        connection,
        CUSTOMER,
        NEW,
        [(c.key, bucket_of(c.key), job.now, *(c.after[name] for name in FIELDS)) for c in new],
    )
    old = [change for change in changes if change.id is not None]
    touched = tuple(name for name in FIELDS if any(c.after[name] != c.before[name] for c in old))
    update_rows(connection, CUSTOMER, touched, [(c.id, *(c.after[name] for name in touched)) for c in old])
    if new:
        ids = _ids(connection, [change.key for change in new])
        for change in new:
            change.id = ids[change.key]
        release_calls(connection, customers=list(ids))


def _ids(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    asked = is_given(connection, [CUSTOMER.c.key], [(key,) for key in keys])
    rows = connection.execute(select(CUSTOMER.c.key, CUSTOMER.c.id).where(asked))
    return {row.key: row.id for row in rows}


def _tell(connection: Connection, changes: Sequence[Change], job: Job) -> None:
    stages: list[tuple[Any, ...]] = []
    events: list[EventRow] = []
    for change in changes:
        assert change.id is not None
        at = _known_since(change, job)
        if not change.before:
            properties = {name: change.after[name] for name in ("stage", "tier", "csm") if change.after[name]}
            events.append(_event(change.id, "customer.created", at, properties, change.key))
        old, new = change.before.get("stage"), change.after["stage"]
        if old != new:
            since = change.after["stage_since"] if change.stage_since_given and new else at
            stages.append((change.id, old, new, since, f"import:{job.source}"))
            key = f"{change.key}:{since.isoformat()}:{old}>{new}"
            events.append(_event(change.id, "stage.changed", since, {"old": old, "new": new}, key))
        events.extend(_replaced(change, job.now))
    insert_rows(connection, STAGE_CHANGE, ("customer_id", "old", "new", "at", "cause"), stages)
    mark_customers(connection, [change.id for change in changes if change.id is not None], CUSTOMER, STAGE_CHANGE)
    record_events(connection, events, job.now, default_zone=job.zone)


def _replaced(change: Change, now: datetime) -> Iterable[EventRow]:
    """csm and tier of a customer who was there before."""
    assert change.id is not None
    for name, event in TOLD.items():
        old, new = change.before.get(name), change.after[name]
        if change.before and old != new:
            key = f"{change.key}:{now.isoformat()}:{old}>{new}"
            yield _event(change.id, event, now, {"old": old, "new": new}, key)


def _known_since(change: Change, job: Job) -> datetime:
    """When the news happened: now; for a new customer who began more than a week ago, the day it began (S4)."""
    started = change.after["started_on"]
    if change.before or started is None:
        return job.now
    zone = change.after["timezone"]
    began = start_of_day(started, zone if zone and is_zone(zone) else job.zone)
    return began if began < job.now - RECENTLY else job.now


def _event(customer_id: int, name: str, at: datetime, properties: Mapping[str, Any], key: str) -> EventRow:
    return EventRow(customer_id, name, at, BUILT_IN, f"{name}:{key}", properties=properties)


def _warn_of_unknown_csms(connection: Connection, changes: Sequence[Change], job: Job) -> None:
    named = {c.after["csm"] for c in changes if c.after["csm"] and c.after["csm"] != c.before.get("csm")}
    if named:
        known = set(connection.execute(select(CSM.c.key).where(CSM.c.key.in_(sorted(named)))).scalars())
        for key in sorted(named - known)[:10]:
            job.tally.warn(f"csm `{key}` is nobody we know; import csms.csv")
