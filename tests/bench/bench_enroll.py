"""Enrolling 100,000 of 1,000,000 customers by a condition over stage, usage and tickets, against hand-written SQL that
inserts the same rows (occasion, walk, decision): `python -m tests.bench.bench_enroll`. Bound: at least 0.7 of it."""

from __future__ import annotations

from sqlalchemy import Connection, text

from bot.clock import FixedClock
from bot.pipeline.detect import detect, settle
from bot.pipeline.enroll import enroll
from storage.database import Database
from tests.bench.field import (
    NOW,
    SERIES,
    House,
    Result,
    add_customers,
    arguments,
    database,
    engines,
    peak_memory_mb,
    publish,
    seconds,
    workspace_files,
)

PLAYBOOK = """
title: Help
state: live
walks: customer
enter:
  when: stage == "onboarding" and total("login", days=14) < 5 and tickets(status="open") >= 2
  existing: enter
steps:
  - email: note
    to: champion
"""


def add_facts(connection: Connection, many: int) -> None:
    """Customers in onboarding have two open tickets and few logins; the feed is fresh."""
    series = SERIES[connection.dialect.name]
    sqlite = connection.dialect.name == "sqlite"
    at = "'2026-11-10 00:00:00.000000'" if sqlite else "'2026-11-10 00:00:00+00'::timestamptz"
    for round_ in (1, 2):
        connection.execute(
            text(
                f"""INSERT INTO ticket (customer_id, source, key, kind, priority, status, opened_at)
                {series} SELECT i, 'bench', 't{round_}-' || i, 'bug', 'normal', 'open', {at} FROM n WHERE i % 10 < 2"""
            ),
            {"many": many},
        )
    for day in ("2026-11-10", "2026-11-12", "2026-11-16"):
        connection.execute(
            text(
                f"""INSERT INTO daily_usage (customer_id, event, day, source, count, total, users)
                {series} SELECT i, 'login', '{day}', 'events', i % 10, i % 10, 1 FROM n WHERE i % 10 <> 0"""
            ),
            {"many": many},
        )
    fresh = "'2026-11-18 00:00:00.000000'" if sqlite else "'2026-11-18 00:00:00+00'::timestamptz"
    for feed in ("login", "usage", "tickets"):
        connection.execute(text(f"INSERT INTO feed (name, latest_at) VALUES ('{feed}', {fresh})"))
    if not sqlite:
        connection.execute(text("ANALYZE"))


SINCE, TODAY = "2026-11-04", "2026-11-18"
#: What a careful engineer would write by hand for the same rows: one evaluation of the condition, three inserts.
WHO = """FROM customer c WHERE c.stage = 'onboarding'
      AND (SELECT coalesce(sum(u.total), 0) FROM daily_usage u
           WHERE u.customer_id = c.id AND u.event = 'login' AND u.day > :since AND u.day <= :today) < 5
      AND (SELECT count(*) FROM ticket t WHERE t.customer_id = c.id AND t.status = 'open') >= 2"""
BY_HAND = (
    f"""INSERT INTO occasion (playbook, customer_id, key, opened_at, verdict, state, is_open)
    SELECT 'by_hand', c.id, 'when:1', :now, 'enter', 'entered', {{true}} {WHO}""",
    """INSERT INTO enrollment (occasion_id, playbook, version_id, customer_id, occurrence, status, priority, is_holdout,
        step, has_arrived, due_at, renewal_date_at_entry, entered_at)
    SELECT o.id, o.playbook, :version, o.customer_id, o.key, 'active', 50, {false}, 'note', {false}, :now, c.renewal_date, :now
    FROM occasion o JOIN customer c ON c.id = o.customer_id WHERE o.playbook = 'by_hand'""",
    """INSERT INTO decision (at, verdict, reason, customer_id, playbook, enrollment_id)
    SELECT :now, 'entered', 'enter', e.customer_id, e.playbook, e.id FROM enrollment e WHERE e.playbook = 'by_hand'""",
)


def read_once(found: Database) -> None:
    """So that whoever enrolls first does not also pay for fetching the facts from the disk."""
    with found.read() as connection:
        connection.execute(text(f"SELECT count(*) {WHO}"), {"since": SINCE, "today": TODAY})


def by_hand(found: Database, version_id: int) -> None:
    words = {"true": "1", "false": "0"} if found.is_sqlite else {"true": "true", "false": "false"}
    now = NOW.strftime("%Y-%m-%d %H:%M:%S.%f") if found.is_sqlite else NOW
    values = {"now": now, "since": SINCE, "today": TODAY, "version": version_id}
    with found.write() as connection:
        for statement in BY_HAND:
            connection.execute(text(statement.format(**words)), values)


def ours(house: House) -> int:
    """Detect and enroll, as a tick does."""
    with house.database.write() as connection:
        news = detect(connection, house.clock.now(), "UTC")
        count = enroll(connection, house.published, news)
        settle(connection, news)
    assert not count.faults, count.faults
    return count.entered


def measure(found: Database, engine: str, customers: int) -> Result:
    house = publish(found, workspace_files({"help": PLAYBOOK}), FixedClock(NOW))
    version_id = house.published.playbooks[0].version_id
    entered: list[int] = []
    read_once(found)
    our_time = seconds(lambda: entered.append(ours(house)))
    floor_time = seconds(lambda: by_hand(found, version_id))
    with found.read() as connection:
        same = connection.scalar(text("SELECT count(*) FROM enrollment WHERE playbook = 'by_hand'"))
    assert entered[0] == same, f"{entered[0]} entered, by hand {same}"
    return Result(
        name=f"enroll {entered[0]:,} of {customers:,}, {engine}",
        ours=f"{our_time:.2f} s",
        floor=f"{floor_time:.2f} s",
        ratio=floor_time / our_time,
        bound=0.7,
    )


def main() -> None:
    given = arguments(__doc__ or "", customers=1_000_000)

    def prepare(connection: Connection) -> None:
        add_customers(connection, given.customers)
        add_facts(connection, given.customers)

    for engine in engines(given.engine):
        with database(engine, prepare, keep=given.keep, name=f"enroll-{given.customers}") as found:
            result = measure(found, engine, given.customers)
            print(result, f"peak {peak_memory_mb():.0f} MB", flush=True)


if __name__ == "__main__":
    main()
