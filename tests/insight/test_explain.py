"""explain for a customer: the journal, where walks stand, and why not, for every trigger."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.errors import UsageError
from bot.insight.explanation import SeenLeaf
from storage.handoff_moves import done
from tests.cast import cast, change, csm, customer, fresh, healthy, person, ticket
from tests.insight.journeys import now_line, onboarding, renewal, why
from tests.world import World


def test_a_false_condition_shows_each_leaf_with_its_value(world: World) -> None:
    onboarding(world)
    cast(world.database, world.now, stage="onboarding")
    fresh(world.database, "tickets", world.now)
    world.tick()
    line = now_line(world, "healthy", "welcome")
    assert (line.verdict, line.reason) == ("outside", "condition_false")
    assert line.leaves == (
        SeenLeaf(text='stage == "onboarding"', value="onboarding", holds=True),
        SeenLeaf(text='tickets(status="open") >= 1', value=0, holds=False),
    )


def test_decisions_of_the_past_keep_what_the_values_were_then(world: World) -> None:
    world.playbook(
        "growing",
        """
        title: Growing
        state: live
        walks: customer
        enter: {when: stage == "adoption", existing: enter}
        exit:
          - {when: arr > 1000 and tier == "gold", outcome: grew}
        steps:
          - if: arr >= 100
            then:
              - log: Big
          - branch:
              - when: tier == "silver"
                steps:
                  - log: Silver
          - log: Never
            when: tier == "bronze"
          - wait: {until: tier == "silver", at_most: 2 days}
          - wait: 60 days
        """,
    )
    world.deploy()
    customer(world.database, "acme", world.now, stage="adoption", arr=50, tier="basic")
    world.tick()
    world.time_passes(days=2, hours=1, every=timedelta(days=1))
    change(world.database, "acme", arr=2000, tier="gold")
    world.tick()
    seen = [(line.reason, line.leaves) for line in world.explain("acme").history if line.leaves]
    assert seen == [
        ("else", (SeenLeaf(text="arr >= 100", value=50.0, holds=False),)),
        ("else", (SeenLeaf(text='tier == "silver"', value="basic", holds=False),)),
        ("when_does_not_hold", (SeenLeaf(text='tier == "bronze"', value="basic", holds=False),)),
        ("deadline_passed", (SeenLeaf(text='tier == "silver"', value="basic", holds=False),)),
        (
            "exit",
            (
                SeenLeaf(text="arr > 1000", value=2000.0, holds=True),
                SeenLeaf(text='tier == "gold"', value="gold", holds=True),
            ),
        ),
    ]


def test_s2_a_silent_feed_makes_it_unknown_and_is_named(world: World) -> None:
    world.playbook(
        "quiet",
        """
        title: Quiet
        state: live
        walks: customer
        enter:
          when: count("login", days=7) == 0
        steps:
          - log: Quiet
        """,
    )
    world.deploy()
    customer(world.database, "old", world.now, started_on=world.now.date() - timedelta(days=400))
    line = now_line(world, "old", "quiet")
    assert line.reason == "feed_stale"
    assert "login" in line.sentence
    assert line.leaves[0].holds is None


def test_s3_a_young_customer_is_named_as_the_cause(world: World) -> None:
    world.playbook(
        "quiet",
        """
        title: Quiet
        state: live
        walks: customer
        enter:
          when: met("decision_maker", days=30) == 0
        steps:
          - log: Quiet
        """,
    )
    world.deploy()
    fresh(world.database, "meetings", world.now)
    customer(world.database, "young", world.now, started_on=world.now.date() - timedelta(days=3))
    line = now_line(world, "young", "quiet")
    assert line.reason == "too_young"
    assert "30 days" in line.sentence


def test_s1_an_empty_value_that_is_ordered_is_unknown(world: World) -> None:
    world.playbook(
        "big",
        """
        title: Big
        state: live
        walks: customer
        enter: {when: arr > 1000}
        steps:
          - log: Big
        """,
    )
    world.deploy()
    customer(world.database, "unknown_size", world.now)
    assert why(world, "unknown_size", "big") == "condition_empty"


def test_s4_whoever_matched_before_it_went_live_is_told_so(world: World) -> None:
    member = healthy(world.database, world.now, stage="onboarding")
    ticket(world.database, member.key, world.now)
    onboarding(world)
    world.tick()
    assert why(world, "healthy", "welcome") == "existing"


def test_s5_whoever_walked_before_does_not_again(world: World) -> None:
    onboarding(world)
    member = healthy(world.database, world.now, stage="onboarding")
    ticket(world.database, member.key, world.now)
    world.tick()
    assert [walk.status for walk in world.walks] == ["active"]
    world.time_passes(days=6)
    assert [walk.outcome for walk in world.walks] == ["completed"]
    assert why(world, "healthy", "welcome") == "walked_before"
    assert [line.reason for line in world.explain("healthy", "welcome").history] == [
        "enter", "mail_owed", "accepted", "deadline_passed", "completed",
    ]  # fmt: skip


def test_with_again_always_it_waits_for_the_condition_to_turn(world: World) -> None:
    onboarding(world, "again: always")
    member = healthy(world.database, world.now, stage="onboarding")
    ticket(world.database, member.key, world.now)
    world.tick()
    world.time_passes(days=6)
    assert why(world, "healthy", "welcome") == "still_open"


def test_s12_a_goal_that_holds_already_is_told(world: World) -> None:
    onboarding(world, 'goal: touch == "low"')
    member = healthy(world.database, world.now, stage="onboarding")
    ticket(world.database, member.key, world.now)
    world.tick()
    assert world.walks == []
    assert why(world, "healthy", "welcome") == "would_leave_at_once"


def test_s14_a_taken_group_is_told(world: World) -> None:
    for name in ("first", "second"):
        world.playbook(
            name,
            f"""
            title: {name}
            state: live
            walks: customer
            exclusive: one
            priority: {80 if name == "first" else 20}
            enter: {{when: stage == "onboarding"}}
            steps:
              - wait: 5 days
            """,
        )
    world.deploy()
    healthy(world.database, world.now, stage="onboarding")
    world.tick()
    assert why(world, "healthy", "first") == "waits_for_time"
    assert why(world, "healthy", "second") == "exclusive_taken"
    assert ("deferred", "exclusive_taken") in [(took.verdict, took.reason) for took in world.decisions]


def test_s37_a_pause_is_told_inside_and_outside(world: World) -> None:
    from bot.pipeline.operate import pause

    onboarding(world)
    inside = healthy(world.database, world.now, stage="onboarding")
    ticket(world.database, inside.key, world.now)
    world.tick()
    customer(world.database, "late", world.now, stage="onboarding")
    ticket(world.database, "late", world.now)
    with world.database.write() as connection:
        pause(connection, "playbook", "welcome", world.now)
    assert why(world, "healthy", "welcome") == "paused"
    assert why(world, "late", "welcome") == "paused"


def test_a_draft_says_that_only_live_playbooks_act(world: World) -> None:
    world.playbook("later", "title: L\nwalks: customer\nenter: {manual: true}\nsteps:\n  - log: Hi\n")
    world.deploy()
    customer(world.database, "acme", world.now)
    assert world.explain("acme").now == ()
    assert why(world, "acme", "later") == "not_live"


def test_an_active_wait_says_since_when_until_when_and_for_what(world: World) -> None:
    onboarding(world)
    member = healthy(world.database, world.now, stage="onboarding")
    ticket(world.database, member.key, world.now)
    world.tick()
    began = world.now
    world.time_passes(hours=2)
    line = now_line(world, "healthy", "welcome")
    assert (line.verdict, line.reason) == ("inside", "waits_for_condition")
    assert (line.since, line.until) == (began, began + timedelta(days=5))
    assert line.leaves == (SeenLeaf(text='clicked("welcome")', value=False, holds=False),)
    assert line.at == world.now


def test_a_held_mail_says_what_it_waits_for(world: World) -> None:
    world.write(
        "templates/emails/welcome.en.md",
        "---\nsubject: Hello\ncategory: lifecycle\n---\nYour plan is {{ customer.tier }}.\n",
    )
    world.playbook(
        "welcome",
        """
        title: Welcome
        state: live
        walks: customer
        enter: {when: stage == "onboarding"}
        steps:
          - email: welcome
        """,
    )
    world.deploy()
    healthy(world.database, world.now, stage="onboarding")
    world.tick()
    line = now_line(world, "healthy", "welcome")
    assert line.reason == "waits_for_mail"
    assert "held" in line.sentence
    assert line.until == world.now + timedelta(days=3)


def test_s30_contact_walks_tell_of_each_contact(world: World) -> None:
    world.mail("news")
    world.playbook(
        "news",
        """
        title: News
        state: live
        walks: contact
        enter: {when: contact.has_role("champion")}
        steps:
          - email: news
          - wait: 10 days
        """,
    )
    world.deploy()
    member = healthy(world.database, world.now)
    person(world.database, member.key, "ito", world.now, roles=("user",))
    person(world.database, member.key, "abe", world.now, roles=("champion",), email=None)
    customer(world.database, "nobody", world.now)
    world.tick()
    told = {line.contact: line.reason for line in world.explain("healthy", "news").now}
    assert told == {"tanaka": "waits_for_time", "ito": "condition_false", "abe": "not_mailable"}
    assert why(world, "nobody", "news") == "no_contact"


def test_s24_who_opted_out_is_never_mailed_and_told_why(world: World) -> None:
    world.mail("news")
    world.playbook(
        "news",
        """
        title: News
        state: live
        walks: customer
        enter: {when: stage == "adoption"}
        steps:
          - email: news
        """,
    )
    world.deploy()
    cast(world.database, world.now)
    customer(world.database, "nobody_there", world.now, stage="adoption")
    world.time_passes(days=1)
    assert {mail.customer for mail in world.sent} == {"healthy", "going_quiet"}
    assert "nobody_to_write_to" in world.reasons("nobody_there", "news")
    assert why(world, "nobody_there", "news") == "waits_for_mail"
    assert "everybody_said_no" in world.reasons("opted_out", "news")


def test_everything_about_a_customer_in_one_go(world: World) -> None:
    onboarding(world)
    renewal(world)
    member = healthy(world.database, world.now, stage="onboarding")
    ticket(world.database, member.key, world.now)
    world.tick()
    told = world.explain("healthy", locale="ja")
    assert [(line.playbook, line.verdict) for line in told.now] == [("welcome", "inside"), ("renewal", "outside")]
    rows = told.as_rows()
    assert {"at", "playbook", "step", "verdict", "reason", "sentence", "leaves"} <= set(rows[0])
    assert rows[0]["sentence"] == "ジャーニーを開始しました"
    assert rows[-2]["leaves"] == [{"text": 'clicked("welcome")', "value": False, "holds": False}]


def test_the_newest_decisions_are_kept_and_the_cut_is_told(world: World) -> None:
    csm(world.database, "sato")
    world.playbook(
        "asks", 'title: A\nstate: live\nwalks: customer\nenter: {when: stage == "new"}\nsteps:\n  - handoff: Call\n'
    )
    world.deploy()
    customer(world.database, "acme", world.now, stage="new", csm="sato")
    world.tick()
    with world.database.write() as connection:
        done(connection, world.handoffs[0].id, by="sato", at=world.now, key="1", outcome="fine")
    told = world.explain("acme", limit=2)
    assert told.is_cut
    assert [line.reason for line in told.history] == ["completed", "handoff_done"]
    assert "fine" in told.history[-1].sentence


@pytest.mark.parametrize(
    ("asked", "hint"), [("helthy", "`healthy`"), ("hinode foods", "`healthy`"), ("zzz", "customers list")]
)
def test_an_unknown_customer_gets_the_nearest_key(world: World, asked: str, hint: str) -> None:
    onboarding(world)
    healthy(world.database, world.now)
    with pytest.raises(UsageError) as refused:
        world.explain(asked)
    assert hint in refused.value.hint


def test_an_unknown_playbook_gets_the_nearest_name(world: World) -> None:
    onboarding(world)
    healthy(world.database, world.now)
    with pytest.raises(UsageError, match="welcom") as refused:
        world.explain("healthy", "welcom")
    assert "`welcome`" in refused.value.hint
