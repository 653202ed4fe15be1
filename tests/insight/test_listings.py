"""Lists for the CLI and JSON: the contract's columns, filters, stable order, and no statement per row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from bot.errors import UsageError
from bot.insight.listings import list_handoffs, list_outbox, show_mail
from bot.insight.listings_customers import list_customers, show_customer
from bot.insight.listings_playbooks import list_playbooks, show_playbook
from storage.database import Database
from storage.handoff_moves import done
from tests.cast import cast, customer, person
from tests.world import World

PLAYBOOK = """
title: {en: Welcome, ja: ようこそ}
state: live
walks: customer
enter: {when: stage == "adoption"}
goal: stage == "done"
steps:
  - email: welcome
    expires: 1 day
  - handoff: Call them
    kind: risk
    urgency: high
    due: 2 business days
  - wait: 30 days
"""


@pytest.fixture
def begun(world: World) -> World:
    """The cast is a month into one playbook."""
    world.mail("welcome")
    world.playbook("welcome", PLAYBOOK)
    world.deploy()
    cast(world.database, world.now)
    world.time_passes(days=3)
    return world


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def test_the_outbox_has_the_columns_of_the_contract(begun: World) -> None:
    with begun.database.read() as connection, statements(begun.database) as seen:
        rows = [row.as_dict() for row in list_outbox(connection)]
    assert len(seen) == 1
    assert [row["customer"] for row in rows] == ["opted_out", "going_quiet", "healthy"]
    assert rows[2] == {
        "id": rows[2]["id"], "customer": "healthy", "contact": "tanaka", "to": "tanaka@healthy.example",
        "playbook": "welcome", "step": "welcome", "template": "welcome", "subject": "welcome for Hinode Foods",
        "state": "accepted", "reason": "accepted",
        "due_at": rows[2]["due_at"], "accepted_at": rows[2]["accepted_at"],
    }  # fmt: skip
    assert rows[0]["state"] == "suppressed"


def test_the_outbox_is_filtered_by_state_customer_and_playbook(begun: World) -> None:
    with begun.database.read() as connection:
        assert [row.customer for row in list_outbox(connection, state="accepted")] == ["going_quiet", "healthy"]
        assert [row.customer for row in list_outbox(connection, customer="healthy")] == ["healthy"]
        assert list_outbox(connection, playbook="other") == []
        assert [row.customer for row in list_outbox(connection, limit=1)] == ["opted_out"]
        with pytest.raises(UsageError) as refused:
            list_outbox(connection, state="sent")
    assert "accepted" in refused.value.hint


def test_one_mail_is_shown_with_its_text(begun: World) -> None:
    with begun.database.read() as connection:
        shown = show_mail(connection, begun.sent[0].id).as_dict()
        with pytest.raises(UsageError):
            show_mail(connection, 999)
    assert shown["subject"] == "welcome for Hinode Foods"
    assert "Hello Tanaka" in shown["text"]
    assert (shown["attempts"], shown["locale"], shown["category"]) == (1, "en", "lifecycle")


def test_a_mail_that_was_never_made_is_shown_without_text(begun: World) -> None:
    with begun.database.read() as connection:
        (unsent,) = list_outbox(connection, customer="opted_out")
        shown = show_mail(connection, unsent.id)
    assert (shown.text, shown.row.to, shown.row.contact) == (None, None, None)


def test_handoffs_have_the_columns_of_the_contract(begun: World) -> None:
    risks = {handoff.customer: handoff.id for handoff in begun.handoffs if handoff.kind == "risk"}
    with begun.database.write() as connection:
        done(connection, risks["healthy"], by="sato", at=begun.now, key="1")
    with begun.database.read() as connection:
        rows = [row.as_dict() for row in list_handoffs(connection, customer="going_quiet", playbook="welcome")]
        assert [row.customer for row in list_handoffs(connection, state="done")] == ["healthy"]
        assert list_handoffs(connection, playbook="other") == []
        assert list_handoffs(connection, owner="") == []
        with pytest.raises(UsageError):
            list_handoffs(connection, state="closed")
    assert rows == [
        {
            "id": risks["going_quiet"], "customer": "going_quiet", "kind": "risk", "urgency": "high", "owner": "sato", "state": "open",
            "due_at": rows[0]["due_at"], "playbook": "welcome", "step": "handoff-call-them", "title": {"": "Call them"},
        }
    ]  # fmt: skip


def test_customers_are_listed_with_the_imports_columns_and_counts(begun: World) -> None:
    customer(
        begun.database, "zebra", begun.now, tags=["a", "b"], owners={"ae": "kato"}, limits={"seats": 5},
        attributes={"plan": "x"}, renewal_date=begun.now.date(),
    )  # fmt: skip
    with begun.database.read() as connection, statements(begun.database) as seen:
        rows = list_customers(connection)
    assert len(seen) == 1
    assert [row["customer"] for row in rows] == ["going_quiet", "healthy", "opted_out", "zebra"]
    assert (rows[1]["contacts"], rows[1]["enrollments"]) == (1, 1)
    zebra = rows[3]
    assert zebra["tags"] == "a;b"
    assert (zebra["owner.ae"], zebra["limits.seats"], zebra["attributes.plan"]) == ("kato", 5, "x")
    assert zebra["renewal_date"] == begun.now.date().isoformat()
    assert (zebra["contacts"], zebra["enrollments"]) == (0, 0)


def test_customers_are_filtered(begun: World) -> None:
    customer(begun.database, "zebra", begun.now, stage="trial")
    with begun.database.read() as connection:
        assert [row["customer"] for row in list_customers(connection, stage="trial")] == ["zebra"]
        assert [row["customer"] for row in list_customers(connection, csm="")] == ["zebra"]
        assert len(list_customers(connection, playbook="welcome")) == 3
        assert len(list_customers(connection, limit=2)) == 2


def test_one_customer_is_shown_with_contacts_and_enrollments(begun: World) -> None:
    for number in range(5):
        person(begun.database, "healthy", f"p{number}", begun.now, roles=("user",), consent=["survey"])
    with begun.database.read() as connection, statements(begun.database) as seen:
        shown = show_customer(connection, "healthy", begun.now)
        with pytest.raises(UsageError):
            show_customer(connection, "nobody", begun.now)
    assert len([text for text in seen if "playbook_version" in text]) == 1
    assert len(seen) < 12
    assert [person["contact"] for person in shown["contacts"]] == ["tanaka", "p0", "p1", "p2", "p3", "p4"]
    assert shown["contacts"][0]["roles"] == "champion;decision_maker*"
    assert shown["contacts"][1]["consent"] == "survey"
    (walk,) = shown["enrollments"]
    assert (walk["playbook"], walk["version"], walk["status"], walk["contact"]) == ("welcome", 1, "active", None)


def test_playbooks_are_listed_with_who_is_inside_and_how_it_ended(begun: World) -> None:
    from tests.cast import change

    change(begun.database, "healthy", stage="done")
    begun.playbook("draft", "title: D\nwalks: customer\nenter: {manual: true}\nsteps:\n  - log: Hi\n")
    begun.deploy()
    begun.tick()
    with begun.database.read() as connection:
        rows = {row.name: row for row in list_playbooks(connection)}
        assert [row.name for row in list_playbooks(connection, state="live")] == ["welcome"]
    assert list(rows) == ["draft", "welcome"]
    welcome = rows["welcome"]
    assert (welcome.entered, welcome.goal, welcome.others) == (3, 1, {})
    assert sum(welcome.inside.values()) == 2
    assert welcome.title == {"en": "Welcome", "ja": "ようこそ"}
    assert rows["draft"].as_dict()["live_since"] is None


def test_one_playbook_is_shown_with_its_versions(begun: World) -> None:
    begun.playbook("welcome", PLAYBOOK.replace("wait: 30 days", "wait: 40 days"))
    begun.deploy()
    with begun.database.read() as connection:
        shown = show_playbook(connection, "welcome").as_dict()
        with pytest.raises(UsageError) as refused:
            show_playbook(connection, "wellcome")
    assert "`welcome`" in refused.value.hint
    assert shown["definition"]["walks"] == "customer"
    assert [(version["number"], version["inside"]) for version in shown["versions"]] == [(2, 0), (1, 3)]
