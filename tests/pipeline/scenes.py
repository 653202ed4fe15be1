"""Scenes for tests of the engine: a company that comes to us, always with the opted-out one of the cast beside it (nobody
may ever mail that one; the `world` of this folder checks it), short ways to write a journey, and to see what became of it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, event, insert, select

from bot.channels.base import Answer, Outcome
from bot.pipeline.operate import enroll_by_hand, exit_by_hand, pause, resume
from bot.pipeline.resuming import PauseKind
from bot.rules.references import MailName
from storage.accounts import Contact, Customer, Suppression
from storage.database import Database
from storage.marks import mark_changed
from storage.outbox_moves import MESSAGE
from tests.cast import Member, address, csm, customer, opted_out, person
from tests.world import Took, Walked, World

CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
OPTED_OUT = "opted_out"
NEW = "onboarding"
UNKNOWN = Answer(outcome=Outcome.UNKNOWN, reason="timeout")
REFUSED = Answer(outcome=Outcome.REFUSED, reason="bad_request", status=400)


def company(world: World, key: str = "sakura", *, roles: tuple[str, ...] = ("champion",), **values: Any) -> Member:
    """A customer with one contact, Tanaka; the first one brings the CSM Sato and the opted-out customer with it. `stage`
    is onboarding unless given."""
    fields = {"stage": NEW, "csm": "sato", **values}
    with world.database.read() as connection:
        is_first = connection.scalar(select(CUSTOMER.c.id).where(CUSTOMER.c.key == OPTED_OUT)) is None
    if is_first:
        csm(world.database, "sato")
        opted_out(world.database, world.now, **fields)
    found = customer(world.database, key, world.now, **fields)
    contact_id = person(world.database, key, "tanaka", world.now, roles=roles)
    return Member(id=found, key=key, contact_id=contact_id, contact="tanaka", email=address(key, "tanaka"))


def journey(
    world: World,
    name: str,
    steps: str,
    *,
    enter: str = f'when: stage == "{NEW}"',
    walks: str = "customer",
    more: str = "",
    state: str = "live",
) -> None:
    """Write a playbook: `steps` and `enter` are its YAML (`more`: further keys)."""
    lines = [f"title: {name}", f"state: {state}", f"walks: {walks}", "enter:", *_indented(enter), *_lines(more)]
    world.playbook(name, "\n".join([*lines, "steps:", *_indented(steps)]) + "\n")


def _lines(text: str) -> list[str]:
    return textwrap.dedent(text).strip("\n").splitlines()


def _indented(text: str) -> Iterator[str]:
    return (f"  {line}" for line in _lines(text))


def settings(world: World, text: str) -> None:
    """workspace.yml of the test company with these lines added or replaced (by top-level key)."""
    given = textwrap.dedent(text).strip("\n")
    keys = {line.split(":")[0] for line in given.splitlines() if line and not line.startswith((" ", "#", "-"))}
    base = {
        "company": "company: Test Company",
        "sender": "sender: {name: Test Company, email: hello@us.example}",
        "timezone": "timezone: Asia/Tokyo",
        "windows": 'windows: [{days: every day, hours: "00:00-24:00"}]',
        "owners": "owners: {default: sato}",
    }
    world.write("playbooks/workspace.yml", "\n".join([*(base[key] for key in base if key not in keys), given, ""]))


def utc(text: str) -> datetime:
    """`2027-03-01 09:00` → the instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def mails(world: World, key: str = "sakura") -> list[str]:
    """The templates that were accepted for a customer, oldest first."""
    return [mail.template for mail in world.sent if mail.customer == key]


def states(world: World, key: str = "sakura") -> list[tuple[str, str]]:
    """Step and state of every mail ever owed to a customer."""
    return [(mail.step, mail.state) for mail in world.outbox if mail.customer == key]


def walks(world: World, key: str = "sakura", playbook: str | None = None) -> list[Walked]:
    return [walk for walk in world.walks if walk.customer == key and playbook in (None, walk.playbook)]


def walk(world: World, key: str = "sakura", playbook: str | None = None) -> Walked:
    """The customer's only walk."""
    (found,) = walks(world, key, playbook)
    return found


def outcomes(world: World, key: str = "sakura", playbook: str | None = None) -> list[str | None]:
    """How the customer's walks ended (None: still walking), oldest first."""
    return [found.outcome for found in walks(world, key, playbook)]


