"""Replies in a card's thread: each is a note on the hand-off and on the customer's timeline, once, whoever writes it; below a list
it is one on the hand-off that it names. Messages of bots, edits and deletions are none, and neither is what stands outside of our
cards' threads."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slack_bolt import App
from sqlalchemy import Connection, Table, select

from bot.slack.command_answers import handoff_line
from bot.slack.context import Body, SlackContext
from bot.slack.wording import say
from storage import handoff_moves
from storage.handoff_lists import list_at, members_of
from storage.handoff_views import HandoffRecord, get
from storage.handoffs import Handoff

HANDOFF: Table = Handoff.__table__  # type: ignore[attr-defined]
MOST_TEXT = 3000
#: `2 called them`, `#2: called them`, `２．電話しました`
NUMBERED = re.compile(r"#?([0-9]{1,2})(?![0-9])[\s.:,)\]、。番]*(.*)", re.DOTALL)
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
    """Below a list it belongs to the one that it names; whose is not clear is asked, and nothing is stored."""
    with context.database.write() as connection:
        who = context.person(connection, reply.user)
        handoff_id, text = _handoff_at(connection, reply), reply.text
        listed = [] if handoff_id is not None else _listed_at(connection, reply)
        if listed:
            handoff_id, text = meant_line(reply.text, [(one.id, one.customer_name) for one in listed])
        if handoff_id is not None:
            key = f"reply-{reply.channel}-{reply.ts}"
            handoff_moves.annotate(connection, handoff_id, by=who.by, at=context.clock.now(), key=key, note=text)
    if listed and handoff_id is None:
        context.slack.tell_privately(reply.channel, reply.user, say("which_one", who.locale), thread=reply.thread)
    elif listed:
        (one,) = (each for each in listed if each.id == handoff_id)
        line = handoff_line(one, who, context.clock.now())
        told = say("noted_for", who.locale, line=line)
        context.slack.tell_privately(reply.channel, reply.user, told, thread=reply.thread)


def meant_line(text: str, lines: Sequence[tuple[int, str]]) -> tuple[int | None, str]:
    """Which of a list's hand-offs (id, customer's name; in the order shown) a reply is about, and the reply without its number:
    the one whose number comes first, else the only one whose customer it names, else the only one there is."""
    numbered = NUMBERED.match(unicodedata.normalize("NFKC", text[:8]) + text[8:])
    if numbered and 0 < int(numbered[1]) <= len(lines) and numbered[2].strip():
        return lines[int(numbered[1]) - 1][0], numbered[2].strip()
    said = text.casefold()
    named = [one for one, customer in lines if customer and customer.casefold() in said]
    found = named if named else [one for one, _ in lines]
    return (found[0] if len(found) == 1 else None), text


def _handoff_at(connection: Connection, reply: Reply) -> int | None:
    """The one whose own card stands there."""
    if list_at(connection, reply.channel, reply.thread) is not None:
        return None
    here = (HANDOFF.c.posted_ts == reply.thread, HANDOFF.c.posted_channel == reply.channel)
    found = list(connection.scalars(select(HANDOFF.c.id).where(*here).limit(2)))
    return found[0] if len(found) == 1 else None


def _listed_at(connection: Connection, reply: Reply) -> list[HandoffRecord]:
    """Those of the list that stands there, in its order."""
    list_id = list_at(connection, reply.channel, reply.thread)
    ids = members_of(connection, list_id) if list_id is not None else []
    return [found for found in (get(connection, one) for one in ids) if found is not None]
