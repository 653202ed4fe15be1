"""explain for a whole playbook, and for one mail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.channels.base import Answer, Outcome
from bot.errors import UsageError
from bot.insight.explain import explain_message, explain_playbook
from bot.insight.explanation import Explanation, LeafCount, PlaybookExplanation
from tests.cast import cast, customer, healthy, person
from tests.world import World

WELCOME = """
title: Welcome
state: live
walks: customer
enter:
  when: stage == "onboarding" and arr > 100
steps:
  - email: welcome
  - wait: 5 days
"""


def of_playbook(world: World, name: str) -> PlaybookExplanation:
    published = world.app.require_published()
    with world.database.read() as connection:
        return explain_playbook(connection, published, world.now, name)


def of_mail(world: World, mail_id: int) -> Explanation:
    with world.database.read() as connection:
        return explain_message(connection, mail_id, published=world.app.published(), now=world.now)


def outside(found: PlaybookExplanation) -> dict[str, int]:
    return {each.reason: each.count for each in found.outside}


def test_it_counts_who_is_inside_where_and_what_keeps_the_others_out(world: World) -> None:
    world.mail("welcome")
    world.playbook("welcome", WELCOME)
    customer(world.database, "existing", world.now, stage="onboarding", arr=500.0)
    world.deploy()
    healthy(world.database, world.now, stage="onboarding", arr=500.0)
    customer(world.database, "nobody_there", world.now, stage="onboarding", arr=500.0)
    for number in range(3):
        customer(world.database, f"grown_{number}", world.now, stage="adoption", arr=500.0)
    customer(world.database, "small", world.now, stage="onboarding", arr=1.0)
    customer(world.database, "unknown", world.now, stage="onboarding")
    world.tick()
    found = of_playbook(world, "welcome")
    assert (found.state, found.version) == ("live", 1)
    assert found.inside["welcome"] == 1  # the one whose mail has nobody to go to
    assert sum(found.inside.values()) == 2
    assert outside(found) == {"condition_false": 4, "condition_unknown": 1, "existing": 1}
    assert found.leaves == (
        LeafCount(text='stage == "onboarding"', holds=3, fails=3, unknown=0),
        LeafCount(text="arr > 100", holds=4, fails=1, unknown=1),
    )
    decided = {(each.verdict, each.reason): each.count for each in found.decided}
    assert decided["entered", "enter"] == 2
    assert decided["sent", "accepted"] == 1
    assert decided["held", "nobody_to_write_to"] >= 1


def test_its_counts_agree_with_what_each_customer_is_told(world: World) -> None:
    world.mail("welcome")
    world.playbook("welcome", WELCOME)
    world.deploy()
    cast(world.database, world.now, stage="onboarding", arr=500.0)
    customer(world.database, "small", world.now, stage="onboarding", arr=1.0)
    world.tick()
    found = of_playbook(world, "welcome")
    told = [
        line for key in ("healthy", "going_quiet", "opted_out", "small") for line in world.explain(key, "welcome").now
    ]
    assert sum(found.inside.values()) == len([line for line in told if line.verdict == "inside"])
    assert outside(found) == {"condition_false": len([line for line in told if line.verdict == "outside"])}


def test_it_splits_dates_by_what_is_wrong_with_them(world: World) -> None:
    world.playbook(
        "renewal",
        """
        title: Renewal
        state: live
        walks: customer
        enter: {at: renewal_date - 90 days}
        steps:
          - wait: 30 days
        """,
    )
    world.deploy()
    for key, days in (("passed", 80), ("due", 90), ("ahead", 100)):
        customer(world.database, key, world.now, renewal_date=(world.now + timedelta(days=days)).date())
    customer(world.database, "none", world.now)
    assert outside(of_playbook(world, "renewal")) == {"date_passed": 1, "no_date": 1, "not_yet": 1, "will_enter": 1}
    world.tick()
    assert outside(of_playbook(world, "renewal")) == {"date_passed": 1, "no_date": 1, "not_yet": 1}


def test_contacts_are_counted_where_contacts_walk(world: World) -> None:
    world.mail("news")
    world.playbook(
        "news",
        """
        title: News
        state: live
        walks: contact
        enter: {every: monday 09:30}
        steps:
          - email: news
        """,
    )
    world.deploy()
    cast(world.database, world.now)
    person(world.database, "healthy", "ito", world.now)
    found = of_playbook(world, "news")
    assert outside(found) == {"moment_to_come": 3, "not_mailable": 1}


def test_events_and_hands_are_told_in_counts(world: World) -> None:
    for name, enter in (("exported", "on: export.done"), ("by_hand", "manual: true"), ("after", "after: exported")):
        world.playbook(name, f"title: {name}\nstate: live\nwalks: customer\nenter: {{{enter}}}\nsteps:\n  - log: Hi\n")
    world.playbook("draft", "title: D\nwalks: customer\nenter: {manual: true}\nsteps:\n  - log: Hi\n")
    world.deploy()
    cast(world.database, world.now)
    assert outside(of_playbook(world, "exported")) == {"event_never": 3}
    assert outside(of_playbook(world, "by_hand")) == {"by_hand_only": 3}
    assert outside(of_playbook(world, "after")) == {"waits_for_end": 3}
    assert outside(of_playbook(world, "draft")) == {"not_live": 3}


def test_a_mails_story_has_decisions_attempts_and_events_in_order(world: World) -> None:
    world.mail("welcome")
    world.playbook("welcome", WELCOME)
    world.deploy()
    healthy(world.database, world.now, stage="onboarding", arr=500.0)
    world.channel.script(Answer(outcome=Outcome.NOT_ACCEPTED, reason="connect_error"))
    world.tick()
    world.time_passes(hours=2)
    (mail,) = world.sent
    world.tell(mail.id, "opened", is_machine=True)
    world.clock.sleep(60)
    world.tell(mail.id, "clicked")
    world.time_passes(hours=1)
    told = of_mail(world, mail.id)
    assert [(line.verdict, line.reason) for line in told.history] == [
        ("did", "mail_owed"),
        ("attempt", "connect_error"),
        ("deferred", "connect_error"),
        ("attempt", "accepted"),
        ("sent", "accepted"),
        ("event", "mail_machine"),
        ("did", "mail_clicked"),
        ("event", "mail_clicked"),
    ]
    assert [line.at for line in told.history] == sorted(line.at for line in told.history)


def test_an_unknown_mail_or_playbook_is_refused(world: World) -> None:
    world.mail("welcome")
    world.playbook("welcome", WELCOME)
    world.deploy()
    with pytest.raises(UsageError):
        of_mail(world, 99)
    with pytest.raises(UsageError) as refused:
        of_playbook(world, "wellcome")
    assert "`welcome`" in refused.value.hint
