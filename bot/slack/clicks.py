"""What a click on a card does: recorded once, in one transaction, then shown on the card; whoever was second is told
privately who was first. Runs after Slack has its acknowledgement, so it may wait for the database. Slack's words stop
here: handoff_moves.py knows only who did what. Faults are told to the person and to `on_error`, never swallowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any

from slack_bolt import App
from sqlalchemy import Connection

from bot.pipeline.escalate import Poster, post_handoff
from bot.rules.calendar import BusinessCalendar, is_zone, local_date, local_to_utc, parse_working_hours
from bot.slack.card_views import CardDrawer, names_of
from bot.slack.cards import ACKNOWLEDGE, DONE, OUTCOME_MARK, SNOOZE, person
from bot.slack.context import Body, OnError, SlackContext
from bot.slack.people import Person, person_of
from bot.slack.wording import say, written_moment
from storage import handoff_moves
from storage.handoff_moves import HandoffRecord, Move
from storage.handoff_posts import adopt_card
from storage.handoff_views import get, handoff_id_of, installation_of
from storage.handoffs import HandoffState

SNOOZED_UNTIL = time(9)
_USER = re.compile(r"[UW][A-Z0-9]{1,20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """One press of a button, as Slack told it. `key` is the same in every retry of the same press."""

    action: str
    reference: str
    outcome_number: int | None
    user: str
    channel: str
    ts: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What became of a click. `handoff` is as it stood before; None: unknown, erased or another installation's."""

    move: Move
    handoff: HandoffRecord | None
    clicker: Person
    first: str


def register(bolt: App, context: SlackContext) -> None:
    """The buttons of the cards."""
    handler = ClickHandler(
        poster=context.poster,
        drawer=context.drawer,
        calendar=context.settings.calendar,
        on_error=context.on_error,
    )

    def clicked(body: Body) -> None:
        click = click_of(body)
        if click is None:
            context.on_error(ValueError("a Slack payload was no press on a hand-off card"))
            return
        handler.handle(click)

    for action in (ACKNOWLEDGE, SNOOZE, DONE):
        bolt.action(action)(context.later(clicked))


def click_of(body: Mapping[str, Any]) -> Click | None:
    """None for a payload that is not a press on one of our cards."""
    action = next(iter(body.get("actions") or ()), None)
    container = body.get("container") or {}
    user = str((body.get("user") or {}).get("id", ""))
    if not isinstance(action, Mapping) or action.get("action_id") not in (ACKNOWLEDGE, SNOOZE, DONE):
        return None
    chosen = (action.get("selected_option") or {}).get("value")
    reference, mark, number = str(chosen if chosen is not None else action.get("value", "")).partition(OUTCOME_MARK)
    if not _USER.fullmatch(user) or (mark and not (number.isascii() and number.isdigit())):
        return None
    return Click(
        action=str(action["action_id"]),
        reference=reference,
        outcome_number=int(number[:6]) if mark else None,
        user=user,
        channel=str(container.get("channel_id") or (body.get("channel") or {}).get("id", "")),
        ts=str(container.get("message_ts", "")),
        key=f"{action.get('action_ts', '')}-{user}",
    )


