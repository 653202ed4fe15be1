"""Why somebody is not inside a playbook, worked out now: the trigger, the filter beside it leaf by leaf, and the rules that
enroll would apply. Asks the database with enroll's own expressions, so it cannot disagree with it. Read-only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, String, and_, cast, func, literal, null, select

from bot.insight.explanation import Line, Teller
from bot.insight.leaf_columns import LeafColumns
from bot.pipeline.entering import ENTER, OCCASION, Candidate, verdict_of
from bot.pipeline.moments import next_moment, the_once
from bot.pipeline.occasions import (
    DATE_IS_LATE_AFTER,
    ENDED,
    EPISODE,
    EVENT,
    anchor_value,
    contact_of,
    signal_key,
    walkers,
)
from bot.pipeline.opening import first_category
from bot.pipeline.published import Published, Version, calendar_for
from bot.pipeline.scopes import CONTACT, CUSTOMER, Ground, is_mailable
from bot.rules.calendar import shift_date
from bot.rules.conditions import compile_value, parse_condition
from bot.rules.durations import Anchor, parse_anchor, parse_duration
from bot.rules.zones import is_zone
from storage.columns import UtcDateTime
from storage.deployments import PlaybookRow
from storage.dialects import json_pair, json_text
from storage.enrollments import ENROLLMENT, not_paused, standing_pauses
from storage.journeys import EnrollmentStatus

OUTSIDE = "outside"
#: Refusals that no change of the trigger will lift; they are said first.
FOR_GOOD = ("walked_before", "walked_lately", "walked_often_enough")
MOST_CONTACTS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One playbook as it is asked about."""

    published: Published
    row: PlaybookRow
    version: Version
    ground: Ground
    now: datetime

    @classmethod
    def about(cls, published: Published, row: PlaybookRow, ground: Ground, now: datetime) -> Asked:
        return cls(published=published, row=row, version=published.versions[row.version_id], ground=ground, now=now)

    @property
    def walks_contacts(self) -> bool:
        return self.version.playbook.walks == "contact"

    @property
    def event_name(self) -> str | None:
        enter = self.version.playbook.enter
        return ENDED if enter.after else enter.on

    @property
    def category(self) -> str | None:
        """The mail category a contact must accept to enter (S30); None: nobody asks."""
        asks = self.walks_contacts and self.version.playbook.enter.trigger in ("when", "at", "every", "once")
        return first_category(self.version, self.published) if asks else None

    @property
    def anchor(self) -> Anchor | None:
        text = self.version.playbook.enter.at
        return parse_anchor(text) if text else None

    def latest_event(self, column: ColumnElement[Any]) -> Any:
        """A column of the walker's latest event that the trigger listens to."""
        mine = [EVENT.c.customer_id == CUSTOMER.c.id, EVENT.c.name == self.event_name]
        if self.walks_contacts:
            mine.append(EVENT.c.contact_id == CONTACT.c.id)
        after = self.version.playbook.enter.after
        if after:
            mine.append(json_text(EVENT.c.properties, literal("playbook")) == after.playbook)
        newest = select(column).where(*mine).order_by(EVENT.c.at.desc(), EVENT.c.id.desc()).limit(1)
        outer = (CUSTOMER, CONTACT) if self.walks_contacts else (CUSTOMER,)
        return newest.correlate(*outer).scalar_subquery()

    def open_episode(self, column: ColumnElement[Any]) -> Any:
        """A column of the customer's newest open episode that the trigger listens to."""
        mine = (EPISODE.c.customer_id == CUSTOMER.c.id, EPISODE.c.signal.in_(self.version.playbook.enter.signal))
        is_open = (EPISODE.c.opened_at.is_not(None), EPISODE.c.closed_at.is_(None))
        newest = (
            select(column).where(*mine, *is_open).order_by(EPISODE.c.opened_at.desc(), EPISODE.c.id.desc()).limit(1)
        )
        return newest.correlate(CUSTOMER).scalar_subquery()

    def event(self) -> ColumnElement[Any]:
        """The properties that `event.x` would read."""
        if self.version.playbook.enter.signal:
            return json_pair(literal("signal"), self.open_episode(EPISODE.c.signal))
        found: ColumnElement[Any] = self.latest_event(EVENT.c.properties) if self.event_name else null()
        return found

    def leaf_columns(self) -> LeafColumns | None:
        text = self.version.playbook.enter.when
        if text is None:
            return None
        return LeafColumns(parse_condition(text), self.ground.scope(contact=self.walks_contacts, event=self.event()))

    def rule(self, connection: Connection) -> ColumnElement[str]:
        """What enroll would say if an occasion came now."""
        contact_id = contact_of(self.version)
        never: ColumnElement[Any] = cast(null(), UtcDateTime)
        who = Candidate(
            customer_id=CUSTOMER.c.id,
            contact_id=contact_id,
            opened_at=literal(self.now, UtcDateTime),
            expires_at=never,
            event=self.event(),
            has_waited=False,
            by_hand=literal(False),
        )
        is_free = not_paused(standing_pauses(connection), literal(self.row.name), CUSTOMER.c.id, contact_id)
        return verdict_of(who, self.version, self.ground, is_free=is_free)

    def of_walker(self, *where: ColumnElement[bool]) -> Any:
        """The verdict of this walker's newest occasion among those."""
        same_contact = func.coalesce(OCCASION.c.contact_id, 0) == func.coalesce(contact_of(self.version), 0)
        mine = (OCCASION.c.playbook == self.row.name, OCCASION.c.customer_id == CUSTOMER.c.id, same_contact)
        newest = select(OCCASION.c.verdict).where(*mine, *where).order_by(OCCASION.c.id.desc()).limit(1)
        outer = (CUSTOMER, CONTACT) if self.walks_contacts else (CUSTOMER,)
        return newest.correlate(*outer).scalar_subquery()

    def is_outside(self) -> ColumnElement[bool]:
        same_contact = func.coalesce(ENROLLMENT.c.contact_id, 0) == func.coalesce(contact_of(self.version), 0)
        active = ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value
        walking = select(literal(1)).where(
            ENROLLMENT.c.playbook == self.row.name, ENROLLMENT.c.customer_id == CUSTOMER.c.id, same_contact, active
        )
        return ~walking.exists()


