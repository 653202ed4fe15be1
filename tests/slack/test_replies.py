"""Replies in a card's thread are notes: once, of people only, and only below our cards."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from bot.pipeline.escalate import post_handoffs
from bot.slack.replies import keep_reply, meant_line, reply_of
from storage.facts import Note
from tests.fakes.slack_server import Message
from tests.slack.world import UNPOSTED, World
from tests.storage.handoff_rows import handoff


def posted(world: World, **values: Any) -> Message:
    handoff(world.database, **{**UNPOSTED, **values})
    post_handoffs(world.poster())
    return world.slack.posts[-1]


def event(post: Message, **changes: Any) -> dict[str, Any]:
    said = {
        "type": "message", "channel": post.channel, "thread_ts": post.ts, "ts": "1900000000.000200", "user": "U1",
        "text": "Spoke to Tanaka &amp; Mori", "channel_type": "im",
    }  # fmt: skip
    return {"type": "event_callback", "event": {**said, **changes}}


def tell(world: World, body: dict[str, Any]) -> None:
    app = world.app()
    reply = reply_of(body)
    if reply is not None:
        keep_reply(app.context, reply)
    app.close()


def notes(world: World) -> list[tuple[str, str]]:
    with world.database.read() as connection:
        return [(row.by, row.text) for row in connection.execute(select(Note.by, Note.text))]  # type: ignore[call-overload]


def test_a_reply_is_a_note_on_the_timeline_once_however_often_slack_tells_it(world: World) -> None:
    post = posted(world)
    for _ in range(3):
        tell(world, event(post))
    assert notes(world) == [("sato", "Spoke to Tanaka & Mori")]
    post_handoffs(world.poster())
    assert "added a note" in str(post.blocks)


def test_somebody_whom_we_do_not_know_may_write_too(world: World) -> None:
    tell(world, event(posted(world), user="U777"))
    assert notes(world) == [("slack:U777", "Spoke to Tanaka & Mori")]


@pytest.mark.parametrize(
    "changes",
    [
        {"bot_id": "B1"},
        {"subtype": "bot_message"},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"thread_ts": None},
        {"thread_ts": "5.5"},
        {"channel": "C999"},
        {"text": "  "},
        {"text": None},
        {"user": None},
        {"ts": "same"},
    ],
)
def test_bots_edits_and_other_threads_are_no_notes(world: World, changes: dict[str, Any]) -> None:
    post = posted(world)
    if changes.get("ts"):
        changes = {"ts": post.ts}
    tell(world, event(post, **changes))
    assert notes(world) == []


def test_a_reply_that_the_channel_sees_too_counts_and_a_long_one_is_cut(world: World) -> None:
    tell(world, event(posted(world), subtype="thread_broadcast", text="x" * 9000))
    ((_, text),) = notes(world)
    assert len(text) == 3000


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2 called them", (8, "called them")),
        ("#2: called them", (8, "called them")),
        ("２．電話しました", (8, "電話しました")),
        ("2番 電話しました", (8, "電話しました")),
        ("Spoke to acme, all well", (7, "Spoke to acme, all well")),
        ("3 called them", (None, "3 called them")),
        ("2", (None, "2")),
        ("2027 is their year", (None, "2027 is their year")),
        ("called Acme and Hinode", (None, "called Acme and Hinode")),
        ("called them", (None, "called them")),
    ],
)
def test_a_reply_below_a_list_tells_which_by_its_number_or_the_customers_name(
    text: str, meant: tuple[int | None, str]
) -> None:
    assert meant_line(text, [(7, "Acme"), (8, "Hinode")]) == meant
    assert meant_line("called them", [(7, "Acme")]) == (7, "called them")


def test_a_reply_below_a_list_is_kept_for_the_line_it_names_else_asked_about(world: World) -> None:
    for _ in range(2):
        handoff(world.database, **{**UNPOSTED, "urgency": "normal"})
    world.time_passes(hours=15)
    post_handoffs(world.poster())
    (post,) = world.slack.posts
    tell(world, event(post, text="called them"))
    assert notes(world) == []
    assert "Which one is this about?" in world.slack.private[0]["text"]
    assert world.slack.private[0]["thread_ts"] == post.ts
    tell(world, event(post, text="2 called them", ts="1900000000.000300"))
    assert notes(world) == [("sato", "called them")]
    assert "Noted on *Call" in world.slack.private[1]["text"]
