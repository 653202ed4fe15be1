"""One bad customer, template, playbook or fact among many: the others go on and the bad one is visible (issue 2, "Bad input")."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, update

from bot.pipeline.outbox_acts import resend
from storage.deployments import FILE_TEXT
from tests.cast import change, happened, person
from tests.pipeline.scenes import (
    breaks_on,
    change_contact,
    company,
    journey,
    mail_id,
    mails,
    outcomes,
    states,
    titles,
    took,
    walk,
    walks,
)
from tests.world import World

MANY = [f"c{number}" for number in range(12)]


def crowd(world: World, **fields: Any) -> None:
    for key in MANY:
        company(world, key, **fields)


def template(world: World, body: str, name: str = "hello") -> None:
    world.write(f"templates/emails/{name}.en.md", f"---\nsubject: Hi\ncategory: lifecycle\n---\n{body}\n")


# Addresses and names


@pytest.mark.parametrize(
    "email",
    [
        "a b@x.example",
        "a@x.example\r\nBcc: b@x.example",
        "no-at-sign",
        "a@b@c.example",
        "<a@x.example>",
        "a@",
        "@x.example",
    ],
)
def test_an_address_that_is_none_suppresses_its_mail_and_nobody_elses(world: World, email: str) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello")
    world.deploy()
    crowd(world)
    member = company(world)
    change_contact(world, member.contact_id, email=email)
    world.tick()
    assert states(world) == [("hello", "suppressed")]
    assert took(world, "no_usable_address")
    assert all(mails(world, key) == ["hello"] for key in MANY)
    assert outcomes(world) == ["completed"]


def test_a_contact_without_address_is_asked_for(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello")
    world.deploy()
    member = company(world)
    change_contact(world, member.contact_id, email=None)
    world.tick()
    assert states(world) == [("hello", "held")]


def test_line_breaks_in_names_never_reach_the_subject(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello")
    world.deploy()
    company(world)
    change(world.database, "sakura", name="Evil\r\nBcc: all@x.example")
    world.tick()
    (mail,) = world.channel.accepted
    assert not {"\n", "\r"} & set(mail.subject + mail.to_email)


# Customers


@pytest.mark.parametrize("zone", [None, "", "Nowhere/At_All", "asia tokyo"])
def test_a_customer_without_a_usable_time_zone_lives_in_the_workspaces(world: World, zone: str | None) -> None:
    world.mail("hello")
    journey(world, "p", "- wait: 09:00 next business day\n- email: hello")
    journey(world, "q", "- log: Notice", enter="at: renewal_date - 90 days")
    world.deploy()
    company(world, timezone=zone, renewal_date=date(2027, 5, 31))
    world.time_passes(days=2)
    assert mails(world) == ["hello"]
    assert [str(found.entered_at) for found in walks(world, playbook="q")] == ["2027-03-01 15:00:00+00:00"]


@pytest.mark.parametrize("region", ["ZZ", "Middle Earth", "", "jp", "US-XX"])
def test_a_region_nobody_knows_has_the_workspaces_holidays(world: World, region: str) -> None:
    journey(world, "p", "- wait: 2 business days")
    world.deploy()
    company(world, region=region)
    world.time_passes(days=3)
    assert outcomes(world) == ["completed"]


@pytest.mark.parametrize("day", [date(1, 1, 1), date(1900, 2, 28), date(1969, 12, 31), date(9999, 12, 31)])
def test_dates_far_away_stop_nobody(world: World, day: date) -> None:
    journey(world, "p", "- wait: {until: renewal_date - 90 days}\n- log: Over")
    journey(world, "q", "- log: Notice", enter="at: renewal_date - 3 months\nwithin: 75 days")
    journey(world, "r", "- log: Young", enter="when: days_since(started_on) > 30")
    world.deploy()
    crowd(world)
    company(world, renewal_date=day, started_on=day)
    world.time_passes(days=2)
    assert not [found.fault for found in world.walks if found.fault]
    assert not [found for found in world.decisions if found.verdict == "fault"]
    assert all(outcomes(world, key, "p") == ["completed"] for key in MANY)


@pytest.mark.parametrize(
    "value",
    ["text", 5, 5.5, True, None, [], ["a"], {"a": 1}, "2027-02-31", "1e400", "", "'; DROP TABLE customer; --", "九"],
)
def test_an_attribute_of_any_type_is_true_false_or_unknown_and_never_an_error(world: World, value: object) -> None:
    when = 'attributes.x > 3 or attributes.x == "y" or days_since(attributes.x) > 1 or attributes.x in ["a", "b"]'
    journey(world, "p", "- log: In", enter=f"when: attributes.x < 100 or not ({when})")
    journey(world, "q", "- log: In", enter="at: attributes.x + 1 month")
    world.deploy()
    crowd(world, attributes={"x": 1})
    company(world, attributes={"x": value})
    world.time_passes(days=1)
    assert not [found for found in world.decisions if found.verdict == "fault"]
    assert all(len(walks(world, key, "p")) == 1 for key in MANY)


@pytest.mark.parametrize(
    "value", [["a", "b"], {"a": 1}, "x" * 100_000, "{{ 7*7 }}", "<script>alert(1)</script>", "javascript:x"]
)
def test_a_merge_field_of_any_kind_holds_up_its_own_mail_at_most(world: World, value: object) -> None:
    template(world, "Plan: {{ customer.attributes.plan }} [link](https://x.example/{{ customer.attributes.plan }})")
    journey(world, "p", "- email: hello")
    world.deploy()
    crowd(world, attributes={"plan": "pro"})
    company(world, attributes={"plan": value})
    world.tick()
    assert all(mails(world, key) == ["hello"] for key in MANY)
    assert states(world)[0][1] in ("accepted", "held", "quarantined")
    for mail in world.channel.accepted:
        assert "<script>" not in mail.html
        assert "49" not in mail.html


# Templates


def test_a_template_that_cannot_be_made_for_one_customer_quarantines_that_mail(world: World) -> None:
    template(world, "{% for x in customer.attributes.items_ %}{{ x }}{% endfor %}{{ customer.attributes.plan }}")
    journey(world, "p", "- email: hello")
    world.deploy()
    crowd(world, attributes={"plan": "pro", "items_": ["a"]})
    company(world, attributes={"plan": ["no", "text"], "items_": ["a"]})
    world.tick()
    assert all(mails(world, key) == ["hello"] for key in MANY)
    assert states(world)[0][1] in ("held", "quarantined")


def test_a_template_whose_values_break_in_the_database_stops_only_its_own_mails(world: World) -> None:
    template(world, 'You came {{ count("login", days=30) }} times')
    world.mail("other")
    journey(world, "p", "- email: hello")
    journey(world, "q", "- email: other")
    world.deploy()
    crowd(world)
    with breaks_on(world.database, "login"):
        world.tick()
    assert all(("other", "accepted") in states(world, key) for key in MANY)
    assert all(("hello", "quarantined") in states(world, key) for key in MANY)
    assert took(world, "cannot_render", MANY[0])


def test_a_template_that_a_newer_journeybot_refuses_stops_only_its_own_mails(world: World) -> None:
    template(world, "What an older version let pass")
    world.mail("other")
    journey(world, "p", "- email: hello")
    journey(world, "q", "- email: other")
    world.deploy()
    with world.database.write() as connection:
        body = func.replace(FILE_TEXT.c.text, "What an older version let pass", "{% include 'x' %}")
        connection.execute(update(FILE_TEXT).values(text=body))
    crowd(world)
    world.tick()
    assert all(("other", "accepted") in states(world, key) for key in MANY)
    assert all(("hello", "quarantined") in states(world, key) for key in MANY)
    assert "include" in took(world, "cannot_render", MANY[0])[0].details["error"]


def test_a_broken_mail_can_be_sent_again_after_the_repair(world: World) -> None:
    template(world, 'You came {{ count("login", days=30) }} times')
    journey(world, "p", "- email: hello")
    world.deploy()
    company(world)
    with breaks_on(world.database, "login"):
        world.tick()
    with world.database.write() as connection:
        resend(connection, mail_id(world, "hello"), by="sato", at=world.now)
    world.tick()
    assert mails(world) == ["hello"]


# Playbooks


def test_a_playbook_that_breaks_lets_the_others_enter_is_named_and_catches_up(world: World) -> None:
    journey(world, "broken", "- log: In", enter='when: stage == "onboarding" and count("odd_event", days=3) == 0')
    journey(world, "sound", "- log: In")
    world.deploy()
    crowd(world)
    with breaks_on(world.database, "odd_event"):
        report = world.tick()
        world.time_passes(hours=1)
    assert report.faults == ["broken"]
    assert all(len(walks(world, key, "sound")) == 1 for key in MANY)
    assert [found.playbook for found in world.decisions if found.reason == "playbook_fault"] == ["broken"]
    assert [found.name for found in world.doctor()].count("playbook_fault") == 1
    world.tick()
    assert "playbook_fault" not in [found.name for found in world.doctor()]


def test_a_playbook_that_broke_hears_the_events_that_came_meanwhile(world: World) -> None:
    journey(world, "broken", "- log: In", enter='on: asked\nwhen: event.odd_field == "yes"')
    journey(world, "sound", "- log: In", enter="on: asked")
    world.deploy()
    member = company(world)
    happened(world.database, member.key, "asked", world.now, odd_field="yes")
    with breaks_on(world.database, "odd_field"):
        world.tick()
        world.time_passes(hours=2, every=None)
    assert (outcomes(world, playbook="sound"), outcomes(world, playbook="broken")) == (["completed"], [])
    world.tick()
    world.time_passes(hours=1)
    assert (outcomes(world, playbook="sound"), outcomes(world, playbook="broken")) == (["completed"], ["completed"])


def test_an_event_is_not_heard_again_by_a_playbook_that_was_sound(world: World) -> None:
    journey(world, "broken", "- log: In", enter='on: asked\nwhen: event.odd_field == "yes"')
    journey(world, "sound", "- log: In", enter='on: asked\nwhen: tier == "pro"')
    world.deploy()
    member = company(world)
    happened(world.database, member.key, "asked", world.now)
    with breaks_on(world.database, "odd_field"):
        world.tick()
        change(world.database, "sakura", tier="pro")
        world.time_passes(hours=2)
    assert walks(world, playbook="sound") == []


def test_a_walk_that_breaks_is_set_aside_alone_and_tried_again(world: World) -> None:
    journey(world, "p", '- wait: 1 hour\n- if: count("odd_event", days=3) >= 1\n  else:\n    - handoff: Call')
    world.deploy()
    crowd(world)
    world.tick()
    world.jump(hours=1)
    with breaks_on(world.database, "odd_event"):
        world.tick()
    assert all(walk(world, key).fault for key in MANY)
    assert "walk_fault" in [found.name for found in world.doctor()]
    world.time_passes(hours=1)
    assert all(titles(world, key) == ["Call"] for key in MANY)
    assert not [found for found in world.walks if found.fault]


def test_a_customer_that_breaks_a_step_stops_nobody_in_its_batch(world: World) -> None:
    journey(world, "p", "- wait: 1 hour\n- set: {attributes.done: true}\n- handoff: Call")
    world.deploy()
    crowd(world)
    company(world, attributes={"note": "poisoned"})
    world.tick()
    world.jump(hours=1)
    with breaks_on(world.database, "poisoned"):
        world.tick()
    assert all(titles(world, key) == ["Call"] for key in MANY)
    assert walk(world).fault
    world.time_passes(hours=2)
    assert (titles(world), walk(world).fault) == (["Call"], None)


def test_windows_that_never_open_together_set_the_mail_aside(world: World) -> None:
    world.mail("hello", "fine")
    journey(
        world,
        "p",
        '- email: hello\n  window: {days: sunday, hours: "09:00-10:00"}',
        more='window: {days: monday, hours: "09:00-10:00"}',
    )
    journey(world, "q", "- email: fine")
    world.deploy()
    company(world)
    world.tick()
    assert sorted(states(world)) == [("fine", "accepted"), ("hello", "quarantined")]


def test_an_event_of_somebody_elses_contact_is_no_error(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello\n  to: contact", walks="contact", enter="on: asked")
    world.deploy()
    member = company(world)
    company(world, "other")
    stranger = person(world.database, "other", "stranger", world.now)
    happened(world.database, member.key, "asked", world.now, contact_id=stranger)
    happened(world.database, member.key, "asked", world.now)
    world.tick()
    assert not [found for found in world.decisions if found.verdict == "fault"]


def test_missing_values_change_nobodys_walk(world: World) -> None:
    journey(
        world, "p", "- wait: {until: attributes.day + 3 days}\n- if: arr > 5\n  then:\n    - end: big\n- end: small"
    )
    world.deploy()
    company(world, arr=None)
    world.tick()
    assert outcomes(world) == ["small"]
