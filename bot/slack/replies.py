"""Replies in a card's thread: each is a note on the hand-off and on the customer's timeline, once, whoever writes it. Messages
of bots, edits and deletions are none, and neither is what stands outside of our cards' threads."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt import App
from sqlalchemy import Connection, Table, select

from bot.slack.context import Body, SlackContext
from storage import handoff_moves
from storage.handoffs import Handoff

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
MOST_TEXT = 3000
#: A reply that is shown in the channel too.
BROADCAST = "thread_broadcast"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a person wrote below a message. `ts` is the reply's own, the same in every retry."""

    channel: str
    thread: str
    ts: str
    user: str
    text: str


def register(bolt: App, context: SlackContext) -> None:
    """Message events of the conversations that the bot is in."""

    def said(body: Body) -> None:
        reply = reply_of(body)
        if reply is not None:
            keep_reply(context, reply)

    bolt.event("message")(context.later(said))


def reply_of(body: Body) -> Reply | None:
    """None: no person's reply in a thread."""
    event: Mapping[str, Any] = body.get("event") or {}
    given = {name: event.get(name) for name in ("channel", "thread_ts", "ts", "user", "text")}
    is_of_a_person = event.get("subtype") in (None, BROADCAST) and not event.get("bot_id")
    if not is_of_a_person or not all(isinstance(value, str) and value.strip() for value in given.values()):
        return None
    if given["thread_ts"] == given["ts"]:
        return None
    text = html.unescape(str(given["text"])).strip()[:MOST_TEXT]
    return Reply(
        channel=str(given["channel"]),
        thread=str(given["thread_ts"]),
        ts=str(given["ts"]),
        user=str(given["user"]),
        text=text,
    )


def keep_reply(context: SlackContext, reply: Reply) -> None:
    """Below a list it belongs to none of its hand-offs: open the card, and write there."""
    with context.database.write() as connection:
        handoff_id = _handoff_at(connection, reply)
        if handoff_id is None:
            return
        by = context.person(connection, reply.user).by
        key = f"reply-{reply.channel}-{reply.ts}"
        handoff_moves.annotate(connection, handoff_id, by=by, at=context.clock.now(), key=key, note=reply.text)


def _handoff_at(connection: Connection, reply: Reply) -> int | None:
    """The one whose card stands there."""
    here = (HANDOFF.c.posted_ts == reply.thread, HANDOFF.c.posted_channel == reply.channel)
    found = list(connection.scalars(select(HANDOFF.c.id).where(*here).limit(2)))
    return found[0] if len(found) == 1 else None
