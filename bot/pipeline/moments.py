"""The scheduled moments of `enter.every` and `enter.once`: which one passed last and which comes next, in the workspace's time
zone. Only the latest missed one is caught up (semantics.md S5). Pure; enroll asks it once per playbook and tick."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from bot.rules.calendar import local_to_utc, to_local
from bot.rules.durations import parse_moment, parse_schedule
from bot.rules.playbook import Enter


def latest_moment(enter: Enter, zone: str, now: datetime) -> datetime | None:
    """The newest moment that is not in the future, as an instant."""
    return _latest(enter.every, enter.once, enter.from_, zone, now)


@lru_cache(maxsize=1024)
def _latest(every: str | None, once: str | None, from_: str | None, zone: str, now: datetime) -> datetime | None:
    """Kept, for a tick asks several times."""
    local_now = to_local(now, zone).replace(tzinfo=None)
    if once:
        found: datetime | None = _local(once)
        return local_to_utc(found, zone) if found is not None and found <= local_now else None
    start = _local(from_) if from_ else None
    found = parse_schedule(every or "").latest_at_or_before(local_now, start)
    return None if found is None else local_to_utc(found, zone)


def next_moment(enter: Enter, zone: str, now: datetime) -> datetime | None:
    """The first after `now`, as an instant; None when none comes any more."""
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
