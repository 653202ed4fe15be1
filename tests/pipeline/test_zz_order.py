"""Any permutation and repetition of the same events, in any number of posts, ends in the same state: of the mail, of who must
not be mailed, of the facts and of what was decided. Two mails hear the same in two orders; on both databases."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot.channels.base import Answer, Outcome
from bot.rules.fates import STAMPS, Told, fate_of
from storage.outbox_moves import MESSAGE
from tests.pipeline.provider import CONTACT, EVENT, SUPPRESSION, message, posted, rows, said, take_in
from tests.pipeline.scenes import company, journey
from tests.pipeline.scenes import settings as settings_of
from tests.world import BEGINNING, World

UNKNOWN = Answer(outcome=Outcome.UNKNOWN, reason="timeout")
KINDS = (
    *("processed", "deferred", "delivered", "open", "click", "bounce", "dropped", "spamreport", "unsubscribe"),
    *("group_unsubscribe", "group_resubscribe"),
)
_numbers = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One event, still without its mail."""

    kind: str
    after: int
    changes: tuple[tuple[str, Any], ...] = ()


def words() -> st.SearchStrategy[Word]:
    changes = {
        "bounce": st.sampled_from([(("type", "bounce"),), (("type", "blocked"),)]),
        "open": st.sampled_from([(("sg_machine_open", True),), (("sg_machine_open", False),)]),
        "click": st.sampled_from([(("url", f"https://{name}.example"),) for name in "abc"]),
        "dropped": st.sampled_from(
            [(("reason", reason),) for reason in ("Bounced Address", "Spam Content", "Unsubscribed Address", "Invalid")]
        ),
    }
    seconds = st.one_of(st.integers(0, 12), st.integers(0, 100_000))
    return st.sampled_from(KINDS).flatmap(
        lambda kind: st.builds(Word, kind=st.just(kind), after=seconds, changes=changes.get(kind, st.just(())))
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Word], list[list[int]]]:
    """Events, and a second way to tell them: every one at least once, some again, in any order, in several posts."""
    told = draw(st.lists(words(), min_size=1, max_size=8))
    again = draw(st.lists(st.integers(0, len(told) - 1), max_size=4))
    order = draw(st.permutations([*range(len(told)), *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    return told, [order[start:end] for start, end in itertools.pairwise([0, *cuts, len(order)])]


def pair(world: World, *, is_unknown: bool) -> tuple[str, str]:
    """Two companies, mailed alike."""
    number = next(_numbers)
    keys = (f"one{number}", f"two{number}")
    for key in keys:
        company(world, key)
    if is_unknown:
        world.channel.script(UNKNOWN, UNKNOWN)
    world.tick()
    return keys


def events_of(world: World, told: list[Word], key: str) -> list[dict[str, Any]]:
    began = int(world.now.timestamp())
    return [
        said(
            world, word.kind, key=key, timestamp=began + word.after, sg_event_id=f"{key}-{number}", **dict(word.changes)
        )
        for number, word in enumerate(told)
    ]


def state_of(world: World, key: str) -> dict[str, Any]:
    """Everything that events may have changed, without the names that differ from company to company."""
    mail = message(world, key=key)
    address = f"tanaka@{key}.example"
    decided = Counter((took.verdict, took.reason) for took in world.decisions if took.customer == key)
    taken_back = decided.pop(("did", "mail_clicked_by_machine"), 0)
    decided[("did", "mail_clicked")] -= taken_back
    mine = (SUPPRESSION.c.address == address, CONTACT.c.id == mail.contact_id, EVENT.c.customer_id == mail.customer_id)
    return {
        "mail": {name: getattr(mail, name) for name in ("state", "reason", "delivery", *STAMPS)},
        "provider_message_id": (mail.provider_message_id or "").partition("-")[0],  # the test's channel counts its own
        "accepted": mail.accepted_at is not None,
        "suppressions": sorted(
            tuple(row) for row in rows(world, select(SUPPRESSION.c.category, SUPPRESSION.c.reason).where(mine[0]))
        ),
        "contact": rows(world, select(CONTACT.c.bounced_at).where(mine[1]))[0].bounced_at,
        "facts": sorted(row.name for row in rows(world, select(EVENT.c.name).where(mine[2]))),
        "decisions": +decided,
    }


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(histories(), st.booleans())
@example(([Word(kind="spamreport", after=0), Word(kind="unsubscribe", after=0)], [[1], [0]]), False)
@example(
    (
        [Word(kind="unsubscribe", after=0), Word(kind="dropped", after=9, changes=(("reason", "Spam Content"),))],
        [[1], [0, 1]],
    ),
    True,
)
def test_the_same_events_in_any_order_end_in_the_same_state(
    world: World, history: tuple[list[Word], list[list[int]]], is_unknown: bool
) -> None:
    if world.app.published() is None:
        world.mail("hello")
        settings_of(world, "fuses: {enter: off, send: off, bounces: off, complaints: off}")
        journey(world, "p", '- email: hello\n- wait: {until: clicked("hello"), at_most: 90 days}')
        world.deploy()
    told, posts = history
    one, two = pair(world, is_unknown=is_unknown)
    posted(world, *events_of(world, told, one))
    take_in(world)
    others = events_of(world, told, two)
    for post in posts:
        posted(world, *(others[number] for number in post))
        take_in(world)
    assert state_of(world, two) == state_of(world, one)
    assert state_of(world, one)["mail"]["state"] == "accepted"


@given(st.lists(st.tuples(words(), st.booleans()), max_size=12), st.randoms())
def test_a_fate_is_a_function_of_the_set_of_events(given_events: list[tuple[Word, bool]], chance: Any) -> None:
    kinds = {"open": "opened", "click": "clicked", "bounce": "bounced", "spamreport": "complained"}
    told = [
        Told(
            id=number,
            kind=kinds.get(word.kind, word.kind),
            at=BEGINNING + timedelta(seconds=word.after),
            is_machine=is_machine,
            link=str(word.changes),
        )
        for number, (word, is_machine) in enumerate(given_events)
    ]
    shuffled = [*told, *told[:3]]
    chance.shuffle(shuffled)
    assert fate_of(shuffled) == fate_of(told)


def test_every_mail_that_was_handed_over_can_be_looked_at(world: World) -> None:
    """The property above would hold of nothing at all."""
    world.mail("hello")
    journey(world, "p", "- email: hello")
    world.deploy()
    one, two = pair(world, is_unknown=False)
    posted(world, *events_of(world, [Word(kind="click", after=60), Word(kind="bounce", after=61)], one))
    take_in(world)
    assert state_of(world, one) != state_of(world, two)
    assert rows(world, select(MESSAGE.c.id).where(MESSAGE.c.clicked_at.is_not(None)))
