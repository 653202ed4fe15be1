"""The demo's people act on rows that journeybot wrote, in time and once."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from bot.demo.acting import Actors
from bot.demo.voices import CHURN_REASONS
from bot.rules.catalogue import Catalogue, Item, digest_of_page
from storage.accounts import Customer
from storage.database import Database
from storage.handoffs import Handoff, HandoffAct
from storage.outbox import DeliveryEvent, Message
from storage.outbox_moves import CONTENT
from tests.demo.stage import NOW, add_customer, add_handoff, add_mail, table_of

LATER = NOW + timedelta(days=30)
EVENTS, MAILS, HANDOFFS = table_of(DeliveryEvent), table_of(Message), table_of(Handoff)


def actors_of(database: Database, seed: int = 1, dead_address: str = "") -> Actors:
    return Actors(database, {}, seed, dead_address=dead_address)


def test_an_accepted_mail_is_delivered_minutes_later_and_told_once(database: Database) -> None:
    with database.write() as connection:
        add_mail(connection, add_customer(connection))
    actors = actors_of(database)
    actors.watch(NOW)
    actors.watch(NOW)
    assert actors.act(NOW) == 0
    actors.act(LATER)
    assert actors.act(LATER) == 0
    with database.read() as connection:
        events = list(connection.execute(select(EVENTS)))
    assert [event.kind for event in events].count("delivered") == 1
    assert all(event.is_new and NOW < event.at < LATER for event in events)


def test_whoever_clicks_opens_one_of_the_pages_that_the_mail_names(database: Database) -> None:
    item = Item(title={"": "Guide"}, kind="guide", url={"": "https://help.hanabi.example/guide"})
    catalogue = Catalogue(items={"guide": item})
    with database.write() as connection:
        customer = add_customer(connection)
        for number in range(100):
            mail = add_mail(connection, customer, step=f"mail_{number}")
            named = CONTENT.update().where(CONTENT.c.message_id == mail)
            connection.execute(named.values(text="Read https://help.hanabi.example/guide." if number % 2 else "Hello."))
    actors = Actors(database, {}, 1, dead_address="", catalogue=catalogue)
    actors.watch(NOW)
    actors.act(LATER)
    with database.read() as connection:
        clicks = list(connection.execute(select(EVENTS).where(EVENTS.c.kind == "clicked", ~EVENTS.c.is_machine)))
    assert {click.details.get("page") for click in clicks} == {
        None,
        digest_of_page("https://help.hanabi.example/guide"),
    }


def test_a_mail_still_on_its_way_is_looked_at_again(database: Database) -> None:
    with database.write() as connection:
        mail = add_mail(connection, add_customer(connection), state="pending")
    actors = actors_of(database)
    actors.watch(NOW)
    assert actors.act(LATER) == 0
    with database.write() as connection:
        connection.execute(
            MAILS.update().where(MAILS.c.id == mail).values(state="accepted", accepted_at=NOW, over_at=NOW)
        )
    actors.watch(NOW)
    assert actors.act(LATER) > 0


def test_a_mail_that_was_not_sent_gets_no_reaction(database: Database) -> None:
    with database.write() as connection:
        add_mail(connection, add_customer(connection), state="suppressed", over_at=NOW)
    actors = actors_of(database)
    actors.watch(NOW)
    assert actors.act(LATER) == 0


def test_the_dead_address_bounces(database: Database) -> None:
    with database.write() as connection:
        add_mail(connection, add_customer(connection))
    actors = actors_of(database, dead_address="mori@hanamori-dining.example")
    actors.watch(NOW)
    actors.act(LATER)
    with database.read() as connection:
        assert [event.kind for event in connection.execute(select(EVENTS))] == ["bounced"]


def test_the_csm_sends_a_mail_that_waits_for_review(database: Database) -> None:
    with database.write() as connection:
        customer = add_customer(connection)
        for number in range(12):
            add_mail(connection, customer, step=f"mail_{number}", state="held", reason="review")
    actors = actors_of(database)
    actors.watch(NOW)
    actors.act(LATER)
    with database.read() as connection:
        approved = list(connection.execute(select(MAILS).where(MAILS.c.state == "pending")))
    assert len(approved) >= 8
    assert {mail.reviewed_by for mail in approved} == {"sato"}


def test_a_mail_held_for_another_reason_stays_held(database: Database) -> None:
    with database.write() as connection:
        add_mail(connection, add_customer(connection), state="held", reason="missing_field")
    actors = actors_of(database)
    actors.watch(NOW)
    assert actors.act(LATER) == 0


def test_handoffs_are_acknowledged_and_done_by_their_owner_in_office_hours(database: Database) -> None:
    with database.write() as connection:
        customer = add_customer(connection)
        for number in range(20):
            add_handoff(connection, customer, step=f"call_{number}")
    actors = actors_of(database)
    actors.watch(NOW)
    actors.act(LATER)
    with database.read() as connection:
        handoffs = list(connection.execute(select(HANDOFFS)))
        acts = list(connection.execute(select(table_of(HandoffAct))))
    assert {handoff.state for handoff in handoffs} >= {"done", "open"}
    assert {act.by for act in acts} == {"sato"}
    assert {handoff.outcome for handoff in handoffs if handoff.state == "done"} <= {"coming back", "lost"}
    assert all(0 <= act.at.hour < 9 for act in acts)  # 09:00 to 18:00 in Tokyo


def test_what_they_learn_becomes_facts_of_the_customer(database: Database) -> None:
    with database.write() as connection:
        customer = add_customer(connection)
        for number in range(8):
            add_handoff(connection, customer, step=f"call_{number}", outcomes=[], ask={"churn_reason": "churn_reasons"})
    actors = actors_of(database)
    actors.watch(NOW)
    actors.act(LATER)
    with database.read() as connection:
        attributes = connection.execute(select(table_of(Customer).c.attributes)).scalar_one()
    assert attributes["churn_reason"] in CHURN_REASONS


def test_a_handoff_that_was_withdrawn_meanwhile_stays_withdrawn(database: Database) -> None:
    with database.write() as connection:
        handoff = add_handoff(connection, add_customer(connection))
    actors = actors_of(database)
    actors.watch(NOW)
    with database.write() as connection:
        connection.execute(HANDOFFS.update().where(HANDOFFS.c.id == handoff).values(state="withdrawn", closed_at=NOW))
    actors.act(LATER)
    with database.read() as connection:
        assert connection.execute(select(HANDOFFS.c.state)).scalar_one() == "withdrawn"


def test_whoever_an_escalation_reaches_reacts_too(database: Database) -> None:
    with database.write() as connection:
        customer = add_customer(connection)
        add_customer(connection, "yunagi-shoten", csm="yamamoto")
        for number in range(20):
            add_handoff(connection, customer, step=f"call_{number}")
    actors = actors_of(database)
    actors.watch(NOW)
    actors.act(LATER)
    with database.write() as connection:
        connection.execute(HANDOFFS.update().where(HANDOFFS.c.state == "open").values(owner="yamamoto", escalations=1))
        left = connection.execute(select(HANDOFFS.c.id).where(HANDOFFS.c.state == "open")).scalars().all()
    actors.watch(LATER)
    actors.act(LATER + timedelta(days=30))
    with database.read() as connection:
        takers = {row.by for row in connection.execute(select(table_of(HandoffAct)))}
    assert left
    assert takers == {"sato", "yamamoto"}


def test_the_same_seed_makes_people_do_the_same(database: Database) -> None:
    with database.write() as connection:
        add_mail(connection, add_customer(connection))
    actors_one, actors_two = actors_of(database, seed=5), actors_of(database, seed=5)
    planned = []
    for actors in (actors_one, actors_two):
        actors.watch(NOW)
        planned.append([(at, deed) for at, _, deed in sorted(actors._deeds, key=lambda entry: entry[:2])])
    assert planned[0] == planned[1]
