"""Stages of stages.yml: whose checks hold, who has completed its stage, and who moves on, with a decision that names what completed
and the events `stage.completed` and `stage.changed` (semantics.md S31). With `stage_from: import` it only keeps the checks (S17).
A few set-based statements per stage. A derivation, the last one: it changes facts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Delete,
    Insert,
    Select,
    String,
    Table,
    and_,
    bindparam,
    cast,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    update,
)

from bot.authoring.company import Company
from bot.pipeline.derived import Changed, Derivation, Item, Look
from bot.pipeline.scopes import CUSTOMER, Ground
from bot.pipeline.stage_fuse import forget_holds, forgetting_left, hold_jump, is_held_in
from bot.rules.condition_columns import verdict_column
from bot.rules.conditions import compile_condition, parse_condition
from bot.rules.derived_names import Derived
from bot.rules.stages import NextStage, Stage
from storage.bulk import insert_selected, new_rows_from
from storage.columns import BigKey, Document
from storage.facts import UNHEARD, Event, StageChange
from storage.journal import Verdict
from storage.journal_entries import DECISION
from storage.prepared import Prepared, given
from storage.stages import BY_CHECKS, StageCheck
from storage.upserts import put_selected

CHECK: Table = StageCheck.__table__  # type: ignore[attr-defined]
CHANGE: Table = StageChange.__table__  # type: ignore[attr-defined]
EVENT: Table = Event.__table__  # type: ignore[attr-defined]
SOURCE = "journeybot"
EVENT_COLUMNS = ("customer_id", "name", "at", "properties", "source", "key", "received_at", "is_new")
DECISION_COLUMNS = ("at", "verdict", "reason", "customer_id", "details", "once")
Sql = ColumnElement[Any]
#: The newest move there is, and whether any came after it.
_NEWEST = select(func.coalesce(func.max(CHANGE.c.id), 0))
_MOVED = (
    select(CHANGE.c.customer_id)
    .where(CHANGE.c.id > bindparam("before", type_=BigKey), CHANGE.c.cause == BY_CHECKS)
    .limit(1)
)


def _items(company: Company) -> Sequence[Item]:
    return [
        Item(derived=Derived("stage", stage.stage), definition=stage, asks=tuple(map(parse_condition, _texts(stage))))
        for stage in company.stages
    ]


def _texts(stage: Stage) -> list[str]:
    return [*stage.complete_when.values(), *(way.when for way in stage.next if way.when is not None)]


def _derive(item: Item, look: Look) -> Changed:
    assert isinstance(item.definition, Stage)
    pass_ = _StagePass(stage=item.definition, look=look)
    pass_.keep_checks()
    if look.ground.settings.stage_from == "import" or item.definition.final:
        return None
    return pass_.move_on()


@dataclass(frozen=True, kw_only=True)
class _StagePass:
    """One look at one stage."""

    stage: Stage
    look: Look

    @property
    def name(self) -> str:
        return self.stage.stage

    @property
    def ground(self) -> Ground:
        return self.look.ground

    @property
    def connection(self) -> Connection:
        return self.look.connection

    @cached_property
    def here(self) -> ColumnElement[bool]:
        """Customers of the look who are in the stage."""
        return and_(CUSTOMER.c.stage == self.name, CUSTOMER.c.erased_at.is_(None), self.look.inside())

    def keep_checks(self) -> None:
        """Each check's answer, where it is another than before; unknown leaves the answer standing."""
        for name, text in self.stage.complete_when.items():
            self._run(("check", name), partial(self._keeping, name, text))
        self._let_go()

    def _run(self, what: tuple[Any, ...], build: Callable[[], Insert | Delete], **given: int) -> int:
        """How many rows it wrote. The statement is kept under `what`, for looks that look alike."""
        key = ("stage", self.name, self.look.shape, *what)
        statement = self.ground.kept(key, lambda: Prepared(build()))
        return statement.run(self.connection, **given)

    def _keeping(self, name: str, text: str) -> Insert:
        scope = self.ground.scope()
        mine = and_(CHECK.c.customer_id == CUSTOMER.c.id, CHECK.c.stage == self.name, CHECK.c.name == name)
        found = (
            select(
                CUSTOMER.c.id.label("customer_id"),
                scope.today().label("today"),
                verdict_column(parse_condition(text), scope).label("holds"),
                CHECK.c.holds.label("held"),
                CHECK.c.customer_id.is_(None).label("is_new"),
            )
            .select_from(CUSTOMER.outerjoin(CHECK, mine))
            .where(self.here)
            .offset(0)  # else a planner may work the condition out twice, once for the comparison below
            .subquery("found")
        )
        rows = select(
            found.c.customer_id, literal(self.name), literal(name), cast(found.c.holds, Boolean()), found.c.today
        ).where(or_(found.c.is_new, and_(found.c.holds.is_not(None), found.c.holds.is_distinct_from(found.c.held))))
        columns = ("customer_id", "stage", "name", "holds", "since")
        return put_selected(self.connection, CHECK, columns, rows, changes=("holds", "since"))

    def _let_go(self) -> None:
        """Answers of customers who left the stage, and of checks that are no longer asked."""
        if self.look.is_new:
            forget_holds(self.connection, self.name, self.look.now)
        else:
            self._run(("held left",), lambda: forgetting_left(self.name, self.look.inside()))
        self._run(("left",), self._letting_go)
        if self.look.is_new:
            unasked = CHECK.c.name.not_in([*self.stage.complete_when, ""])
            self.connection.execute(delete(CHECK).where(CHECK.c.stage == self.name, unasked))

    def _letting_go(self) -> Delete:
        elsewhere = CUSTOMER.c.stage.is_distinct_from(self.name)
        left = select(1).where(CUSTOMER.c.id == CHECK.c.customer_id, elsewhere, self.look.inside()).correlate(CHECK)
        return delete(CHECK).where(CHECK.c.stage == self.name, left.exists())

    def move_on(self) -> Changed:
        """Tell who completed the stage, and move those for whom a way on holds; the first that holds wins."""
        before = self.connection.scalar(_NEWEST) or 0
        taken = [
            self._run(("take", place), partial(self._taking, way), before=before)
            for place, way in enumerate(self.stage.next)
        ]
        if sum(taken):
            hold_jump(self.connection, self.ground, self.name, before)
        has_completed = bool(self.stage.complete_when) and self._tell_completed()
        has_moved = self.connection.scalar(_MOVED, {"before": before}) is not None
        if not (has_completed or has_moved):
            return None
        if has_moved:
            for way in {way.to: way for way in reversed(self.stage.next)}.values():
                self._follow(way, before)
        return self._changed

    def _changed(self) -> Select[Any]:
        """Whom this pass told of a completed stage, or moved on."""
        now = self.ground.now()
        told = select(EVENT.c.customer_id).where(UNHEARD, EVENT.c.name == "stage.completed", EVENT.c.at == now)
        moved = select(CHANGE.c.customer_id).where(
            CHANGE.c.at == now, CHANGE.c.old == self.name, CHANGE.c.cause == BY_CHECKS
        )
        return select(CUSTOMER.c.id).where(or_(CUSTOMER.c.id.in_(moved), CUSTOMER.c.id.in_(told)))

    def _completed(self) -> ColumnElement[bool]:
        """Whether all checks of the stage hold. Each is looked up by its key: counted together, SQLite read the answers of all
        customers for each of them."""
        return and_(*(self._holds(name) for name in sorted(self.stage.complete_when)))

    def _holds(self, name: str) -> ColumnElement[bool]:
        mine = (CHECK.c.customer_id == CUSTOMER.c.id, CHECK.c.stage == self.name, CHECK.c.name == name)
        return select(1).where(*mine, CHECK.c.holds).correlate(CUSTOMER).exists()

    def _tell_completed(self) -> bool:
        """Once for each stay in the stage; whether there was anybody."""
        self._run(("decide completed",), lambda: self._telling_completed()[0])
        return bool(self._run(("tell completed",), lambda: self._telling_completed()[1]))

    def _telling_completed(self) -> tuple[Insert, Insert]:
        """The decisions, then the events."""
        stay = self._key("stage.completed", self.name, cast(CUSTOMER.c.stage_since, String()))
        told = select(1).where(EVENT.c.source == SOURCE, EVENT.c.key == stay).correlate(CUSTOMER)
        where = (self.here, self._completed(), ~told.exists(), ~is_held_in(self.name))
        checks = [name for name in self.stage.complete_when]
        details = {"stage": self.name, "checks": checks, "title": self.stage.title}
        decisions = select(
            self.ground.now(), literal(Verdict.DID.value), literal("stage_completed"), CUSTOMER.c.id,
            literal(details, Document), cast(null(), String()),
        ).where(*where)  # fmt: skip
        events = self._event("stage.completed", {"stage": self.name, "checks": checks}, stay).where(*where)
        return (
            new_rows_from(self.connection, DECISION, DECISION_COLUMNS, decisions),
            new_rows_from(self.connection, EVENT, EVENT_COLUMNS, events),
        )

    def _taking(self, way: NextStage) -> Insert:
        """Whom this way takes, unless an earlier one did; nothing is told yet."""
        scope = self.ground.scope()
        taken = select(CHANGE.c.customer_id).where(CHANGE.c.id > given("before"), CHANGE.c.cause == BY_CHECKS)
        where = [self.here, self._was_not_there_today(way), CUSTOMER.c.id.not_in(taken), ~is_held_in(self.name)]
        where += [self._completed()] if self.stage.complete_when else []
        where += [compile_condition(parse_condition(way.when), scope)] if way.when else []
        rows = select(CUSTOMER.c.id, CUSTOMER.c.stage, literal(way.to), self.ground.now(), literal(BY_CHECKS)).where(
            *where
        )
        return new_rows_from(self.connection, CHANGE, ("customer_id", "old", "new", "at", "cause"), rows)

    def _was_not_there_today(self, way: NextStage) -> ColumnElement[bool]:
        """Two stages whose ways on hold both would else send a customer to and fro for ever."""
        earlier = select(1).where(
            CHANGE.c.customer_id == CUSTOMER.c.id,
            CHANGE.c.old == way.to,
            CHANGE.c.cause == BY_CHECKS,
            CHANGE.c.at >= self.ground.scope().day_start(),
        )
        return ~earlier.correlate(CUSTOMER).exists()

    def _follow(self, way: NextStage, mark: int) -> None:
        """What a move means: the customer's row, the event, the decision; the answers of the old stage go."""
        now, mine = self.look.now, and_(CHANGE.c.id > mark, CHANGE.c.cause == BY_CHECKS, CHANGE.c.new == way.to)
        ids = select(CHANGE.c.customer_id).where(mine)
        told = {"old": self.name, "new": way.to}
        key = literal("stage.changed:") + cast(CHANGE.c.id, String())
        event = select(
            CHANGE.c.customer_id, literal("stage.changed"), CHANGE.c.at, literal(told, Document), literal(SOURCE), key,
            CHANGE.c.at, literal(True),
        ).where(mine)  # fmt: skip
        insert_selected(self.connection, EVENT, EVENT_COLUMNS, event)
        because = way.when or ", ".join(self.stage.complete_when)
        details = {**told, "because": because}
        decision = select(
            CHANGE.c.at, literal(Verdict.DID.value), literal("stage_advanced"), CHANGE.c.customer_id,
            literal(details, Document), cast(null(), String()),
        ).where(mine)  # fmt: skip
        insert_selected(self.connection, DECISION, DECISION_COLUMNS, decision)
        self.connection.execute(update(CUSTOMER).where(CUSTOMER.c.id.in_(ids)).values(stage=way.to, stage_since=now))
        self.connection.execute(delete(CHECK).where(CHECK.c.stage == self.name, CHECK.c.customer_id.in_(ids)))

    def _event(self, name: str, properties: dict[str, Any], key: Sql) -> Select[Any]:
        at = self.ground.now()
        return select(
            CUSTOMER.c.id, literal(name), at, literal(properties, Document), literal(SOURCE), key, at, literal(True)
        )

    def _key(self, name: str, stage: str, stay: Sql) -> Sql:
        return (
            literal(f"{name}:")
            + cast(CUSTOMER.c.id, String())
            + literal(f":{stage}:")
            + func.coalesce(stay, literal(""))
        )


def _forget(connection: Connection, names: Collection[str], now: datetime) -> None:
    connection.execute(delete(CHECK).where(CHECK.c.stage.in_(names)))


KEPT_STAGES = Derivation(kind="stage", writes=(), items=_items, derive=_derive, forget=_forget)
