"""What became of a mail, worked out from everything a provider said about it: a pure function of the set of events, so any
order and any repetition ends the same (design/delivery.md). Also which clicks were a scanner's. Used by absorb and explain."""

from __future__ import annotations

from collections.abc import Collection
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

STAMP_OF = {name.removesuffix("_at"): name for name in STAMPS}


def fate_of(events: Collection[Told]) -> Fate:
    """Machines are heard and never counted."""
    scanned = scanner_clicks(events)
    earliest: dict[str, datetime] = {}
    for event in events:
        if event.is_machine or event.id in scanned:
            continue
        word = SAYS.get(event.kind, event.kind)
        if word not in earliest or event.at < earliest[word]:
            earliest[word] = event.at
    delivery = max(earliest.keys() & RANK.keys(), key=RANK.__getitem__, default=None)
    return Fate(delivery=delivery, **{name: earliest.get(kind) for kind, name in STAMP_OF.items()})


def scanner_clicks(events: Collection[Told]) -> frozenset[int]:
    """Ids of clicks within ten seconds of the delivery, if they went to two links or more."""
    clicks = [event for event in events if event.kind == "clicked"]
    delivered_at = min((event.at for event in events if event.kind == "delivered"), default=None)
    if len(clicks) < SCANNER_LINKS or delivered_at is None:
        return frozenset()
    hasty = [event for event in clicks if abs(event.at - delivered_at) <= SCANNER_HASTE]
    if len({event.link for event in hasty}) < SCANNER_LINKS:
        return frozenset()
    return frozenset(event.id for event in hasty)
