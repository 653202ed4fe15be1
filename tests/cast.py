"""The cast: who appears in tests. `healthy` uses the product every day, `going_quiet` stopped two weeks ago, `opted_out` must
never be mailed and belongs into every test that sends. Rows go straight into the tables, with the mark that intake would
leave, so the next tick looks at them. `happened`, `used`, `ticket`, `answered` add facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Table, insert, select

from storage.accounts import Contact, ContactRole, Csm, Customer, Suppression, bucket_of
from storage.database import Database
from storage.facts import DailyUsage, Event, Feed, SurveyAnswer, Ticket
from storage.marks import mark_changed
from storage.upserts import upsert_rows

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]
USAGE: Table = DailyUsage.__table__  # type: ignore[attr-defined]
FEED: Table = Feed.__table__  # type: ignore[attr-defined]

SOURCE = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A customer of the cast with its first contact (0 and "" when it has none)."""

    id: int
    key: str
    contact_id: int = 0
    contact: str = ""
    email: str = ""


def healthy(database: Database, at: datetime, **values: Any) -> Member:
    """In adoption, renews in half a year, logged in on each of the last 28 days, one decision maker who likes mail."""
    member = _company(database, "healthy", "Hinode Foods", at, contact="tanaka", name="Tanaka", **values)
    for days_ago in range(1, 29):
        used(database, member.key, "login", at - timedelta(days=days_ago), count=3, users=2)
    return member


def going_quiet(database: Database, at: datetime, **values: Any) -> Member:
    """Logged in every day until two weeks ago, and not once since."""
    member = _company(database, "going_quiet", "Shizuka Salon", at, contact="mori", name="Mori", **values)
    for days_ago in range(15, 43):
        used(database, member.key, "login", at - timedelta(days=days_ago), count=3, users=2)
    return member


def opted_out(database: Database, at: datetime, **values: Any) -> Member:
    """Suppressed for everything: whatever is owed to this one, nothing may leave."""
    member = _company(database, "opted_out", "Iie Books", at, contact="nakano", name="Nakano", **values)
    with database.write() as connection:
        connection.execute(insert(Suppression).values(address=member.email, category="", reason="unsubscribed", at=at))
    return member


def cast(database: Database, at: datetime, **values: Any) -> tuple[Member, Member, Member]:
    """All three, with their CSM Sato. `values` go to each customer."""
    csm(database, "sato")
    return healthy(database, at, **values), going_quiet(database, at, **values), opted_out(database, at, **values)


def _company(
    database: Database, key: str, company: str, at: datetime, *, contact: str, name: str, **values: Any
) -> Member:
    today = at.date()
    fields = {
        "stage": "adoption", "csm": "sato", "touch": "low", "timezone": "Asia/Tokyo", "locale": "en",
        "started_on": today - timedelta(days=400), "renewal_date": today + timedelta(days=182), **values,
    }  # fmt: skip
    customer_id = customer(database, key, at, name=company, **fields)
    contact_id = person(database, key, contact, at, name=name, roles=("decision_maker*", "champion"))
    return Member(id=customer_id, key=key, contact_id=contact_id, contact=contact, email=address(key, contact))


def address(customer_key: str, contact: str) -> str:
    """Where a contact of the cast gets mail (a host name has no underscores)."""
    return f"{contact}@{customer_key.replace('_', '-')}.example"


def csm(database: Database, key: str, **values: Any) -> None:
    fields = {"name": key.title(), "email": f"{key}@us.example", "timezone": "Asia/Tokyo", **values}
    with database.write() as connection:
        connection.execute(insert(Csm).values(key=key, **fields))


def customer(database: Database, key: str, at: datetime, **values: Any) -> int:
    """A customer with nothing but what is given; returns its id."""
    fields = {"name": key.replace("_", " ").title(), "tags": [], "owners": {}, "limits": {}, "attributes": {}, **values}
    with database.write() as connection:
        statement = insert(Customer).values(key=key, bucket=bucket_of(key), created_at=at, **fields)
        found = int(connection.execute(statement.returning(CUSTOMER.c.id)).scalar_one())
        mark_changed(connection, [found])
    return found


