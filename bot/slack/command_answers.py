"""What /journey shows: a customer at a glance, the asker's hand-offs, why something was decided. Reads and draws for one reader;
everything people wrote is escaped and shortened. Never writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select

from bot.insight.customer_search import FoundCustomer
from bot.insight.explanation import Explanation, Line
from bot.insight.handoff_activities import last_activities
from bot.insight.handoff_brief import Reader, written_arr
from bot.slack.blocks import SECTION_TEXT, Block, escaped, fields, header, labelled, one_line, section
from bot.slack.command_words import phrase
from bot.slack.context import SlackContext
from bot.slack.home_words import band_words
from bot.slack.people import Person
from bot.slack.wording import say, written_day, written_moment
from storage.accounts import Customer, Pause
from storage.enrollments import ENROLLMENT
from storage.handoff_views import HandoffRecord, count_open, list_open
from storage.health_views import health_of
from storage.journeys import EnrollmentStatus

CUSTOMER: Table = Customer.__table__  # type: ignore[attr-defined]
PAUSE: Table = Pause.__table__  # type: ignore[attr-defined]
MOST_HANDOFFS = 15
MOST_LINES = 8
MOST_WALKS = 8
LINE = 330


def reader_of(person: Person, now: datetime) -> Reader:
    return Reader(locale=person.locale, timezone=person.timezone, now=now)


def customer_blocks(
    connection: Connection, context: SlackContext, person: Person, found: FoundCustomer, now: datetime
) -> tuple[str, list[Block]]:
    """The notification's text and the blocks."""
    row = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == found.id)).one()
    reader, locale = reader_of(person, now), person.locale
    handoffs = list_open(connection, customer=found.key, limit=MOST_LINES)
    pairs = [
        (say("stage", locale), row.stage or "–"),
        (say("owner", locale), row.csm or "–"),
        (say("arr", locale), written_arr(row.arr, row.currency, locale) or "–"),
        (phrase("renewal", locale), written_day(row.renewal_date, locale) if row.renewal_date else "–"),
        (phrase("health", locale), _health(connection, found.id, reader)),
        (phrase("walking", locale), _walks(connection, found.id) or phrase("none", locale)),
        *_pause(connection, found.key, person),
    ]
    blocks = [header(found.label), fields(pairs)]
    if handoffs:
        lines = "\n".join(_plain_line(each, person) for each in handoffs)
        blocks.append(section(labelled(phrase("open_handoffs", locale), lines, SECTION_TEXT)))
    activities = last_activities(connection, found.id, before=now, limit=MOST_LINES)
    if activities:
        lines = "\n".join(
            f"{reader.day(each.at)} {reader.says(*each.kind_words)}: {one_line(reader.text_of(each.text))[:LINE]}"
            for each in activities
        )
        blocks.append(section(labelled(phrase("last_activities", locale), lines, SECTION_TEXT)))
    return escaped(found.label, 200), blocks


def handoff_lines(connection: Connection, person: Person, now: datetime) -> str:
    """The asker's open hand-offs as one message."""
    count = count_open(connection, person.by)
    if not count:
        return phrase("no_handoffs", person.locale)
    lines = [phrase("your_handoffs", person.locale, count=str(count))]
    listed = list_open(connection, owner=person.by, limit=MOST_HANDOFFS)
    lines += [f"• {handoff_line(each, person, now)}" for each in listed]
    if count > len(listed):
        lines.append(phrase("more_in_home", person.locale, count=str(count - len(listed))))
    return "\n".join([*lines, phrase("act_in_home", person.locale)])


def handoff_line(handoff: HandoffRecord, person: Person, now: datetime) -> str:
    """One hand-off as one line of markup."""
    reader = reader_of(person, now)
    urgent = f"{say('urgent', person.locale)}: " if handoff.urgency == "high" else ""
    parts = [f"*{urgent}{escaped(one_line(reader.text_of(handoff.title)), 150)}*"]
    if handoff.customer_name:
        parts.append(escaped(one_line(handoff.customer_name), 80))
    parts.append(due_words(handoff, person, now))
    if handoff.state != "open":
        parts.append(say(f"state_{handoff.state.value}", person.locale))
    if handoff.snoozed_until is not None and handoff.snoozed_until > now:
        until = written_moment(handoff.snoozed_until, person.timezone, person.locale)
        parts.append(say("snoozed_until", person.locale, until=until))
    return " · ".join(parts)


def due_words(handoff: HandoffRecord, person: Person, now: datetime) -> str:
    if handoff.due_at is None:
        return say("no_due", person.locale)
    late = f" ({say('overdue', person.locale)})" if handoff.due_at < now else ""
    return written_moment(handoff.due_at, person.timezone, person.locale) + late


def why_lines(told: Explanation, found: FoundCustomer, person: Person) -> str:
    """How things stand and what was decided lately, within one message."""
    lines = [phrase("why_title", person.locale, customer=escaped(found.label, 200))]
    if told.now:
        lines += [phrase("now", person.locale), *_sentences(told.now[:MOST_LINES])]
    if told.history:
        lines += [phrase("lately", person.locale), *_sentences(told.history[-MOST_LINES:], person)]
    if len(told.now) > MOST_LINES or len(told.history) > MOST_LINES or told.is_cut:
        lines.append(phrase("more_in_explain", person.locale, key=escaped(found.key, 80)))
    if len(lines) == 1:
        lines.append(phrase("nothing_decided", person.locale))
    return "\n".join(lines)


def _sentences(lines: Sequence[Line], person: Person | None = None) -> Iterable[str]:
    """`person`: for whom moments are written; None: all is as it stands now."""
    for line in lines:
        at = f"{written_moment(line.at, person.timezone, person.locale)} · " if person is not None else ""
        where = escaped(one_line(" › ".join(part for part in (line.playbook, line.step) if part)), 120)
        yield f"• {at}{where}: {escaped(one_line(line.sentence), LINE)}"


def _plain_line(handoff: HandoffRecord, person: Person) -> str:
    reader = reader_of(person, handoff.opened_at)
    owner = handoff.owner_name or handoff.owner or say("nobody_short", person.locale)
    return f"{one_line(reader.text_of(handoff.title))[:LINE]} · {owner}"


def _health(connection: Connection, customer_id: int, reader: Reader) -> str:
    health = health_of(connection, customer_id, reader.now)
    if health is None or health.card.value is None:
        return "–"
    change = f" ({health.card.change:+g})" if health.card.change else ""
    return f"{health.card.value:g}{change} {band_words(health.card.band, reader.locale)}"


def _walks(connection: Connection, customer_id: int) -> str:
    active = (ENROLLMENT.c.customer_id == customer_id, ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value)
    number = func.count().label("number")
    found = select(ENROLLMENT.c.playbook, ENROLLMENT.c.step, number).where(*active)
    grouped = found.group_by(ENROLLMENT.c.playbook, ENROLLMENT.c.step).order_by(ENROLLMENT.c.playbook).limit(MOST_WALKS)
    return "\n".join(
        f"{row.playbook} › {row.step}" + (f" ×{row.number}" if row.number > 1 else "")
        for row in connection.execute(grouped)
    )


def _pause(connection: Connection, key: str, person: Person) -> Iterable[tuple[str, str]]:
    mine = (PAUSE.c.kind == "customer", PAUSE.c.key == key)
    row: Any = connection.execute(select(PAUSE.c.since, PAUSE.c.until).where(*mine)).one_or_none()
    if row is not None:
        shown = written_moment(row.until, person.timezone, person.locale) if row.until else "–"
        yield phrase("paused", person.locale), phrase("since_then", person.locale, day=shown) if row.until else shown
