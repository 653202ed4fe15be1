"""Between local time and UTC. A local time that a clock change skips moves forward, one that happens twice is its
first. zoneinfo must read the tzdata package, which importing bot.clock arranges. Everything stored is aware UTC;
everything in rules that speaks of days asks here."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, time
from functools import lru_cache

# Imported for its effect: it points zoneinfo at the tzdata package.
import bot.clock  # noqa: F401

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones() - {"Factory", "localtime"})


def is_zone(name: str) -> bool:
    """Whether `name` is an IANA zone, spelled exactly (`Asia/Tokyo`)."""
    return name in _zone_names()


@lru_cache(maxsize=1024)
def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """Raises: ValueError when there is no such zone."""
    if not is_zone(name):
        raise ValueError(f"`{name}` is not a time zone; write it like `Asia/Tokyo` or `America/New_York`")
    # no_cache: a zone that some library opened before bot.clock was imported may come from the machine's old copy.
    return zoneinfo.ZoneInfo.no_cache(name)


def local_to_utc(local: datetime, zone: str) -> datetime:
    """Raises: ValueError for an aware `local` or an unknown zone."""
    if local.tzinfo is not None:
        raise ValueError(f"{local.isoformat()} already has a zone; a local time has none")
    try:
        # fold=0 is exactly the wanted choice: the offset before the change, for gaps and for folds (PEP 495).
        return local.replace(tzinfo=zone_of(zone), fold=0).astimezone(UTC)
    except OverflowError:
        return EARLIEST if local.year == EARLIEST.year else LATEST


def to_local(instant: datetime, zone: str) -> datetime:
    """Aware local time. Raises: ValueError for a naive `instant` or an unknown zone."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no zone; an instant is aware UTC")
    try:
        return instant.astimezone(zone_of(zone))
    except OverflowError:
        return instant.replace(tzinfo=zone_of(zone))


@lru_cache(maxsize=4096)
def local_date(instant: datetime, zone: str) -> date:
    """The date on the wall calendar of `zone`."""
    return to_local(instant, zone).date()


def start_of_day(day: date, zone: str) -> datetime:
    """The first instant of the local day: its midnight, or 01:00 where a clock change skips midnight (S7)."""
    return local_to_utc(datetime.combine(day, time.min), zone)