def person(
    database: Database, customer_key: str, key: str, at: datetime, *, roles: tuple[str, ...] = (), **values: Any
) -> int:
    """A contact; `decision_maker*` marks the primary one of a role. The address is made up unless given."""
    fields = {"name": key.title(), "email": address(customer_key, key), "attributes": {}, **values}
    with database.write() as connection:
        customer_id = connection.execute(select(CUSTOMER.c.id).where(CUSTOMER.c.key == customer_key)).scalar_one()
        statement = insert(Contact).values(customer_id=customer_id, key=key, created_at=at, **fields)
        found = int(connection.execute(statement.returning(CONTACT.c.id)).scalar_one())
        for role in roles:
            connection.execute(
                insert(ContactRole).values(contact_id=found, role=role.rstrip("*"), is_primary=role.endswith("*"))
            )
        mark_changed(connection, [customer_id])
    return found


def change(database: Database, customer_key: str, **values: Any) -> None:
    """What an import would do: new values for a customer, and the mark."""
    with database.write() as connection:
        found = connection.execute(select(CUSTOMER.c.id).where(CUSTOMER.c.key == customer_key)).scalar_one()
        connection.execute(CUSTOMER.update().where(CUSTOMER.c.id == found).values(**values))
        mark_changed(connection, [found])


def happened(
    database: Database,
    customer_key: str,
    name: str,
    at: datetime,
    *,
    contact_id: int | None = None,
    received_at: datetime | None = None,
    **properties: Any,
) -> None:
    """A tracked event: the event itself, its day's usage, its feed. We hear of it at once unless `received_at` is given."""
    with database.write() as connection:
        found = connection.execute(select(CUSTOMER.c.id).where(CUSTOMER.c.key == customer_key)).scalar_one()
        number = connection.execute(select(Event.__table__.c.id)).all()  # type: ignore[attr-defined]
        row = {
            "customer_id": found, "contact_id": contact_id, "name": name, "at": at, "properties": properties,
            "source": SOURCE, "key": f"{name}-{len(number)}", "received_at": received_at or at, "is_new": True,
        }  # fmt: skip
        connection.execute(insert(Event).values(**row))
    used(database, customer_key, name, at, count=1, users=1)


def used(database: Database, customer_key: str, event: str, at: datetime, *, count: int, users: int = 0) -> None:
    """So many events of one name on that day, and the feed is as fresh as that."""
    with database.write() as connection:
        found = connection.execute(select(CUSTOMER.c.id).where(CUSTOMER.c.key == customer_key)).scalar_one()
        columns = ("customer_id", "event", "day", "source", "count", "total", "users")
        row = (found, event, at.date(), "events", count, float(count), users)
        upsert_rows(connection, USAGE, columns, [row], {"count": "add", "total": "add", "users": "raise"})
        mark_changed(connection, [found])
    fresh(database, event, at)


def fresh(database: Database, feed: str, at: datetime) -> None:
    """The feed has told of something (for anybody) until then."""
    with database.write() as connection:
        upsert_rows(connection, FEED, ("name", "latest_at"), [(feed, at)], {"latest_at": "raise"})


def ticket(database: Database, customer_key: str, at: datetime, **values: Any) -> None:
    with database.write() as connection:
        found = connection.execute(select(CUSTOMER.c.id).where(CUSTOMER.c.key == customer_key)).scalar_one()
        number = len(connection.execute(select(Ticket.__table__.c.id)).all())  # type: ignore[attr-defined]
        fields = {"source": SOURCE, "key": f"T{number}", "title": f"Ticket {number}", "status": "open", **values}
        connection.execute(insert(Ticket).values(customer_id=found, opened_at=at, **fields))
        mark_changed(connection, [found])
    fresh(database, "tickets", at)


def answered(database: Database, member: Member, score: float, at: datetime, *, kind: str = "nps") -> None:
    """A survey answer, with the event that tells of it."""
    with database.write() as connection:
        number = len(connection.execute(select(SurveyAnswer.__table__.c.id)).all())  # type: ignore[attr-defined]
        row = {
            "customer_id": member.id,
            "contact_id": member.contact_id or None,
            "kind": kind,
            "score": score,
            "at": at,
        }
        connection.execute(insert(SurveyAnswer).values(source=SOURCE, key=f"A{number}", **row))
    fresh(database, "surveys", at)
    happened(
        database, member.key, "survey.answered", at, contact_id=member.contact_id or None, survey=kind, score=score
    )


def day(text: str) -> date:
    return date.fromisoformat(text)
