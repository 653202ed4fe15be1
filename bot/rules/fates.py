"""What became of a mail, worked out from everything a provider said about it: a pure function of the set of events, so any
order and any repetition ends the same (design/delivery.md). Also which clicks were a scanner's. Used by absorb and explain."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.outbox import Delivery

#: A person reads before clicking, and clicks one link; a mail scanner follows all of them as the mail arrives.
SCANNER_HASTE = timedelta(seconds=10)
SCANNER_LINKS = 2
RANK = {word.value: place for place, word in enumerate(Delivery)}
#: The word of an event → what it says about the mail, where that is another word.
SAYS = {"group_unsubscribed": Delivery.UNSUBSCRIBED.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event. `link` tells links apart (a digest); `is_machine`: the provider or the user agent says so."""

    id: int
    kind: str
    at: datetime
    is_machine: bool = False
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """The earliest time of each thing that happened, and the one word for all of it."""

    delivery: str | None = None
    delivered_at: datetime | None = None
    opened_at: datetime | None = None
    clicked_at: datetime | None = None
    replied_at: datetime | None = None
    bounced_at: datetime | None = None
    dropped_at: datetime | None = None
    complained_at: datetime | None = None
    unsubscribed_at: datetime | None = None


STAMPS = tuple(name for name in Fate.__dataclass_fields__ if name.endswith("_at"))


def fate_of(events: Collection[Told]) -> Fate:
    """Machines are heard and never counted."""
    scanned = scanner_clicks(events)
    counted = [event for event in events if not event.is_machine and event.id not in scanned]
    words = {SAYS.get(event.kind, event.kind) for event in counted} & RANK.keys()
    times = {f"{kind}_at": _earliest(counted, kind) for kind in (name.removesuffix("_at") for name in STAMPS)}
    return Fate(delivery=max(words, key=RANK.__getitem__, default=None), **times)


def scanner_clicks(events: Collection[Told]) -> frozenset[int]:
    """Ids of clicks within ten seconds of the delivery, if they went to two links or more."""
    delivered_at = _earliest(events, "delivered")
    if delivered_at is None:
        return frozenset()
    hasty = [event for event in events if event.kind == "clicked" and abs(event.at - delivered_at) <= SCANNER_HASTE]
    if len({event.link for event in hasty}) < SCANNER_LINKS:
        return frozenset()
    return frozenset(event.id for event in hasty)


def _earliest(events: Iterable[Told], kind: str) -> datetime | None:
    return min((event.at for event in events if SAYS.get(event.kind, event.kind) == kind), default=None)
