"""Lists blown fuses with their numbers, what they hold now and who was asked. Read-only."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, literal, select

from bot.insight.listings import dated
from bot.pipeline.entering import OCCASION
from bot.pipeline.fuses import Blown, title_of
from bot.pipeline.stage_fuse import held_moves
from bot.rules.fuses import FuseKind
from storage.fuses import FUSE, FuseState
from storage.journeys import OccasionState
from storage.new_handoffs import HANDOFF
from storage.outbox import MessageState
from storage.outbox_moves import MESSAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class FuseRow:
    """One fuse in a list. `playbook` None: all mails. `holds`: customers of an audience, else mails that wait."""

    id: int
    kind: str
    playbook: str | None
    state: str
    why: str
    numbers: dict[str, Any]
    holds: int
    owner: str | None
    handoff: int | None
    blown_at: datetime
    closed_at: datetime | None
    closed_by: str | None

    def as_dict(self) -> dict[str, Any]:
        return dated(asdict(self))


def list_fuses(connection: Connection, *, everything: bool = False) -> list[FuseRow]:
    """The newest first; only blown ones unless `everything`."""
    found = (
        select(FUSE, HANDOFF.c.owner)
        .select_from(FUSE.outerjoin(HANDOFF, HANDOFF.c.id == FUSE.c.handoff_id))
        .where(literal(True) if everything else FUSE.c.state == FuseState.BLOWN.value)
        .order_by(FUSE.c.id.desc())
    )
    return [_row(connection, row) for row in connection.execute(found)]


def _row(connection: Connection, row: Any) -> FuseRow:
    fuse = Blown.of(row)
    return FuseRow(
        id=row.id,
        kind=row.kind,
        playbook=row.playbook,
        state=row.state,
        why=title_of(fuse)["en"],
        numbers=dict(row.numbers),
        holds=_held(connection, fuse) if row.state == FuseState.BLOWN else 0,
        owner=row.owner,
        handoff=row.handoff_id,
        blown_at=row.blown_at,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
    )


def _held(connection: Connection, fuse: Blown) -> int:
    if fuse.kind is FuseKind.STAGES:
        return held_moves(connection, fuse)
    if fuse.kind is FuseKind.AUDIENCE:
        held = and_(OCCASION.c.playbook == fuse.playbook, OCCASION.c.state == OccasionState.HELD.value)
        return connection.scalar(select(func.count(OCCASION.c.customer_id.distinct())).where(held)) or 0
    waits = MESSAGE.c.state == MessageState.PENDING.value
    mine = waits if fuse.playbook is None else and_(waits, MESSAGE.c.playbook == fuse.playbook)
    return connection.scalar(select(func.count()).select_from(MESSAGE).where(mine)) or 0
