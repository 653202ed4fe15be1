"""What can be imported: the kinds of file in the order in which they depend on one another, and each kind's columns.
The one place that names them; files, maps, parsing and documentation read it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.intake import values


class Kind(StrEnum):
    """What a file holds. The order of the members is the order of import."""

    CSMS = "csms"  #: people on our side
    CUSTOMERS = "customers"  #: companies we serve
    CONTACTS = "contacts"  #: people at customers
    SUPPRESSIONS = "suppressions"  #: addresses that must not be mailed
    SUBSCRIPTIONS = "subscriptions"  #: what customers pay for
    EVENTS = "events"  #: what contacts did, one row each
    USAGE = "usage"  #: daily totals
    TICKETS = "tickets"  #: support tickets
    SURVEYS = "surveys"  #: answers to surveys
    MEETINGS = "meetings"  #: meetings held and to come
    NOTES = "notes"  #: what our people wrote


class Shape(StrEnum):
    """How a cell is read where it depends on the file: the order of dates, the zone of times."""

    PLAIN = "plain"  #: by the column's own reader
    DAY = "day"  #: a calendar day, any year
    FACT_DAY = "fact day"  #: a calendar day on which something happened
    MOMENT = "moment"  #: an instant at which something happened
    FREE_MOMENT = "free moment"  #: an instant of any time


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column we know. `read` raises CellError; it is used where `shape` is PLAIN."""

    name: str
    read: Callable[[Any], Any] = values.read_text
    shape: Shape = Shape.PLAIN
    required: bool = False

    @property
    def is_date(self) -> bool:
        return self.shape is not Shape.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A kind's columns. `families` are the prefixes of columns like `owner.ae`; `extras`: unknown columns are kept as
    attributes or properties (else they are ignored, with a warning); `customer_or_subscription`: one of both will do."""

    columns: Mapping[str, Column]
    families: tuple[str, ...] = ()
    extras: bool = False
    customer_or_subscription: bool = False


def _text(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name=name) for name in names)


def _sheet(*columns: Column, **more: Any) -> Sheet:
    return Sheet(columns={column.name: column for column in columns}, **more)


CUSTOMER = Column(name="customer", required=True)
ANY_CUSTOMER = Column(name="customer")
COUNT = values.read_count
NUMBER = values.read_number

SHEETS: Mapping[Kind, Sheet] = {
    Kind.CSMS: _sheet(
        Column(name="csm", required=True),
        *_text("name", "slack_user_id", "manager", "team"),
        Column(name="email", read=values.read_email),
        Column(name="working_hours", read=values.read_working_hours),
        Column(name="urgent_hours", read=values.read_urgent_hours),
        Column(name="active", read=values.read_yes_no),
        Column(name="timezone", read=values.read_zone),
        Column(name="locale", read=values.read_locale),
    ),
    Kind.CUSTOMERS: _sheet(
        CUSTOMER,
        *_text("name", "parent", "stage", "tier", "currency", "industry", "region", "touch", "csm"),
        Column(name="arr", read=NUMBER),
        Column(name="locale", read=values.read_locale),
        Column(name="timezone", read=values.read_zone),
        Column(name="started_on", shape=Shape.DAY),
        Column(name="renewal_date", shape=Shape.DAY),
        Column(name="stage_since", shape=Shape.FREE_MOMENT),
        Column(name="licenses_purchased", read=COUNT),
        Column(name="licenses_active", read=COUNT),
        Column(name="open_days", read=values.read_open_days),
        Column(name="tags", read=values.read_list),
        families=("owner.", "limits."),
        extras=True,
    ),
    Kind.CONTACTS: _sheet(
        CUSTOMER,
        *_text("contact", "name", "title", "phone"),
        Column(name="email", read=values.read_email),
        Column(name="roles", read=values.read_list),
        Column(name="locale", read=values.read_locale),
        Column(name="timezone", read=values.read_zone),
        Column(name="consent", read=values.read_consent),
        extras=True,
    ),
    Kind.SUPPRESSIONS: _sheet(
        Column(name="email", required=True),
        *_text("category", "reason"),
    ),
    Kind.SUBSCRIPTIONS: _sheet(
        CUSTOMER,
        Column(name="subscription", required=True),
        *_text("product", "reason"),
        Column(name="seats", read=COUNT),
        Column(name="mrr", read=NUMBER),
        Column(name="started_on", shape=Shape.DAY),
        Column(name="ended_on", shape=Shape.DAY),
    ),
    Kind.EVENTS: _sheet(
        ANY_CUSTOMER,
        *_text("contact", "id", "subscription"),
        Column(name="event", required=True),
        Column(name="at", shape=Shape.MOMENT, required=True),
        Column(name="value", read=NUMBER),
        extras=True,
        customer_or_subscription=True,
    ),
    Kind.USAGE: _sheet(
        ANY_CUSTOMER,
        *_text("id", "subscription"),
        Column(name="day", shape=Shape.FACT_DAY, required=True),
        Column(name="event", required=True),
        Column(name="count", read=COUNT, required=True),
        Column(name="total", read=NUMBER),
        Column(name="users", read=COUNT),
        customer_or_subscription=True,
    ),
    Kind.TICKETS: _sheet(
        CUSTOMER,
        Column(name="ticket", required=True),
        *_text("contact", "title", "url", "kind", "priority", "status"),
        Column(name="opened_at", shape=Shape.MOMENT, required=True),
        Column(name="closed_at", shape=Shape.MOMENT),
    ),
    Kind.SURVEYS: _sheet(
        CUSTOMER,
        Column(name="kind", required=True),
        Column(name="at", shape=Shape.MOMENT, required=True),
        *_text("contact", "id", "score", "comment"),
    ),
    Kind.MEETINGS: _sheet(
        CUSTOMER,
        Column(name="starts_at", shape=Shape.MOMENT, required=True),
        *_text("meeting", "kind", "summary"),
        Column(name="contact", read=values.read_list),
    ),
    Kind.NOTES: _sheet(
        CUSTOMER,
        Column(name="at", shape=Shape.MOMENT, required=True),
        Column(name="text", required=True),
        *_text("by", "id"),
    ),
}

ATTRIBUTE_PREFIXES = ("contact.attributes.", "attributes.", "properties.")
#: Unknown columns of a sheet with extras are called attributes.<name> from here on, whatever they become.
EXTRA = "attributes."
SPACES = re.compile(r"[\s\-]+")


def our_name(theirs: str, sheet: Sheet) -> str:
    """The column that a header names: `Renewal Date` is renewal_date, and what is unknown is attributes.<name>, spelled so
    that a condition can say it (`Account Type` is attributes.Account_Type)."""
    tidy = SPACES.sub("_", theirs.strip())
    for prefix in ATTRIBUTE_PREFIXES:
        if tidy.startswith(prefix):
            return EXTRA + tidy.removeprefix(prefix)
    folded = tidy.casefold()
    if folded in sheet.columns:
        return folded
    for family in sheet.families:
        if folded.startswith(family) and len(folded) > len(family):
            return family + tidy[len(family) :]
    return EXTRA + tidy
