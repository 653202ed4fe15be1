"""Keeps an owner's day quiet: what is not urgent comes as one message where several are due, waits a few minutes after the
last call, and above `handoffs_per_owner` until the owner's next 09:00. Decides and posts lists; escalate posts single cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection

from bot.channels.slack import Card, Posted, PostFailed, SlackChannel
from bot.pipeline.quiet import next_morning, ping_time
from bot.rules.calendar import BusinessCalendar
from bot.rules.zones import is_zone, local_date, start_of_day
from storage.database import Database
from storage.handoff_lists import (
    calls_since,
    digest_of,
    fresh_of,
    members_of,
    newest_acts,
    put_together,
    record_list_posted,
    record_list_shown,
    standing_of,
)
from storage.handoff_views import HandoffRecord, installation_of
from storage.notice_moves import owe_copies

#: Those that follow a call within so long come together.
GATHER = timedelta(minutes=5)


class ListDrawer(Protocol):
    """Draws the message of several; bot.slack.card_views has it."""

    def draw_list(
        self,
        connection: Connection,
        handoff_ids: Sequence[int],
        ts: str | None,
        digest: tuple[str, date] | None,
    ) -> Card: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What posting lists takes; escalate.Poster has all of it."""

    database: Database
    slack: SlackChannel
    drawer: ListDrawer
    calendar: BusinessCalendar
    timezone: str
    per_day: int | None


def room_at(connection: Connection, desk: Desk, handoff: HandoffRecord, now: datetime) -> datetime:
    """When there is room for another call that is not urgent; not before now."""
    if handoff.owner is None or handoff.owner_slack_id is None or handoff.urgency == "high":
        return now
    zone = handoff.owner_timezone or desk.timezone
    zone = zone if is_zone(zone) else "UTC"
    number, last = calls_since(connection, handoff.owner, start_of_day(local_date(now, zone), zone))
    if desk.per_day is not None and number >= desk.per_day:
        return next_morning(now, handoff, desk.calendar, desk.timezone)
    return max(now, last + GATHER) if last is not None else now


def gather(connection: Connection, desk: Desk, first: HandoffRecord, now: datetime) -> int | None:
    """Puts `first` together with what else may call its owner now; None: there is nothing else."""
    due = [
        one.id
        for one in fresh_of(connection, first.owner or "", now)
        if one.id != first.id and ping_time(one, now, desk.calendar, desk.timezone) <= now
    ]
    return put_together(connection, first.owner or "", [first.id, *due], now) if due else None


def gather_for_digest(connection: Connection, desk: Desk, owner: str, day: date, now: datetime) -> int | None:
    """Puts together what may call this owner now, to come with their digest of the day; None: nothing may."""
    due = [
        one.id
        for one in fresh_of(connection, owner, now)
        if one.owner_slack_id is not None and ping_time(one, now, desk.calendar, desk.timezone) <= now
    ]
    return put_together(connection, owner, due, now, digest_day=day) if due else None


def post_list(desk: Desk, list_id: int, place: str, now: datetime, *, look_first: bool) -> Posted | PostFailed:
    """Posts the message of all that stand on it, once."""
    with desk.database.read() as connection:
        channel, ts = standing_of(connection, list_id)
        if channel is not None and ts is not None:
            return Posted(channel=channel, ts=ts, was_found=True)
        ids = members_of(connection, list_id, unposted=True)
        card = desk.drawer.draw_list(connection, ids, None, digest_of(connection, list_id))
        reference = f"{installation_of(connection)}.list.{list_id}"
    answer = desk.slack.post_card(place, card, reference, look_first=look_first)
    if isinstance(answer, Posted):
        with desk.database.write() as connection:
            record_list_posted(connection, list_id, ids, channel=answer.channel, ts=answer.ts, at=now)
            owe_copies(connection, ids, now)
        redraw_list(desk, list_id)  # what somebody did to one of them meanwhile
    return answer


def redraw_list(desk: Desk, list_id: int) -> Posted | PostFailed | None:
    """Brings the message up to date; None: it is not known to stand."""
    with desk.database.read() as connection:
        channel, ts = standing_of(connection, list_id)
        if channel is None or ts is None:
            return None
        shown = newest_acts(connection, list_id)
        members, digest = members_of(connection, list_id), digest_of(connection, list_id)
        card = desk.drawer.draw_list(connection, members, ts, digest)
    answer = desk.slack.update_card(channel, ts, card)
    if isinstance(answer, Posted):
        with desk.database.write() as connection:
            record_list_shown(connection, list_id, shown)
    return answer
