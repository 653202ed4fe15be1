"""Subscriptions, and the events subscription.started and subscription.ended at the local midnight of their dates. An end
that lies ahead is stored as an event that lies ahead, and withdrawn when the end is moved or called off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Table

from bot.intake.directory import with_customers
from bot.intake.events import BUILT_IN, EventRow, record_events, withdraw_events
from bot.intake.job import Job
from bot.intake.rows import Record
from bot.intake.writers.keyed_facts import Wanted, Written, write_facts
from bot.rules.zones import start_of_day
from storage.facts import Event, Subscription
from storage.marks import mark_customers

EVENT: Table = Event.__table__  # type: ignore[attr-defined]
SUBSCRIPTION: Table = Subscription.__table__  # type: ignore[attr-defined]
FIELDS = ("product", "seats", "mrr", "started_on", "ended_on", "reason")
DEFAULTS = {"customer_id": 0, **dict.fromkeys(FIELDS)}


def write_subscriptions(connection: Connection, records: Sequence[Record], job: Job) -> None:
    sound = [record for record in records if _is_sound(record, job)]
    firsts = job.first_of([(record.values["subscription"], record) for record in sound], "the subscription")
    pairs = with_customers(connection, [record for _, record in firsts], job.directory, job.tally)
    wanted = [
        Wanted(
            key=record.values["subscription"],
            record=record,
            customer=ref,
            fields={"customer_id": ref.id, **{name: record.values[name] for name in FIELDS if name in record.values}},
        )
        for record, ref in pairs
    ]
    written = write_facts(connection, SUBSCRIPTION, wanted, job, DEFAULTS)
    mark_customers(connection, {fact.after["customer_id"] for fact in written}, SUBSCRIPTION, EVENT)
    withdrawn = [_end_key(fact, fact.before["ended_on"], job) for fact in written if _end_moved(fact)]
    if withdrawn:
        withdraw_events(connection, withdrawn, job.now)
    events = [event for fact in written for event in _events(fact, job)]
    record_events(connection, events, job.now, default_zone=job.zone)


def _is_sound(record: Record, job: Job) -> bool:
    started, ended = record.values.get("started_on"), record.values.get("ended_on")
    if started is None or ended is None or started <= ended:
        return True
    message = "the subscription ends before it starts"
    job.tally.reject(record.line, "ended_on", ended, message, "are the two columns swapped?")
    return False


def _end_moved(fact: Written) -> bool:
    before = fact.before.get("ended_on")
    return before is not None and before != fact.after["ended_on"]


def _end_key(fact: Written, ended_on: date, job: Job) -> str:
    return f"subscription.ended:{job.source}:{fact.wanted.key}:{ended_on.isoformat()}"


def _events(fact: Written, job: Job) -> Iterable[EventRow]:
    after, zone = fact.after, fact.wanted.customer.zone
    properties: dict[str, Any] = {"subscription": fact.wanted.key}
    properties |= {name: after[name] for name in ("product", "seats", "mrr", "reason") if after[name] is not None}
    if fact.is_new:
        at = start_of_day(after["started_on"], zone) if after["started_on"] else job.now
        key = f"subscription.started:{job.source}:{fact.wanted.key}"
        yield EventRow(after["customer_id"], "subscription.started", at, BUILT_IN, key, properties=properties)
    ended_on = after["ended_on"]
    if ended_on is not None and ended_on != fact.before.get("ended_on"):
        at, key = start_of_day(ended_on, zone), _end_key(fact, ended_on, job)
        yield EventRow(after["customer_id"], "subscription.ended", at, BUILT_IN, key, properties=properties)
