"""Customers as lists and in full: the columns of the import (lists joined by `;`, `owner.*`, `limits.*` and `attributes.*`
apart), with contacts and walks. Three statements for one customer, one for a list. Read-only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, func, select

from bot.insight.customer_keys import customer_id_of
from bot.insight.listings import LIMIT, dated
from bot.insight.report_signals import signals_of
from bot.rules.field_types import say
from storage.accounts import Contact, ContactRole, Customer
from storage.deployments import VERSION
from storage.enrollments import ENROLLMENT
from storage.health_views import Health, ScoreView, cards_of
from storage.journeys import EnrollmentStatus
from storage.plan_views import PlanView, list_plans

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
ROLE: Table = ContactRole.__table__  # type: ignore[attr-defined]

#: The import's columns in its order; `customer` is the key.
COLUMNS = (
    "name", "parent", "stage", "tier", "arr", "currency", "industry", "region", "locale", "timezone", "touch", "csm",
    "started_on", "renewal_date", "licenses_purchased", "licenses_active", "open_days", "tags",
)  # fmt: skip
CONTACT_COLUMNS = ("email", "name", "title", "phone", "locale", "timezone", "consent")
WALK_COLUMNS = ("playbook", "status", "outcome", "step", "is_holdout", "entered_at", "due_at", "ended_at", "fault")


def list_customers(
    connection: Connection,
    *,
    stage: str | None = None,
    csm: str | None = None,
    playbook: str | None = None,
    limit: int | None = LIMIT,
) -> list[dict[str, Any]]:
    """By key, without who was erased. `contacts` and `enrollments` are counts here: people still there, walks going on.
    `playbook`: only those who walk it now."""
    active = [ENROLLMENT.c.customer_id == CUSTOMER.c.id, ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value]
    present = (CONTACT.c.customer_id == CUSTOMER.c.id, CONTACT.c.gone_at.is_(None))
    statement = select(
        CUSTOMER,
        select(func.count()).select_from(CONTACT).where(*present).scalar_subquery().label("contacts"),
        select(func.count()).select_from(ENROLLMENT).where(*active).scalar_subquery().label("enrollments"),
    )
    statement = statement.where(CUSTOMER.c.erased_at.is_(None))
    for column, wanted in ((CUSTOMER.c.stage, stage), (CUSTOMER.c.csm, csm)):
        if wanted is not None:
            statement = statement.where(column == wanted if wanted else column.is_(None))
    if playbook is not None:
        statement = statement.where(_walks(active, playbook))
    rows = connection.execute(statement.order_by(CUSTOMER.c.key).limit(limit))
    return [{**_columns(row), "contacts": row.contacts, "enrollments": row.enrollments} for row in rows]


def _walks(active: list[ColumnElement[bool]], playbook: str) -> ColumnElement[bool]:
    return select(ENROLLMENT.c.id).where(*active, ENROLLMENT.c.playbook == playbook).exists()


def show_customer(connection: Connection, key: str, now: datetime) -> dict[str, Any]:
    """Everything, with `scores` (each card before its measures), open `signals` and `plans`, `contacts` and `enrollments` (the
    newest first) as lists. Raises: UsageError with the nearest key."""
    customer_id = customer_id_of(connection, key)
    row = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == customer_id)).one()
    contacts = _contacts(connection, customer_id)
    signals = [dated(found) for found in signals_of(connection, customer_id)]
    walks = _enrollments(connection, customer_id)
    plans = [_plan(found) for found in list_plans(connection, customer_id=customer_id)]
    scores = [score for card in cards_of(connection, customer_id, now) for score in _scores(card)]
    lists = {"scores": scores, "signals": signals, "plans": plans, "contacts": contacts, "enrollments": walks}
    return {**_columns(row), **lists}


def _scores(card: Health) -> Iterator[dict[str, Any]]:
    """A card, and its measures beside what they were 30 days ago, with the facts they rest on."""
    is_alone = [each.name for each in card.measures] == []
    yield {**_score(card.card), "confidence": card.confidence if not is_alone else None}
    for measure in card.measures:
        yield {**_score(measure), "score": f"{card.card.name}: {measure.name}", "confidence": None}


def _score(view: ScoreView) -> dict[str, Any]:
    told = {"score": view.name, "value": view.value, "band": view.band, "state": view.state.value}
    before = {"was": view.was, "was_band": view.was_band, "was_facts": dict(view.was_facts)}
    return dated({**told, "band_since": view.band_since, "facts": dict(view.facts), **before})


def _plan(plan: PlanView) -> dict[str, Any]:
    shares = {"progress": round(plan.progress, 3), "behind": round(plan.behind, 3)}
    shown = {"kind": plan.kind, "title": say(plan.title, "en"), "state": plan.state, **shares, "due_on": plan.due_on}
    return dated({"plan": plan.id, **shown})


def _columns(row: Row[Any]) -> dict[str, Any]:
    found = row._mapping
    values = {name: found[name] for name in COLUMNS}
    values["tags"] = ";".join(found["tags"] or [])
    apart = {**_apart("owner", found["owners"]), **_apart("limits", found["limits"])}
    return dated({"customer": found["key"], **values, **apart, **_apart("attributes", found["attributes"])})


def _apart(prefix: str, document: Mapping[str, Any] | None) -> dict[str, Any]:
    return {f"{prefix}.{name}": value for name, value in sorted((document or {}).items())}


def _contacts(connection: Connection, customer_id: int) -> list[dict[str, Any]]:
    """Oldest first, with roles as the import writes them (`decision_maker*`: the primary one)."""
    statement = (
        select(CONTACT, ROLE.c.role, ROLE.c.is_primary)
        .select_from(CONTACT.outerjoin(ROLE, ROLE.c.contact_id == CONTACT.c.id))
        .where(CONTACT.c.customer_id == customer_id)
        .order_by(CONTACT.c.id, ROLE.c.role)
    )
    people: dict[int, dict[str, Any]] = {}
    roles: dict[int, list[str]] = {}
    for row in connection.execute(statement):
        people.setdefault(row.id, _contact(row))
        if row.role:
            roles.setdefault(row.id, []).append(f"{row.role}*" if row.is_primary else row.role)
    return [{**person, "roles": ";".join(roles.get(contact_id, []))} for contact_id, person in people.items()]


def _contact(row: Row[Any]) -> dict[str, Any]:
    found = row._mapping
    values = {name: found[name] for name in CONTACT_COLUMNS}
    values["consent"] = None if found["consent"] is None else ";".join(found["consent"])
    times = {name: found[name] for name in ("last_seen", "gone_at", "bounced_at")}
    return dated({"contact": found["key"], **values, **times, **_apart("attributes", found["attributes"])})


def _enrollments(connection: Connection, customer_id: int) -> list[dict[str, Any]]:
    columns = [ENROLLMENT.c[name] for name in WALK_COLUMNS]
    statement = (
        select(ENROLLMENT.c.id, VERSION.c.number.label("version"), CONTACT.c.key.label("contact"), *columns)
        .select_from(
            ENROLLMENT.join(VERSION, VERSION.c.id == ENROLLMENT.c.version_id).outerjoin(
                CONTACT, CONTACT.c.id == ENROLLMENT.c.contact_id
            )
        )
        .where(ENROLLMENT.c.customer_id == customer_id)
        .order_by(ENROLLMENT.c.id.desc())
    )
    return [dated(dict(row._mapping)) for row in connection.execute(statement)]
