"""Who has an occasion to enter a playbook now: one SELECT per trigger kind over customers (or contacts), restricted to
what may have changed. It says who and with which key (semantics.md S5); entering.py gives the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    FromClause,
    String,
    Table,
    and_,
    cast,
    exists,
    func,
    literal,
    null,
)

from bot.pipeline.entering import OCCASION
from bot.pipeline.published import Version, calendar_for
from bot.pipeline.scopes import CONTACT, CUSTOMER, Ground, is_mailable
from bot.rules.business_days import BusinessCalendar, shift_date
from bot.rules.condition_tables import tables_read
from bot.rules.conditions import Condition, compile_value, parse_condition, parse_date
from bot.rules.durations import Anchor, parse_anchor, parse_duration
from storage.columns import BigKey, Document, UtcDateTime
from storage.dialects import add_seconds, json_pair, json_text
from storage.facts import Event
from storage.health import SignalEpisode

EVENT: Table = Event.__table__  # type: ignore[attr-defined]
EPISODE: Table = SignalEpisode.__table__  # type: ignore[attr-defined]

EVENT_IS_OLD_AFTER = "24 hours"
DATE_IS_LATE_AFTER = "3 days"
ENDED = "playbook.ended"
#: Typed, because a bare NULL cannot be compared.
NEVER = cast(null(), UtcDateTime)
NO_CONTACT = cast(null(), BigKey)
NO_EVENT = cast(null(), Document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Openings:
    """A SELECT of new occasions: the rows they come from, who passes, and the columns an occasion needs."""

    rows: FromClause
    where: ColumnElement[bool]
    contact_id: ColumnElement[Any]
    key: ColumnElement[str]
    opened_at: ColumnElement[datetime]
    expires_at: ColumnElement[Any]
    event: ColumnElement[Any]
    stays_open: bool = False
    #: Where true, it stood before the playbook could ask (S4); None: nobody asks.
    existing: ColumnElement[bool] | None = None


def walkers(version: Version) -> FromClause:
    """Everybody who could walk: customers, or their contacts who are still there."""
    if version.playbook.walks == "customer":
        return CUSTOMER
    return CUSTOMER.join(CONTACT, and_(CONTACT.c.customer_id == CUSTOMER.c.id, CONTACT.c.gone_at.is_(None)))


def contact_of(version: Version) -> ColumnElement[Any]:
    return CONTACT.c.id if version.playbook.walks == "contact" else NO_CONTACT


def by_condition(version: Version, ground: Ground, category: str | None, inside: ColumnElement[bool]) -> Openings:
    """`enter.when`: the condition holds and no occasion is open. The key is the moment of the opening."""
    contact_id = contact_of(version)
    mine = and_(
        OCCASION.c.playbook == version.playbook.name,
        OCCASION.c.customer_id == CUSTOMER.c.id,
        func.coalesce(OCCASION.c.contact_id, 0) == func.coalesce(contact_id, 0),
    )
    return Openings(
        rows=walkers(version),
        where=and_(inside, matches(version, ground, category), ~exists().where(mine, OCCASION.c.is_open)),
        contact_id=contact_id,
        key=ground.days.when(lambda now: f"when:{now:%Y-%m-%dT%H:%M:%SZ}", String()),
        opened_at=ground.now(),
        expires_at=NEVER,
        event=NO_EVENT,
        stays_open=True,
    )


def matches(version: Version, ground: Ground, category: str | None) -> ColumnElement[bool]:
    """`enter.when` as three-valued truth; in contact walks only of those who can be mailed (S30)."""
    playbook = version.playbook
    scope = ground.scope(contact=playbook.walks == "contact")
    holds = ground.holds(parse_condition(playbook.enter.when or "true"), scope)
    return and_(holds, _may_walk(version, ground, category))


def by_event(version: Version, ground: Ground, unheard: ColumnElement[bool]) -> Openings:
    """`enter.on`, `enter.after`: an event that the playbook did not look at yet, and the filter beside it."""
    playbook = version.playbook
    within = within_minutes(version, EVENT_IS_OLD_AFTER)
    rows: FromClause = EVENT.join(CUSTOMER, CUSTOMER.c.id == EVENT.c.customer_id)
    contact_id: ColumnElement[Any] = NO_CONTACT
    if playbook.walks == "contact":
        rows = rows.join(CONTACT, CONTACT.c.id == EVENT.c.contact_id)
        contact_id = CONTACT.c.id
    wanted = _end_of(version) if playbook.enter.after else EVENT.c.name == event_of(version)
    return Openings(
        rows=rows,
        where=and_(unheard, EVENT.c.at <= ground.now(), wanted, _filter(version, ground, EVENT.c.properties)),
        contact_id=contact_id,
        key=literal("event:") + cast(EVENT.c.id, String),
        opened_at=EVENT.c.received_at,
        expires_at=add_seconds(EVENT.c.at, within * 60),
        event=EVENT.c.properties,
    )


def event_of(version: Version) -> str | None:
    """The name of the event by which a playbook is entered; None: by none."""
    return ENDED if version.playbook.enter.after else version.playbook.enter.on


def _end_of(version: Version) -> ColumnElement[bool]:
    """`enter.after`: another playbook ended, perhaps only with some outcomes."""
    after = version.playbook.enter.after
    assert after is not None
    of_playbook = json_text(EVENT.c.properties, literal("playbook")) == after.playbook
    outcomes = json_text(EVENT.c.properties, literal("outcome")).in_(after.outcome) if after.outcome else literal(True)
    return and_(EVENT.c.name == ENDED, of_playbook, outcomes)


def by_signal(version: Version, ground: Ground, unheard: ColumnElement[bool]) -> Openings:
    """`enter.signal`: an episode of one of its signals opened; its closing is the default goal. In contact walks everybody
    who is still there enters, whoever can be mailed (S30)."""
    enter = version.playbook.enter
    rows: FromClause = EPISODE.join(CUSTOMER, CUSTOMER.c.id == EPISODE.c.customer_id)
    if version.playbook.walks == "contact":
        rows = rows.join(CONTACT, and_(CONTACT.c.customer_id == CUSTOMER.c.id, CONTACT.c.gone_at.is_(None)))
    event = json_pair(literal("signal"), EPISODE.c.signal)
    is_open = and_(EPISODE.c.opened_at.is_not(None), EPISODE.c.closed_at.is_(None))
    expires = (
        NEVER if enter.within is None else add_seconds(EPISODE.c.opened_at, within_minutes(version, enter.within) * 60)
    )
    return Openings(
        rows=rows,
        where=and_(unheard, EPISODE.c.signal.in_(enter.signal), is_open, _filter(version, ground, event)),
        contact_id=contact_of(version),
        key=signal_key(EPISODE.c.id),
        opened_at=EPISODE.c.opened_at,
        expires_at=expires,
        event=event,
        existing=EPISODE.c.is_existing if enter.existing == "skip" else None,
    )


def signal_key(episode_id: ColumnElement[int]) -> ColumnElement[str]:
    """What an occasion of an episode is told by (S5)."""
    return literal("signal:") + cast(episode_id, String)


def signal_is_open(version: Version) -> ColumnElement[bool]:
    """For an occasion by signal that had to wait: whether its episode is still open (S14)."""
    running = and_(EPISODE.c.signal.in_(version.playbook.enter.signal), EPISODE.c.closed_at.is_(None))
    mine = and_(EPISODE.c.customer_id == OCCASION.c.customer_id, signal_key(EPISODE.c.id) == OCCASION.c.key)
    return exists().where(running, mine).correlate(OCCASION)


def by_date(version: Version, ground: Ground, category: str | None, inside: ColumnElement[bool]) -> Openings:
    """`enter.at`: the anchor's date, moved by the offset, is today or at most `within` ago (S7)."""
    value, earliest = _date_of(version, ground)
    anchor, calendar = parse_anchor(version.playbook.enter.at or ""), calendar_for(ground.settings, None)
    latest = _per_day(ground, lambda today: latest_anchor(anchor, today, calendar))
    return Openings(
        rows=walkers(version),
        where=and_(
            inside,
            value <= latest,
            value > earliest,
            _filter(version, ground, NO_EVENT),
            _may_walk(version, ground, category),
        ),
        contact_id=contact_of(version),
        key=literal("at:") + cast(value, String),
        opened_at=ground.now(),
        expires_at=NEVER,
        event=NO_EVENT,
    )


