"""The rows that reach journeybot on one morning, per kind of import and in the columns of the import contract, and the
CSV files made of them: the demo imports exactly as a user would. life.py fills them, run.py imports the files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path

from bot.demo.customers import DemoContact, DemoCustomer
from bot.demo.staff import Colleague
from bot.rules.zones import local_to_utc

Row = Mapping[str, str]

COLUMNS: dict[str, tuple[str, ...]] = {
    "csms": ("csm", "name", "email", "manager", "team", "working_hours", "timezone", "locale"),
    "customers": (
        "customer", "name", "stage", "tier", "arr", "currency", "industry", "region", "locale", "timezone", "touch",
        "csm", "started_on", "renewal_date", "licenses_purchased", "licenses_active", "open_days", "tags",
        "owner.sales", "owner.support", "owner.onboarding", "shops", "usage_talk_ok", "was_paid",
    ),
    "contacts": ("customer", "contact", "email", "name", "title", "roles", "consent"),
    "subscriptions": ("customer", "subscription", "product", "seats", "mrr", "started_on", "ended_on", "reason"),
    "usage": ("customer", "day", "event", "count", "users"),
    "events": ("customer", "contact", "event", "at", "id", "content", "minutes", "theme"),
    "tickets": ("customer", "contact", "ticket", "title", "kind", "priority", "status", "opened_at", "closed_at"),
    "surveys": ("customer", "contact", "kind", "score", "comment", "at"),
    "meetings": ("customer", "meeting", "kind", "contact", "starts_at", "summary"),
    "notes": ("customer", "by", "at", "text"),
}  # fmt: skip
"""The kinds in the order in which they must be read: people and customers before what happened to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFacts:
    """What arrives on the morning of `day`. Every row has exactly the columns of its kind."""

    day: date
    rows: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(len(rows) for rows in self.rows.values())


def row_of(kind: str, /, **values: object) -> Row:
    """A row of that kind as text; what is not given stays empty. `owner_x` is the column `owner.x`.

    Raises: KeyError for a column that the kind has not.
    """
    row = dict.fromkeys(COLUMNS[kind], "")
    for name, value in values.items():
        column = name.replace("owner_", "owner.")
        if column not in row:
            raise KeyError(f"{kind}.csv has no column `{column}`")
        row[column] = _text(value)
    return row


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def local_moment(day: date, hour: int, minute: int, zone: str) -> datetime:
    """UTC of a time on the customer's own wall clock; without a zone, Tokyo's."""
    return local_to_utc(datetime.combine(day, time(hour, minute)), zone or "Asia/Tokyo")


def colleague_row(colleague: Colleague) -> Row:
    return row_of(
        "csms",
        csm=colleague.key,
        name=colleague.name,
        email=colleague.email,
        manager=colleague.manager,
        team=colleague.team,
        working_hours=colleague.working_hours,
        timezone=colleague.timezone,
        locale=colleague.locale,
    )


def customer_row(customer: DemoCustomer, changes: Mapping[str, object]) -> Row:
    """The whole record as the CRM exports it, with what has changed since we first heard of the customer."""
    values: dict[str, object] = {
        "customer": customer.key,
        "currency": "JPY",
        "usage_talk_ok": customer.usage_talk_ok,
        **{f"owner_{role}": key for role, key in customer.owners.items()},
    }
    for name in COLUMNS["customers"]:
        if name not in values and hasattr(customer, name):
            values[name] = getattr(customer, name)
    return row_of("customers", **{**values, **changes})


def contact_row(customer: DemoCustomer, contact: DemoContact) -> Row:
    return row_of(
        "contacts",
        customer=customer.key,
        contact=contact.key,
        email=contact.email,
        name=contact.name,
        title=contact.title,
        roles=contact.roles,
        consent=contact.consent,
    )


def write_csvs(folder: Path, facts: DayFacts) -> list[Path]:
    """One file per kind that has rows, in the order in which to import them. The folder is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _write_csv(folder / f"{kind}.csv", columns, facts.rows[kind])
        for kind, columns in COLUMNS.items()
        if facts.rows.get(kind)
    ]


def _write_csv(path: Path, columns: tuple[str, ...], rows: Iterable[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path
