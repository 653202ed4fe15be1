"""The button of a list of hand-offs: brings the whole card of one, with all its buttons, into the owner's direct messages. It
changes nothing of the hand-off, so whoever sees the list may press it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slack_bolt import App

from bot.pipeline.escalate import post_handoff
from bot.slack.context import Body, SlackContext
from bot.slack.list_card import OPEN
from bot.slack.wording import say
from storage.handoff_lists import want_own_card
from storage.handoff_views import get, handoff_id_of, installation_of


def register(bolt: App, context: SlackContext) -> None:
    """The lines of a list."""

    def opened(body: Body) -> None:
        open_card(context, body)

    bolt.action(OPEN)(context.later(opened))


def open_card(context: SlackContext, body: Body) -> None:
    """A second press finds the card standing, and says so."""
    action: Mapping[str, Any] = next(iter(body.get("actions") or ()), {})
    listed_at = str((body.get("container") or {}).get("message_ts", ""))
    with context.database.write() as connection:
        clicker = context.person(connection, str((body.get("user") or {}).get("id", "")))
        handoff_id = handoff_id_of(installation_of(connection), str(action.get("value", "")))
        handoff = get(connection, handoff_id) if handoff_id is not None else None
        is_here = handoff is not None and handoff.posted_ts == listed_at and not handoff.is_finished
        is_wanted = handoff is not None and is_here and want_own_card(connection, handoff.id)
    if handoff is None:
        context.tell(body, say("told_unknown", clicker.locale))
    elif is_wanted:
        post_handoff(context.poster, handoff.id)
    elif not is_here:
        context.tell(body, say("moved", clicker.locale))
