"""Leaving out one occurrence of a playbook by hand (semantics.md S37): the next moment of `every` or `once` for everybody, or
the next occurrence of `every`, `once` or `at` for one customer. In the caller's transaction, with its decision; enroll then
finds that occurrence used already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, literal, select

from bot.errors import UsageError
from bot.pipeline.entering import OCCASION
from bot.pipeline.moments import next_moment
from bot.pipeline.occasions import anchor_value, moment_key, walkers
from bot.pipeline.published import Published, Version
from bot.pipeline.scopes import CONTACT, CUSTOMER, Ground
from bot.rules.conditions import compile_value
from bot.rules.durations import parse_anchor
from storage.bulk import insert_selected
from storage.columns import UtcDateTime
from storage.deployments import PlaybookRow, put_playbook
from storage.journal import Verdict
from storage.journal_entries import Entry, write_entries
from storage.journeys import OccasionState

SKIPPED = "skipped_by_hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """What will not happen: a moment, or (for `at`) the value of the date that counts."""

    moment: datetime | None
    day: date | None

    @property
    def text(self) -> str:
        return self.moment.isoformat() if self.moment is not None else str(self.day)


def skip_next(
    connection: Connection,
    published: Published,
    ground: Ground,
    playbook: str,
    now: datetime,
    *,
    by: str,
    customer: str | None = None,
) -> Skipped:
    """Skipping again skips the one after. Raises: UsageError where there is nothing to skip."""
    row = next((row for row in published.playbooks if row.name == playbook), None)
    if row is None:
        raise UsageError(f"There is no playbook `{playbook}`", hint="see `journeybot playbooks list`")
    version = published.versions[row.version_id]
    enter = version.playbook.enter
    if enter.every or enter.once:
        skipped = _skip_moment(connection, published, version, row, now, customer)
    elif enter.at and customer is not None:
        skipped = _skip_date(connection, ground, version, now, customer)
    elif enter.at:
        raise UsageError(f"`{playbook}` has a date of its own for each customer", hint="name one with --customer")
    else:
        raise UsageError(
            f"`{playbook}` has no occurrences to skip: it enters by `{enter.trigger}`",
            hint="`journeybot pause --playbook` holds everything back",
        )
    _tell(connection, playbook, customer, skipped, by, now)
    return skipped


def _skip_moment(
    connection: Connection,
    published: Published,
    version: Version,
    row: PlaybookRow,
    now: datetime,
    customer: str | None,
) -> Skipped:
    used = max(now, row.last_moment or now)
    zone = published.settings.timezone
    moment = next_moment(version.playbook.enter, zone, used)
    while moment is not None and customer is not None and _is_used(connection, row.name, moment, customer):
        moment = next_moment(version.playbook.enter, zone, moment)
    if moment is None:
        raise UsageError(f"`{row.name}` has no occurrence to come", hint="see `enter` in its file")
    if customer is None:
        put_playbook(connection, row.name, {"last_moment": moment})
    else:
        _use_up(connection, version, moment_key(moment), customer, now)
    return Skipped(moment=moment, day=None)


def _is_used(connection: Connection, playbook: str, moment: datetime, customer: str) -> bool:
    used = select(OCCASION.c.id).where(
        OCCASION.c.playbook == playbook,
        OCCASION.c.key == moment_key(moment),
        OCCASION.c.customer_id.in_(select(CUSTOMER.c.id).where(CUSTOMER.c.key == customer)),
    )
    return connection.scalar(used.limit(1)) is not None


def _skip_date(connection: Connection, ground: Ground, version: Version, now: datetime, customer: str) -> Skipped:
    """Of the date as it stands now; a date that moves is another occurrence."""
    anchor = parse_anchor(version.playbook.enter.at or "")
    value = compile_value(anchor_value(anchor), ground.scope(contact=version.playbook.walks == "contact"))
    rows = select(value).select_from(walkers(version)).where(CUSTOMER.c.key == customer, value.is_not(None))
    day = connection.scalar(rows.limit(1))
    if day is None:
        raise UsageError(f"`{customer}` has no date for `{version.playbook.enter.at}`", hint="import it first")
    if not _use_up(connection, version, f"at:{day}", customer, now):
        raise UsageError(f"`{customer}` entered for {day} already, or that occurrence is skipped", hint="see `explain`")
    return Skipped(moment=None, day=day)


def _use_up(connection: Connection, version: Version, key: str, customer: str, now: datetime) -> int:
    """An occasion that was refused before it came; its key lets no second one in."""
    of_contacts = version.playbook.walks == "contact"
    columns = ("playbook", "customer_id", "contact_id", "key", "opened_at", "state", "verdict", "is_open")
    rows = (
        select(
            literal(version.playbook.name),
            CUSTOMER.c.id,
            CONTACT.c.id if of_contacts else literal(None, CONTACT.c.id.type),
            literal(key),
            literal(now, UtcDateTime),
            literal(OccasionState.REFUSED.value),
            literal(SKIPPED),
            literal(False),
        )
        .select_from(walkers(version))
        .where(CUSTOMER.c.key == customer)
    )
    return insert_selected(connection, OCCASION, columns, rows)


def _tell(
    connection: Connection, playbook: str, customer: str | None, skipped: Skipped, by: str, now: datetime
) -> None:
    customer_id = None
    if customer is not None:
        customer_id = connection.scalar(select(CUSTOMER.c.id).where(CUSTOMER.c.key == customer))
        if customer_id is None:
            raise UsageError(f"There is no customer `{customer}`", hint="see `journeybot customers list`")
    entry = Entry(
        at=now,
        verdict=Verdict.OPERATED,
        reason="occurrence_skipped",
        customer_id=customer_id,
        playbook=playbook,
        details={"by": by, "moment": skipped.text},
    )
    write_entries(connection, [entry])
