"""Walks of persons instead of companies (semantics.md S14, S23, S30)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import Member, answered, change, happened, person
from tests.pipeline.scenes import change_contact, company, enroll, journey, mail_id, mails, states, suppress, walks
from tests.world import World

WELCOME = "- email: hello\n  to: contact\n- wait: 5 days\n- log: Over"


def welcome(world: World, steps: str = WELCOME, **options: str) -> None:
    world.mail("hello")
    journey(world, "p", steps, walks="contact", **options)
    world.deploy()


def readers(world: World, key: str = "sakura") -> list[str]:
    return sorted(mail.contact or "" for mail in world.sent if mail.customer == key)


def test_s30_everybody_at_the_customer_walks_alone(world: World) -> None:
    welcome(world)
    company(world)
    person(world.database, "sakura", "ito", world.now)
    world.tick()
    assert readers(world) == ["ito", "tanaka"]
    assert len({found.contact_id for found in walks(world)}) == 2


@pytest.mark.parametrize(
    "gap", [{"email": None}, {"gone_at": "now"}, {"bounced_at": "now"}, {"consent": ["product"]}, {"consent": []}]
)
def test_s30_only_who_can_be_mailed_enters_by_a_condition(world: World, gap: dict[str, Any]) -> None:
    welcome(world)
    company(world)
    fields: dict[str, Any] = {name: world.now if value == "now" else value for name, value in gap.items()}
    person(world.database, "sakura", "silent", world.now, **fields)
    world.tick()
    assert readers(world) == ["tanaka"]
    assert len(walks(world)) == 1


def test_s30_a_suppressed_contact_does_not_enter_by_a_condition(world: World) -> None:
    welcome(world)
    company(world)
    person(world.database, "sakura", "quiet", world.now)
    suppress(world, "quiet@sakura.example", "lifecycle")
    world.tick()
    assert readers(world) == ["tanaka"]


def test_s30_by_an_event_who_cannot_be_mailed_enters_and_the_mail_ends_suppressed(world: World) -> None:
    welcome(world, enter="on: asked")
    member = company(world)
    suppress(world, member.email)
    happened(world.database, member.key, "asked", world.now, contact_id=member.contact_id)
    world.tick()
    assert states(world) == [("hello", "suppressed")]
    assert len(walks(world)) == 1


def test_s30_an_event_of_a_contact_lets_that_contact_in(world: World) -> None:
    welcome(world, enter="on: asked")
    member = company(world)
    ito = person(world.database, "sakura", "ito", world.now)
    happened(world.database, member.key, "asked", world.now, contact_id=ito)
    world.tick()
    assert readers(world) == ["ito"]


def test_s30_a_new_contact_enters_later_if_the_condition_holds_then(world: World) -> None:
    welcome(world)
    company(world)
    world.time_passes(days=2)
    person(world.database, "sakura", "new", world.now)
    world.tick()
    assert readers(world) == ["new", "tanaka"]


def test_s4_s30_contacts_who_matched_before_are_skipped_and_a_new_one_is_not(world: World) -> None:
    company(world)
    welcome(world)
    world.tick()
    person(world.database, "sakura", "new", world.now)
    world.tick()
    assert readers(world) == ["new"]


def test_s30_bare_names_are_the_customers_and_contact_dot_x_the_contacts(world: World) -> None:
    welcome(world, enter='when: locale == "ja" and contact.locale == "en" and contact.has_role("admin")')
    company(world, locale="ja")
    person(world.database, "sakura", "yes", world.now, locale="en", roles=("admin",))
    person(world.database, "sakura", "no_role", world.now, locale="en")
    person(world.database, "sakura", "no_locale", world.now, locale="ja", roles=("admin",))
    world.tick()
    assert readers(world) == ["yes"]


def test_s30_nps_is_the_contacts_own_in_a_contact_walk(world: World) -> None:
    welcome(world, enter="on: survey.answered\nwhen: nps <= 6")
    member = company(world)
    ito = person(world.database, "sakura", "ito", world.now)
    happy = Member(id=member.id, key=member.key, contact_id=ito, contact="ito")
    answered(world.database, member, 3, world.now)
    answered(world.database, happy, 10, world.now)
    world.tick()
    assert readers(world) == ["tanaka"]


@pytest.mark.parametrize("how", ["gone_at", "bounced_at"])
def test_s30_a_contact_that_leaves_or_bounces_exits_at_the_next_tick(world: World, how: str) -> None:
    welcome(world)
    member = company(world)
    person(world.database, "sakura", "ito", world.now)
    world.time_passes(hours=1)
    change_contact(world, member.contact_id, **{how: world.now})
    world.tick()
    outcomes = {found.contact_id == member.contact_id: found.outcome for found in walks(world)}
    assert outcomes == {True: "contact_gone", False: None}


def test_s30_a_hard_bounce_told_by_the_provider_ends_the_walk(world: World) -> None:
    welcome(world)
    company(world)
    world.tick()
    world.tell(mail_id(world, "hello"), "bounced")
    world.tick()
    assert [found.outcome for found in walks(world)] == ["contact_gone"]


def test_s30_the_waiting_mail_of_a_gone_contact_is_cancelled(world: World) -> None:
    welcome(world, '- email: hello\n  to: contact\n  window: "20:00-21:00"')
    member = company(world)
    world.tick()
    change_contact(world, member.contact_id, gone_at=world.now)
    world.tick()
    assert states(world) == [("hello", "cancelled")]


def test_s30_exits_count_customers(world: World) -> None:
    welcome(world, more='exit: [{when: stage == "churned", outcome: churned}]')
    company(world)
    person(world.database, "sakura", "ito", world.now)
    world.tick()
    change(world.database, "sakura", stage="churned")
    world.tick()
    assert [found.outcome for found in walks(world)] == ["churned", "churned"]


def test_s14_an_exclusive_group_is_per_customer_in_contact_walks_too(world: World) -> None:
    welcome(world, more="exclusive: g")
    company(world)
    person(world.database, "sakura", "ito", world.now)
    world.tick()
    assert len([found for found in walks(world) if found.status == "active"]) == 1
    world.time_passes(days=6)
    assert readers(world) == ["ito", "tanaka"]


def test_s23_contacts_of_one_customer_fall_into_the_same_arm(world: World) -> None:
    arms = "- split:\n    - {arm: a, weight: 50, steps: [{end: a}]}\n    - {arm: b, weight: 50, steps: [{end: b}]}"
    welcome(world, arms)
    for number in range(8):
        company(world, f"c{number}")
        person(world.database, f"c{number}", "ito", world.now)
    world.tick()
    arms_of = {f"c{number}": {found.outcome for found in walks(world, f"c{number}")} for number in range(8)}
    assert all(len(arms) == 1 for arms in arms_of.values())
    assert set.union(*arms_of.values()) == {"a", "b"}


def test_by_hand_one_contact_or_all_of_a_customer_enter(world: World) -> None:
    welcome(world, enter="manual: true")
    company(world)
    person(world.database, "sakura", "ito", world.now)
    assert enroll(world, "p", contact="ito") == 1
    world.tick()
    assert readers(world) == ["ito"]
    assert enroll(world, "p", customer="sakura") == 2
    world.tick()
    assert readers(world) == ["ito", "tanaka"]


def test_s30_in_a_customers_walk_any_contacts_click_counts(world: World) -> None:
    world.mail("hello")
    journey(
        world,
        "p",
        '- email: hello\n  to: all(admin)\n- wait: {until: clicked("hello"), at_most: 9 days}\n  then:\n    - end: hot',
    )
    world.deploy()
    company(world)
    for name in ("one", "two"):
        person(world.database, "sakura", name, world.now, roles=("admin",))
    world.tick()
    world.tell(mail_id(world, "hello"), "clicked")
    world.tick()
    assert [found.outcome for found in walks(world)] == ["hot"]


def test_s30_two_contacts_who_share_an_address_both_walk_and_one_is_mailed(world: World) -> None:
    welcome(world)
    company(world)
    person(world.database, "sakura", "twin", world.now, email="tanaka@sakura.example")
    world.tick()
    assert readers(world) == ["tanaka"]
    assert mails(world) == ["hello"]
    assert "same_mail" in world.reasons("sakura")
