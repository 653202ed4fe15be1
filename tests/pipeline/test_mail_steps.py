"""What a mail step owes, to whom, from whom, and when it is over (semantics.md S9, S10, S16, S24, S25)."""

from __future__ import annotations

from typing import Any

import pytest

from bot.channels.base import Answer, Outcome
from bot.errors import WorkspaceError
from storage.handoffs import HandoffState
from tests.cast import change, csm, person
from tests.pipeline.scenes import (
    company,
    enroll,
    journey,
    mails,
    outcomes,
    settings,
    states,
    suppress,
    took,
    walk,
)
from tests.world import World

ACCEPTED = "accepted"


def recipients(world: World, key: str = "sakura") -> list[str]:
    return [mail.contact or "" for mail in world.sent if mail.customer == key]


def one_mail(world: World, to: str, **options: str) -> None:
    world.mail("hello")
    journey(world, "p", f"- email: hello\n  to: {to}\n- log: Over", **options)
    world.deploy()


# To whom (S24)


def test_s24_a_role_is_one_person_the_primary_one(world: World) -> None:
    one_mail(world, "admin")
    company(world)
    person(world.database, "sakura", "first", world.now, roles=("admin",))
    person(world.database, "sakura", "second", world.now, roles=("admin*",))
    world.tick()
    assert recipients(world) == ["second"]


def test_s24_without_a_primary_one_it_is_the_oldest(world: World) -> None:
    one_mail(world, "admin")
    company(world)
    person(world.database, "sakura", "first", world.now, roles=("admin",))
    person(world.database, "sakura", "second", world.now, roles=("admin",))
    world.tick()
    assert recipients(world) == ["first"]


def test_s24_a_suppressed_primary_one_is_passed_over(world: World) -> None:
    one_mail(world, "admin")
    company(world)
    person(world.database, "sakura", "first", world.now, roles=("admin",))
    person(world.database, "sakura", "second", world.now, roles=("admin*",), email="No@Sakura.example")
    suppress(world, "no@sakura.example")
    world.tick()
    assert recipients(world) == ["first"]


def test_s24_of_several_roles_the_first_with_somebody_is_taken(world: World) -> None:
    one_mail(world, "[decision_maker, champion]")
    company(world, "a")
    company(world, "b")
    person(world.database, "b", "boss", world.now, roles=("decision_maker",))
    world.tick()
    assert (recipients(world, "a"), recipients(world, "b")) == (["tanaka"], ["boss"])


def test_s24_all_of_a_role_get_one_mail_each_and_the_step_is_over_when_all_are(world: World) -> None:
    one_mail(world, "all(admin)")
    company(world)
    for name in ("one", "two", "three"):
        person(world.database, "sakura", name, world.now, roles=("admin", "champion"))
    slow = Answer(outcome=Outcome.NOT_ACCEPTED, reason="connect_error", retry_after_seconds=3600.0)
    world.channel.script(slow)
    world.tick()
    assert len(recipients(world)) == 2
    assert walk(world).due_at is None
    world.time_passes(hours=3)
    assert sorted(recipients(world)) == ["one", "three", "two"]
    assert outcomes(world) == ["completed"]


def test_s24_anyone_is_the_oldest_who_can_be_mailed(world: World) -> None:
    one_mail(world, "anyone")
    member = company(world)
    person(world.database, "sakura", "later", world.now)
    suppress(world, member.email)
    world.tick()
    assert recipients(world) == ["later"]


@pytest.mark.parametrize(
    "gap", [{"email": None}, {"email": ""}, {"gone_at": "now"}, {"bounced_at": "now"}, {"consent": ["product"]}]
)
def test_s24_who_cannot_be_mailed_is_passed_over(world: World, gap: dict[str, Any]) -> None:
    one_mail(world, "admin")
    company(world)
    fields: dict[str, Any] = {name: world.now if value == "now" else value for name, value in gap.items()}
    person(world.database, "sakura", "silent", world.now, roles=("admin*",), **fields)
    person(world.database, "sakura", "other", world.now, roles=("admin",))
    world.tick()
    assert recipients(world) == ["other"]


