"""The next scheduled moment of `enter.every` and `enter.once`, for explaining what has not come yet. Pure; the mirror of
bot.pipeline.moments, which knows the latest one that passed."""

from __future__ import annotations

from datetime import datetime

from bot.rules.calendar import local_to_utc, to_local
from bot.rules.durations import parse_moment, parse_schedule
from bot.rules.playbook import Enter


def next_moment(enter: Enter, zone: str, now: datetime) -> datetime | None:
    """As an instant; None when none comes any more."""
    if enter.once:
        moment = the_once(enter, zone)
        return moment if moment is not None and moment > now else None
    local_now = to_local(now, zone).replace(tzinfo=None)
    start = _local(enter.from_) if enter.from_ else None
    found = parse_schedule(enter.every or "").next_after(local_now, start)
    return None if found is None else local_to_utc(found, zone)


def the_once(enter: Enter, zone: str) -> datetime | None:
    """The one moment of `once`."""
    found = _local(enter.once) if enter.once else None
    return None if found is None else local_to_utc(found, zone)


def _local(text: str) -> datetime | None:
    moment = parse_moment(text)
    return None if moment.date is None else datetime.combine(moment.date, moment.at)
