"""What a press or a submitted form does to a hand-off: recorded once, in one transaction, by the rules of handoff_acts, then
shown on the card; whoever may not, or was second, is told privately why. Runs after Slack has its acknowledgement. Slack's
words stop here: the acts know only who did what. Before it: clicks.py and act_forms.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from sqlalchemy import Connection

from bot.authoring.workspace_file import WorkspaceSettings
from bot.pipeline.card_lists import redraw_list
from bot.pipeline.escalate import post_handoff
from bot.pipeline.handoff_acts import Actor
from bot.slack.card_views import names_of
from bot.slack.cards import person
from bot.slack.context import SlackContext
from bot.slack.people import Person
from bot.slack.wording import say, written_moment
from storage.handoff_deeds import MACHINE, Move
from storage.handoff_lists import adopt_list, list_of
from storage.handoff_posts import adopt_card
from storage.handoff_views import UNFINISHED, HandoffRecord, get, handoff_id_of, installation_of
from storage.handoffs import HandoffState

USER = re.compile(r"[UW][A-Z0-9]{1,20}")

Act: TypeAlias = Callable[[Actor, HandoffRecord], Move]


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """Who pressed something on which card. `key` is the same in every retry of the same press; `channel` "": no card."""

    reference: str
    user: str
    channel: str
    ts: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What became of a press. `handoff` is as it stood before; None: unknown, erased or another installation's. `list_id`: the
    list on which it was pressed."""

    move: Move
    handoff: HandoffRecord | None
    person: Person
    first: str
    list_id: int | None


def found_handoff(connection: Connection, reference: str) -> HandoffRecord | None:
    """None: unknown, erased or another installation's."""
    handoff_id = handoff_id_of(installation_of(connection), reference)
    return get(connection, handoff_id) if handoff_id is not None else None


def name_of(connection: Connection, move: Move) -> str:
    """Who was before, or whose it is, by name."""
    return names_of(connection, {move.by}).get(move.by, move.by) if move.by else ""


def actor_of(context: SlackContext, connection: Connection, who: Person, key: str) -> Actor:
    """`key` is the same in every retry of the same act."""
    settings: WorkspaceSettings = context.drawer.settings(connection)
    return Actor(connection=connection, settings=settings, by=who.by, at=context.clock.now(), key=key)


class Recorder:
    """Records presses and shows what became of them. Threads may share it."""

    def __init__(self, context: SlackContext) -> None:
        self._context = context

    def do(self, press: Press, act: Act) -> None:
        """Raises what the database raises: nothing is recorded then. Slack failing afterwards changes nothing."""
        result = self._record(press, act)
        try:
            self._show(press, result)
        except Exception as error:  # noqa: BLE001  (the act is recorded; the next pass draws the card)
            self._context.on_error(error)

    def _record(self, press: Press, act: Act) -> _Result:
        with self._context.database.write() as connection:
            who = self._context.person(connection, press.user)
            handoff = found_handoff(connection, press.reference)
            actor = actor_of(self._context, connection, who, press.key)
            move = UNKNOWN if handoff is None else act(actor, handoff)
            list_id = self._adopt(connection, press, handoff)
            if handoff is not None and handoff.posted_ts is None and press.ts:
                handoff = replace(handoff, posted_channel=press.channel, posted_ts=press.ts)
            first = name_of(connection, move)
        return _Result(move=move, handoff=handoff, person=who, first=first, list_id=list_id)

    def _adopt(self, connection: Connection, press: Press, handoff: HandoffRecord | None) -> int | None:
        """What people press stands, even where the answer to its posting was lost. Returns the list on which it was pressed."""
        if handoff is None or not press.ts:
            return None
        list_id, list_ts = list_of(connection, handoff.id)
        if handoff.posted_ts is None and list_id is not None and list_ts is None:
            adopt_list(connection, list_id, channel=press.channel, ts=press.ts, at=self._context.clock.now())
            return list_id
        if handoff.posted_ts is None:
            adopt_card(connection, handoff.id, channel=press.channel, ts=press.ts)
        return list_id if list_ts == press.ts else None

    def _show(self, press: Press, result: _Result) -> None:
        if result.handoff is not None:
            if result.move.is_done:
                post_handoff(self._context.poster, result.handoff.id)
            is_newest = (press.channel, press.ts) == (result.handoff.posted_channel, result.handoff.posted_ts)
            if press.ts and not (is_newest and result.move.is_done):
                self._redraw(press, result, is_newest=is_newest)
        if not result.move.is_done:
            self._tell(press, explanation(result.move, result.person, result.first))

    def _redraw(self, press: Press, result: _Result, *, is_newest: bool) -> None:
        """The card that was pressed, when it is an old one or did not show the latest."""
        assert result.handoff is not None
        if result.list_id is not None:
            redraw_list(self._context.poster.desk, result.list_id)
            return
        is_over = result.move.state not in UNFINISHED and result.move.state is not HandoffState.MERGED
        drawer = self._context.drawer
        draw = drawer.draw if is_newest or is_over else drawer.draw_moved
        with self._context.database.read() as connection:
            card = draw(connection, result.handoff.id)
        if card is not None:
            self._context.slack.update_card(press.channel, press.ts, card)

    def _tell(self, press: Press, text: str) -> None:
        self._context.tell({"user": {"id": press.user}, "channel": {"id": press.channel}}, text)


UNKNOWN = Move(
    is_done=False,
    state=HandoffState.OPEN,
    by=None,
    at=None,
    sentence_reason="There is no such hand-off here",
    reason="unknown",
)


def over(handoff: HandoffRecord) -> Move:
    """How a hand-off ended that nobody can act on any more."""
    reason = "merged" if handoff.state is HandoffState.MERGED else "finished"
    sentence = f"Hand-off {handoff.id} is over"
    return Move(
        is_done=False,
        state=handoff.state,
        by=handoff.closed_by,
        at=handoff.closed_at,
        sentence_reason=sentence,
        reason=reason,
    )


def explanation(move: Move, who: Person, first: str) -> str:
    """Why nothing was changed, in the person's language; `first` is the name of who was before, or whose it is."""
    is_by_itself = move.reason == "finished" and move.by == MACHINE
    told = say(
        "told_finished_by_itself" if is_by_itself else f"told_{move.reason}",
        who.locale,
        by=person(first) if first else "–",
        at=written_moment(move.at, who.timezone, who.locale) if move.at else "–",
        state=say(f"state_{move.state.value}", who.locale),
    )
    if move.reason == "not_yours" and who.csm is None:
        return f"{told} {say('told_stranger', who.locale)}"
    return told