def why_outside(connection: Connection, teller: Teller, asked: Asked, customer_id: int) -> list[Line]:
    """One line for the customer, or one for each of its contacts that is not walking; none when all are inside."""
    leaves = asked.leaf_columns()
    statement = (
        select(*_columns(connection, asked), *(leaves.columns() if leaves else ()))
        .select_from(walkers(asked.version))
        .where(CUSTOMER.c.id == customer_id, asked.is_outside())
        .order_by(CONTACT.c.id if asked.walks_contacts else CUSTOMER.c.id)
        .limit(MOST_CONTACTS)
    )
    rows = connection.execute(statement).all()
    if not rows and asked.walks_contacts and _has_nobody(connection, customer_id):
        return [teller.line(OUTSIDE, "no_contact", playbook=asked.row.name)]
    return [_line(teller, asked, row, leaves) for row in rows]


def _has_nobody(connection: Connection, customer_id: int) -> bool:
    present = and_(CONTACT.c.customer_id == customer_id, CONTACT.c.gone_at.is_(None))
    return connection.scalar(select(CONTACT.c.id).where(present).limit(1)) is None


def _columns(connection: Connection, asked: Asked) -> list[ColumnElement[Any]]:
    found: list[ColumnElement[Any]] = [
        CUSTOMER.c.timezone.label("timezone"),
        (CONTACT.c.key if asked.walks_contacts else null().cast(String)).label("contact"),
        asked.rule(connection).label("rule"),
        asked.of_walker(OCCASION.c.is_open).label("open_verdict"),
    ]
    category = asked.category
    mailable = is_mailable(category, asked.ground.settings.consent) if category else literal(True)
    found.append(mailable.label("is_mailable"))
    anchor = asked.anchor
    if anchor is not None:
        scope = asked.ground.scope(contact=asked.walks_contacts)
        value = compile_value(anchor_value(anchor), scope)
        found.append(value.label("anchor"))
        found.append(asked.of_walker(OCCASION.c.key == literal("at:") + value.cast(String)).label("date_verdict"))
    if asked.version.playbook.enter.signal:
        episode = asked.open_episode(EPISODE.c.id)
        found.append(asked.open_episode(EPISODE.c.opened_at).label("open_since"))
        found.append(asked.of_walker(OCCASION.c.key == signal_key(episode)).label("signal_verdict"))
    if asked.event_name is not None:
        newest = asked.latest_event(EVENT.c.id)
        found.append(asked.latest_event(EVENT.c.at).label("event_at"))
        found.append(asked.of_walker(OCCASION.c.key == literal("event:") + newest.cast(String)).label("event_verdict"))
    return found


def _line(teller: Teller, asked: Asked, row: Row[Any], leaves: LeafColumns | None) -> Line:
    seen = leaves.seen(row) if leaves else ()
    reason, details = _reason(asked, row, leaves)
    return teller.line(OUTSIDE, reason, details, playbook=asked.row.name, leaves=seen, contact=row.contact)


