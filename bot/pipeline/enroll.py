"""Second pass: who enters? One set-based statement per playbook finds the occasions with their verdicts, one lets in
those who may, one writes the decisions. A playbook that breaks is undone alone, named, and looks at everybody next time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    String,
    Update,
    and_,
    case,
    cast,
    func,
    literal,
    not_,
    null,
    select,
    update,
)

from bot.pipeline.audience import AudienceFuse
from bot.pipeline.entering import DEFERRALS, ENTER, OCCASION, Candidate, verdict_of, who_has_the_group
from bot.pipeline.news import News
from bot.pipeline.occasions import date_still_counts, signal_is_open
from bot.pipeline.opening import (
    Heard,
    find_searches,
    forget_what_was_heard,
    has_reason_to_look,
    looks_without_news,
    open_occasions,
    what_was_heard,
)
from bot.pipeline.published import Published, Version
from bot.pipeline.scopes import CONTACT, CUSTOMER, Ground
from storage.bulk import new_rows_from
from storage.columns import BigKey
from storage.deployments import PlaybookRow, put_playbook
from storage.dialects import json_pair
from storage.enrollments import ENROLLMENT, Pauses, not_paused, standing_pauses
from storage.journal import Verdict
from storage.journal_entries import DECISION, Entry, write_entries
from storage.journeys import EnrollmentStatus, OccasionState
from storage.prepared import Prepared, given

log = structlog.get_logger()

#: A prime: buckets are taken modulo it, so that a·bucket+b spreads evenly and needs no hash function in SQL.
BUCKETS = 2_147_483_647
NEWEST_OCCASION = select(func.max(OCCASION.c.id))
NEWEST_WALK = select(func.max(ENROLLMENT.c.id))


@dataclass(slots=True)
class EnrollCount:
    """What the pass did."""

    entered: int = 0
    faults: list[str] = field(default_factory=list)


def enroll(connection: Connection, published: Published, news: News) -> EnrollCount:
    """Offer all news to all live playbooks, the most important first."""
    count = EnrollCount()
    ground, pauses = published.ground(news.days), standing_pauses(connection)
    ground.token = news.token
    heard, waiting = what_was_heard(connection, news.now), _playbooks_with_waiting(connection)
    asked = [
        row
        for row in published.live
        if has_reason_to_look(published, row, news, ground, heard=heard) or row.name in waiting or row.fault
    ]
    offer = _Offer(
        connection=connection,
        published=published,
        news=news,
        ground=ground,
        pauses=pauses,
        heard=heard,
        waiting=waiting,
    )
    _offer_all(offer, asked, count)
    forget_what_was_heard(connection, heard, news.now)
    return count


def is_any_playbook_due(published: Published, now: datetime) -> bool:
    """Whether any looks without news: its moment has come, it looks at everybody, or it broke and tries again."""
    return any(row.fault or looks_without_news(published, row, now) for row in published.live)


@dataclass(slots=True, kw_only=True)
class _Offer:
    """The news of one pass, as it is offered to each playbook."""

    connection: Connection
    published: Published
    news: News
    ground: Ground
    pauses: Pauses
    heard: Heard
    waiting: frozenset[str]
    #: The newest occasion there was before the next playbook is asked; None: to be read.
    newest: int | None = None

    def mark(self) -> int:
        if self.newest is None:
            self.newest = self.connection.scalar(NEWEST_OCCASION) or 0
        return self.newest


def _offer_all(offer: _Offer, rows: Sequence[PlaybookRow], count: EnrollCount) -> None:
    """All in one savepoint, as mostly none of them breaks; else each in its own, so that only the broken one is undone."""
    connection = offer.connection
    if not rows:
        return
    try:
        with connection.begin_nested():
            audience = AudienceFuse(connection=connection, published=offer.published, now=offer.news.now)
            count.entered += sum([_offer_to(offer, row, audience) for row in rows])
        return
    except Exception:
        if connection.invalidated or connection.closed:
            raise
        log.info("enroll_one_by_one", playbooks=len(rows))
    offer.newest = None
    audience = AudienceFuse(connection=connection, published=offer.published, now=offer.news.now)
    for row in rows:
        try:
            with connection.begin_nested():
                count.entered += _offer_to(offer, row, audience)
        except Exception as error:
            if connection.invalidated or connection.closed:
                raise
            note_fault(connection, row, offer.news.now, error)
            count.faults.append(row.name)


def _offer_to(offer: _Offer, row: PlaybookRow, audience: AudienceFuse) -> int:
    entered = _enroll_playbook(offer, row, audience)
    if row.fault or row.needs_sweep:
        put_playbook(offer.connection, row.name, {"fault": None, "needs_sweep": False})
    return entered


def _playbooks_with_waiting(connection: Connection) -> frozenset[str]:
    """Playbooks that somebody waits to enter: held up before, or asked for by hand."""
    return frozenset(connection.scalars(_WAITED_FOR).all())


_WAITED_FOR = select(OCCASION.c.playbook).where(OCCASION.c.state == OccasionState.WAITING.value).distinct()


def note_fault(connection: Connection, row: PlaybookRow, now: datetime, error: Exception) -> None:
    """Make a broken playbook visible (doctor, journal, log); its next pass looks at everybody, and hears again what it
    may have missed since it first broke, so nobody is forgotten."""
    playbook, since = row.name, row.fault_at if row.fault else now
    sentence = f"{type(error).__name__}: {str(error)[:300]}"
    log.error("playbook_fault", playbook=playbook, error=type(error).__name__)
    put_playbook(connection, playbook, {"fault": sentence, "fault_at": since, "needs_sweep": True})
    entry = Entry(
        at=now,
        verdict=Verdict.FAULT,
        reason="playbook_fault",
        playbook=playbook,
        details={"error": sentence},
        once=f"fault:{playbook}:{sentence[:120]}:{now:%Y-%m-%d}",
    )
    write_entries(connection, [entry])


def _enroll_playbook(offer: _Offer, row: PlaybookRow, audience: AudienceFuse) -> int:
    connection, ground, pauses = offer.connection, offer.ground, offer.pauses
    version = offer.published.versions[row.version_id]
    mark = offer.mark()
    opened = 0
    for search in find_searches(connection, offer.published, row, offer.news, ground, heard=offer.heard):
        opened += open_occasions(connection, version, search, ground, pauses)
    waited = row.name in offer.waiting and _judge_waiting(connection, version, ground, pauses, mark)
    if not (opened or waited):
        return 0
    offer.newest = None
    audience.holds(version, mark, opened=opened, has_waited=waited)
    entered = _let_in(connection, version, ground, mark, waited=waited)
    audience.entered(version, entered)
    return entered


def _judge_waiting(connection: Connection, version: Version, ground: Ground, pauses: Pauses, mark: int) -> bool:
    """Occasions that waited, or that were asked for by hand, get their verdict now; whether there are any."""
    judging = ground.kept(("judge", version.id, pauses), lambda: Prepared(_judging(version, ground, pauses)))
    if not judging.run(connection, mark=mark):
        return False
    ground.kept(("one a walker", version.id), lambda: Prepared(_keeping_one_a_walker(version))).run(
        connection, mark=mark
    )
    return True


def _is_waiting(version: Version) -> ColumnElement[bool]:
    """Occasions of the playbook that waited before this pass."""
    of_playbook = OCCASION.c.playbook == version.playbook.name
    return and_(of_playbook, OCCASION.c.state == OccasionState.WAITING.value, OCCASION.c.id <= given("mark"))


def _judging(version: Version, ground: Ground, pauses: Pauses) -> Update:
    who = Candidate(
        customer_id=OCCASION.c.customer_id,
        contact_id=OCCASION.c.contact_id,
        opened_at=OCCASION.c.opened_at,
        expires_at=OCCASION.c.expires_at,
        event=OCCASION.c.event,
        has_waited=True,
        by_hand=OCCASION.c.key.like("by:%"),
    )
    name = literal(version.playbook.name)
    is_free = not_paused(pauses, name, OCCASION.c.customer_id, OCCASION.c.contact_id)
    verdict = verdict_of(who, version, ground, is_free=is_free)
    rows = CUSTOMER.outerjoin(CONTACT, CONTACT.c.id == OCCASION.c.contact_id)
    judged = (
        select(case(*_lapses(version, ground), else_=verdict))
        .select_from(rows)
        .where(CUSTOMER.c.id == OCCASION.c.customer_id)
        .correlate(OCCASION)
        .scalar_subquery()
    )
    return update(OCCASION).where(_is_waiting(version)).values(verdict=judged)


def _lapses(version: Version, ground: Ground) -> list[tuple[ColumnElement[bool], str]]:
    """Why an occasion that waited is none any more, whatever else holds (S14)."""
    shut = and_(OCCASION.c.key.like("when:%"), OCCASION.c.is_open.is_(False))
    if version.playbook.enter.trigger == "signal":
        is_over = and_(OCCASION.c.key.like("signal:%"), not_(signal_is_open(version)))
        return [(is_over, "closed_before_entry")]
    if version.playbook.enter.trigger != "at":
        return [(shut, "closed_before_entry")]
    same_date, in_time = date_still_counts(version, ground)
    by_date, is_asked = OCCASION.c.key.like("at:%"), OCCASION.c.released_at.is_(None)
    return [
        (and_(by_date, not_(same_date)), "closed_before_entry"),
        (and_(by_date, not_(in_time), is_asked), "too_late"),
    ]


def _keeping_one_a_walker(version: Version) -> Update:
    """Of several waiting occasions that may enter, the oldest of each walker (or customer, in a group) goes first."""
    other = OCCASION.alias("earlier")
    rivals = [other.c.playbook == OCCASION.c.playbook, other.c.customer_id == OCCASION.c.customer_id]
    if not version.playbook.exclusive:
        rivals.append(func.coalesce(other.c.contact_id, 0) == func.coalesce(OCCASION.c.contact_id, 0))
    earlier = select(literal(1)).where(
        *rivals, other.c.state == OccasionState.WAITING.value, other.c.verdict == ENTER, other.c.id < OCCASION.c.id
    )
    return (
        update(OCCASION)
        .where(_is_waiting(version), OCCASION.c.verdict == ENTER, earlier.correlate(OCCASION).exists())
        .values(verdict="one_at_a_time")
    )


def _let_in(connection: Connection, version: Version, ground: Ground, mark: int, *, waited: bool) -> int:
    """Walks for everybody whose verdict is to enter, decisions for everybody judged; returns how many entered."""
    statements = ground.kept(("let in", version.id), lambda: _Entering.of(connection, version, ground))
    newest = connection.scalar(NEWEST_OCCASION) or 0
    groups = [statements.waited] if waited else []
    groups += [statements.new] if newest > mark else []
    walk_mark = connection.scalar(NEWEST_WALK) or 0
    entered = 0
    for letting_in, refusing in groups:
        entered += letting_in.run(connection, mark=mark)
        refusing.run(connection, mark=mark)
    if entered:
        statements.telling.run(connection, walk_mark=walk_mark)
    if waited:
        statements.settling.run(connection, mark=mark)
    return entered


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entering:
    """What lets people into a version: for those who waited and for the new ones, their walks and the decisions about the others;
    then the decisions about who entered, and the end of the waiting."""

    waited: tuple[Prepared, Prepared]
    new: tuple[Prepared, Prepared]
    telling: Prepared
    settling: Prepared

    @classmethod
    def of(cls, connection: Connection, version: Version, ground: Ground) -> _Entering:
        waited = _is_waiting(version)
        new = and_(OCCASION.c.playbook == version.playbook.name, OCCASION.c.id > given("mark"))
        is_over = case((OCCASION.c.verdict == ENTER, OccasionState.ENTERED.value), else_=OccasionState.REFUSED.value)
        settling = update(OCCASION).where(waited, OCCASION.c.verdict.not_in(DEFERRALS)).values(state=is_over)

        def of_group(group: ColumnElement[bool]) -> tuple[Prepared, Prepared]:
            columns = _enrollment_columns(version, ground)
            rows = (
                select(*columns.values())
                .select_from(OCCASION.join(CUSTOMER, CUSTOMER.c.id == OCCASION.c.customer_id))
                .where(group, OCCASION.c.verdict == ENTER)
                .order_by(OCCASION.c.id)
            )
            letting_in = new_rows_from(connection, ENROLLMENT, list(columns), rows)
            return Prepared(letting_in), Prepared(_refusing(connection, version, ground, group))

        return cls(
            waited=of_group(waited),
            new=of_group(new),
            telling=Prepared(_telling(connection, version, ground)),
            settling=Prepared(settling),
        )


def _enrollment_columns(version: Version, ground: Ground) -> dict[str, ColumnElement[Any]]:
    playbook = version.playbook
    return {
        "occasion_id": OCCASION.c.id,
        "playbook": OCCASION.c.playbook,
        "version_id": literal(version.id),
        "customer_id": OCCASION.c.customer_id,
        "contact_id": OCCASION.c.contact_id,
        "occurrence": OCCASION.c.key,
        "status": literal(EnrollmentStatus.ACTIVE.value),
        "priority": literal(playbook.priority),
        "exclusive": literal(playbook.exclusive, String),
        "is_holdout": in_holdout(playbook.name, playbook.holdout),
        "step": literal(version.program.first),
        "has_arrived": literal(False),
        "due_at": ground.now(),
        "event": OCCASION.c.event,
        "renewal_date_at_entry": CUSTOMER.c.renewal_date,
        "entered_at": ground.now(),
    }


def in_holdout(playbook: str, share: float) -> ColumnElement[bool]:
    """A stable, even share of customers, another one for each playbook (S33): a·bucket+b modulo a prime."""
    if not share:
        return literal(False)
    digest = hashlib.sha256(playbook.encode()).digest()
    factor = 1 + int.from_bytes(digest[:3]) % (2**24 - 1)
    shift = int.from_bytes(digest[4:8]) % BUCKETS
    spread = (cast(CUSTOMER.c.bucket, BigKey) * factor + shift) % BUCKETS
    return spread < int(share * BUCKETS)


def _telling(connection: Connection, version: Version, ground: Ground) -> Insert:
    """One decision per new walk; read from the walks alone, so that no planner can make it a slow join."""
    rows = select(
        ground.now(),
        literal(Verdict.ENTERED.value),
        literal(ENTER),
        ENROLLMENT.c.customer_id,
        ENROLLMENT.c.contact_id,
        ENROLLMENT.c.playbook,
        ENROLLMENT.c.id,
    ).where(ENROLLMENT.c.id > given("walk_mark"), ENROLLMENT.c.playbook == version.playbook.name)
    columns = ("at", "verdict", "reason", "customer_id", "contact_id", "playbook", "enrollment_id")
    return new_rows_from(connection, DECISION, columns, rows)


def _refusing(connection: Connection, version: Version, ground: Ground, judged: ColumnElement[bool]) -> Insert:
    """One decision per refusal; an occasion that still waits is recorded once for its reason, and who is in its way."""
    waits = OCCASION.c.verdict.in_(DEFERRALS)
    once = literal("occasion:") + cast(OCCASION.c.id, String) + literal(":") + OCCASION.c.verdict
    rows = select(
        ground.now(),
        case((waits, Verdict.DEFERRED.value), else_=Verdict.NOT_ENTERED.value),
        OCCASION.c.verdict,
        OCCASION.c.customer_id,
        OCCASION.c.contact_id,
        OCCASION.c.playbook,
        case((waits, once), else_=null()),
    ).where(judged, OCCASION.c.verdict != ENTER)
    columns: tuple[str, ...] = ("at", "verdict", "reason", "customer_id", "contact_id", "playbook", "once")
    if version.playbook.exclusive:
        winner = who_has_the_group(version.playbook.exclusive, OCCASION.c.customer_id)
        rows = rows.add_columns(case((OCCASION.c.verdict == "exclusive_taken", json_pair(literal("winner"), winner))))
        columns = (*columns, "details")
    return new_rows_from(connection, DECISION, columns, rows)