def tables_asked(version: Version, ground: Ground, category: str | None) -> frozenset[str]:
    """Where the facts lie that say who has an occasion by condition or by date."""
    enter, is_contact = version.playbook.enter, version.playbook.walks == "contact"
    conditions = [parse_condition(enter.when)] if enter.when else []
    conditions += [anchor_value(parse_anchor(enter.at))] if enter.at else []
    found = ground.tables_of(conditions, ground.scope(contact=is_contact)) | {CUSTOMER.name}
    if not is_contact:
        return found
    return found | {CONTACT.name} | tables_read(_may_walk(version, ground, category))


def date_still_counts(version: Version, ground: Ground) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """For an occasion by date that had to wait: whether the date is still the one it opened for, and `within` not over."""
    value, earliest = _date_of(version, ground)
    return OCCASION.c.key.is_not_distinct_from(literal("at:") + cast(value, String)), value > earliest


def _date_of(version: Version, ground: Ground) -> tuple[ColumnElement[Any], ColumnElement[date]]:
    """The anchor's date, and the date that is just too long ago."""
    playbook = version.playbook
    anchor = parse_anchor(playbook.enter.at or "")
    within = parse_duration(playbook.enter.within or DATE_IS_LATE_AFTER)
    calendar = calendar_for(ground.settings, None)
    value = compile_value(anchor_value(anchor), ground.scope(contact=playbook.walks == "contact"))
    earliest = _per_day(
        ground,
        lambda today: latest_anchor(anchor, shift_date(today, -1, within, calendar) - timedelta(days=1), calendar),
    )
    return value, earliest


