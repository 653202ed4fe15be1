"""Being forgotten: nothing personal is left anywhere in the database, the counts stay, walks and mails stop, and nobody comes
back by a late event or the next file. Strings that occur nowhere else stand for the person."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from bot.errors import UsageError
from bot.insight.export_person import export_person
from bot.intake.importer import import_paths
from bot.pipeline.erasing import Erased
from storage.accounts import Contact, Customer, Suppression
from storage.database import Database
from storage.erasures import FATES, NOBODYS
from storage.inbound import Reply
from storage.outbox import Attempt
from storage.scrubbing import OURS, STRUCTURAL, free_columns
from storage.tables import metadata
from tests.cast import csm
from tests.intake.house import write
from tests.pipeline.scenes import goes_on, journey, meanwhile, stands_still
from tests.world import World

CUSTOMER = "zanzibar-1"
PERSON = "quetzal"
EMAIL = "quetzal.ibn@zanzibar.example"
FILES = {
    "customers": f"customer,name,stage,csm,industry,owner.ae,plan_note\n{CUSTOMER},Zanzibar Foods,onboarding,sato,fruit-xyz,sato,"
    "attr-grue\nother,Other Company,adoption,sato,,,\n",
    "contacts": f"customer,contact,email,name,title,phone,roles,hobby\n{CUSTOMER},{PERSON},{EMAIL},Quetzalia Ibn,Head of Zorkmids,"
    f"+81-3-5550-1234,champion*,hobby-fnord\n{CUSTOMER},second,second@zanzibar.example,Second Person,,,admin,\n"
    "other,mori,mori@other.example,Mori,,,champion,\n",
    "events": f"customer,contact,event,at,id,thing\n{CUSTOMER},{PERSON},login,2027-02-27T03:00:00Z,ev-{EMAIL},prop-nitfol\n"
    f"{CUSTOMER},second,login,2027-02-27T04:00:00Z,ev-2,called Quetzalia Ibn\n",
    "tickets": f"customer,contact,ticket,title,url,opened_at\n{CUSTOMER},{PERSON},T-1,ticket-plugh,https://t.example/plugh,2027-02-20\n",
    "surveys": f"customer,contact,kind,score,comment,at\n{CUSTOMER},{PERSON},nps,3,comment-xyzzy,2027-02-21\n",
    "notes": f"customer,by,at,text\n{CUSTOMER},sato,2027-02-22,Quetzalia Ibn likes note-okonomi\n"
    f"{CUSTOMER},sato,2027-02-23,Call Second Person\nother,sato,2027-02-22,Met Quetzal.Ibn@zanzibar.example there\n",
    "meetings": f"customer,meeting,kind,contact,starts_at,summary\n{CUSTOMER},M-1,ebr,{PERSON},2027-02-24,summary-frotz\n",
    "subscriptions": f"customer,subscription,product,mrr,started_on,reason\n{CUSTOMER},S-1,basic,100,2026-01-01,reason-zork\n",
}
#: Whatever of these is left after the customer is forgotten is a leak.
TRACES = (
    *("zanzibar", "Quetzal", "Ibn@", "5550-1234", "Zorkmids", "hobby-fnord", "attr-grue", "fruit-xyz", "prop-nitfol"),
    *(
        "ticket-plugh",
        "t.example/plugh",
        "comment-xyzzy",
        "note-okonomi",
        "summary-frotz",
        "reason-zork",
        "Second Person",
    ),
    *("answer-gnusto", "detail-blorb", "held-text", "why-rezrov"),
)
#: And of these, when only the person is. The company and its other people stay.
TRACES_OF_PERSON = (
    *("Quetzal", "Ibn@", "5550-1234", "Zorkmids", "hobby-fnord", "prop-nitfol", "ticket-plugh", "comment-xyzzy"),
    *("summary-frotz", "answer-gnusto", "detail-blorb", "why-rezrov"),
)


@pytest.fixture
def story(world: World, tmp_path: Path) -> World:
    """A customer with facts of every kind, a mail that was sent and answered, one that waits, and an open hand-off."""
    csm(world.database, "sato")
    world.mail("hello", "more")
    journey(
        world,
        "p",
        """
        - email: hello
          to: champion
        - handoff: Call them
        - email: more
          to: champion
          review: csm
        - wait: 3 days
        - log: Over
        """,
        more="",
    )
    world.deploy()
    import_files(world, tmp_path)
    world.tick()
    (mail,) = [found for found in world.outbox if found.customer == CUSTOMER and found.state == "accepted"]
    world.tell(mail.id, "clicked", url=f"https://x.example/?who={EMAIL}")
    with world.database.write() as connection:
        ids = connection.execute(select(Contact.id, Contact.customer_id).where(Contact.key == PERSON)).one()  # type: ignore[call-overload]
        connection.execute(
            insert(Reply).values(
                key="r-1",
                verdict="answered",
                message_id=mail.id,
                customer_id=ids[1],
                contact_id=ids[0],
                from_address=EMAIL,
                subject="Re",
                text="answer-gnusto",
                attachments=[],
                received_at=world.now,
            )
        )
        connection.execute(insert(Suppression).values(address=EMAIL, category="survey", reason="hand", at=world.now))
        attempt = Attempt.__table__  # type: ignore[attr-defined]
        connection.execute(attempt.update().values(detail="detail-blorb"))
    stands_still(world, "contact", PERSON)
    goes_on(world, "contact", PERSON)
    stands_still(world, "contact", PERSON)
    world.tick()
    return world


def import_files(world: World, folder: Path) -> dict[str, Any]:
    report = import_paths(world.database, [write(folder / "in", **FILES)], now=world.now)
    return {file.kind: file for file in report.files}


def dump(database: Database) -> Iterator[tuple[str, str]]:
    """Where, and all that stands there: every row of every table, and on SQLite the very bytes of its files."""
    for table in metadata.sorted_tables:
        if table.name in ("deployed_file", "file_text", "playbook_version"):
            continue
        with database.read() as connection:
            for row in connection.execute(select(table)):
                yield table.name, json.dumps(list(row), default=repr, ensure_ascii=False)
    if database.is_sqlite:
        for suffix in ("", "-wal", "-posts", "-posts-wal"):
            file = Path(f"{database.url.database}{suffix}")
            if file.exists():
                yield file.name, file.read_bytes().decode("utf-8", "replace")


def leaks(database: Database, traces: tuple[str, ...]) -> set[tuple[str, str]]:
    return {(where, trace) for where, text in dump(database) for trace in traces if trace.lower() in text.lower()}


def leaks_of_rows(database: Database, traces: tuple[str, ...]) -> set[tuple[str, str]]:
    """Without SQLite's free pages, which nobody wiped since."""
    return {(where, trace) for where, trace in leaks(database, traces) if where in metadata.tables}


