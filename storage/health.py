"""What was derived from facts, per customer: values of metrics day by day, bands of features, episodes of signals.
Only the derivations of the pipeline write here; conditions and reports read it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, ForeignKey, Index, literal_column
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, Document, UtcDateTime, partial_index


class DerivedItem(SQLModel, table=True):
    """A metric, feature, score, signal … that was derived for everybody, by the digest of its definition: when that
    changes, everybody is looked at. `fault` is the sentence of the error that stopped its last pass."""

    __tablename__ = "derived_item"

    kind: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    digest: str
    fault: str | None = None
    fault_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class MetricValue(SQLModel, table=True):
    """A metric's value from this local day on: a day has a row only where the value is another than before."""

    __tablename__ = "metric_value"

    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), primary_key=True, autoincrement=False))
    metric: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    value: float | None = None
    changed_at: datetime = Field(sa_type=UtcDateTime)


class FeatureBand(SQLModel, table=True):
    """How a customer uses a feature: the value, the band, since which local day. `share` is the value as a share of what
    green asks for, so that features of different measure can be compared."""

    __tablename__ = "feature_band"

    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), primary_key=True, autoincrement=False))
    feature: str = Field(primary_key=True)
    value: float | None = None
    share: float | None = None
    band: str
    since: date
    changed_at: datetime = Field(sa_type=UtcDateTime)


class SignalEpisode(SQLModel, table=True):
    """One time a signal's condition held for a customer. `held_since` and `released_at` follow the condition, `opened_at` and
    `closed_at` the signal, which waits `open_after` and `close_after` (S32); without `opened_at` it is not open yet.
    `is_existing`: it held when the signal was first looked at (S4). `is_new` until enroll has offered the opening.
    `changed_at`: when it last began, was released or held again, opened or closed."""

    __tablename__ = "signal_episode"
    __table_args__ = (
        partial_index("uq_signal_episode_running", "customer_id", "signal", unique=True, where="closed_at IS NULL"),
        partial_index(
            "ix_signal_episode_opening", "signal", "held_since", where="closed_at IS NULL AND opened_at IS NULL"
        ),
        partial_index(
            "ix_signal_episode_closing", "signal", "released_at", where="closed_at IS NULL AND released_at IS NOT NULL"
        ),
        partial_index("ix_signal_episode_new", "signal", where="is_new"),
        Index("ix_signal_episode_changed", "signal", "changed_at"),
        Index("ix_signal_episode_customer", "customer_id", "opened_at"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigKey, primary_key=True))
    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), nullable=False))
    signal: str
    held_since: datetime = Field(sa_type=UtcDateTime)
    released_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    opened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    evidence: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(Document))
    is_existing: bool = False
    is_new: bool = False
    changed_at: datetime = Field(sa_type=UtcDateTime)


#: Written as its partial index says it.
UNHEARD_EPISODE: ColumnElement[Any] = literal_column("signal_episode.is_new")
