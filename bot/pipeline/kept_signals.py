"""Signals: episodes that open when a condition holds (for `open_after`) and close when it does not (for `close_after`), with
the evidence of the opening (semantics.md S32). Unknown keeps what stands (S2). One statement per signal asks the condition once
of each customer; the rest is asked only where it turned for somebody. A derivation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    Table,
    and_,
    case,
    delete,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.sql.dml import Delete, Insert, Update

from bot.authoring.company import Company
from bot.pipeline.derived import Changed, Derivation, Item, Look
from bot.pipeline.scopes import CUSTOMER, Ground
from bot.rules.company_model import AT_ONCE, Signal
from bot.rules.condition_columns import verdict_column
from bot.rules.conditions import Condition, asks_absence, compile_condition, leaves, parse_condition
from bot.rules.derived_names import Derived
from bot.rules.durations import Duration, parse_duration
from storage.health import SignalEpisode
from storage.leaf_documents import evidence_of
from storage.prepared import Prepared
from storage.upserts import UniqueWhere, put_selected

EPISODE: Table = SignalEpisode.__table__  # type: ignore[attr-defined]
#: Its unique index: one running episode per customer and signal.
RUNNING_KEY = UniqueWhere(columns=("customer_id", "signal"), where="closed_at IS NULL")
COLUMNS = ("customer_id", "signal", "held_since", "released_at", "is_existing", "is_new", "changed_at")
ABSENCE_TAKES = "1 day"
#: Episodes that time alone may open or close (storage.asking); `is_time_due` says whether it has come for any.
IN_MOTION = {
    "opening": select(EPISODE.c.id).where(EPISODE.c.closed_at.is_(None), EPISODE.c.opened_at.is_(None)),
    "closing": select(EPISODE.c.id).where(EPISODE.c.closed_at.is_(None), EPISODE.c.released_at.is_not(None)),
}


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
    turning = look.ground.kept(key, lambda: Prepared(_Statements(item, look.ground).turning(look)))
    if not turning.run(look.connection):
        return None
    following = look.ground.kept(("signal", item.name), lambda: _Statements(item, look.ground).following())
    for statement in following:
        statement.run(look.connection)
    return partial(_changed, [item.name], look.ground)


def _changed(names: Collection[str], ground: Ground) -> Select[Any]:
    """Customers for whom one of these signals moved in this pass."""
    return select(EPISODE.c.customer_id).where(
        EPISODE.c.signal.in_(sorted(names)), EPISODE.c.changed_at == ground.now()
    )


def is_time_due(connection: Connection, ground: Ground, items: Sequence[Item]) -> bool:
    """Whether any episode waited long enough."""
    question = _delayed(ground, items).question
    return question is not None and connection.execute(question).first() is not None


def _delayed(ground: Ground, items: Sequence[Item]) -> _Delayed:
    return ground.kept(("signals", "delayed"), lambda: _Delayed.of(items, ground))


def _mind_time(connection: Connection, ground: Ground, items: Sequence[Item]) -> Changed:
    """Opens and closes what waited long enough; asks the condition again of those few, for it may be unknown by now."""
    delayed = _delayed(ground, items)
    if delayed.question is None:
        return None
    due = set(connection.scalars(delayed.question))
    moved = 0
    for name in sorted(due):
        statements = ground.kept(("signal", name, "time"), delayed.statements[name].timely)
        moved += sum(statement.run(connection) for statement in statements)
    return partial(_changed, due, ground) if moved else None


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
        self._open_after = delay_of(item.definition.open_after, self._condition)
        self._close_after = delay_of(item.definition.close_after, self._condition)

    @cached_property
    def _holds(self) -> ColumnElement[bool]:
        return compile_condition(self._condition, self._ground.scope())

    @cached_property
    def _holds_in_a_column(self) -> ColumnElement[bool]:
        return verdict_column(self._condition, self._ground.scope())

    def turning(self, look: Look) -> Insert:
        """Over the customers of a look, the condition asked once of each: who begins to hold, who no longer holds, who holds
        again. Nobody else is written."""
        now = self._ground.now()
        mine = and_(EPISODE.c.customer_id == CUSTOMER.c.id, self._running())
        found = (
            select(
                CUSTOMER.c.id.label("customer_id"),
                self._holds_in_a_column.label("holds"),
                EPISODE.c.id.is_(None).label("begins"),
                EPISODE.c.released_at.is_(None).label("held"),
            )
            .select_from(CUSTOMER.outerjoin(EPISODE, mine))
            .where(look.inside(), CUSTOMER.c.erased_at.is_(None))
            .offset(0)  # else a planner may work the condition out twice, once for the comparison below
            .subquery("found")
        )
        turns = or_(
            and_(found.c.holds, or_(found.c.begins, ~found.c.held)), and_(~found.c.holds, ~found.c.begins, found.c.held)
        )
        released = case((found.c.holds, null()), else_=now)
        rows = select(
            found.c.customer_id, literal(self._name), now, released, literal(look.is_new), literal(False), now
        )
        return put_selected(
            look.connection, EPISODE, COLUMNS, rows.where(turns), changes=("released_at", "changed_at"), key=RUNNING_KEY
        )

    def following(self) -> list[Prepared]:
        """What the turns mean: what was not open yet is forgotten, and what does not wait opens and closes at once."""
        episode, now = EPISODE.c, self._ground.now()
        turned = (self._running(), episode.changed_at == now)
        found: list[Update | Delete] = [
            delete(EPISODE).where(*turned, episode.opened_at.is_(None), episode.released_at.is_not(None))
        ]
        if self._open_after is None:
            waiting = (episode.opened_at.is_(None), episode.released_at.is_(None))
            found.append(update(EPISODE).where(*turned, *waiting).values(self._opened()))
        if self._close_after is None:
            released = self._closing().where(episode.changed_at == now)
            found.append(released.values(closed_at=now, changed_at=now, is_new=False))
        return [Prepared(statement) for statement in found]

    def due(self) -> list[ColumnElement[bool]]:
        """Whether somebody waited long enough, as questions that an index answers."""
        running, found = select(1).where(self._running()), list[ColumnElement[bool]]()
        if self._open_after is not None:
            found.append(running.where(EPISODE.c.opened_at.is_(None), self._is_due_to_open()).exists())
        if self._close_after is not None:
            found.append(running.where(self._is_due_to_close()).exists())
        return found

    def _is_due_to_open(self) -> ColumnElement[bool]:
        assert self._open_after is not None
        return EPISODE.c.held_since <= self._ground.ago(self._open_after)

    def _is_due_to_close(self) -> ColumnElement[bool]:
        assert self._close_after is not None
        return and_(EPISODE.c.released_at.is_not(None), EPISODE.c.released_at <= self._ground.ago(self._close_after))

    def _opened(self) -> dict[str, Any]:
        now = self._ground.now()
        return {"opened_at": now, "is_new": True, "changed_at": now, "evidence": self._evidence_of_episode()}

    def timely(self) -> list[Prepared]:
        """What time alone makes due."""
        now, found = self._ground.now(), list[Update]()
        if self._open_after is not None:
            waiting = (self._running(), EPISODE.c.opened_at.is_(None), self._is_due_to_open())
            opening = update(EPISODE).where(*waiting, self._asked(True))
            found.append(opening.values(self._opened()))
        if self._close_after is not None:
            closing = self._closing().where(self._is_due_to_close(), self._asked(False))
            found.append(closing.values(closed_at=now, changed_at=now, is_new=False))
        return [Prepared(statement) for statement in found]

    def _running(self) -> ColumnElement[bool]:
        return (EPISODE.c.signal == self._name) & EPISODE.c.closed_at.is_(None)

    def _closing(self) -> Update:
        return update(EPISODE).where(
            self._running(), EPISODE.c.opened_at.is_not(None), EPISODE.c.released_at.is_not(None)
        )

    def _asked(self, verdict: bool) -> ColumnElement[bool]:
        """Whether the condition is true (or false, and not unknown) of the episode's customer."""
        asked = select(1).where(CUSTOMER.c.id == EPISODE.c.customer_id, self._holds.is_(verdict))
        return asked.correlate(EPISODE).exists()

    def _evidence(self) -> Any:
        found = leaves(self._condition, self._ground.scope())
        return evidence_of((leaf.text, leaf.value, leaf.holds, leaf.bound) for leaf in found)

    def _evidence_of_episode(self) -> ColumnElement[Any]:
        asked = select(self._evidence()).where(CUSTOMER.c.id == EPISODE.c.customer_id)
        return asked.correlate(EPISODE).scalar_subquery()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delayed:
    """The signals that wait before they open or close, and one question after those of which somebody waited long enough."""

    statements: Mapping[str, _Statements]
    question: CompoundSelect[Any] | None

    @classmethod
    def of(cls, items: Sequence[Item], ground: Ground) -> _Delayed:
        made = {item.name: _Statements(item, ground) for item in items}
        due = {name: each.due() for name, each in made.items()}
        waiting = [select(literal(name)).where(or_(*asked)) for name, asked in due.items() if asked]
        return cls(statements=made, question=union_all(*waiting) if waiting else None)


KEPT_SIGNALS = Derivation(
    kind="signal",
    writes=(EPISODE,),
    items=_items,
    derive=_derive,
    forget=_forget,
    mind_time=_mind_time,
    is_time_due=is_time_due,
)