def counts(world: World) -> Counter[str]:
    with world.database.read() as connection:
        return Counter(
            {
                name: len(connection.execute(select(metadata.tables[name])).all())
                for name in (
                    "message",
                    "enrollment",
                    "handoff",
                    "attempt",
                    "delivery_event",
                    "event",
                    "ticket",
                    "contact",
                )
            }
        )


def erase(world: World, contact: str | None = None) -> Erased:
    erased, _, is_wiped = world.app.erase(CUSTOMER, contact, by="sato")
    assert is_wiped
    return erased


def test_the_story_leaves_every_trace_that_is_looked_for(story: World) -> None:
    found = {trace for _, trace in leaks(story.database, TRACES)}
    assert found == set(TRACES) - {"held-text", "why-rezrov"}


def test_nothing_of_an_erased_customer_is_left_in_the_database(story: World) -> None:
    before = counts(story)
    erased = erase(story)
    assert leaks(story.database, TRACES) == set()
    assert (erased.contacts, erased.walks_ended, erased.mails_cancelled, erased.handoffs_closed) == (2, 1, 1, 1)
    # What follows of closing: the walk's end is told as an event to nobody; no row of walks, mails or hand-offs is lost.
    after = counts(story)
    assert {name: after[name] for name in before if name != "event"} == {
        name: before[name] for name in before if name != "event"
    }
    story.time_passes(days=4)
    assert leaks(story.database, TRACES) == set()
    assert [complaint.name for complaint in story.doctor() if complaint.severity == "error"] == []


def test_nothing_of_an_erased_person_is_left_and_the_company_stays(story: World) -> None:
    erase(story, PERSON)
    assert leaks(story.database, TRACES_OF_PERSON) == set()
    with story.database.read() as connection:
        assert connection.scalar(select(Customer.name).where(Customer.key == CUSTOMER)) == "Zanzibar Foods"  # type: ignore[call-overload]
        assert connection.scalar(select(Contact.name).where(Contact.key == "second")) == "Second Person"  # type: ignore[call-overload]
    # The customer's walk goes on without the mail that waited for the person.
    story.time_passes(days=4)
    assert [(walk.customer, walk.outcome) for walk in story.walks] == [(CUSTOMER, "completed")]