def titles(world: World, key: str = "sakura") -> list[str]:
    """What people were asked to do for a customer, questions about mails left out."""
    return [
        handoff.title.get("", handoff.title.get("en", ""))
        for handoff in world.handoffs
        if handoff.customer == key and handoff.kind != "question"
    ]


def took(world: World, reason: str, key: str = "sakura", playbook: str | None = None) -> list[Took]:
    """The customer's decisions with this reason."""
    mine = (found for found in world.decisions if found.customer == key and found.reason == reason)
    return [found for found in mine if playbook in (None, found.playbook)]


def attributes(world: World, key: str = "sakura") -> dict[str, Any]:
    with world.database.read() as connection:
        return dict(connection.execute(select(CUSTOMER.c.attributes).where(CUSTOMER.c.key == key)).scalar_one())


# What people do


def stands_still(world: World, kind: PauseKind, key: str = "") -> None:
    with world.database.write() as connection:
        assert pause(connection, kind, key, world.now)


def goes_on(world: World, kind: PauseKind, key: str = "") -> None:
    published = world.app.require_published()
    rules = {row.name: published.versions[row.version_id].playbook.on_resume for row in published.playbooks}
    with world.database.write() as connection:
        assert resume(connection, kind, key, world.now, rules)


def enroll(world: World, playbook: str, **who: str) -> int:
    with world.database.write() as connection:
        return enroll_by_hand(connection, world.app.require_published(), playbook, world.now, **who)


def leave(world: World, playbook: str, **who: str) -> int:
    published = world.app.require_published()
    ground = world.app.ground(published)
    with world.database.write() as connection:
        return exit_by_hand(connection, published, ground, playbook, world.now, **who)


def suppress(world: World, email: str, category: str = "") -> None:
    with world.database.write() as connection:
        connection.execute(insert(Suppression).values(address=email, category=category, reason="asked", at=world.now))


def change_contact(world: World, contact_id: int, **values: Any) -> None:
    """What an import of contacts would do, with its mark."""
    with world.database.write() as connection:
        customer_id = connection.execute(
            CONTACT.update().where(CONTACT.c.id == contact_id).values(**values).returning(CONTACT.c.customer_id)
        ).scalar_one()
        mark_changed(connection, [customer_id])


def mail_id(world: World, step: str, key: str = "sakura") -> int:
    """The id of the customer's newest mail of a step."""
    return [mail.id for mail in world.outbox if mail.customer == key and mail.step == step][-1]


def mail_name(world: World, step: str, key: str = "sakura") -> MailName:
    """What the outside calls the customer's newest mail of a step."""
    return name_of_mail(world, mail_id(world, step, key))


def name_of_mail(world: World, message_id: int) -> MailName:
    """What the outside calls the mail of this number."""
    with world.database.read() as connection:
        made_at = connection.scalar(select(MESSAGE.c.created_at).where(MESSAGE.c.id == message_id))
    assert made_at is not None
    return MailName(message_id, made_at)


def in_days(world: World, days: int) -> date:
    """The date so many days from today in Tokyo."""
    return (world.now + timedelta(hours=9, days=days)).date()


# What breaks


@contextmanager
def breaks_on(database: Database, part: str) -> Iterator[None]:
    """Every statement that mentions `part` raises, as a bug would."""

    def refuse(_connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if part in statement or part in str(parameters):
            raise RuntimeError("broken on purpose")

    event.listen(database.engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(database.engine, "before_cursor_execute", refuse)


@contextmanager
def meanwhile(database: Database, part: str, deed: Callable[[], None]) -> Iterator[None]:
    """Somebody does something just before the first statement that mentions `part`, in a transaction of their own."""
    waiting = [deed]

    def interrupt(_connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if waiting and part in statement:
            waiting.pop()()

    event.listen(database.engine, "before_cursor_execute", interrupt)
    try:
        yield
    finally:
        event.remove(database.engine, "before_cursor_execute", interrupt)
    assert not waiting, f"no statement mentioned {part}"


def owed(world: World, mail: str = "", **customer: Any) -> None:
    """Somebody is owed one mail; nothing was tried yet."""
    world.mail("hello")
    lines = "\n".join(f"  {line}" for line in mail.splitlines())
    journey(world, "p", f"- email: hello\n{lines}\n- log: Over")
    world.deploy()
    company(world, **customer)


def state(world: World) -> str:
    ((_, found),) = states(world)
    return found
