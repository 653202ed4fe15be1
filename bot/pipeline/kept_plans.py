"""Success plans: whose objectives are reached, how far each plan is and should be, who agreed, which plans end. An open plan
keeps the targets it was opened with, so statements are put together per target text, over the plans of the customers with
news. A derivation; opening_plans and plan_acts open and change plans, this pass alone achieves and misses them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Float,
    Select,
    Update,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    update,
)

from bot.authoring.company import Company
from bot.pipeline.derived import Changed, Derivation, Item, Look
from bot.pipeline.news import CHANGE, EVERYBODY
from bot.pipeline.plan_cards import withdraw_cards
from bot.pipeline.plan_news import (
    APPROVE,
    CUSTOMER_LEFT,
    KIND_REMOVED,
    NOT_AGREED,
    OBJECTIVE,
    PLAN,
    PLANS,
    card_key,
    tell_approved,
    tell_ended,
    tell_met,
)
from bot.pipeline.plan_reviews import ask_for_reviews
from bot.pipeline.scopes import CUSTOMER, Ground
from bot.rules.conditions import Condition, Scope, compile_condition, leaves, parse_condition
from bot.rules.derived_names import Derived, asked_of
from bot.rules.plan_targets import progress_of
from bot.rules.plans import PlanTemplate
from storage.dialects import days_between, larger_of
from storage.handoffs import HandoffState
from storage.leaf_documents import evidence_of
from storage.marks import mark_selected
from storage.new_handoffs import HANDOFF
from storage.plans import ObjectiveState, PlanState
from storage.prepared import Prepared

#: A smaller step is no news.
NOTICEABLE = 0.0005
#: The progress of a plan of which nothing is left is more.
ALMOST_ALL = 1 - 2 * NOTICEABLE
Sql = ColumnElement[Any]
Statement = TypeVar("Statement")


def _items(company: Company) -> Sequence[Item]:
    return [
        Item(
            derived=Derived("plan", kind),
            definition=template,
            asks=tuple(parse_condition(each.target) for each in template.objectives if each.target is not None),
            moves_with_time=True,
            asks_anything=True,  # open plans keep the targets they were opened with
        )
        for kind, template in company.plans.items()
    ]


def _derive(item: Item, look: Look) -> Changed:
    assert isinstance(item.definition, PlanTemplate)
    return _PlanPass(kind=item.name, exits=item.definition.exit_on_churn, look=look).run()


@dataclass(frozen=True, kw_only=True)
class _PlanPass:
    """One look at the open plans of a kind. `exits`: whether the exits of workspace.yml close them."""

    kind: str
    exits: bool
    look: Look

    def run(self) -> Changed:
        open_targets = self._kept(("open",), self._open_targets)
        found = self.look.connection.execute(open_targets).all()
        if not found:
            return None
        answered = any(row.state == PlanState.PROPOSED for row in found) and self._hear_answers()
        targets = sorted({row.target for row in found if row.target is not None})
        moved = [self._follow(target) for target in targets]
        if any(moved):
            tell_met(self.look.connection, self.kind, self.look.now)
        counted = self._run(("count",), self._counting)
        ended = self._run(("achieved",), self._achieving)
        ended += self._run(("left",), self._leaving) if self.exits else 0
        ended += self._run(("missed",), self._missing)
        if ended:
            self._tell_of_ends()
        if not (answered or counted or ended or any(moved)):
            return None
        return self._changed

    def _changed(self) -> Select[Any]:
        return select(PLAN.c.customer_id).where(PLAN.c.kind == self.kind, PLAN.c.changed_at == self.look.ground.now())

    def _follow(self, text: str) -> int:
        """How many objectives with this target moved or were reached."""
        target = parse_condition(text)
        by_day = self.look.is_anew or target.moves_with_time or bool(asked_of([target], self.look.ground.metrics))
        of = self.mine if by_day else self.of_marked
        moved = self._run(("target", text, by_day), partial(self._reaching, target, of))
        if moved:
            self._run(("evidence", text), partial(self._witnessing, target))
        return moved

    def _run(self, name: tuple[Any, ...], build: Callable[[], Update]) -> int:
        """How many rows it wrote. The statement is kept under its name, for looks that look alike."""
        statement = self._kept(name, lambda: Prepared(build()))
        return statement.run(self.look.connection)

    def _kept(self, name: tuple[Any, ...], build: Callable[[], Statement]) -> Statement:
        return self.look.ground.kept(("plan", self.kind, self.look.shape, name), build)

    @cached_property
    def mine(self) -> ColumnElement[bool]:
        """The open plans of the kind, of the customers looked at."""
        if self.look.shape == EVERYBODY:
            return self._is_open
        return and_(self._is_open, PLAN.c.customer_id.in_(select(CUSTOMER.c.id).where(self.look.inside())))

    @cached_property
    def of_marked(self) -> ColumnElement[bool]:
        """Of these, those of customers with facts: a new day alone does not move a target that asks neither time nor anything
        derived."""
        marked = select(CHANGE.c.customer_id).where(CHANGE.c.taken_by == self.look.ground.marks())
        return and_(self._is_open, PLAN.c.customer_id.in_(marked))

    @property
    def _is_open(self) -> ColumnElement[bool]:
        return and_(PLAN.c.kind == self.kind, PLAN.c.ended_at.is_(None))

    @cached_property
    def scope(self) -> Scope:
        return replace(self.look.ground.scope(), objective=OBJECTIVE)

    def _open_targets(self) -> Select[Any]:
        open_ones = and_(OBJECTIVE.c.plan_id == PLAN.c.id, OBJECTIVE.c.state == ObjectiveState.OPEN.value)
        return select(PLAN.c.state, OBJECTIVE.c.target).select_from(PLAN.outerjoin(OBJECTIVE, open_ones)).where(
            self.mine
        ).distinct()  # fmt: skip

    def _reaching(self, target: Condition, of: ColumnElement[bool]) -> Update:
        """Progress where it moved, and reached where the target holds; unknown leaves everything standing."""
        plans = OBJECTIVE.join(PLAN, PLAN.c.id == OBJECTIVE.c.plan_id)
        found = (
            select(
                OBJECTIVE.c.id,
                compile_condition(target, self.scope).label("holds"),
                progress_of(target, self.scope).label("progress"),
            )
            .select_from(plans.join(CUSTOMER, CUSTOMER.c.id == OBJECTIVE.c.customer_id))
            .where(of, OBJECTIVE.c.state == ObjectiveState.OPEN.value, OBJECTIVE.c.target == target.text)
            .offset(0)  # else a planner may work the condition out several times
            .subquery("found")
        )
        holds, old = found.c.holds, OBJECTIVE.c.progress
        return (
            update(OBJECTIVE)
            .where(OBJECTIVE.c.id == found.c.id, or_(holds, func.abs(found.c.progress - old) > NOTICEABLE))
            .values(
                progress=found.c.progress,
                state=case((holds, ObjectiveState.MET.value), else_=ObjectiveState.OPEN.value),
                met_at=case((holds, self.look.ground.now()), else_=null()),
            )
        )

    def _witnessing(self, target: Condition) -> Update:
        """The parts of the target of those reached now."""
        parts = ((leaf.text, leaf.value, leaf.holds, leaf.bound) for leaf in leaves(target, self.scope))
        evidence = select(evidence_of(parts)).where(CUSTOMER.c.id == OBJECTIVE.c.customer_id).correlate(OBJECTIVE)
        reached = (OBJECTIVE.c.target == target.text, OBJECTIVE.c.met_at == self.look.ground.now())
        return (
            update(OBJECTIVE).where(*reached, OBJECTIVE.c.met_by.is_(None)).values(evidence=evidence.scalar_subquery())
        )

    def _counting(self) -> Update:
        """How far each plan is, and how far behind what the days that passed ask of each objective."""
        is_met = OBJECTIVE.c.state == ObjectiveState.MET.value
        whole = larger_of(days_between(OBJECTIVE.c.due_on, PLAN.c.opened_on), literal(1))
        passed = cast(days_between(self.scope.today(), PLAN.c.opened_on), Float) / cast(whole, Float)
        one, zero = literal(1.0, Float()), literal(0.0, Float())
        gap = case((passed > one, one), else_=passed) - OBJECTIVE.c.progress
        found = (
            select(
                PLAN.c.id,
                func.avg(case((is_met, one), else_=OBJECTIVE.c.progress)).label("progress"),
                func.avg(case((or_(is_met, gap < zero), zero), else_=gap)).label("behind"),
            )
            .select_from(
                PLAN.join(OBJECTIVE, OBJECTIVE.c.plan_id == PLAN.c.id).join(
                    CUSTOMER, CUSTOMER.c.id == PLAN.c.customer_id
                )
            )
            .where(self.mine, OBJECTIVE.c.state != ObjectiveState.DROPPED.value)
            .group_by(PLAN.c.id)
            .subquery("found")
        )
        moved = or_(
            func.abs(found.c.progress - PLAN.c.progress) > NOTICEABLE,
            func.abs(found.c.behind - PLAN.c.behind) > NOTICEABLE,
        )
        return (
            update(PLAN)
            .where(PLAN.c.id == found.c.id, moved)
            .values(progress=found.c.progress, behind=found.c.behind, changed_at=self.look.ground.now())
        )

    def _achieving(self) -> Update:
        """After counting, so that of most plans the progress alone says that something is left."""

        def has(state: ObjectiveState) -> ColumnElement[bool]:
            asked = select(1).where(OBJECTIVE.c.plan_id == PLAN.c.id, OBJECTIVE.c.state == state.value)
            return asked.correlate(PLAN).exists()

        everything = and_(has(ObjectiveState.MET), ~has(ObjectiveState.OPEN))
        ending = self._ending(PlanState.ACHIEVED, progress=1.0, behind=0.0)
        return ending.where(self.mine, PLAN.c.progress > ALMOST_ALL, everything)

    def _missing(self) -> Update:
        is_over = select(1).where(CUSTOMER.c.id == PLAN.c.customer_id, PLAN.c.due_on < self.scope.today())
        can_be_over = PLAN.c.due_on <= self.look.ground.days.when(
            lambda now: now.date(), Date()
        )  # by index; today or before
        return self._ending(PlanState.MISSED).where(self.mine, can_be_over, is_over.correlate(PLAN).exists())

    def _leaving(self) -> Update:
        has_left = select(1).where(CUSTOMER.c.id == PLAN.c.customer_id, self.look.ground.has_left())
        ending = self._ending(PlanState.CLOSED, reason=CUSTOMER_LEFT)
        return ending.where(self.mine, has_left.correlate(PLAN).exists())

    def _ending(self, state: PlanState, **values: Any) -> Update:
        now = self.look.ground.now()
        return update(PLAN).values(state=state.value, ended_at=now, changed_at=now, **values)

    def _hear_answers(self) -> bool:
        """What those who must agree said on their hand-off; whether anybody said anything."""
        approved = self._run(("approved",), self._agreeing)
        if approved:
            tell_approved(self.look.connection, self.kind, self.look.now)
        declined = self._run(("declined",), self._declining)
        if declined:
            self._tell_of_ends()
        return bool(approved or declined)

    def _tell_of_ends(self) -> None:
        tell_ended(self.look.connection, self.kind, self.look.now)
        over = select(PLAN.c.id).where(PLAN.c.kind == self.kind, PLAN.c.ended_at == self.look.now)
        withdraw_cards(self.look.connection, over, reason="plan_ended", at=self.look.now)

    def _answer(self, *what: ColumnElement[Any]) -> Select[Any]:
        """Of the hand-off that asks for the plan's approval, once it is closed."""
        asked = select(*what).where(
            HANDOFF.c.customer_id == PLAN.c.customer_id,
            HANDOFF.c.step == APPROVE,
            HANDOFF.c.occurrence == card_key(PLAN.c.id),
            HANDOFF.c.state.in_((HandoffState.DONE.value, HandoffState.DISMISSED.value)),
        )
        return asked.correlate(PLAN)

    def _agreeing(self) -> Update:
        is_yes = self._answer(literal(1)).where(HANDOFF.c.outcome == PlanState.APPROVED.value).exists()
        return (
            update(PLAN)
            .where(self.mine, PLAN.c.state == PlanState.PROPOSED.value, is_yes)
            .values(
                state=PlanState.APPROVED.value,
                approved_at=self.look.ground.now(),
                approved_by=self._answer(func.max(HANDOFF.c.closed_by)).scalar_subquery(),
                changed_at=self.look.ground.now(),
            )
        )

    def _declining(self) -> Update:
        is_no = self._answer(literal(1)).where(HANDOFF.c.outcome.is_distinct_from(PlanState.APPROVED.value)).exists()
        by = self._answer(func.max(HANDOFF.c.closed_by)).scalar_subquery()
        ending = self._ending(PlanState.CLOSED, ended_by=by, reason=NOT_AGREED)
        return ending.where(self.mine, PLAN.c.state == PlanState.PROPOSED.value, is_no)


def _forget(connection: Connection, names: Collection[str], now: datetime) -> None:
    """Nobody follows an open plan of a kind that plans.yml no longer has."""
    of_kinds = (PLAN.c.kind.in_(sorted(names)), PLAN.c.ended_at.is_(None))
    mark_selected(connection, select(PLAN.c.customer_id).where(*of_kinds))
    values = {"state": PlanState.CLOSED.value, "reason": KIND_REMOVED, "ended_at": now, "changed_at": now}
    if connection.execute(update(PLAN).where(*of_kinds).values(**values)).rowcount:
        for name in sorted(names):
            tell_ended(connection, name, now)
        over = select(PLAN.c.id).where(PLAN.c.reason == KIND_REMOVED, PLAN.c.ended_at == now)
        withdraw_cards(connection, over, reason="plan_ended", at=now)


def _mind_time(connection: Connection, ground: Ground, items: Sequence[Item]) -> Changed:
    """Reviews that are due."""
    if items:
        ask_for_reviews(connection, ground.settings, ground.days.now)
    return None


KEPT_PLANS = Derivation(kind="plan", writes=PLANS, items=_items, derive=_derive, forget=_forget, mind_time=_mind_time)