@pytest.mark.parametrize("contact", [None, PERSON])
def test_the_next_nightly_file_does_not_bring_them_back(story: World, tmp_path: Path, contact: str | None) -> None:
    erase(story, contact)
    reports = import_files(story, tmp_path)
    assert all(report.rejected == 0 for report in reports.values())
    told = {kind for kind, report in reports.items() if any("was erased" in line for line in report.warnings)}
    assert told >= {"contacts", "events", "tickets", "surveys", "meetings"}
    assert leaks_of_rows(story.database, TRACES if contact is None else TRACES_OF_PERSON) == set()
    with story.database.read() as connection:
        keys = set(connection.scalars(select(Contact.key)))  # type: ignore[call-overload]
    assert PERSON not in keys
    story.time_passes(days=1)
    assert all(mail.to != EMAIL for mail in story.outbox)


def test_who_is_erased_between_claim_and_intent_is_not_mailed(world: World, tmp_path: Path) -> None:
    csm(world.database, "sato")
    world.mail("hello")
    journey(world, "p", "- email: hello\n  to: champion")
    world.deploy()
    import_files(world, tmp_path)
    with meanwhile(world.database, "FROM message_content", lambda: _erase_in_the_middle(world)):
        world.tick()
    assert world.channel.offered == []
    assert [mail.state for mail in world.outbox] == ["cancelled"]
    assert leaks_of_rows(world.database, ("Quetzal", "Zorkmids")) == set()


def _erase_in_the_middle(world: World) -> None:
    from bot.pipeline.erasing import erase as erase_rows

    published = world.app.require_published()
    ground = world.app.ground(published)
    with world.database.write() as connection:
        erase_rows(connection, published, ground, CUSTOMER, None, world.now, by="sato")


def test_an_erased_customer_enters_nothing_again(story: World) -> None:
    erase(story)
    journey(story, "everybody", "- handoff: Look", enter="when: stage is none\nexisting: enter")
    journey(story, "monthly", "- handoff: Look", enter="every: day 2 10:00")
    story.deploy()
    story.time_passes(days=3)
    assert {walk.customer for walk in story.walks if walk.playbook in ("everybody", "monthly")} <= {"other"}


def test_a_late_word_of_the_provider_brings_nobody_back(story: World) -> None:
    (mail,) = [found for found in story.outbox if found.customer == CUSTOMER and found.state == "accepted"]
    erase(story)
    story.tell(mail.id, "bounced", reason=f"550 no {EMAIL}")
    story.tick()
    with story.database.read() as connection:
        assert connection.scalars(select(Suppression.address)).all() == []  # type: ignore[call-overload]


def test_an_unknown_key_is_refused_and_nothing_happens(story: World) -> None:
    with pytest.raises(UsageError, match="no customer"):
        story.app.erase("nobody", None, by="sato")
    with pytest.raises(UsageError, match="no contact"):
        story.app.erase(CUSTOMER, "nobody", by="sato")


def test_the_export_holds_what_an_erasure_would_take(story: World) -> None:
    with story.database.read() as connection:
        whole = json.dumps(export_person(connection, CUSTOMER), ensure_ascii=False)
        person = json.dumps(export_person(connection, CUSTOMER, PERSON), ensure_ascii=False)
    own = {"Quetzalia Ibn", EMAIL, "ticket-plugh", "comment-xyzzy", "prop-nitfol", "answer-gnusto", "summary-frotz"}
    assert {trace for trace in (*own, "note-okonomi", "reason-zork", "Hello Quetzalia") if trace not in whole} == set()
    assert {trace for trace in own if trace not in person} == set()
    assert "Second Person" not in person


def test_every_table_has_a_fate_and_every_text_is_either_the_machines_or_searched() -> None:
    assert set(FATES) | NOBODYS == set(metadata.tables)
    assert set(FATES) & NOBODYS == set()
    unknown = {
        (name, column)
        for name, columns in STRUCTURAL.items()
        for column in columns
        if column not in metadata.tables[name].c
    }
    assert unknown == set()
    assert set(metadata.tables) >= OURS
    searched = {f"{table.name}.{column.name}" for table in metadata.sorted_tables for column in free_columns(table)}
    assert searched >= {
        "note.text",
        "reply.text",
        "event.properties",
        "decision.details",
        "message_content.html",
        "ticket.title",
    }
