"""The buttons of a list of hand-offs: one line's whole card, which changes nothing and may be asked for by whoever sees the list; and
Acknowledge for all of them at once, by the same rules and with the same traces as one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from slack_bolt import App

from bot.pipeline import handoff_acts
from bot.pipeline.card_lists import redraw_list
from bot.pipeline.escalate import post_handoff
from bot.slack.clicks import action_of, press_of_card
from bot.slack.context import Body, Listener, SlackContext
from bot.slack.list_card import ACKNOWLEDGE_ALL, OPEN
from bot.slack.recording import UNKNOWN, Press, actor_of, explanation, found_handoff, name_of
from bot.slack.wording import say
from storage.handoff_lists import adopt_list, list_of, members_of, standing_of, want_own_card
from storage.handoff_views import get, handoff_id_of, installation_of
from storage.handoffs import HandoffState


def register(bolt: App, context: SlackContext) -> None:
    for action, listener in listeners(context).items():
        bolt.action(action)(listener)


def listeners(context: SlackContext) -> dict[str, Listener]:
    """By the button's action id."""

    def opened(body: Body) -> None:
        open_card(context, body)

    def all_taken(body: Body) -> None:
        press = press_of_card(body, str((action_of(body) or {}).get("value", "")))
        if press is None:
            context.on_error(ValueError("a Slack payload was no press on a list of hand-offs"))
            return
        acknowledge_all(context, press)

    return {OPEN: context.later(opened), ACKNOWLEDGE_ALL: context.later(all_taken)}


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


def acknowledge_all(context: SlackContext, press: Press) -> None:
    """All that nobody took and that still stand here. `press.reference` names one of them. Whoever may not take any, or only
    some, reads why."""
    with context.database.write() as connection:
        who = context.person(connection, press.user)
        one = found_handoff(connection, press.reference)
        list_id = list_of(connection, one.id)[0] if one is not None else None
        moves = []
        if list_id is not None:
            adopt_list(connection, list_id, channel=press.channel, ts=press.ts, at=context.clock.now())
            _, ts = standing_of(connection, list_id)
            actor = actor_of(context, connection, who, press.key)
            listed = [get(connection, member) for member in members_of(connection, list_id)]
            here = [each for each in listed if each and each.posted_ts == ts and each.state is HandoffState.OPEN]
            moves = [handoff_acts.acknowledge(actor, each.id) for each in here]
        refused = [move for move in moves if not move.is_done]
        first = name_of(connection, refused[0]) if refused else ""
    if list_id is not None:
        redraw_list(context.poster.desk, list_id)
    told = None
    if list_id is None:
        told = explanation(UNKNOWN, who, "")
    elif refused:
        counts = Counter(move.is_done for move in moves)
        some = say("told_some", who.locale, done=str(counts[True]), number=str(len(moves)))
        told = f"{some} {explanation(refused[0], who, first)}"
    elif not moves:
        told = say("told_none_left", who.locale)
    if told is not None:
        context.tell({"user": {"id": press.user}, "channel": {"id": press.channel}}, told)