def by_moment(version: Version, ground: Ground, category: str | None, moment: datetime, expires: datetime) -> Openings:
    """`enter.every`, `enter.once`: everybody who passes the filter, at one moment."""
    return Openings(
        rows=walkers(version),
        where=and_(_filter(version, ground, NO_EVENT), _may_walk(version, ground, category)),
        contact_id=contact_of(version),
        key=literal(moment_key(moment)),
        opened_at=literal(moment, UtcDateTime),
        expires_at=literal(expires, UtcDateTime),
        event=NO_EVENT,
    )


def moment_key(moment: datetime) -> str:
    """What an occasion of that moment is told by (S5)."""
    return f"moment:{moment:%Y-%m-%dT%H:%MZ}"


def anchor_value(anchor: Anchor) -> Condition:
    """The anchor's date as an expression of the condition language."""
    return parse_date(f'{anchor.field}("{anchor.argument}")' if anchor.argument is not None else anchor.field)


def latest_anchor(anchor: Anchor, reached: date, calendar: BusinessCalendar) -> date:
    """The latest anchor date whose moved date is not after `reached`. Moving never reverses the order of dates, so it is
    found by halving, for any offset (months clamp, business days skip)."""
    if anchor.offset is None:
        return reached
    offset, sign = anchor.offset, anchor.sign
    low, high = reached - timedelta(days=4000), reached + timedelta(days=4000)
    while (high - low).days > 1:
        middle = low + (high - low) / 2
        if shift_date(middle, sign, offset, calendar) <= reached:
            low = middle
        else:
            high = middle
    return low


def _per_day(ground: Ground, day_of: Callable[[date], date]) -> ColumnElement[date]:
    """A date that depends on which day it is where the customer is."""
    days = ground.days
    return days.per_zone(CUSTOMER, lambda zone: day_of(days.date_in(zone)), Date())


def _filter(version: Version, ground: Ground, event: ColumnElement[Any]) -> ColumnElement[bool]:
    enter = version.playbook.enter
    if enter.when is None or enter.trigger == "when":
        return literal(True)
    scope = ground.scope(contact=version.playbook.walks == "contact", event=event)
    return ground.holds(parse_condition(enter.when), scope)


def _may_walk(version: Version, ground: Ground, category: str | None) -> ColumnElement[bool]:
    if version.playbook.walks == "customer" or category is None:
        return literal(True)
    return is_mailable(category, ground.settings.consent)


def within_minutes(version: Version, default: str) -> int:
    """`within` as an elapsed length; its days are 24 hours, its months 30 days."""
    duration = parse_duration(version.playbook.enter.within or default)
    days = duration.days + duration.business_days + 30 * duration.months
    return days * 1440 + duration.minutes + duration.business_minutes
