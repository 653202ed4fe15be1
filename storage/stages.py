"""How far each customer is in its stage: the named completion checks of stages.yml, as they stand. Written by the derive pass
of detect; read by the report, by `customers show` and by the brief of a hand-off. The history of stages is facts.StageChange."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Column, ForeignKey, Index
from sqlmodel import Field, SQLModel

from storage.columns import BigKey, UtcDateTime

#: StageChange.cause of a move that stages.yml made.
BY_CHECKS = "stages.yml"


class StageCheck(SQLModel, table=True):
    """One check of the stage a customer is in. `holds` None: not known yet; an answer that becomes unknown stands (S31)."""

    __tablename__ = "stage_check"
    __table_args__ = (Index("ix_stage_check_stage", "stage", "name", "holds"),)

    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), primary_key=True, autoincrement=False))
    stage: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    holds: bool | None = None
    since: date


class HoldState(StrEnum):
    """What becomes of a move that the fuse of a stage took back."""

    HELD = "held"  #: waits for a person
    RELEASED = "released"  #: a person let the customer move
    DROPPED = "dropped"  #: a person decided that the customer stays


class StageHold(SQLModel, table=True):
    """A customer whom a stage would have moved on together with too many others (bot.pipeline.stage_fuse)."""

    __tablename__ = "stage_hold"
    __table_args__ = (Index("ix_stage_hold_stage", "stage", "state"),)

    customer_id: int = Field(sa_column=Column(BigKey, ForeignKey("customer.id"), primary_key=True, autoincrement=False))
    stage: str = Field(primary_key=True)
    state: str
    at: datetime = Field(sa_type=UtcDateTime)
