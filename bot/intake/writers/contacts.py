"""Contacts with their roles and consent, applied as their source changed them (S17). A contact without a key has its e-mail
address as key; one with an address that cannot be mailed is kept without it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, select

from bot.intake.columns import EXTRA, Kind
from bot.intake.directory import CustomerRef, with_customers
from bot.intake.job import Job
from bot.intake.remembered import Content, last_said, name_of_contact, remember, said_now, what_changed
from bot.intake.rows import Record
from storage.accounts import Contact, ContactRole
from storage.bulk import insert_rows, update_rows
from storage.given import is_given
from storage.marks import mark_customers
from storage.tracking import release_calls, user_name

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
ROLE: Table = ContactRole.__table__  # type: ignore[attr-defined]
FIELDS = ("email", "name", "title", "phone", "locale", "timezone", "consent", "attributes")

Pair = tuple[int, str]


@dataclass(slots=True, kw_only=True)
class Change:
    """One contact to write. `roles` is None where they stay as they are."""

    customer_id: int
    key: str
    id: int | None
    before: Mapping[str, Any]
    after: dict[str, Any]
    roles: list[str] | None


def write_contacts(connection: Connection, records: Sequence[Record], job: Job) -> None:
    pairs = with_customers(connection, _keyed(records, job), job.directory, job.tally)
    names = [(name_of_contact(ref.key, record.values["contact"]), record) for record, ref in pairs]
    refs = {id(record): ref for record, ref in pairs}
    firsts = job.first_of(names, "the contact")
    last = last_said(connection, job.source, Kind.CONTACTS, [name for name, _ in firsts])
    wanted = [(refs[id(record)].id, record.values["contact"]) for _, record in firsts]
    standing = _standing(connection, wanted)
    changes: list[Change] = []
    said: dict[str, Content] = {}
    for name, record in firsts:
        values = {column: value for column, value in record.values.items() if column not in ("customer", "contact")}
        ref = refs[id(record)]
        change = _change(ref, record.values["contact"], standing, what_changed(values, last.get(name)))
        now_said = said_now(values, last.get(name))
        if now_said != last.get(name):
            said[name] = now_said
        if change is None:
            job.tally.unchanged += 1
        else:
            job.tally.changed += 1
            changes.append(change)
    _write(connection, changes, job)
    _write_roles(connection, changes)
    remember(connection, job.source, Kind.CONTACTS, said)
    mark_customers(connection, {change.customer_id for change in changes})


def _keyed(records: Iterable[Record], job: Job) -> list[Record]:
    """The records that have a key, or an address to serve as one."""
    keyed = []
    for record in records:
        key = record.values.get("contact") or record.values.get("email")
        if key:
            keyed.append(Record(record.line, {**record.values, "contact": key}))
        else:
            job.tally.reject(
                record.line,
                "contact",
                "",
                "the contact has neither a key nor a usable e-mail address",
                "give one of both",
            )
    return keyed


def _standing(connection: Connection, wanted: Sequence[Pair]) -> dict[Pair, Mapping[str, Any]]:
    asked = is_given(connection, [CONTACT.c.customer_id, CONTACT.c.key], wanted)
    rows = connection.execute(select(CONTACT).where(asked).order_by(CONTACT.c.id).with_for_update(key_share=True))
    return {(row["customer_id"], row["key"]): dict(row) for row in rows.mappings()}


def _change(
    ref: CustomerRef, key: str, standing: Mapping[Pair, Mapping[str, Any]], applied: Mapping[str, Any]
) -> Change | None:
    found = standing.get((ref.id, key))
    before = {} if found is None else {name: found[name] for name in FIELDS}
    after = dict(before) if before else {**dict.fromkeys(FIELDS), "attributes": {}}
    for name, value in applied.items():
        if name.startswith(EXTRA):
            rest = {inner: old for inner, old in after["attributes"].items() if inner != name.removeprefix(EXTRA)}
            after["attributes"] = rest if value is None else {**rest, name.removeprefix(EXTRA): value}
        elif name != "roles":
            after[name] = value
    roles = (applied["roles"] or []) if "roles" in applied else None
    if before and after == before and roles is None:
        return None
    return Change(
        customer_id=ref.id, key=key, id=None if found is None else found["id"], before=before, after=after, roles=roles
    )


def _write(connection: Connection, changes: Sequence[Change], job: Job) -> None:
    new = [change for change in changes if change.id is None]
    columns = ("customer_id", "key", "created_at", *FIELDS)
    rows = [(c.customer_id, c.key, job.now, *(c.after[name] for name in FIELDS)) for c in new]
    insert_rows(connection, CONTACT, columns, rows)
    old = [change for change in changes if change.id is not None]
    touched = tuple(name for name in FIELDS if any(c.after[name] != c.before[name] for c in old))
    if touched:
        update_rows(connection, CONTACT, touched, [(c.id, *(c.after[name] for name in touched)) for c in old])
    if new:
        standing = _standing(connection, [(change.customer_id, change.key) for change in new])
        for change in new:
            change.id = standing[change.customer_id, change.key]["id"]
        names = {name for change in new for name in (change.key, change.after["email"]) if name}
        release_calls(connection, persons=[user_name(name) for name in names])


def _write_roles(connection: Connection, changes: Sequence[Change]) -> None:
    """The roles given replace those that stand; `decision_maker*` is the one to write to first."""
    given_roles = [change for change in changes if change.roles is not None]
    if not given_roles:
        return
    asked = is_given(connection, [ROLE.c.contact_id], [(change.id,) for change in given_roles])
    connection.execute(delete(ROLE).where(asked))
    rows: list[tuple[int | None, str, bool]] = []
    for change in given_roles:
        primary = {role.rstrip("*").strip(): role.endswith("*") for role in change.roles or []}
        rows.extend((change.id, role, is_primary) for role, is_primary in primary.items() if role)
    insert_rows(connection, ROLE, ("contact_id", "role", "is_primary"), rows)
