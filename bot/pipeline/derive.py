"""Between detect and enroll: facts → metrics → features → scores → plans → signals → stages (semantics.md S31), each item by its own
statement over the customers with news, so that whoever asks for a result sees it in the same tick. An item that breaks is
undone alone, named, and looks at everybody next time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy import Connection, Table, delete, insert, select, update

from bot.authoring.company import Company
from bot.pipeline.derived import Changed, Derivation, Hearers, Item, tell, whom_to_look_at
from bot.pipeline.kept_features import KEPT_FEATURES
from bot.pipeline.kept_metrics import KEPT_METRICS
from bot.pipeline.kept_plans import KEPT_PLANS
from bot.pipeline.kept_scores import KEPT_SCORES
from bot.pipeline.kept_signals import KEPT_SIGNALS
from bot.pipeline.kept_stages import KEPT_STAGES
from bot.pipeline.news import News
from bot.pipeline.published import Published
from bot.pipeline.scopes import Ground
from bot.pipeline.stage_fuse import ask_about_stages
from bot.rules.conditions import LocalDays
from bot.rules.derived_names import KINDS, Derived, asked_of, in_order, targets_of
from storage.dialects import by_index
from storage.health import DerivedItem
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.marks import ANYTHING

ITEM: Table = DerivedItem.__table__  # type: ignore[attr-defined]
log = structlog.get_logger()

#: Every kind; the order of derivation is KINDS.
DERIVATIONS: tuple[Derivation, ...] = (KEPT_METRICS, KEPT_FEATURES, KEPT_SCORES, KEPT_PLANS, KEPT_SIGNALS, KEPT_STAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """The items of a deployment in the order of derivation. `late`: asked by somebody who comes before them."""

    items: tuple[Item, ...]
    late: frozenset[Derived]

    def of(self, kind: Derivation) -> list[Item]:
        return [item for item in self.items if item.derived.kind == kind.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    digest: str
    fault: str | None


def derive(connection: Connection, published: Published, news: News) -> News:
    """Derive everything for whom there is news; returns the news with the customers that changed by it."""
    ground = published.ground(news.days)
    ground.token = news.token
    told = _Pass(connection, ground, news, Hearers.LATER).run(_plan(published))
    if published.company.stages and not news.is_quiet:
        ask_about_stages(connection, published, news.now)
    return told


#: Results that stand (storage.asking).
STANDING = select(ITEM.c.name)


def is_settled(connection: Connection, published: Published, *, stands: bool) -> bool:
    """Whether what stands is what is defined and nothing of it broke, so that a derivation without news changes nothing.
    `stands`: whether anything stands at all."""
    items = _plan(published).items
    if not items and not stands:
        return True
    standing = _standing(connection)
    return {found: one.digest for found, one in standing.items()} == {item.derived: item.digest for item in items} and (
        all(one.fault is None for one in standing.values())
    )


def is_time_due(connection: Connection, published: Published, days: LocalDays) -> bool:
    """Whether time alone changes anything that is derived."""
    ground, plan = published.ground(days), _plan(published)
    return any(kind.is_time_due(connection, ground, plan.of(kind)) for kind in DERIVATIONS if kind.is_time_due)


def derive_new(connection: Connection, published: Published, news: News) -> None:
    """At a deployment: what is new or was changed looks at everybody, so that "existing" is whom it finds now (S4)."""
    ground = published.ground(news.days)
    ground.token = news.token
    _Pass(connection, ground, news, Hearers.WHOEVER).run(_plan(published))
    ask_about_stages(connection, published, news.now)


def _plan(published: Published) -> _Plan:
    found: _Plan | None = published.terms.get(("derivations",))
    if found is None:
        found = published.terms[("derivations",)] = _planned(published.company)
    return found


def _planned(company: Company) -> _Plan:
    items = {item.derived: item for kind in DERIVATIONS for item in kind.items(company)}
    asking = {derived: asked_of(item.asks, company.metrics) for derived, item in items.items()}
    ordered = in_order(asking)
    place = {derived: number for number, derived in enumerate(ordered)}
    late = {
        other for derived in ordered for other in targets_of(asking, asking[derived]) if place[other] >= place[derived]
    }
    return _Plan(items=tuple(items[derived] for derived in ordered), late=frozenset(late))


class _Pass:
    """One run over all items. `hearers`: who is told of changes."""

    def __init__(self, connection: Connection, ground: Ground, news: News, hearers: Hearers) -> None:
        self._connection = connection
        self._ground = ground
        self._news = news
        self._hearers = hearers
        self._standing = _standing(connection)
        self._late: frozenset[Derived] = frozenset()

    def run(self, plan: _Plan) -> News:
        self._late = plan.late
        self._forget(plan.items)
        if self._can_be_new(plan.items):
            with by_index(self._connection):
                self._look_all(plan.items)
        for kind in DERIVATIONS:
            if kind.mind_time is not None:
                self._tell(kind, kind.mind_time(self._connection, self._ground, plan.of(kind)))
        return self._news

    def _can_be_new(self, items: Sequence[Item]) -> bool:
        return not self._news.is_quiet or any(self._is_new(item) or self._is_broken(item) for item in items)

    def _look_all(self, items: Sequence[Item]) -> None:
        """All in one savepoint, as mostly none of them breaks; else each in its own."""
        connection, news = self._connection, self._news
        try:
            with connection.begin_nested():
                for item in items:
                    self._look(item)
            return
        except Exception:
            if connection.invalidated or connection.closed:
                raise
            log.info("derive_one_by_one", items=len(items))
        self._news = news
        for item in items:
            try:
                with connection.begin_nested():
                    self._look(item)
            except Exception as error:
                if connection.invalidated or connection.closed:
                    raise
                self._note_fault(item, error)

    def _look(self, item: Item) -> None:
        is_new, is_broken = self._is_new(item), self._is_broken(item)
        look = whom_to_look_at(item, self._connection, self._ground, self._news, is_new=is_new, is_broken=is_broken)
        if look is None:
            return
        kind = _kind_of(item)
        changed = kind.derive(item, look)
        self._tell(kind, changed, str(item.derived))
        if changed is not None and (kind.changes_facts or item.derived in self._late):
            tell(self._connection, self._ground, changed, Hearers.NEXT_TICK, kind.writes, str(item.derived))
        if is_new or is_broken:
            _put(self._connection, item, {"digest": item.digest, "fault": None, "fault_at": None})

    def _tell(self, kind: Derivation, changed: Changed, *key: str) -> None:
        """Who changed is marked, for those who look later in this tick."""
        if changed is None:
            return
        told = tell(self._connection, self._ground, changed, self._hearers, kind.writes, *key)
        if told and self._hearers is Hearers.LATER:
            about = self._news.about | ({table.name for table in kind.writes} or {ANYTHING})
            self._news = replace(self._news, changed=self._news.changed + told, about=about)

    def _is_new(self, item: Item) -> bool:
        standing = self._standing.get(item.derived)
        return standing is None or standing.digest != item.digest

    def _is_broken(self, item: Item) -> bool:
        standing = self._standing.get(item.derived)
        return standing is not None and standing.fault is not None

    def _forget(self, items: Sequence[Item]) -> None:
        """Let go of what is no longer defined."""
        gone = self._standing.keys() - {item.derived for item in items}
        for kind in DERIVATIONS:
            names = sorted(derived.name for derived in gone if derived.kind == kind.kind)
            if names:
                kind.forget(self._connection, names, self._news.now)
                self._connection.execute(delete(ITEM).where(ITEM.c.kind == kind.kind, ITEM.c.name.in_(names)))

    def _note_fault(self, item: Item, error: Exception) -> None:
        now, sentence = self._news.now, f"{type(error).__name__}: {str(error)[:300]}"
        log.error("derivation_fault", item=str(item.derived), error=type(error).__name__)
        _put(self._connection, item, {"digest": item.digest, "fault": sentence, "fault_at": now})
        details = {"kind": item.derived.kind, "name": item.name, "error": sentence}
        once = f"fault:{item.derived}:{sentence[:120]}:{now:%Y-%m-%d}"
        entry = Entry(at=now, verdict=Verdict.FAULT, reason="derivation_fault", details=details, once=once)
        write_entries(self._connection, [entry])


def _kind_of(item: Item) -> Derivation:
    return next(kind for kind in DERIVATIONS if kind.kind == item.derived.kind)


_ALL_STANDING = select(ITEM.c.kind, ITEM.c.name, ITEM.c.digest, ITEM.c.fault)


def _standing(connection: Connection) -> Mapping[Derived, _Standing]:
    rows = connection.execute(_ALL_STANDING)
    known = [row for row in rows if row.kind in KINDS]
    return {Derived(row.kind, row.name): _Standing(digest=row.digest, fault=row.fault) for row in known}


def _put(connection: Connection, item: Item, values: Mapping[str, str | datetime | None]) -> None:
    derived = item.derived
    mine = (ITEM.c.kind == derived.kind, ITEM.c.name == derived.name)
    if not connection.execute(update(ITEM).where(*mine).values(**values)).rowcount:
        connection.execute(insert(ITEM).values(kind=derived.kind, name=derived.name, **values))
