"""S28: a second cause for the same customer, kind and owner joins the card that is open, and both walks follow it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from storage import handoff_moves
from storage.handoff_views import HandoffRecord
from storage.handoffs import HandoffState
from tests.cast import change, csm, person
from tests.pipeline.scenes import company, journey, outcomes, settings, took
from tests.world import World

LOW_USAGE = """
- handoff: Ask about usage
  id: ask
  kind: risk
  brief: [usage]
  tasks: [Read the usage]
  outcomes: [fine, lost]
  due: 5 business days
- wait: {until: done("ask"), at_most: 60 days}
  then:
    - if: outcome("ask") == "lost"
      then:
        - end: it_is_lost
    - end: talked
"""
LOW_NPS = """
- handoff: Ask about the answer
  id: talk
  kind: risk
  urgency: high
  brief: [usage, contacts]
  tasks: [Read the usage, Thank them]
  outcomes: [lost, promised]
  due: 2 business days
- wait: {until: done("talk"), at_most: 60 days}
  then:
    - if: outcome("talk") == "lost"
      then:
        - end: it_is_lost_too
    - end: talked_too
"""


def both(
    world: World, second: str = LOW_NPS, more: str = "", more_second: str = ""
) -> tuple[HandoffRecord, HandoffRecord]:
    """The card of one journey, and what a second journey about the same customer made of its hand-off."""
    journey(world, "usage", LOW_USAGE, more=more)
    journey(world, "nps", second, enter='when: tier == "pro"', more=more_second)
    world.deploy()
    company(world)
    world.tick()
    change(world.database, "sakura", tier="pro")
    world.tick()
    first, *rest = (found for found in world.handoffs if found.customer == "sakura")
    return first, rest[0]


def cards(world: World) -> list[HandoffRecord]:
    """All hand-offs of the customer, the oldest first."""
    return [found for found in world.handoffs if found.customer == "sakura"]


def act(world: World, move: Any, handoff_id: int, **values: Any) -> Any:
    with world.database.write() as connection:
        return move(connection, handoff_id, by="sato", at=world.now, key="k", **values)


def test_s28_the_second_cause_joins_the_open_card(world: World) -> None:
    first, second = both(world)
    assert (first.state, second.state) == (HandoffState.OPEN, HandoffState.MERGED)
    assert (second.merged_into, second.posting) == (first.id, "needless")
    assert (first.brief, first.outcomes) == (["usage", "contacts"], ["fine", "lost", "promised"])
    assert [task[""] for task in first.tasks] == ["Read the usage", "Thank them"]
    assert first.due_at == second.due_at, "the earlier of the two"
    (told,) = took(world, "handoff_merged", playbook="nps")
    assert told.details["handoff"] == first.id


def test_s28_a_more_urgent_cause_calls_anew(world: World) -> None:
    first, _ = both(world)
    assert (first.urgency, first.posting) == ("high", "mailed"), "without Slack the person is written to"
    assert [found.details["cause"] for found in took(world, "handoff_raised")] == ["talk"]


def test_s28_done_and_outcome_of_both_walks_follow_the_card(world: World) -> None:
    first, _ = both(world)
    act(world, handoff_moves.done, first.id, outcome="lost")
    world.tick()
    assert outcomes(world) == ["it_is_lost", "it_is_lost_too"]


def test_s28_a_joined_hand_off_names_the_card_to_act_on(world: World) -> None:
    first, second = both(world)
    move = act(world, handoff_moves.acknowledge, second.id)
    assert (move.is_done, move.reason) == (False, "merged")
    assert move.sentence_reason == f"Hand-off {second.id} is part of hand-off {first.id}: act on that one"


def test_s28_each_cause_is_told_when_the_card_is_done(world: World) -> None:
    journey(world, "thanks", "- log: Heard", enter='on: handoff.done\nwhen: event.playbook == "nps"')
    first, _ = both(world)
    act(world, handoff_moves.done, first.id, outcome="promised")
    world.tick()
    assert outcomes(world, playbook="thanks") == ["completed"]


def test_s28_withdrawn_when_the_last_cause_is_over_whichever_that_is(world: World) -> None:
    first, second = both(world, more='goal: stage == "adoption"', more_second='goal: region == "EU"')
    change(world.database, "sakura", stage="adoption")
    world.tick()
    first, second = cards(world)
    assert (first.state, first.cause_over, second.state) == (HandoffState.OPEN, "goal", HandoffState.MERGED)
    change(world.database, "sakura", region="EU")
    world.tick()
    assert [found.state for found in cards(world)] == [HandoffState.WITHDRAWN] * 2


def test_s28_a_joined_cause_that_is_over_leaves_the_card_to_its_own(world: World) -> None:
    both(world, more='goal: stage == "adoption"', more_second='goal: region == "EU"')
    change(world.database, "sakura", region="EU")
    world.tick()
    assert [found.state for found in cards(world)] == [HandoffState.OPEN, HandoffState.WITHDRAWN]
    assert [found.details["reason"] for found in took(world, "handoff_cause_ended")] == ["goal"]
    change(world.database, "sakura", stage="adoption")
    world.tick()
    assert cards(world)[0].state is HandoffState.WITHDRAWN


def test_s28_two_causes_that_end_at_once_withdraw_the_card(world: World) -> None:
    both(world, more='goal: stage == "adoption"', more_second='goal: stage == "adoption"')
    change(world.database, "sakura", stage="adoption")
    world.tick()
    assert [found.state for found in cards(world)] == [HandoffState.WITHDRAWN] * 2


def test_s28_who_is_on_the_card_is_asked_once_no_cause_is_left(world: World) -> None:
    first, _ = both(world, more='goal: stage == "adoption"', more_second='goal: region == "EU"')
    act(world, handoff_moves.acknowledge, first.id)
    change(world.database, "sakura", stage="adoption")
    world.tick()
    assert took(world, "handoff_outlived") == []
    change(world.database, "sakura", region="EU")
    world.tick()
    assert len(took(world, "handoff_outlived")) == 1
    assert cards(world)[0].state is HandoffState.ACKNOWLEDGED


def test_s28_a_closed_card_is_not_joined(world: World) -> None:
    journey(world, "usage", LOW_USAGE)
    journey(world, "nps", LOW_NPS, enter='when: tier == "pro"')
    world.deploy()
    company(world)
    world.tick()
    act(world, handoff_moves.dismiss, cards(world)[0].id, reason="settled")
    change(world.database, "sakura", tier="pro")
    world.tick()
    assert [found.state for found in cards(world)] == [HandoffState.DISMISSED, HandoffState.OPEN]


def test_s28_another_kind_or_another_owner_is_another_card(world: World) -> None:
    journey(world, "a", "- handoff: One\n  kind: risk")
    journey(world, "b", "- handoff: Two\n  kind: opportunity")
    journey(world, "c", "- handoff: Three\n  kind: risk\n  owner: ito")
    world.deploy()
    csm(world.database, "ito")
    company(world)
    world.tick()
    assert [found.state for found in cards(world)] == [HandoffState.OPEN] * 3


def test_s28_what_one_walk_asks_twice_is_two_cards(world: World) -> None:
    journey(world, "p", "- handoff: One\n- handoff: Two")
    world.deploy()
    company(world)
    world.tick()
    assert [found.state for found in cards(world)] == [HandoffState.OPEN] * 2


def test_s28_contact_walks_of_one_customer_share_a_card(world: World) -> None:
    steps = (
        '- handoff: Call them\n  id: call\n- wait: {until: done("call"), at_most: 60 days}\n  then:\n    - end: called'
    )
    journey(world, "p", steps, walks="contact", enter='when: stage == "onboarding"')
    world.deploy()
    company(world)
    person(world.database, "sakura", "mori", world.now)
    person(world.database, "sakura", "abe", world.now)
    world.tick()
    found = cards(world)
    assert sorted(one.state for one in found) == [HandoffState.MERGED, HandoffState.MERGED, HandoffState.OPEN]
    assert len({one.contact for one in found}) == 3
    (card,) = (one for one in found if one.state is HandoffState.OPEN)
    act(world, handoff_moves.done, card.id)
    world.time_passes(minutes=5)
    assert outcomes(world) == ["called"] * 3


def test_s28_a_snoozed_card_stays_snoozed_for_a_cause_that_is_no_more_urgent(world: World) -> None:
    journey(world, "usage", LOW_USAGE)
    journey(world, "nps", LOW_NPS.replace("high", "normal"), enter='when: tier == "pro"')
    world.deploy()
    company(world)
    world.tick()
    card = cards(world)[0]
    act(world, handoff_moves.snooze, card.id, until=world.now + timedelta(days=1))
    change(world.database, "sakura", tier="pro")
    world.tick()
    assert cards(world)[0].snoozed_until == world.now + timedelta(days=1)


def test_s27_what_somebody_snoozed_is_quiet_also_when_it_was_given_to_another_person(world: World) -> None:
    journey(world, "usage", LOW_USAGE, walks="contact")
    world.deploy()
    company(world)
    csm(world.database, "suzuki")
    world.tick()
    (card,) = cards(world)
    with world.database.write() as connection:
        handoff_moves.reassign(connection, card.id, by="sato", at=world.now, key="a", owner="suzuki")
    act(world, handoff_moves.snooze, card.id, until=world.now + timedelta(days=1))
    person(world.database, "sakura", "abe", world.now)
    world.tick()
    first, second = cards(world)
    assert (first.snoozed_until, second.state) == (world.now + timedelta(days=1), HandoffState.MERGED)
    world.time_passes(days=2)
    person(world.database, "sakura", "ito", world.now)
    world.tick()
    assert cards(world)[-1].owner == "sato", "its snooze is over, so another person is another card"


def test_s28_a_card_without_an_owner_is_joined_too(world: World) -> None:
    settings(world, "owners: {}")
    journey(world, "a", "- handoff: One")
    journey(world, "b", "- handoff: Two", enter='when: tier == "pro"')
    world.deploy()
    company(world, csm=None, tier="pro")
    world.tick()
    found = cards(world)
    assert sorted(one.state for one in found) == [HandoffState.MERGED, HandoffState.OPEN]
