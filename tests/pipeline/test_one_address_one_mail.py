"""One address gets one mail: when two contacts share it, at one customer or at two. What is about nobody in particular (newsletter,
education, survey) goes once; what is about a customer goes once for each customer; transactional mails always go."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cast import Member, change, person
from tests.pipeline.scenes import change_contact, company, journey, mail_id, outcomes, settings, states, took
from tests.world import World

SHARED = "shared@group.example"


def letter(world: World, name: str, category: str) -> None:
    world.write(f"templates/emails/{name}.en.md", f"---\nsubject: {name}\ncategory: {category}\n---\nHello\n")


def two_customers(world: World) -> tuple[Member, Member]:
    first, second = company(world, "first"), company(world, "second")
    change_contact(world, first.contact_id, email=SHARED)
    change_contact(world, second.contact_id, email=SHARED.title())
    return first, second


def sent_to_shared(world: World) -> list[str]:
    return [mail.template for mail in world.sent if mail.to and mail.to.lower() == SHARED]


@pytest.mark.parametrize("category", ["newsletter", "education", "survey"])
def test_what_is_about_nobody_in_particular_goes_once_to_a_person_of_two_customers(world: World, category: str) -> None:
    letter(world, "news", category)
    journey(world, "p", "- email: news\n- log: Over", walks="contact")
    world.deploy()
    two_customers(world)
    world.time_passes(days=1)
    assert sent_to_shared(world) == ["news"]
    assert states(world, "first") == [("news", "accepted")]
    assert states(world, "second") == [("news", "cancelled")]
    (found,) = took(world, "same_mail", "second")
    assert (found.verdict, found.details["winner_mail"]) == ("not_sent", mail_id(world, "news", "first"))
    assert outcomes(world, "second") == ["completed"]
    world.assert_explained()


def test_what_is_about_a_customer_goes_once_for_each_customer(world: World) -> None:
    letter(world, "renewal", "lifecycle")
    journey(world, "p", "- email: renewal")
    world.deploy()
    two_customers(world)
    world.time_passes(hours=3)
    assert sent_to_shared(world) == ["renewal", "renewal"]


def test_two_mails_about_two_customers_are_spaced_by_the_cap_on_one_person(world: World) -> None:
    settings(world, "caps: {mails_per_contact: 1 per day}")
    letter(world, "renewal", "lifecycle")
    journey(world, "p", "- email: renewal")
    world.deploy()
    two_customers(world)
    world.time_passes(days=2)
    first, second = (mail.accepted_at for mail in world.sent)
    assert first is not None
    assert second is not None
    assert (second + timedelta(hours=9)).date() == (first + timedelta(hours=9)).date() + timedelta(days=1)


@pytest.mark.parametrize(("category", "number"), [("lifecycle", 1), ("newsletter", 1), ("transactional", 2)])
def test_two_contacts_of_one_customer_with_one_address_get_it_once(world: World, category: str, number: int) -> None:
    letter(world, "note", category)
    journey(world, "p", "- email: note\n  to: all(user)")
    world.deploy()
    member = company(world, roles=("user",))
    change_contact(world, member.contact_id, email=SHARED)
    person(world.database, "sakura", "suzuki", world.now, roles=("user",), email=SHARED.upper())
    world.time_passes(hours=3)
    assert len(sent_to_shared(world)) == number
    assert outcomes(world) == ["completed"]


def test_a_copy_that_is_owed_days_later_while_the_first_is_fresh_is_the_same_mail(world: World) -> None:
    letter(world, "tips", "education")
    journey(world, "p", "- email: tips")
    world.deploy()
    company(world, "first", stage="adoption")
    company(world, "second", stage="adoption")
    with_address(world)
    world.tick()
    change(world.database, "first", stage="onboarding")
    world.time_passes(days=2)
    change(world.database, "second", stage="onboarding")
    world.time_passes(days=2)
    assert sent_to_shared(world) == ["tips"]
    assert states(world, "second") == [("tips", "cancelled")]


def with_address(world: World) -> None:
    from sqlalchemy import update

    from tests.pipeline.scenes import CONTACT, CUSTOMER

    with world.database.write() as connection:
        ours = CONTACT.c.customer_id.in_(
            CUSTOMER.select().where(CUSTOMER.c.key != "opted_out").with_only_columns(CUSTOMER.c.id)
        )
        connection.execute(update(CONTACT).where(ours).values(email=SHARED))


def test_a_copy_that_is_owed_after_the_first_has_aged_is_another_mail(world: World) -> None:
    letter(world, "tips", "education")
    journey(world, "p", "- email: tips")
    world.deploy()
    company(world, "first", stage="adoption")
    company(world, "second", stage="adoption")
    with_address(world)
    world.tick()
    change(world.database, "first", stage="onboarding")
    world.time_passes(days=8)
    change(world.database, "second", stage="onboarding")
    world.time_passes(days=1)
    assert sent_to_shared(world) == ["tips", "tips"]


def test_each_issue_of_a_daily_newsletter_goes_once(world: World) -> None:
    letter(world, "news", "newsletter")
    journey(world, "p", "- email: news", enter="every: every day 10:00", walks="contact")
    world.deploy()
    two_customers(world)
    world.time_passes(days=3, every=timedelta(hours=1))
    assert len(sent_to_shared(world)) == 3


def test_the_copy_goes_when_the_first_was_refused(world: World) -> None:
    from bot.channels.base import Answer, Outcome

    letter(world, "news", "newsletter")
    journey(world, "p", "- wait: 1 hour\n- email: news", walks="contact", enter='when: tier == "pro"')
    world.deploy()
    two_customers(world)
    world.tick()
    world.channel.script(Answer(outcome=Outcome.REFUSED, reason="rejected"))
    change(world.database, "first", tier="pro")
    world.time_passes(hours=3, every=timedelta(hours=1))
    change(world.database, "second", tier="pro")
    world.time_passes(hours=3, every=timedelta(hours=1))
    assert states(world, "first") == [("news", "failed")]
    assert states(world, "second") == [("news", "accepted")]


def test_nobody_gets_it_once_for_two_who_are_two(world: World) -> None:
    letter(world, "news", "newsletter")
    journey(world, "p", "- email: news", walks="contact")
    world.deploy()
    company(world, "first")
    company(world, "second")
    world.time_passes(hours=3)
    assert len(world.sent) == 2
