"""`notify:`: people and channels get a copy of the card without buttons, once, and read at the end how it ended. On both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, func, select, update

from bot.insight.doctor_walks import handoff_checks
from bot.pipeline.copies import post_all, post_copies
from bot.pipeline.escalate import post_handoffs
from storage import handoff_moves as moves
from storage.accounts import Csm
from storage.handoff_merging import join
from storage.handoffs import Handoff
from storage.notices import NOTICE
from tests.fakes.slack_payloads import Message
from tests.fakes.slack_server import Failure
from tests.slack.desk_world import DeskWorld
from tests.slack.world import NOW, UNPOSTED, World
from tests.storage.handoff_rows import handoff

BOTH = {**UNPOSTED, "notify": ["suzuki", "#cs"], "tasks": [{"en": "Ask <!channel>", "ja": "聞く"}]}


def copies(world: World) -> dict[str, Message]:
    """What stands beside the owner's card, by place."""
    found = [post for post in world.slack.posts if post.channel != "D-U1"]
    assert len({post.channel for post in found}) == len(found), "each place has it once"
    return {post.channel: post for post in found}


def states(world: World) -> dict[str, tuple[str, str | None]]:
    with world.database.read() as connection:
        rows = connection.execute(select(NOTICE.c.target, NOTICE.c.state, NOTICE.c.fault)).all()
    return {row.target: (row.state, row.fault) for row in rows}


def finish(world: World, it: int) -> None:
    with world.database.write() as connection:
        moves.done(connection, it, by="sato", at=world.clock.now(), key="done", outcome="renewed")


def doctor(world: World) -> list[str]:
    (check,) = [found for found in handoff_checks(world.clock.now()) if found.name == "copy_not_posted"]
    with world.database.read() as connection:
        return list(connection.scalars(check.rows))


def test_a_person_and_a_channel_get_the_card_once_without_anything_to_press(world: World) -> None:
    handoff(world.database, **BOTH)
    for _ in range(3):
        post_all(world.poster())
    assert copies(world).keys() == {"D-U2", "C1"}
    for copy in copies(world).values():
        assert copy.actions == []
        assert "actions" not in [block["type"] for block in copy.blocks]
        assert "Acme" in str(copy.blocks)
        assert "• Ask &lt;!channel&gt;" in str(copy.blocks)
        assert "A copy, for your information" in str(copy.blocks)
    assert world.slack.posts[0].actions != [], "the owner's card keeps its buttons"


def test_each_reads_it_in_their_language_and_at_the_end_how_it_ended(world: World) -> None:
    it = handoff(world.database, **BOTH)
    with world.database.write() as connection:
        connection.execute(update(Csm).where(Csm.key == "suzuki").values(locale="ja"))  # type: ignore[arg-type]
    post_all(world.poster())
    assert "ご参考までの写しです" in str(copies(world)["D-U2"].blocks)
    assert "• 聞く" in str(copies(world)["D-U2"].blocks)
    with world.database.write() as connection:
        moves.acknowledge(connection, it, by="sato", at=NOW, key="a")
    post_all(world.poster())
    assert {state for state, _ in states(world).values()} == {"posted"}
    finish(world, it)
    world.slack.fail("chat.update", Failure(retry_after=40))
    for _ in range(3):
        post_all(world.poster())
        world.time_passes(minutes=1)
    assert {len(copy.blocks) for copy in copies(world).values()} == {1}
    assert "✅" in str(copies(world)["D-U2"].blocks)
    assert "佐藤 closed this" in str(copies(world)["C1"].blocks)
    assert {state for state, _ in states(world).values()} == {"final"}
    assert post_copies(world.poster()) == {}


def test_the_owner_gets_no_copy_and_a_name_twice_is_one(world: World) -> None:
    it = handoff(world.database, **{**UNPOSTED, "notify": ["sato", "suzuki", "suzuki"]})
    post_all(world.poster())
    assert [post.channel for post in world.slack.posts] == ["D-U1", "D-U2"]
    with world.database.write() as connection:
        moves.nudge(connection, it, at=NOW)
    post_all(world.poster())
    assert copies(world).keys() == {"D-U2"}


def test_s28_who_is_to_be_told_of_a_cause_that_joins_is_told_too(world: World) -> None:
    it = handoff(world.database, **{**UNPOSTED, "notify": ["#cs"]})
    post_all(world.poster())
    with world.database.write() as connection:
        row = connection.execute(select(Handoff.__table__).where(Handoff.id == it)).mappings().one()  # type: ignore[attr-defined, arg-type]
        cause = {name: row[name] for name in row if name != "id"} | {"step": "other", "notify": ["#cs", "suzuki"]}
        assert join(connection, it, {**cause, "occurrence": "1"}, NOW)
    post_all(world.poster())
    assert copies(world).keys() == {"C1", "D-U2"}


