"""What a condition is evaluated over: which tables stand for the customer, the contact and the walk, and the day it is.
One place, so that enrolling, waking, advancing and explaining ask in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    String,
    Table,
    and_,
    bindparam,
    exists,
    false,
    func,
    not_,
    or_,
    select,
)

from bot.authoring.workspace_file import WorkspaceSettings
from bot.rules.business_days import BusinessCalendar
from bot.rules.calendar import subtract
from bot.rules.catalogue import Catalogue
from bot.rules.condition_tables import tables_read
from bot.rules.conditions import Condition, LocalDays, Scope, compile_condition, compile_value, leaves, parse_condition
from bot.rules.durations import Duration
from bot.rules.products import Product
from storage.accounts import Contact, Customer, Suppression
from storage.columns import KeyList, UtcDateTime
from storage.consent import TRANSACTIONAL, forbidding
from storage.dialects import among, is_among, json_list_has
from storage.enrollments import ENROLLMENT
from storage.leaf_documents import evidence_of

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
CONTACT: Table = Contact.__table__  # type: ignore[attr-defined]
SUPPRESSION: Table = Suppression.__table__  # type: ignore[attr-defined]

MOST_KEPT = 5000
Statement = TypeVar("Statement")


@dataclass(slots=True, kw_only=True)
class Ground:
    """The ground conditions stand on: the day, the marks of the tick that looks, and the workspace's settings. It lives as
    long as a deployment, so that every condition and statement is put together once and then only asked."""

    days: LocalDays
    settings: WorkspaceSettings
    metrics: frozenset[str] = frozenset()
    stages: Mapping[str, int] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=Catalogue)
    products: Mapping[str, Product] = field(default_factory=dict)
    token: str = ""
    _asked: dict[Any, ColumnElement[bool]] = field(default_factory=dict, compare=False, repr=False)
    _kept: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def kept(self, key: tuple[Any, ...], build: Callable[[], Statement]) -> Statement:
        """The statement under this key, built the first time. What it binds must be read when it runs."""
        if key not in self._kept:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[key] = build()
        found: Statement = self._kept[key]
        return found

    def now(self) -> ColumnElement[Any]:
        """The instant of the pass, read when the statement runs."""
        return self.days.instant()

    def ago(self, length: Duration) -> ColumnElement[Any]:
        """The instant so long before the pass, read when the statement runs."""
        return self.days.when(lambda now: subtract(length, now, "UTC", BusinessCalendar()), UtcDateTime())

    def marks(self) -> ColumnElement[str]:
        """The token of the tick that looks, read when the statement runs."""
        return self.kept(("marks",), lambda: bindparam(None, callable_=lambda: self.token, type_=String()))

    def scope(self, *, contact: bool = False, walk: bool = False, event: ColumnElement[Any] | None = None) -> Scope:
        """Tables a condition may use; a walk brings its own event."""
        seen_event = ENROLLMENT.c.event if walk else event
        return Scope(
            customer=CUSTOMER,
            contact=CONTACT if contact else None,
            enrollment=ENROLLMENT if walk else None,
            event=seen_event,
            days=self.days,
            limits=self.settings.limit_cases(),
            feeds=self.settings.feed_ages(),
            metrics=self.metrics,
            stages=self.stages,
            catalogue=self.catalogue,
            products=self.products,
        )

    def holds(self, condition: Condition, scope: Scope) -> ColumnElement[bool]:
        """For a WHERE or a CASE, where unknown counts as no. It stands bare, so that an index can serve its parts; below a
        NOT ask `.is_not(True)`. The same question is put together once and used in every statement of the pass."""
        key = (condition.text, scope.contact is not None, scope.enrollment is not None, scope.event)
        found = self._asked.get(key)
        if found is None:
            found = self._asked[key] = compile_condition(condition, scope)
        return found

    def has_left(self) -> ColumnElement[bool]:
        """Whether a customer meets an exit of workspace.yml, as far as that asks about the customer alone."""
        asked = (parse_condition(exit_.when) for exit_ in self.settings.exit)
        of_customer = (each for each in asked if not (each.needs_contact or each.needs_walk or each.event_fields))
        return or_(false(), *(self.holds(each, self.scope()) for each in of_customer))

    def tables_of(self, conditions: Iterable[Condition], scope: Scope | None = None) -> frozenset[str]:
        """The tables in which these conditions read facts; the row of the walk itself is none."""
        asked = scope or self.scope()
        return frozenset().union(*(self._tables(condition, asked) for condition in conditions))

    def _tables(self, condition: Condition, scope: Scope) -> frozenset[str]:
        key = ("tables", condition.text, condition.type, scope.contact is not None, scope.enrollment is not None)
        return self.kept(key, lambda: tables_read(compile_value(condition, scope), besides=ENROLLMENT))

    def of_walks(self, condition: Condition, *, contact: bool) -> ColumnElement[bool]:
        """Whether it is true for the walk of the enclosing statement over `enrollment`."""
        return exists(
            select(1)
            .select_from(_walkers(contact))
            .where(_is_walker_of_enrollment(contact), self.holds(condition, self.scope(contact=contact, walk=True)))
        ).correlate(ENROLLMENT)


def _walkers(contact: bool) -> FromClause:
    return CUSTOMER.join(CONTACT, CONTACT.c.customer_id == CUSTOMER.c.id) if contact else CUSTOMER


def _is_walker_of_enrollment(contact: bool) -> ColumnElement[bool]:
    same = CUSTOMER.c.id == ENROLLMENT.c.customer_id
    return and_(same, CONTACT.c.id == ENROLLMENT.c.contact_id) if contact else same


def walks_where(ground: Ground, condition: Condition, ids: list[int], *, contact: bool) -> Select[Any]:
    """Ids among `ids` for which the condition is true: one statement for the whole batch."""
    return (
        select(ENROLLMENT.c.id)
        .select_from(walk_joins(contact))
        .where(among(ENROLLMENT.c.id, ids), ground.holds(condition, ground.scope(contact=contact, walk=True)))
    )


def evidence_of_walks(ground: Ground, condition: Condition, *, contact: bool) -> Select[Any]:
    """`id`, `holds`, and `leaves`: the parts of the condition with their values, as a document; for the walks bound as `walks`."""

    def build() -> Select[Any]:
        scope = ground.scope(contact=contact, walk=True)
        parts = ((leaf.text, leaf.value, leaf.holds, leaf.bound) for leaf in leaves(condition, scope))
        return (
            select(
                ENROLLMENT.c.id,
                ground.holds(condition, scope).label("holds"),
                evidence_of(parts).label("leaves"),
            )
            .select_from(walk_joins(contact))
            .where(is_among(ENROLLMENT.c.id, bindparam("walks", type_=KeyList())))
        )

    return ground.kept(("evidence", condition.text, contact), build)


def walk_joins(contact: bool) -> FromClause:
    """Walks with their customer, and their contact in contact walks."""
    joined = ENROLLMENT.join(CUSTOMER, CUSTOMER.c.id == ENROLLMENT.c.customer_id)
    return joined.join(CONTACT, CONTACT.c.id == ENROLLMENT.c.contact_id) if contact else joined


def values_of_walks(ground: Ground, values: dict[str, Condition], ids: list[int], *, contact: bool) -> Select[Any]:
    """`id` and one column per value, for a batch of walks."""
    scope = ground.scope(contact=contact, walk=True)
    columns = [compile_value(condition, scope).label(name) for name, condition in values.items()]
    return select(ENROLLMENT.c.id, *columns).select_from(walk_joins(contact)).where(among(ENROLLMENT.c.id, ids))


def is_mailable(category: str, default_consent: tuple[str, ...]) -> ColumnElement[bool]:
    """Whether a contact may be mailed in a category: has an address, stayed, consents, is not suppressed (S24, S30).
    Transactional mails need no consent, and still never go to who bounced, complained or is suppressed for everything."""
    suppressed = exists().where(
        SUPPRESSION.c.address == func.lower(CONTACT.c.email), SUPPRESSION.c.category.in_(forbidding(category))
    )
    conditions = [
        CONTACT.c.email.is_not(None),
        CONTACT.c.email != "",
        CONTACT.c.gone_at.is_(None),
        CONTACT.c.bounced_at.is_(None),
        not_(suppressed),
    ]
    if category != TRANSACTIONAL:
        allowed = json_list_has(CONTACT.c.consent, category)
        given = allowed if category not in default_consent else or_(CONTACT.c.consent.is_(None), allowed)
        conditions.append(given)
    return and_(*conditions)