def test_s24_nobody_holds_the_mail_and_asks_the_csm_once(world: World) -> None:
    one_mail(world, "admin")
    company(world)
    world.time_passes(days=1)
    assert states(world) == [("hello", "held")]
    questions = [found for found in world.handoffs if found.customer == "sakura"]
    assert [(found.kind, found.owner, found.urgency) for found in questions] == [("question", "sato", "low")]


def test_s24_two_mails_to_nobody_make_one_question_per_customer(world: World) -> None:
    world.mail("hello")
    for name in ("p", "q"):
        journey(world, name, "- email: hello\n  to: admin")
    world.deploy()
    company(world)
    world.time_passes(hours=3)
    assert len([found for found in world.handoffs if found.customer == "sakura"]) == 1
    assert states(world) == [("hello", "held"), ("hello", "held")]


def test_s24_the_mail_goes_when_somebody_appears(world: World) -> None:
    one_mail(world, "admin")
    company(world)
    world.time_passes(days=1)
    person(world.database, "sakura", "new", world.now, roles=("admin",))
    world.tick()
    assert (recipients(world), outcomes(world)) == (["new"], ["completed"])


def test_s24_all_of_a_role_that_had_nobody_get_it_when_they_appear(world: World) -> None:
    one_mail(world, "all(admin)")
    company(world)
    world.time_passes(days=1)
    for key in ("first", "second", "third"):
        person(world.database, "sakura", key, world.now, roles=("admin",))
    world.time_passes(hours=3)
    assert sorted(recipients(world)) == ["first", "second", "third"]
    assert (outcomes(world), {state for _, state in states(world)}) == (["completed"], {"accepted"})


def test_s24_nobody_until_it_expires_and_the_walk_goes_on(world: World) -> None:
    one_mail(world, "admin")
    company(world)
    world.time_passes(days=2, hours=20)
    assert outcomes(world) == [None]
    world.time_passes(hours=8)
    assert (states(world), outcomes(world)) == ([("hello", "expired")], ["completed"])


def test_s45_without_a_csm_the_default_owner_is_asked_about_the_mail(world: World) -> None:
    one_mail(world, "admin")
    company(world, csm=None)
    world.tick()
    assert [found.owner for found in world.handoffs if found.customer == "sakura"] == ["sato"]


# From whom (S25)


def test_s25_from_csm_is_the_csm_and_without_one_the_workspace(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello\n  from: csm")
    world.deploy()
    company(world, "a")
    company(world, "b", csm=None)
    world.tick()
    senders = {mail.to_email: mail.from_email for mail in world.channel.accepted}
    assert senders == {"tanaka@a.example": "sato@us.example", "tanaka@b.example": "hello@us.example"}


def test_s25_covers_apply_to_owners_and_not_to_senders(world: World) -> None:
    cover = "cover: {sato: {from: 2027-02-01, to: 2027-04-01, by: ito}}"
    settings(world, f"owners:\n  default: sato\n  {cover}")
    world.mail("hello")
    journey(world, "p", "- email: hello\n  from: csm\n- handoff: Call")
    world.deploy()
    company(world)
    csm(world.database, "ito")
    world.tick()
    assert [mail.from_email for mail in world.channel.accepted] == ["sato@us.example"]
    assert [found.owner for found in world.handoffs if found.customer == "sakura"] == ["ito"]


def test_s25_the_manager_or_a_role_of_ours_may_sign(world: World) -> None:
    world.mail("hello", "second")
    journey(world, "p", "- email: hello\n  from: csm.manager\n- email: second\n  from: ae")
    world.deploy()
    csm(world.database, "boss")
    company(world, owners={"ae": "boss"})
    with world.database.write() as connection:
        connection.exec_driver_sql("UPDATE csm SET manager = 'boss' WHERE key = 'sato'")
    world.tick()
    assert [mail.from_email for mail in world.channel.accepted] == ["boss@us.example", "boss@us.example"]


# Over, or not sent (S9, S10)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer(outcome=Outcome.ACCEPTED, reason="accepted"), "accepted"),
        (Answer(outcome=Outcome.REFUSED, reason="bad_request", status=400), "failed"),
        (Answer(outcome=Outcome.UNKNOWN, reason="timeout"), "unknown"),
    ],
)
def test_s9_the_step_is_over_when_the_mail_is_accepted_refused_or_unknown(
    world: World, answer: Answer, state: str
) -> None:
    one_mail(world, "champion")
    company(world)
    world.channel.script(answer)
    world.tick()
    assert (states(world), outcomes(world)) == ([("hello", state)], ["completed"])


