"""Signals: episodes that open when a condition holds (for `open_after`) and close when it does not (for `close_after`), with
the evidence of the opening (semantics.md S32). Unknown keeps what stands (S2). A few set-based statements per signal; the
condition is asked once of those with a running episode and once of the others. A derivation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, literal, null, or_, select, update
from sqlalchemy.sql.dml import Delete, Insert, Update

from bot.authoring.company import Company
from bot.pipeline.derived import FEW, Changed, Derivation, Item, Look
from bot.pipeline.scopes import CUSTOMER, Ground
from bot.rules.company_model import AT_ONCE, Signal
from bot.rules.conditions import Condition, asks_absence, compile_condition, leaves, parse_condition
from bot.rules.derived_names import Derived
from bot.rules.durations import Duration, parse_duration
from storage.bulk import new_rows_from
from storage.columns import UtcDateTime
from storage.health import SignalEpisode
from storage.leaf_documents import evidence_of

EPISODE: Table = SignalEpisode.__table__  # type: ignore[attr-defined]
COLUMNS = (
    "customer_id",
    "signal",
    "held_since",
    "opened_at",
    "evidence",
    "is_existing",
    "is_new",
    "changed_at",
)
ABSENCE_TAKES = "1 day"


def delay_of(text: str | None, condition: Condition) -> Duration | None:
    """How long a signal waits; None: not at all. A day more of silence tells absence from a late feed."""
    given = text or (ABSENCE_TAKES if asks_absence(condition) else AT_ONCE)
    return None if given == AT_ONCE else parse_duration(given)


def _items(company: Company) -> Sequence[Item]:
    return [
        Item(derived=Derived("signal", name), definition=signal, asks=(parse_condition(signal.when),))
        for name, signal in company.signals.items()
    ]


def _derive(item: Item, look: Look) -> Changed:
    key = ("signal", item.name, look.shape, look.is_new)
    for statement in look.ground.kept(key, lambda: _Statements(item, look.ground).looking(look)):
        look.connection.execute(statement)
    return changed_signals([item.name], look.ground)


def changed_signals(names: Collection[str], ground: Ground) -> Select[Any]:
    """Customers for whom one of these signals opened or closed in this pass."""
    return select(EPISODE.c.customer_id).where(
        EPISODE.c.signal.in_(sorted(names)), EPISODE.c.changed_at == literal(ground.days.now, UtcDateTime)
    )


def _mind_time(connection: Connection, ground: Ground, items: Sequence[Item]) -> Changed:
    """Opens and closes what waited long enough; asks the condition again of those few, for it may be unknown by now."""
    in_motion = or_(EPISODE.c.opened_at.is_(None), EPISODE.c.released_at.is_not(None))
    moving = set(
        connection.scalars(select(EPISODE.c.signal).where(EPISODE.c.closed_at.is_(None), in_motion).distinct())
    )
    mine = [item for item in items if item.name in moving]
    moved = 0
    for item in mine:
        statements = ground.kept(("signal", item.name, "time"), partial(_timely, item, ground))
        moved += sum(connection.execute(statement).rowcount for statement in statements)
    return changed_signals([item.name for item in mine], ground) if moved else None


def _timely(item: Item, ground: Ground) -> list[Update]:
    return _Statements(item, ground).timely()


def _forget(connection: Connection, names: Collection[str], now: datetime) -> None:
    running = (EPISODE.c.signal.in_(names), EPISODE.c.closed_at.is_(None))
    connection.execute(delete(EPISODE).where(*running, EPISODE.c.opened_at.is_(None)))
    connection.execute(update(EPISODE).where(*running).values(closed_at=now, changed_at=now, is_new=False))


class _Statements:
    """The statements of one signal."""

    def __init__(self, item: Item, ground: Ground) -> None:
        assert isinstance(item.definition, Signal)
        (self._condition,) = item.asks
        self._name = item.name
        self._ground = ground
        self._holds = compile_condition(self._condition, ground.scope())
        self._open_after = delay_of(item.definition.open_after, self._condition)
        self._close_after = delay_of(item.definition.close_after, self._condition)

    def looking(self, look: Look) -> list[Insert | Update | Delete]:
        """Over the customers of a look: who holds again, who no longer holds, who begins to hold."""
        episode, now = EPISODE.c, self._ground.now()
        held = update(EPISODE).where(self._running(), episode.released_at.is_not(None), self._asked(True, look))
        released = update(EPISODE).where(self._running(), episode.released_at.is_(None), self._asked(False, look))
        found: list[Insert | Update | Delete] = [
            held.values(released_at=null()),
            released.values(released_at=now),
            delete(EPISODE).where(self._running(), episode.opened_at.is_(None), episode.released_at.is_not(None)),
            self._beginning(look),
        ]
        if self._close_after is None:
            found.append(self._closing().values(closed_at=now, changed_at=now, is_new=False))
        return found

    def timely(self) -> list[Update]:
        """What time alone makes due."""
        now, found = self._ground.now(), list[Update]()
        if self._open_after is not None:
            due = EPISODE.c.held_since <= self._ground.ago(self._open_after)
            opening = update(EPISODE).where(self._running(), EPISODE.c.opened_at.is_(None), due, self._asked(True))
            values = {"opened_at": now, "is_new": True, "changed_at": now, "evidence": self._evidence_of_episode()}
            found.append(opening.values(values))
        if self._close_after is not None:
            due = EPISODE.c.released_at <= self._ground.ago(self._close_after)
            closing = self._closing().where(due, self._asked(False))
            found.append(closing.values(closed_at=now, changed_at=now, is_new=False))
        return found

    def _running(self) -> ColumnElement[bool]:
        return (EPISODE.c.signal == self._name) & EPISODE.c.closed_at.is_(None)

    def _closing(self) -> Update:
        return update(EPISODE).where(
            self._running(), EPISODE.c.opened_at.is_not(None), EPISODE.c.released_at.is_not(None)
        )

    def _asked(self, verdict: bool, look: Look | None = None) -> ColumnElement[bool]:
        """Whether the condition is true (or false, and not unknown) of the episode's customer."""
        asked = select(1).where(CUSTOMER.c.id == EPISODE.c.customer_id, self._holds.is_(verdict))
        if look is None:
            return asked.correlate(EPISODE).exists()
        holds = asked.where(look.inside()).correlate(EPISODE).exists()
        if look.shape != FEW:
            return holds
        # Said of the episode too, so that an index finds the few; else every running episode is asked.
        return EPISODE.c.customer_id.in_(select(CUSTOMER.c.id).where(look.inside())) & holds

    def _beginning(self, look: Look) -> Insert:
        ground, opens = self._ground, self._open_after is None
        running = select(1).where(EPISODE.c.customer_id == CUSTOMER.c.id, self._running()).correlate(CUSTOMER)
        now = ground.now()
        rows = select(
            CUSTOMER.c.id,
            literal(self._name),
            now,
            now if opens else literal(None, UtcDateTime),
            self._evidence() if opens else literal(None, EPISODE.c.evidence.type),
            literal(look.is_new),
            literal(opens),
            now,
        ).where(look.inside(), CUSTOMER.c.erased_at.is_(None), self._holds, ~running.exists())
        return new_rows_from(look.connection, EPISODE, COLUMNS, rows)

    def _evidence(self) -> Any:
        found = leaves(self._condition, self._ground.scope())
        return evidence_of((leaf.text, leaf.value, leaf.holds, leaf.bound) for leaf in found)

    def _evidence_of_episode(self) -> ColumnElement[Any]:
        asked = select(self._evidence()).where(CUSTOMER.c.id == EPISODE.c.customer_id)
        return asked.correlate(EPISODE).scalar_subquery()


KEPT_SIGNALS = Derivation(kind="signal", items=_items, derive=_derive, forget=_forget, mind_time=_mind_time)
