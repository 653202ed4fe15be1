"""How each customer fares: cards and their measures, a row for each day on which something changed, so the row of a day is the
latest one up to it. Written by the derive pass of detect, never by people; read by conditions, health_views and reports."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, ForeignKey, Index, case
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, Document, UtcDateTime

#: From worst to best; a band's place is its rank.
BANDS = ("red", "yellow", "green")


class ScoreState(StrEnum):
    """What a score's value rests on."""

    FRESH = "fresh"  #: worked out from facts that can be believed
    KEPT = "kept"  #: its feed is silent, so the last value stands (S2)
    MISSING = "missing"  #: no fact gives it a value yet
    OFF = "off"  #: it does not apply to this customer now (`when:`)


class Score(SQLModel, table=True):
    """A card or a measure (`name`) of one customer, from `day` on until its next row. `value` is 0 to 100. `band_since` is the
    day the band began; `before_…` what stood when the day before ended. `confidence`: of a card, the weight of its fresh
    measures as a share. `facts`: what a measure was worked out from, by the text of the condition."""

    __table_args__ = (Index("ix_score_noted", "noted_at"),)

    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), primary_key=True, autoincrement=False))
    name: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    card: str
    value: float | None = None
    band: str | None = None
    state: str = ScoreState.FRESH
    confidence: float | None = None
    band_since: date | None = None
    before_value: float | None = None
    before_band: str | None = None
    before_since: date | None = None
    facts: dict[str, Any] | None = Field(default=None, sa_column=Column(Document))
    noted_at: datetime = Field(sa_type=UtcDateTime)


def rank_of(band: ColumnElement[Any]) -> ColumnElement[Any]:
    """0 for red to 2 for green; empty for no band."""
    return case(*((band == name, place) for place, name in enumerate(BANDS)))
