"""Every world that two workers, two kills, freezes, lost and late traffic and a person can bring one mail into (delivery.md):
none holds a duplicate, a false "sent" or a mail that nobody looks after; and each of the known mistakes makes one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage.outbox import TRANSITIONS, MessageState
from tests.promise.machine import Heard, IllegalStep, Rules, Worker, World, answered, reaped
from tests.promise.search import Found, search

S = MessageState
DECLARED = frozenset((before, after) for before, states in TRANSITIONS.items() for after in states)
AS_SHIPPED = Rules()
RESENDS_ONCE = Rules(resends_once=True, most_claims=3)


def told(found: Found) -> str:
    return f"{found.worlds:,} worlds, {found.steps:,} steps: {found.broken or 'all promises hold'}"


@pytest.mark.parametrize("rules", [AS_SHIPPED, RESENDS_ONCE], ids=["as_shipped", "resend_once"])
def test_no_world_breaks_the_promise(rules: Rules, capsys: pytest.CaptureFixture[str]) -> None:
    """And every declared transition is used: what the search never needs has no business in the table."""
    found = search(rules)
    with capsys.disabled():
        print(f"\n{told(found)}")
    assert found.broken is None
    assert found.worlds > 40_000
    assert found.used == DECLARED


def test_a_transition_that_is_not_declared_is_refused() -> None:
    lacking = {**TRANSITIONS, S.SUBMITTING: TRANSITIONS[S.SUBMITTING] - {S.UNKNOWN}}
    with pytest.raises(IllegalStep, match=r"submitting → unknown"):
        search(replace(AS_SHIPPED, table=lacking))


# The known mistakes


def _retries(heard: Heard) -> Rules:
    def mistaken(world: World, worker: Worker) -> MessageState | None:
        mine = world.token == worker.token and world.state in (S.SUBMITTING, S.UNKNOWN)
        return S.PENDING if worker.heard is heard and mine else answered(world, worker)

    return Rules(answered=mistaken)


def _without_intent() -> Rules:
    """Sent from the claim: nothing tells a claim that left the house from one that did not."""

    def mistaken(world: World, worker: Worker) -> MessageState | None:
        standing = world._replace(state=S.SUBMITTING) if world.state is S.CLAIMED else world
        after = answered(standing, worker)
        return None if after is world.state else after

    table = {**TRANSITIONS, S.CLAIMED: TRANSITIONS[S.CLAIMED] | {S.UNKNOWN, S.FAILED}}
    return Rules(answered=mistaken, intends=S.CLAIMED, table=table)


def _rescue(world: World) -> MessageState:
    return reaped(world._replace(state=S.CLAIMED))


def _believes_only_the_doubtful(world: World) -> MessageState | None:
    """As it was before a person could resend what then turned out to have left."""
    return S.ACCEPTED if world.state in (S.SUBMITTING, S.UNKNOWN, S.UNCONFIRMED) else None


MISTAKES = {
    "retry_on_timeout": (_retries(Heard.TIMEOUT), "duplicate"),
    "retry_on_5xx": (_retries(Heard.SERVER_ERROR), "duplicate"),
    "rescue_of_an_expired_lease_by_retrying": (Rules(reaped=_rescue), "duplicate"),
    "no_intent_row": (_without_intent(), "duplicate"),
    "no_fencing_token": (Rules(fences=False), "duplicate"),
    "mark_before_send": (Rules(intends=S.ACCEPTED), "false sent"),
    "a_lease_that_nobody_ends": (Rules(reaped=lambda world: world.state), "stuck"),
    "evidence_that_is_not_believed": (Rules(believed=_believes_only_the_doubtful), "deaf"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_search_finds_this_mistake(mistake: str, capsys: pytest.CaptureFixture[str]) -> None:
    rules, expected = MISTAKES[mistake]
    found = search(rules)
    with capsys.disabled():
        print(f"\n{mistake}: {told(found)}")
    assert found.broken is not None
    assert found.broken[0] == expected
