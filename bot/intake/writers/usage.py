"""Daily totals: a row replaces what its source said of that customer, event and day, it never adds to it. Where rows have
ids (several rows make up one day's total), a row replaces what it said before, and the day is the sum of its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Connection, Table, select

from bot.intake.columns import Kind
from bot.intake.directory import CustomerRef, with_customers
from bot.intake.events import USAGE_FEED, raise_feeds
from bot.intake.job import Job
from bot.intake.remembered import last_said, remember
from bot.intake.rows import Record
from storage.facts import DailyUsage
from storage.given import is_given
from storage.marks import mark_customers
from storage.upserts import upsert_rows

USAGE: Table = DailyUsage.__table__  # type: ignore[attr-defined]
KEY = ("customer_id", "event", "day")
MEASURES = ("count", "total", "users")
COLUMNS = (*KEY, "source", *MEASURES)

DayKey = tuple[int, str, date]
Measures = tuple[int, float, int]


def write_usage(connection: Connection, records: Sequence[Record], job: Job) -> None:
    found = with_customers(connection, records, job.directory, job.tally)
    refs = {id(record): ref for record, ref in found}
    firsts = job.first_of([(_key(record, ref), record) for record, ref in found], "the daily total")
    pairs = [(record, refs[id(record)]) for _, record in firsts]
    parts = [(record.values["id"], record, ref) for record, ref in pairs if record.values.get("id")]
    totals = [(record, ref) for record, ref in pairs if not record.values.get("id")]
    touched = _write_parts(connection, parts, job) | _write_totals(connection, totals, job)
    mark_customers(connection, touched, USAGE)
    if pairs:
        raise_feeds(connection, _latest(pairs), job.now)


def _key(record: Record, customer: CustomerRef) -> str:
    values = record.values
    return str(values.get("id") or f"{customer.key} {values['event']} {values['day']}")


def _measures(values: Mapping[str, Any]) -> Measures:
    count = values["count"]
    total = values.get("total")
    return count, float(count if total is None else total), values.get("users") or 0


def _write_totals(connection: Connection, totals: Sequence[tuple[Record, CustomerRef]], job: Job) -> set[int]:
    """Rows that are a day's whole total; returns the customers for whom something changed."""
    days = {(ref.id, r.values["event"], r.values["day"]): _measures(r.values) for r, ref in totals}
    standing = _standing(connection, list(days), job.source)
    new = {key: measures for key, measures in days.items() if standing.get(key) != measures}
    rows = [(*key, job.source, *measures) for key, measures in new.items()]
    upsert_rows(connection, USAGE, COLUMNS, rows, dict.fromkeys(MEASURES, "set"))
    job.tally.changed += len(new)
    job.tally.unchanged += len(totals) - len(new)
    return {customer for customer, _, _ in new}


def _standing(connection: Connection, keys: Sequence[DayKey], source: str) -> dict[DayKey, Measures]:
    if not keys:
        return {}
    asked = is_given(connection, [USAGE.c[name] for name in KEY], keys)
    columns = [USAGE.c[name] for name in (*KEY, *MEASURES)]
    rows = connection.execute(select(*columns).where(USAGE.c.source == source, asked))
    return {(row[0], row[1], row[2]): (row[3], row[4], row[5]) for row in rows}


def _write_parts(connection: Connection, parts: Sequence[tuple[str, Record, CustomerRef]], job: Job) -> set[int]:
    """Rows that are parts of a day's total: each moves its day by what it says now less what it said before."""
    last = last_said(connection, job.source, Kind.USAGE, [key for key, _, _ in parts])
    sums: dict[DayKey, list[float]] = {}
    said = {}
    for key, record, ref in parts:
        day: DayKey = (ref.id, record.values["event"], record.values["day"])
        now_said = {
            "customer": ref.id,
            "event": day[1],
            "day": day[2].isoformat(),
            "measures": list(_measures(record.values)),
        }
        before = last.get(key)
        if before == now_said:
            job.tally.unchanged += 1
            continue
        job.tally.changed += 1
        said[key] = now_said
        _move(sums, day, _measures(record.values), 1)
        if before is not None:
            old_day = (before["customer"], before["event"], date.fromisoformat(before["day"]))
            _move(sums, old_day, before["measures"], -1)
    rows = [(*day, job.source, *measures) for day, measures in sums.items()]
    upsert_rows(connection, USAGE, COLUMNS, rows, dict.fromkeys(MEASURES, "add"))
    remember(connection, job.source, Kind.USAGE, said)
    return {customer for customer, _, _ in sums}


def _move(sums: dict[DayKey, list[float]], day: DayKey, measures: Sequence[float], sign: int) -> None:
    found = sums.setdefault(day, [0, 0.0, 0])
    for place, measure in enumerate(measures):
        found[place] += sign * measure


def _latest(pairs: Sequence[tuple[Record, CustomerRef]]) -> dict[str, datetime]:
    """The noon of the latest day per event, and over all: noon is within that day in nearly every zone."""
    latest: dict[str, date] = {}
    for record, _ in pairs:
        for feed in (record.values["event"], USAGE_FEED):
            latest[feed] = max(record.values["day"], latest.get(feed, date.min))
    return {feed: datetime.combine(day, time(12), UTC) for feed, day in latest.items()}