@pytest.mark.parametrize("outcome", [Outcome.NOT_ACCEPTED, Outcome.DENIED])
def test_s9_the_step_is_not_over_while_the_mail_is_tried_again(world: World, outcome: Outcome) -> None:
    one_mail(world, "champion")
    company(world)
    reason = "connect_error" if outcome is Outcome.NOT_ACCEPTED else "unauthorized"
    world.channel.script(Answer(outcome=outcome, reason=reason))
    world.tick()
    assert (states(world), outcomes(world)) == ([("hello", "pending")], [None])
    world.time_passes(hours=2)
    assert (mails(world), outcomes(world)) == (["hello"], ["completed"])


def test_s10_a_mail_that_failed_was_not_sent(world: World) -> None:
    world.mail("hello")
    journey(world, "p", '- email: hello\n- if: sent("hello")\n  then:\n    - log: Sent\n  else:\n    - log: Not')
    world.deploy()
    company(world)
    world.channel.script(Answer(outcome=Outcome.REFUSED, reason="bad_request", status=400))
    world.tick()
    assert [found.details["text"] for found in took(world, "logged")] == [{"": "Not"}]


def test_s9_a_walk_woken_while_its_mail_is_still_owed_stays_on_the_step(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello\n  review: csm\n- handoff: Afterwards")
    world.deploy()
    company(world)
    world.tick()
    with world.database.write() as connection:  # whatever woke it: a fault set aside, a goal that came and went
        connection.exec_driver_sql("UPDATE enrollment SET due_at = entered_at WHERE status = 'active'")
    world.time_passes(hours=1)
    assert (states(world), outcomes(world)) == ([("hello", "held")], [None])
    assert walk(world).due_at is None


def test_s16_two_uses_of_a_template_need_an_id(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello\n- wait: 1 day\n- if: stage == 'onboarding'\n  then:\n    - email: hello")
    with pytest.raises(WorkspaceError) as refused:
        world.deploy()
    assert [(found.rule, found.line) for found in refused.value.findings] == [("duplicate-id", 11)]


def test_s16_sent_means_this_walks_message_to_any_of_its_recipients(world: World) -> None:
    world.mail("hello")
    journey(
        world,
        "p",
        '- email: hello\n  to: all(admin)\n- wait: {until: clicked("hello"), at_most: 2 days}\n  then:\n    - end: clicked',
        more="again: always",
        enter="manual: true",
    )
    journey(
        world, "q", '- email: hello\n- wait: {until: clicked("hello"), at_most: 2 days}\n  then:\n    - end: clicked'
    )
    world.deploy()
    company(world)
    for name in ("one", "two"):
        person(world.database, "sakura", name, world.now, roles=("admin",))
    enroll(world, "p", customer="sakura")
    world.tick()
    newest = [mail.id for mail in world.outbox if mail.playbook == "p"][-1]
    world.tell(newest, "clicked")
    world.time_passes(hours=1)
    assert (outcomes(world, playbook="p"), outcomes(world, playbook="q")) == (["clicked"], [None])


def test_s24_the_question_is_withdrawn_when_the_walk_ends(world: World) -> None:
    world.mail("hello")
    journey(world, "p", "- email: hello\n  to: admin", more='goal: stage == "adoption"')
    world.deploy()
    company(world)
    world.tick()
    change(world.database, "sakura", stage="adoption")
    world.tick()
    assert [found.state for found in world.handoffs if found.customer == "sakura"] == [HandoffState.WITHDRAWN]
