"""Writes new occasions: asks occasions.py who has one, entering.py for the verdict, and inserts both in one statement.
Closes the occasions of conditions that became false. Part of enroll; it lets nobody in itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Insert,
    Subquery,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    true,
    update,
)

from bot.pipeline import occasions
from bot.pipeline.entering import ENTER, OCCASION, Candidate, state_of, verdict_of
from bot.pipeline.moments import latest_moment
from bot.pipeline.news import EVERYBODY, Asked, Inside, News
from bot.pipeline.occasions import EVENT, Openings
from bot.pipeline.published import Published, Version
from bot.pipeline.scopes import CONTACT, CUSTOMER, Ground
from bot.rules.conditions import parse_condition
from bot.rules.steps_model import EmailStep
from storage.asking import NOW
from storage.bulk import insert_counted, insert_selected, new_rows_from
from storage.deployments import PlaybookRow, put_playbook
from storage.enrollments import Pauses, not_paused
from storage.facts import UNHEARD
from storage.health import UNHEARD_EPISODE
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.journeys import OccasionState
from storage.prepared import Prepared

HEARD_AGAIN = timedelta(days=1)
#: Openings of signals that no playbook was offered yet (storage.asking).
UNHEARD_SIGNALS = select(occasions.EPISODE.c.id).where(UNHEARD_EPISODE)

COLUMNS = (
    "playbook",
    "customer_id",
    "contact_id",
    "key",
    "opened_at",
    "expires_at",
    "event",
    "verdict",
    "state",
    "is_open",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The names of the events that happened, and of the signals that opened, and that no playbook was offered yet."""

    events: frozenset[str]
    signals: frozenset[str]

    def concerns(self, version: Version) -> bool:
        """Whether a playbook that enters by event or signal listens to any of them."""
        enter = version.playbook.enter
        return occasions.event_of(version) in self.events or not self.signals.isdisjoint(enter.signal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Where to look for occasions of one playbook. `shape` names what the statement looks like (None: only this once)."""

    shape: tuple[Any, ...] | None
    openings: Callable[[], Openings]


def find_searches(
    connection: Connection, published: Published, row: PlaybookRow, news: News, ground: Ground, *, heard: Heard
) -> list[Search]:
    """What to look for, by trigger; nothing where nothing can be new."""
    version = published.versions[row.version_id]
    category = first_category(version, published)
    look = _whom_to_look_at(version, row, news, ground, category)
    match version.playbook.enter.trigger:
        case "when" if look is not None:
            shape, inside = look
            close_occasions(connection, version, ground, category, shape, inside)
            return [Search(shape=shape, openings=lambda: occasions.by_condition(version, ground, category, inside()))]
        case "at" if look is not None:
            shape, inside = look
            return [Search(shape=shape, openings=lambda: occasions.by_date(version, ground, category, inside()))]
        case "signal" if _hears_again(row) or heard.concerns(version):
            unheard: ColumnElement[bool] = true() if _hears_again(row) else UNHEARD_EPISODE
            shape = ("signal", _hears_again(row))
            return [Search(shape=shape, openings=lambda: occasions.by_signal(version, ground, unheard))]
        case "on" | "after" as trigger if _hears_again(row) or heard.concerns(version):
            kept = None if _hears_again(row) else (trigger,)
            return [Search(shape=kept, openings=lambda: occasions.by_event(version, ground, _unheard(version, row)))]
        case "every" | "once":
            return _moment_searches(connection, published, row, news, ground)
    return []


def _hears_again(row: PlaybookRow) -> bool:
    return bool(row.fault) or row.needs_sweep


def _unheard(version: Version, row: PlaybookRow) -> ColumnElement[bool]:
    """Events that this playbook did not hear of: the new ones; when it has just gone live those that others heard while
    they still count (S4); while it was broken those since then. They may have come long before the tick that broke, so it
    looks a day further back; the event's id lets nobody in twice."""
    if not _hears_again(row) or row.live_since is None:
        return UNHEARD
    counts = timedelta(minutes=occasions.within_minutes(version, occasions.EVENT_IS_OLD_AFTER))
    since = row.live_since - counts
    if row.fault and row.fault_at is not None:
        since = max(row.fault_at - HEARD_AGAIN, since)
    return or_(UNHEARD, and_(EVENT.c.received_at >= since, EVENT.c.at >= row.live_since - counts))


def has_reason_to_look(published: Published, row: PlaybookRow, news: News, ground: Ground, *, heard: Heard) -> bool:
    """Whether anything is new for this playbook's trigger; an idle tick asks no more than this."""
    if looks_without_news(published, row, news.now):
        return True
    version = published.versions[row.version_id]
    match version.playbook.enter.trigger:
        case "on" | "after" | "signal":
            return heard.concerns(version)
        case "every" | "once" | "manual":
            return False
        case _:
            return _whom_to_look_at(version, row, news, ground, first_category(version, published)) is not None


def looks_without_news(published: Published, row: PlaybookRow, now: datetime) -> bool:
    """Whether its moment has come and was not used yet, or it looks at everybody."""
    enter = published.versions[row.version_id].playbook.enter
    match enter.trigger:
        case "every" | "once":
            moment = latest_moment(enter, published.settings.timezone, now)
            return moment is not None and moment > (row.last_moment or row.live_since or now)
        case "manual":
            return False
        case _:
            return row.needs_sweep


def _whom_to_look_at(
    version: Version, row: PlaybookRow, news: News, ground: Ground, category: str | None
) -> Inside | None:
    """Customers whose answer may have changed; None: nobody's."""
    if row.needs_sweep:
        return EVERYBODY, true
    if news.is_quiet:
        return None
    asked = ground.kept(("asked", version.id, category), lambda: _asked(version, ground, category))
    return news.whom_to_ask(asked, CUSTOMER.c.id, ground.marks())


def _asked(version: Version, ground: Ground, category: str | None) -> Asked:
    enter = version.playbook.enter
    conditions = (parse_condition(enter.when),) if enter.when else ()
    return Asked(
        tables=occasions.tables_asked(version, ground, category),
        conditions=conditions,
        moves_with_time=enter.at is not None or all(condition.moves_with_time for condition in conditions),
    )


_NEW_EVENTS = select(EVENT.c.name).where(UNHEARD, EVENT.c.at <= NOW).distinct()
_NEW_SIGNALS = select(occasions.EPISODE.c.signal).where(UNHEARD_EPISODE).distinct()
_NAMES: BindParameter[Any] = bindparam("names", expanding=True)
_HEARING = update(EVENT).where(UNHEARD, EVENT.c.at <= NOW, EVENT.c.name.in_(_NAMES)).values(is_new=False)
_HEARING_SIGNALS = (
    update(occasions.EPISODE).where(UNHEARD_EPISODE, occasions.EPISODE.c.signal.in_(_NAMES)).values(is_new=False)
)


def what_was_heard(connection: Connection, now: datetime) -> Heard:
    """What no playbook was offered yet. Events that lie ahead (the end of a subscription) wait."""
    return Heard(
        events=frozenset(connection.scalars(_NEW_EVENTS, {"now": now})),
        signals=frozenset(connection.scalars(_NEW_SIGNALS)),
    )


def forget_what_was_heard(connection: Connection, heard: Heard, now: datetime) -> None:
    """Every playbook was offered it."""
    if heard.events:
        connection.execute(_HEARING, {"now": now, "names": sorted(heard.events)})
    if heard.signals:
        connection.execute(_HEARING_SIGNALS, {"names": sorted(heard.signals)})


def first_category(version: Version, published: Published) -> str | None:
    """The consent category of the first mail a walker would get; None when the playbook sends none."""
    for step_id in version.program.order:
        step = version.program.nodes[step_id].step
        if isinstance(step, EmailStep) and step.template in published.templates.names:
            return published.templates.pick(step.template, (published.settings.locale,)).category
    return None


def close_occasions(
    connection: Connection,
    version: Version,
    ground: Ground,
    category: str | None,
    shape: tuple[Any, ...],
    inside: Callable[[], ColumnElement[bool]],
) -> None:
    """The condition is false again, so it may open once more. Unknown keeps what stands."""
    key = ("close", version.id, category, shape)
    ground.kept(key, lambda: Prepared(_closing(version, ground, category, inside()))).run(connection)


def _closing(version: Version, ground: Ground, category: str | None, inside: ColumnElement[bool]) -> Update:
    shut = occasions.matches(version, ground, category).is_(False)
    walker = CUSTOMER.c.id == OCCASION.c.customer_id
    if version.playbook.walks == "contact":
        walker = and_(walker, CONTACT.c.id == OCCASION.c.contact_id)
    still = select(literal(1)).select_from(occasions.walkers(version)).where(walker, inside, shut)
    return (
        update(OCCASION)
        .where(OCCASION.c.playbook == version.playbook.name, OCCASION.c.is_open, still.correlate(OCCASION).exists())
        .values(is_open=False)
    )


def _moment_searches(
    connection: Connection, published: Published, row: PlaybookRow, news: News, ground: Ground
) -> list[Search]:
    """The latest scheduled moment that passed since the playbook went live and was not used yet."""
    version = published.versions[row.version_id]
    moment = latest_moment(version.playbook.enter, published.settings.timezone, news.now)
    used = row.last_moment or row.live_since or news.now
    if moment is None or moment <= used:
        return []
    put_playbook(connection, row.name, {"last_moment": moment})
    expires = moment + timedelta(minutes=occasions.within_minutes(version, occasions.DATE_IS_LATE_AFTER))
    if news.now > expires:
        missed = moment.isoformat()
        entry = Entry(
            at=news.now,
            verdict=Verdict.NOT_ENTERED,
            reason="moment_missed",
            playbook=row.name,
            details={"moment": missed},
            once=f"moment:{row.name}:{missed}",
        )
        write_entries(connection, [entry])
        return []
    category = first_category(version, published)
    openings = partial(occasions.by_moment, version, ground, category, moment, expires)
    return [Search(shape=None, openings=openings)]


def open_occasions(connection: Connection, version: Version, search: Search, ground: Ground, pauses: Pauses) -> int:
    """Insert the new occasions with their verdicts; a key that stands already is no new occasion. Returns how many."""

    def build() -> Insert:
        return _opening(connection, version, search.openings(), ground, pauses)

    if search.shape is None:
        return insert_counted(connection, build())
    return ground.kept(("open", version.id, search.shape, pauses), lambda: Prepared(build())).run(connection)


def _opening(connection: Connection, version: Version, openings: Openings, ground: Ground, pauses: Pauses) -> Insert:
    who = Candidate(
        customer_id=CUSTOMER.c.id,
        contact_id=openings.contact_id,
        opened_at=openings.opened_at,
        expires_at=openings.expires_at,
        event=openings.event,
        has_waited=False,
        by_hand=literal(False),
    )
    is_free = not_paused(pauses, literal(version.playbook.name), CUSTOMER.c.id, openings.contact_id)
    verdict = verdict_of(who, version, ground, is_free=is_free)
    if openings.existing is not None:
        verdict = case((openings.existing, literal("existing")), else_=verdict)
    found = _found(version, openings, verdict)
    final = _one_at_a_time(version, found)
    rows = select(*_columns_of(found), final, state_of(final), literal(openings.stays_open)).where(true())
    return new_rows_from(connection, OCCASION, COLUMNS, rows)


def record_existing(connection: Connection, version: Version, openings: Openings) -> None:
    """Whoever matches when a playbook goes live stands there as already open, and does not enter (S4)."""
    found = _found(version, openings, literal("existing"))
    rows = select(*_columns_of(found), found.c.verdict, literal(OccasionState.REFUSED.value), literal(True)).where(
        true()
    )
    insert_selected(connection, OCCASION, COLUMNS, rows)


def _found(version: Version, openings: Openings, verdict: ColumnElement[str]) -> Subquery:
    return (
        select(
            literal(version.playbook.name).label("playbook"),
            CUSTOMER.c.id.label("customer_id"),
            openings.contact_id.label("contact_id"),
            openings.key.label("key"),
            openings.opened_at.label("opened_at"),
            openings.expires_at.label("expires_at"),
            openings.event.label("event"),
            verdict.label("verdict"),
        )
        .select_from(openings.rows)
        .where(openings.where, CUSTOMER.c.erased_at.is_(None))
        # Sorted by an expression no index has: everybody is judged before the first row is written, so that "no open
        # occasion" never scans rows this very statement is writing (PostgreSQL took 30 times as long). And the same order on
        # every run: of two contacts who share an address, the one known longer is written to (S30).
        .order_by(CUSTOMER.c.id + 0, *([CONTACT.c.id + 0] if version.playbook.walks == "contact" else []))
        .subquery("found")
    )


def _columns_of(found: Subquery) -> list[ColumnElement[object]]:
    return [found.c[name] for name in COLUMNS[:7]]


def _one_at_a_time(version: Version, found: Subquery) -> ColumnElement[str]:
    """Two occasions of one walker (two events), or of one customer in an exclusive group, enter one after the other."""
    playbook = version.playbook
    by_events = playbook.enter.trigger in ("on", "after", "signal")
    if not by_events and not (playbook.exclusive and playbook.walks == "contact"):
        return found.c.verdict
    walker = (
        [found.c.customer_id] if playbook.exclusive else [found.c.customer_id, func.coalesce(found.c.contact_id, 0)]
    )
    place = func.row_number().over(partition_by=[*walker, found.c.verdict], order_by=[found.c.opened_at, found.c.key])
    return case((and_(found.c.verdict == ENTER, place > 1), literal("one_at_a_time")), else_=found.c.verdict)