def test_those_of_a_list_are_copied_one_by_one(world: World) -> None:
    world.clock.move_to(NOW.replace(hour=1))
    for _ in range(2):
        handoff(world.database, **{**UNPOSTED, "urgency": "normal", "notify": ["#cs"]})
    post_all(world.poster())
    assert [post.channel for post in world.slack.posts] == ["D-U1", "C1", "C1"]


@pytest.mark.parametrize(
    "failure", [Failure(status=500, is_accepted=True), Failure(status=503), Failure(retry_after=40)]
)
def test_slack_down_and_back_leaves_each_copy_once(world: World, failure: Failure) -> None:
    handoff(world.database, **BOTH)
    post_handoffs(world.poster())
    world.slack.fail("chat.postMessage", failure, times=1 if failure.is_accepted else 2)
    for _ in range(6):
        post_copies(world.poster())
        world.time_passes(minutes=20)
    assert copies(world).keys() == {"D-U2", "C1"}
    assert {state for state, _ in states(world).values()} == {"posted"}


def test_a_refused_key_stops_the_copies_and_loses_none(world: World) -> None:
    handoff(world.database, **BOTH)
    post_handoffs(world.poster())
    world.slack.fail("chat.postMessage", Failure(error="token_revoked"), times=9)
    assert post_copies(world.poster()) == {"put_off": 1}
    world.slack.heal()
    world.time_passes(hours=1)
    assert post_copies(world.poster()) == {"posted": 2}


def test_what_cannot_be_told_is_given_up_and_doctor_says_whom_and_why(world: World) -> None:
    world.slack.archived.add("C1")
    it = handoff(world.database, **{**UNPOSTED, "notify": ["#cs", "mori", "suport", "suzuki"]})
    for _ in range(6):
        post_all(world.poster())
        world.time_passes(hours=1)
    assert states(world) == {
        "#cs": ("failed", "Slack cannot deliver to this person or channel (is_archived)"),
        "mori": ("failed", "mori has no slack_user_id in csms.csv"),
        "suport": ("failed", "nobody of ours is called suport, or they have left"),
        "suzuki": ("posted", None),
    }
    assert doctor(world) == [f"copy-{it}-{name}: {states(world)[name][1]}" for name in ("#cs", "mori", "suport")]
    assert world.row(it).posting == "posted", "the owner's card does not depend on it"


def test_a_hand_off_that_is_over_before_its_copy_stood_needs_none(world: World) -> None:
    it = handoff(world.database, **BOTH)
    post_handoffs(world.poster())
    finish(world, it)
    assert post_copies(world.poster()) == {"final": 2}
    assert copies(world) == {}


def test_a_copy_that_somebody_deleted_is_left_alone(world: World) -> None:
    it = handoff(world.database, **BOTH)
    post_all(world.poster())
    finish(world, it)
    world.slack.fail("chat.update", Failure(error="message_not_found"), times=2)
    assert post_copies(world.poster()) == {"final": 2}
    assert {len(copy.blocks) > 1 for copy in copies(world).values()} == {True}


def test_a_hand_off_that_names_nobody_costs_no_statement_more(world: World) -> None:
    statements: list[str] = []

    def listen(*given: Any) -> None:
        statements.append(str(given[2]))

    handoff(world.database, **UNPOSTED)
    event.listen(world.database.engine, "before_cursor_execute", listen)
    try:
        post_handoffs(world.poster())
        assert [found for found in statements if "notice" in found] == []
        statements.clear()
        assert post_copies(world.poster()) == {}
        assert len([found for found in statements if "notice" in found]) == 1, "one look, whatever their number"
    finally:
        event.remove(world.database.engine, "before_cursor_execute", listen)


def test_roles_are_told_as_the_persons_behind_them(desk: DeskWorld) -> None:
    desk.people(stage="new")
    desk.deploy(
        """
    title: Welcome
    state: live
    walks: customer
    enter: {when: stage == "new", existing: enter}
    steps:
      - handoff: Call them
        notify: [csm, suzuki, "#cs", nobody_known]
"""
    )
    desk.world.tick()
    with desk.world.database.read() as connection:
        (named,) = set(map(tuple, connection.scalars(select(Handoff.__table__.c.notify))))  # type: ignore[attr-defined]
        assert connection.scalar(select(func.count()).select_from(NOTICE)) == 0, "without Slack nobody is owed a copy"
    assert named == ("sato", "suzuki", "#cs", "nobody_known")
