"""What a mail is made of, in which language, and who reads it before (semantics.md S29, S34, S35)."""

from __future__ import annotations

from typing import Any

import pytest

from bot.pipeline.outbox_acts import approve
from storage import handoff_moves
from tests.cast import change
from tests.pipeline.scenes import (
    OPTED_OUT,
    change_contact,
    company,
    journey,
    mail_id,
    mails,
    outcomes,
    states,
    took,
)
from tests.world import World

ACCEPTED = "accepted"


def one_mail(world: World, to: str, **options: str) -> None:
    world.mail("hello")
    journey(world, "p", f"- email: hello\n  to: {to}\n- log: Over", **options)
    world.deploy()


def template(world: World, body: str, *, locale: str = "en", name: str = "hello", subject: str = "Hi") -> None:
    world.write(f"templates/emails/{name}.{locale}.md", f"---\nsubject: {subject}\ncategory: lifecycle\n---\n{body}\n")


def test_mails_of_one_batch_print_each_what_its_own_template_asks_for(world: World) -> None:
    template(world, "{{ customer.arr | money }} {{ csm.name }} {{ mail.preferences_url or 'none' }}", name="plain")
    template(
        world, "{{ customer.attributes.plan }} {{ customer.tags | join }} {{ contact.title or customer.customer }}"
    )
    journey(world, "p", "- email: plain\n  when: arr > 100\n- email: hello\n  when: arr < 100")
    world.deploy()
    company(world, "large", arr=1200, currency="USD", attributes={"plan": "unused"})
    company(world, "small", arr=12, attributes={"plan": "pro"}, tags=["old", "loyal"])
    world.tick()
    first_lines = sorted(mail.text.split("\n")[0] for mail in world.channel.accepted)
    assert first_lines == ["$1,200.00 Sato none", "pro old, loyal small"]


@pytest.mark.parametrize("attributes", [{}, {"plan": None}, {"plan": ""}])
def test_s35_a_missing_field_holds_the_mail_and_asks_and_the_others_go(
    world: World, attributes: dict[str, Any]
) -> None:
    template(world, "Your plan: {{ customer.attributes.plan }}")
    journey(world, "p", "- email: hello")
    world.deploy()
    company(world, "full", attributes={"plan": "pro"})
    company(world, "empty", attributes=attributes)
    world.tick()
    assert (mails(world, "full"), states(world, "empty")) == (["hello"], [("hello", "held")])
    (question,) = [found for found in world.handoffs if found.customer == "empty"]
    assert all("customer.attributes.plan" in question.title[locale] for locale in ("en", "ja"))


def test_s35_the_held_mail_goes_when_the_field_is_filled(world: World) -> None:
    template(world, "Your plan: {{ customer.attributes.plan }}")
    journey(world, "p", "- email: hello")
    world.deploy()
    company(world)
    world.time_passes(days=1)
    change(world.database, "sakura", attributes={"plan": "pro"})
    world.tick()
    assert mails(world) == ["hello"]
    assert "Your plan: pro" in world.channel.accepted[-1].text


def test_s35_a_field_with_a_fallback_holds_nothing(world: World) -> None:
    template(world, 'Your plan: {{ customer.attributes.plan or "free" }}')
    journey(world, "p", "- email: hello")
    world.deploy()
    company(world)
    world.tick()
    assert "Your plan: free" in world.channel.accepted[-1].text


@pytest.mark.parametrize(
    ("contact", "customer", "written"),
    [
        ("ja", "en", "ja"),
        ("ja-JP", "en", "ja"),
        (None, "ja", "ja"),
        ("fr", "ja", "ja"),
        ("fr", "fr", "en"),
        (None, None, "en"),
        ("pt-BR", None, "en"),
    ],
)
def test_s35_the_language_is_the_contacts_then_the_customers_then_the_workspaces(
    world: World, contact: str | None, customer: str | None, written: str
) -> None:
    template(world, "Hello", locale="en", subject="en")
    template(world, "こんにちは", locale="ja", subject="ja")
    journey(world, "p", "- email: hello")
    world.deploy()
    member = company(world, locale=customer)
    change_contact(world, member.contact_id, locale=contact)
    world.tick()
    assert [mail.subject for mail in world.channel.accepted] == [written]


def test_s35_a_mail_in_another_language_than_the_readers_is_better_than_none(world: World) -> None:
    template(world, "こんにちは", locale="ja", subject="ja")
    journey(world, "p", "- email: hello")
    world.deploy()
    company(world, locale="fr")
    world.tick()
    assert [mail.subject for mail in world.channel.accepted] == ["ja"]


