"""Rows for the tests of what reads and acts on a run: one customer with a contact and a CSM, mails and hand-offs in any
state. Written as the pipeline writes them, without running it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, insert, select
from sqlmodel import SQLModel

from storage.accounts import Contact, Csm, Customer
from storage.handoffs import Handoff
from storage.health import SignalEpisode
from storage.journeys import Enrollment, Occasion, Playbook, PlaybookVersion
from storage.outbox import Message, MessageContent
from storage.scores import Score

NOW = datetime(2027, 4, 7, 1, 0, tzinfo=UTC)
"""Wednesday, 10:00 in Tokyo."""


def table_of(model: type[SQLModel]) -> Table:
    return model.__table__  # type: ignore[attr-defined, no-any-return]


def add(connection: Connection, model: type[SQLModel], **values: Any) -> int:
    """The new row's id (0 for tables without one)."""
    result = connection.execute(insert(table_of(model)).values(**values))
    key = result.inserted_primary_key
    return int(key[0]) if key and isinstance(key[0], int) else 0


def add_customer(connection: Connection, key: str = "hanamori-dining", *, csm: str = "sato") -> int:
    """With one contact and its CSM; the contact's id is the customer's own first one."""
    if csm not in set(connection.execute(select(table_of(Csm).c.key)).scalars()):
        add(connection, Csm, key=csm, name="佐藤 遥", timezone="Asia/Tokyo", locale="ja")
    empty: dict[str, Any] = {"tags": [], "owners": {}, "limits": {}, "attributes": {}}
    customer = add(connection, Customer, key=key, name=key.title(), bucket=1, csm=csm, created_at=NOW, **empty)
    add(
        connection,
        Contact,
        customer_id=customer,
        key="mori",
        name="森 葵",
        email=f"mori@{key}.example",
        attributes={},
        created_at=NOW,
    )
    return customer


def contact_of(connection: Connection, customer: int) -> int:
    contacts = table_of(Contact)
    return int(connection.execute(select(contacts.c.id).where(contacts.c.customer_id == customer)).scalar_one())


def add_mail(connection: Connection, customer: int, *, step: str = "welcome", **values: Any) -> int:
    """Accepted unless `state` says otherwise."""
    given = {"state": "accepted", **values}
    if given["state"] == "accepted":
        given = {"accepted_at": NOW, "over_at": NOW, **given}
    mail = add(
        connection,
        Message,
        **{
            "customer_id": customer,
            "contact_id": contact_of(connection, customer),
            "playbook": step,
            "step": step,
            "occurrence": "1",
            "template": step,
            "sender": "csm",
            "priority": 50,
            "due_at": NOW,
            "not_before": NOW,
            "token": 0,
            "claims": 0,
            "attempts": 0,
            "created_at": NOW,
            **given,
        },
    )
    text = {"to_email": "mori@x.example", "from_email": "sato@hanabi.example", "html": "", "text": ""}
    about = {"category": "lifecycle", "locale": "ja", "template_digest": "0", "is_edited": False}
    add(connection, MessageContent, message_id=mail, subject=f"About {step}", **text, **about)
    return mail


def add_handoff(connection: Connection, customer: int, *, step: str = "call", **values: Any) -> int:
    return add(
        connection,
        Handoff,
        **{
            "customer_id": customer,
            "playbook": "going_quiet",
            "step": step,
            "occurrence": "1",
            "title": {"en": "Call them", "ja": "電話する"},
            "kind": "risk",
            "urgency": "high",
            "owner": "sato",
            "state": "open",
            "opened_at": NOW,
            "escalations": 0,
            "brief": [],
            "tasks": [],
            "outcomes": ["coming back", "lost"],
            "notify": [],
            "posting": "wanted",
            "post_attempts": 0,
            **values,
        },
    )


def add_signal(connection: Connection, customer: int, signal: str = "login_falling") -> None:
    """Open since now."""
    began = {"held_since": NOW, "opened_at": NOW, "changed_at": NOW}
    add(connection, SignalEpisode, customer_id=customer, signal=signal, **began)


def add_health(connection: Connection, customer: int, value: float = 80, band: str = "green") -> None:
    """The score of today."""
    values = {"customer_id": customer, "name": "health", "card": "health", "value": value, "band": band}
    connection.execute(insert(table_of(Score)).values(day=NOW.date(), state="fresh", noted_at=NOW, **values))


def add_walk(connection: Connection, customer: int, playbook: str = "welcome", **values: Any) -> int:
    """An active walk unless `outcome` ends it; the playbook is published when it is met first."""
    version = _version_of(connection, playbook)
    number = len(list(connection.execute(select(table_of(Occasion).c.id))))
    occasion = add(
        connection,
        Occasion,
        playbook=playbook,
        customer_id=customer,
        key=str(number),
        opened_at=NOW,
        state="entered",
        is_open=False,
    )
    ended = {"status": "ended", "ended_at": NOW + timedelta(days=3)} if "outcome" in values else {"status": "active"}
    return add(
        connection,
        Enrollment,
        **{
            "occasion_id": occasion,
            "playbook": playbook,
            "version_id": version,
            "customer_id": customer,
            "occurrence": "1",
            "priority": 50,
            "is_holdout": False,
            "step": "welcome",
            "has_arrived": True,
            "entered_at": NOW,
            **ended,
            **values,
        },
    )


def _version_of(connection: Connection, playbook: str) -> int:
    versions = table_of(PlaybookVersion)
    found = connection.execute(select(versions.c.id).where(versions.c.playbook == playbook)).scalar()
    if found is not None:
        return int(found)
    definition = {"title": {"en": playbook.title()}}
    version = add(
        connection, PlaybookVersion, playbook=playbook, number=1, digest=playbook, definition=definition, created_at=NOW
    )
    add(connection, Playbook, name=playbook, state="live", version_id=version, needs_sweep=False)
    return version
