"""Mails in whose preparing a worker died. Any of its batch may have killed it, so they are tried apart from all others, in ever
smaller groups: the third death points at one mail, and only that one is quarantined (storage/outbox_moves.py). Used by
deliver, once nothing else is on its way that a death could leave in doubt."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement

from storage.outbox_moves import CLAIMS_BEFORE_QUARANTINE, MESSAGE


class Lot(NamedTuple):
    """Mails that lost their worker so often while it held them, and how many of these are tried together."""

    deaths: int
    most: int


#: Whoever never lost a worker goes in whole batches.
FREE_OF_SUSPICION = Lot(deaths=0, most=0)
#: Of a batch of 500 the second death leaves 20 to look at, and those go alone.
SUSPECTS = (Lot(deaths=1, most=20), Lot(deaths=CLAIMS_BEFORE_QUARANTINE - 1, most=1))


def of_lot(lot: Lot) -> ColumnElement[bool]:
    return MESSAGE.c.claims == lot.deaths