Why = tuple[str, dict[str, Any]]


def _reason(asked: Asked, row: Row[Any], leaves: LeafColumns | None) -> Why:
    """The first thing that stands in the way."""
    if asked.row.state != "live":
        return "not_live", {"state": asked.row.state}
    if row.rule in FOR_GOOD:
        return row.rule, {}
    if not row.is_mailable:
        return "not_mailable", {"category": asked.category}
    gate = _GATES[asked.version.playbook.enter.trigger](asked, row, leaves)
    if gate is not None:
        return gate
    return ("will_enter", {}) if row.rule == ENTER else (row.rule, {})


def _by_condition(asked: Asked, row: Row[Any], leaves: LeafColumns | None) -> Why | None:
    why = _filter(row, leaves, "condition_false")
    if why is not None or row.open_verdict is None:
        return why
    if row.open_verdict == ENTER:
        return "still_open", {}
    return row.open_verdict, {}


def _filter(row: Row[Any], leaves: LeafColumns | None, reason: str = "filter") -> Why | None:
    """Whether the condition stands in the way: it is false, or it cannot be known and why."""
    verdict = leaves.verdict(row) if leaves else True
    if leaves is None or verdict is True:
        return None
    if verdict is False:
        return reason, {}
    unknown = leaves.why_unknown(row)
    return unknown.reason, unknown.details


def _by_date(asked: Asked, row: Row[Any], leaves: LeafColumns | None) -> Why | None:
    anchor, text = asked.anchor, asked.version.playbook.enter.at
    value = row.anchor
    if anchor is None or value is None:
        return "no_date", {"anchor": anchor.field if anchor else text}
    calendar = calendar_for(asked.ground.settings, None)
    reached = value if isinstance(value, date) else date.fromisoformat(str(value))
    day = shift_date(reached, anchor.sign, anchor.offset, calendar) if anchor.offset else reached
    today = asked.ground.days.date_in(_zone(asked, row))
    within = parse_duration(asked.version.playbook.enter.within or DATE_IS_LATE_AFTER)
    if row.date_verdict is not None:
        return ("walked_this_date" if row.date_verdict == ENTER else row.date_verdict), {}
    if day > today:
        return "not_yet", {"anchor": text, "day": day.isoformat()}
    if day < shift_date(today, -1, within, calendar):
        last_day = shift_date(day, 1, within, calendar)
        return "date_passed", {"anchor": text, "day": day.isoformat(), "last_day": last_day.isoformat()}
    return _filter(row, leaves)


def _zone(asked: Asked, row: Row[Any]) -> str:
    return row.timezone if row.timezone and is_zone(row.timezone) else asked.ground.settings.timezone


def _by_event(asked: Asked, row: Row[Any], leaves: LeafColumns | None) -> Why | None:
    after = asked.version.playbook.enter.after
    if row.event_at is None:
        return ("waits_for_end", {"event": after.playbook}) if after else ("event_never", {"event": asked.event_name})
    at = row.event_at if isinstance(row.event_at, datetime) else None
    details = {"event": after.playbook if after else asked.event_name, "last": at}
    if row.event_verdict is None:
        return _filter(row, leaves, "event_filtered") or ("event_filtered", details)
    if row.event_verdict == ENTER:
        return "waits_for_event", details
    return row.event_verdict, details


def _by_moment(asked: Asked, row: Row[Any], leaves: LeafColumns | None) -> Why | None:
    enter, zone = asked.version.playbook.enter, asked.ground.settings.timezone
    why = _filter(row, leaves)
    if why is not None:
        return why
    coming = next_moment(enter, zone, asked.now)
    if coming is not None:
        return "moment_to_come", {"moment": coming}
    return "moment_over", {"moment": the_once(enter, zone)}


def _by_hand(asked: Asked, row: Row[Any], leaves: LeafColumns | None) -> Why | None:
    return _filter(row, leaves) or ("by_hand_only", {})


def _by_signal(asked: Asked, row: Row[Any], leaves: LeafColumns | None) -> Why | None:
    if row.open_since is None:
        return "signal_closed", {"signals": list(asked.version.playbook.enter.signal)}
    if row.signal_verdict is None or row.signal_verdict == ENTER:
        return _filter(row, leaves) or ("signal_walked", {"since": row.open_since})
    return row.signal_verdict, {}


_GATES = {
    "when": _by_condition,
    "at": _by_date,
    "on": _by_event,
    "after": _by_event,
    "every": _by_moment,
    "once": _by_moment,
    "manual": _by_hand,
    "signal": _by_signal,
}