def test_s35_an_approved_mail_keeps_its_text_when_the_template_changes(world: World) -> None:
    template(world, "First words")
    journey(world, "p", "- email: hello\n  review: csm")
    world.deploy()
    company(world)
    world.tick()
    template(world, "Second words")
    world.deploy()
    with world.database.write() as connection:
        approve(connection, mail_id(world, "hello"), by="sato", at=world.now)
    world.tick()
    assert "First words" in world.channel.accepted[-1].text


def test_s34_a_mail_that_is_not_written_yet_is_made_from_the_latest_templates(world: World) -> None:
    template(world, "First words")
    journey(world, "p", "- wait: 1 day\n- email: hello")
    world.deploy()
    company(world)
    world.tick()
    template(world, "Second words")
    world.deploy()
    world.time_passes(days=1)
    assert "Second words" in world.channel.accepted[-1].text


def test_s34_files_on_disk_mean_nothing_before_they_are_deployed(world: World) -> None:
    template(world, "First words")
    journey(world, "p", "- wait: 1 day\n- email: hello")
    world.deploy()
    company(world)
    world.tick()
    template(world, "Second words")
    world.time_passes(days=1)
    assert "First words" in world.channel.accepted[-1].text


# Review (S29)


def test_s29_the_touch_model_decides_who_reads_before(world: World) -> None:
    one_mail(world, "champion")
    company(world, "high", touch="high")
    company(world, "low", touch="low")
    world.tick()
    assert (states(world, "high"), states(world, "low")) == ([("hello", "held")], [("hello", "accepted")])


def test_s29_a_step_may_overrule_the_touch_model(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello\n  review: none")
    world.deploy()
    company(world, touch="high")
    world.tick()
    assert mails(world) == ["hello"]


def test_s29_not_approved_in_time_it_expires_and_the_walk_goes_on(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello\n  review: csm\n  expires: 2 days\n- log: Over")
    world.deploy()
    company(world)
    world.time_passes(days=3)
    assert (states(world), outcomes(world)) == ([("hello", "expired")], ["completed"])
    assert took(world, "review_expired")


def test_s35_a_language_that_is_not_the_readers_is_said(world: World) -> None:
    template(world, "こんにちは", locale="ja", subject="ja")
    journey(world, "p", "- email: hello")
    world.deploy()
    company(world, "french", locale="fr")
    company(world, "japanese", locale="ja-JP")
    world.tick()
    (said,) = took(world, "other_language", "french")
    assert (said.details["wanted"], said.details["locale"], said.details["template"]) == ("fr", "ja", "hello")
    assert took(world, "other_language", "japanese") == []


def questions(world: World) -> list[tuple[str, str]]:
    """Customer ("" for all of them) and English title of every open question; the opted-out one has its own."""
    return [
        (found.customer, found.title["en"])
        for found in world.handoffs
        if found.kind == "question" and not found.is_finished and found.customer != OPTED_OUT
    ]


def too_many_gaps(world: World) -> None:
    """Twenty-two customers without a plan, and one with."""
    template(world, "Your plan: {{ customer.attributes.plan }}")
    journey(world, "p", "- email: hello")
    world.deploy()
    for number in range(22):
        company(world, f"empty{number}")
    world.tick()


def test_s35_more_than_twenty_holds_of_one_template_ask_once_and_hold_the_template(world: World) -> None:
    too_many_gaps(world)
    assert questions(world) == [("", "22 mails wait: customer.attributes.plan is empty for them (hello)")]
    company(world, "full", attributes={"plan": "pro"})
    world.tick()
    assert states(world, "full") == [("hello", "held")]
    assert len(took(world, "template_held", "full")) == 1


def test_s35_an_edited_template_sends_what_waited_with_it(world: World) -> None:
    too_many_gaps(world)
    company(world, "full", attributes={"plan": "pro"})
    world.tick()
    template(world, 'Your plan: {{ customer.attributes.plan or "free" }}')
    world.deploy()
    world.tick()
    assert (mails(world, "full"), mails(world, "empty7"), questions(world)) == (["hello"], ["hello"], [])


def test_s35_closing_the_question_lets_the_others_go(world: World) -> None:
    too_many_gaps(world)
    company(world, "full", attributes={"plan": "pro"})
    world.tick()
    (asked,) = [found.id for found in world.handoffs if found.kind == "question" and not found.customer]
    with world.database.write() as connection:
        handoff_moves.done(connection, asked, by="sato", at=world.now, key="d")
    world.tick()
    assert (mails(world, "full"), states(world, "empty7")) == (["hello"], [("hello", "held")])


def test_s35_twenty_holds_are_asked_about_customer_by_customer(world: World) -> None:
    template(world, "Your plan: {{ customer.attributes.plan }}")
    journey(world, "p", "- email: hello")
    world.deploy()
    for number in range(5):
        company(world, f"empty{number}")
    world.tick()
    assert sorted(customer for customer, _ in questions(world)) == [f"empty{number}" for number in range(5)]