class ClickHandler:
    """Does what clicks ask for. Threads may share it."""

    def __init__(
        self, *, poster: Poster, drawer: CardDrawer, calendar: BusinessCalendar | None = None, on_error: OnError
    ) -> None:
        self._poster = poster
        self._drawer = drawer
        self._calendar = calendar or BusinessCalendar()
        self._on_error = on_error

    def handle(self, click: Click) -> None:
        """Never raises: what went wrong is told to the person and to `on_error`."""
        try:
            result = self._record(click)
        except Exception as error:  # noqa: BLE001  (told to the person and to on_error; the next click must work)
            self._on_error(error)
            self._tell(click, say("told_error", self._drawer.locale))
            return
        try:
            self._show(click, result)
        except Exception as error:  # noqa: BLE001  (the click is recorded; the next pass draws the card)
            self._on_error(error)

    def _record(self, click: Click) -> _Result:
        now = self._poster.clock.now()
        with self._poster.database.write() as connection:
            clicker = person_of(connection, click.user, locale=self._drawer.locale, timezone=self._drawer.timezone)
            handoff_id = handoff_id_of(installation_of(connection), click.reference)
            handoff = get(connection, handoff_id) if handoff_id is not None else None
            move = _UNKNOWN if handoff is None else self._move(connection, handoff, click, clicker, now)
            if handoff is not None and handoff.posted_ts is None and click.ts:
                adopt_card(connection, handoff.id, channel=click.channel, ts=click.ts)
                handoff = replace(handoff, posted_channel=click.channel, posted_ts=click.ts)
            first = names_of(connection, {move.by}).get(move.by, move.by) if move.by else ""
        return _Result(move=move, handoff=handoff, clicker=clicker, first=first)

    def _move(
        self, connection: Connection, handoff: HandoffRecord, click: Click, clicker: Person, now: datetime
    ) -> Move:
        key = click.key
        if click.action == ACKNOWLEDGE:
            return handoff_moves.acknowledge(connection, handoff.id, by=clicker.by, at=now, key=key)
        if click.action == SNOOZE:
            until = self._snooze_end(handoff, now)
            return handoff_moves.snooze(connection, handoff.id, by=clicker.by, at=now, key=key, until=until)
        outcome = None
        if click.outcome_number is not None:
            if click.outcome_number >= len(handoff.outcomes):
                return replace(_UNKNOWN, reason="unknown_outcome")
            outcome = handoff.outcomes[click.outcome_number]
        return handoff_moves.done(connection, handoff.id, by=clicker.by, at=now, key=key, outcome=outcome)

    def _snooze_end(self, handoff: HandoffRecord, now: datetime) -> datetime:
        """09:00 of the owner's next working day; a due time before that ends the snooze (handoff_moves)."""
        zone = handoff.owner_timezone or self._drawer.timezone
        zone = zone if is_zone(zone) else "UTC"
        hours = parse_working_hours(handoff.owner_working_hours or "")
        day = replace(self._calendar, open_days=hours.days).next_business_day(local_date(now, zone))
        return local_to_utc(datetime.combine(day, SNOOZED_UNTIL), zone)

    def _show(self, click: Click, result: _Result) -> None:
        if result.handoff is not None:
            if result.move.is_done:
                post_handoff(self._poster, result.handoff.id)
            is_newest = (click.channel, click.ts) == (result.handoff.posted_channel, result.handoff.posted_ts)
            if click.ts and not (is_newest and result.move.is_done):
                self._redraw(click, result, is_newest=is_newest)
        if not result.move.is_done:
            self._tell(click, _explanation(result))

    def _redraw(self, click: Click, result: _Result, *, is_newest: bool) -> None:
        """The card that was clicked, when it is an old one or did not show the latest."""
        assert result.handoff is not None
        is_over = result.move.state in (HandoffState.DONE, HandoffState.DISMISSED, HandoffState.WITHDRAWN)
        draw = self._drawer.draw if is_newest or is_over else self._drawer.draw_moved
        with self._poster.database.read() as connection:
            card = draw(connection, result.handoff.id)
        if card is not None:
            self._poster.slack.update_card(click.channel, click.ts, card)

    def _tell(self, click: Click, text: str) -> None:
        failed = self._poster.slack.tell_privately(click.channel, click.user, text)
        if failed is not None:
            self._on_error(RuntimeError(f"a private answer in Slack failed: {failed.reason}"))


_UNKNOWN = Move(
    is_done=False,
    state=HandoffState.OPEN,
    by=None,
    at=None,
    sentence_reason="There is no such hand-off here",
    reason="unknown",
)


def _explanation(result: _Result) -> str:
    move, clicker = result.move, result.clicker
    return say(
        f"told_{move.reason}",
        clicker.locale,
        by=person(result.first) if result.first else "–",
        at=written_moment(move.at, clicker.timezone, clicker.locale) if move.at else "–",
        state=say(f"state_{move.state.value}", clicker.locale),
    )
