"""Puts customers and their facts into a database, for the tests of conditions. Every function returns the new row's id."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Table, insert

from bot.rules.condition_scope import LocalDays, Scope, table_of
from storage.accounts import Contact, ContactRole, Customer
from storage.facts import DailyUsage, Event, Feed, Meeting, MeetingAttendee, Note, Subscription, SurveyAnswer, Ticket
from storage.handoffs import Handoff
from storage.journal import Decision
from storage.journeys import Enrollment, Occasion, PlaybookVersion
from storage.outbox import Message

#: Monday noon in Tokyo.
NOW = datetime(2027, 5, 3, 3, 0, tzinfo=UTC)
TODAY = date(2027, 5, 3)
CUSTOMER = table_of(Customer)
CONTACT = table_of(Contact)
ENROLLMENT = table_of(Enrollment)
_numbers = itertools.count(1)


def scope(**changes: Any) -> Scope:
    """The customers of the enclosing statement, on that Monday in Tokyo."""
    given: dict[str, Any] = {"customer": CUSTOMER, "days": LocalDays.at(NOW, "Asia/Tokyo")}
    return Scope(**{**given, **changes})


def _add(connection: Connection, model: Any, **fields: Any) -> int:
    table: Table = table_of(model)
    found = connection.execute(insert(table).values(**fields).returning(next(iter(table.primary_key))))
    return int(found.scalar_one())


def add_customer(connection: Connection, **fields: Any) -> int:
    number = next(_numbers)
    given = {
        "key": f"c{number}",
        "bucket": number,
        "name": f"Customer {number}",
        "tags": [],
        "owners": {},
        "limits": {},
        "attributes": {},
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return _add(connection, Customer, **{**given, **fields})


def add_contact(connection: Connection, customer: int, *roles: str, **fields: Any) -> int:
    given = {"key": f"p{next(_numbers)}", "attributes": {}, "created_at": NOW}
    contact = _add(connection, Contact, customer_id=customer, **{**given, **fields})
    for role in roles:
        connection.execute(insert(table_of(ContactRole)).values(contact_id=contact, role=role, is_primary=False))
    return contact


def add_usage(connection: Connection, customer: int, event: str, day: date, count: int = 1, **fields: Any) -> None:
    given = {"source": "events", "total": float(count), "users": 0}
    values = {**given, **fields}
    connection.execute(
        insert(table_of(DailyUsage)).values(customer_id=customer, event=event, day=day, count=count, **values)
    )


def add_event(connection: Connection, customer: int, name: str, at: datetime, **fields: Any) -> int:
    given = {"properties": {}, "source": "test", "key": f"e{next(_numbers)}", "received_at": at, "is_new": False}
    return _add(connection, Event, customer_id=customer, name=name, at=at, **{**given, **fields})


def add_feed(connection: Connection, name: str, latest_at: datetime = NOW) -> None:
    connection.execute(insert(table_of(Feed)).values(name=name, latest_at=latest_at))


def add_ticket(connection: Connection, customer: int, opened_at: datetime, **fields: Any) -> int:
    given = {"source": "test", "key": f"t{next(_numbers)}", "status": "open"}
    return _add(connection, Ticket, customer_id=customer, opened_at=opened_at, **{**given, **fields})


def add_answer(connection: Connection, customer: int, score: float | None, at: datetime = NOW, **fields: Any) -> int:
    given = {"kind": "nps", "source": "test", "key": f"a{next(_numbers)}"}
    return _add(connection, SurveyAnswer, customer_id=customer, score=score, at=at, **{**given, **fields})


def add_meeting(connection: Connection, customer: int, starts_at: datetime, *contacts: int, **fields: Any) -> int:
    given = {"source": "test", "key": f"m{next(_numbers)}", "is_told": True}
    meeting = _add(connection, Meeting, customer_id=customer, starts_at=starts_at, **{**given, **fields})
    for contact in contacts:
        connection.execute(insert(table_of(MeetingAttendee)).values(meeting_id=meeting, contact_id=contact))
    return meeting


def add_note(connection: Connection, customer: int, at: datetime) -> int:
    return _add(connection, Note, customer_id=customer, at=at, text="Spoke", source="test", key=f"n{next(_numbers)}")


def add_subscription(connection: Connection, customer: int, **fields: Any) -> int:
    given = {"source": "test", "key": f"s{next(_numbers)}", "product": "core"}
    return _add(connection, Subscription, customer_id=customer, **{**given, **fields})


def add_walk(connection: Connection, customer: int, **fields: Any) -> int:
    """A walk through some playbook that began a week ago."""
    number = next(_numbers)
    playbook = fields.get("playbook", "renewal")
    version = _add(
        connection, PlaybookVersion, playbook=playbook, number=number, digest=str(number), definition={}, created_at=NOW
    )
    occasion = _add(
        connection,
        Occasion,
        playbook=playbook,
        customer_id=customer,
        key=str(number),
        opened_at=NOW,
        state="entered",
        is_open=False,
    )
    given = {
        "playbook": playbook,
        "occurrence": str(number),
        "status": "active",
        "priority": 50,
        "is_holdout": False,
        "step": "notice",
        "has_arrived": False,
        "entered_at": datetime(2027, 4, 26, 3, 0, tzinfo=UTC),
    }
    return _add(
        connection, Enrollment, occasion_id=occasion, version_id=version, customer_id=customer, **{**given, **fields}
    )


def add_message(connection: Connection, walk: int, customer: int, step: str, **fields: Any) -> int:
    given = {
        "playbook": "renewal",
        "occurrence": str(next(_numbers)),
        "template": "t",
        "sender": "workspace",
        "state": "accepted",
        "priority": 50,
        "due_at": NOW,
        "not_before": NOW,
        "token": 0,
        "claims": 0,
        "attempts": 0,
        "created_at": NOW,
    }
    return _add(connection, Message, enrollment_id=walk, customer_id=customer, step=step, **{**given, **fields})


def add_handoff(connection: Connection, walk: int | None, customer: int, step: str, **fields: Any) -> int:
    given = {
        "playbook": "renewal",
        "occurrence": str(next(_numbers)),
        "title": {"": "Call"},
        "kind": "task",
        "urgency": "normal",
        "state": "open",
        "opened_at": NOW,
        "escalations": 0,
        "brief": [],
        "tasks": [],
        "outcomes": [],
        "notify": [],
        "posting": "wanted",
        "post_attempts": 0,
    }
    return _add(connection, Handoff, enrollment_id=walk, customer_id=customer, step=step, **{**given, **fields})


def add_decision(connection: Connection, walk: int, step: str, at: datetime, verdict: str = "did") -> int:
    return _add(connection, Decision, enrollment_id=walk, step=step, at=at, verdict=verdict, reason="test")
