"""What bench_detect looks at: customers with events, tickets, meetings, notes and survey answers, made by SQL; and the day's
new facts of one customer in a hundred, with the marks that intake would leave."""

from __future__ import annotations

from sqlalchemy import Connection, text

from bot.intake.events import TOLD_OF_EVENTS
from bot.intake.writers.tickets import TICKET
from tests.bench.field import SERIES, add_customers

#: One customer does one of them at each turn; the first is done most.
EVENTS = (
    *("login",) * 9, *("reservation_saved",) * 4, "scouts_sent", "scouts_sent", "shift_published", "reminder_sent",
    "reminder_sent", "report_viewed", "login",
)  # fmt: skip
#: The windows of the shipped signals reach back this far.
DAYS = 90
#: Customers with new facts: one in so many.
ONE_IN = 100


def add_facts(connection: Connection, customers: int, events: int) -> None:
    """`events` events, as many for each customer, on days before NOW (18 November 2026, 03:00 UTC), rolled up by day as
    intake does; the feeds are fresh."""
    add_customers(connection, customers)
    for turn in range(events // customers):
        _add_events(connection, customers, turn)
    _roll_up(connection)
    _add_talks(connection, customers)
    for feed in (*sorted(set(EVENTS)), "tickets", "meetings", "surveys"):
        at = _instant(connection, "'2026-11-18'", 2)
        connection.execute(
            text(f"INSERT INTO feed (name, latest_at, looked_at) VALUES (:feed, {at}, {at})"), {"feed": feed}
        )
    if connection.dialect.name == "postgresql":
        connection.execute(text("ANALYZE"))


#: What intake marks of a customer with new events and a new ticket.
TOLD_OF_NEWS = tuple(table.name for table in (*TOLD_OF_EVENTS, TICKET))


def add_news(connection: Connection, customers: int, which: int) -> int:
    """One customer in a hundred logs in once more, opens a ticket, and is marked; returns how many marks."""
    few = f"SELECT i FROM n WHERE i % {ONE_IN} = {which}"
    series = SERIES[connection.dialect.name]
    at = _instant(connection, "'2026-11-18'", 3)
    given = {"many": customers}
    connection.execute(
        text(
            f"""INSERT INTO event (customer_id, contact_id, name, at, properties, source, key, received_at, is_new)
            {series} SELECT i, i, 'login', {at}, '{{}}', 'bench', 'news{which}-' || i, {at}, {_bool(connection, False)}
            FROM ({few}) AS n"""
        ),
        given,
    )
    connection.execute(
        text(
            f"""INSERT INTO daily_usage (customer_id, event, day, source, count, total, users)
            {series} SELECT i, 'login', '2026-11-18', 'events', 1, 1, 1 FROM ({few}) AS n WHERE true
            ON CONFLICT (customer_id, event, day, source) DO UPDATE SET count = daily_usage.count + 1, total = daily_usage.total + 1"""
        ),
        given,
    )
    connection.execute(
        text(
            f"""INSERT INTO ticket (customer_id, source, key, kind, priority, status, opened_at)
            {series} SELECT i, 'bench', 'news{which}-' || i, 'bug', 'urgent', 'open', {at} FROM ({few}) AS n"""
        ),
        given,
    )
    new = 0
    for about in TOLD_OF_NEWS:
        marks = f"INSERT INTO customer_change (customer_id, about) {series} SELECT i, '{about}' FROM ({few}) AS n"
        new += connection.execute(text(marks), given).rowcount
    return new


def _add_events(connection: Connection, customers: int, turn: int) -> None:
    """Each turn is another event on another day; customers differ in where they begin, and every seventh grows quiet."""
    series, name = SERIES[connection.dialect.name], EVENTS[turn % len(EVENTS)]
    ago = f"CASE i % 7 WHEN 3 THEN 20 ELSE 0 END + (i * 13 + {turn} * 37) % {DAYS - 25} + 1"
    at = _instant(connection, _days_before(connection, "'2026-11-18'", ago), 9)
    connection.execute(
        text(
            f"""INSERT INTO event (customer_id, contact_id, name, at, properties, source, key, received_at, is_new)
            {series} SELECT i, i, '{name}', {at}, '{{}}', 'bench', '{turn}-' || i, {at}, {_bool(connection, False)}
            FROM n"""
        ),
        {"many": customers},
    )


def _roll_up(connection: Connection) -> None:
    day = "substr(at, 1, 10)" if connection.dialect.name == "sqlite" else "CAST(at AT TIME ZONE 'UTC' AS date)"
    connection.execute(
        text(
            f"""INSERT INTO daily_usage (customer_id, event, day, source, count, total, users)
            SELECT customer_id, name, {day}, 'events', count(*), count(*), 1 FROM event
            GROUP BY customer_id, name, {day}"""
        )
    )


def _add_talks(connection: Connection, customers: int) -> None:
    """Tickets of every fifth customer, a meeting with the decision maker of every second, answers of every fourth."""
    series, given = SERIES[connection.dialect.name], {"many": customers}
    old = _instant(connection, _days_before(connection, "'2026-11-18'", "i % 60"), 8)
    true = _bool(connection, True)
    for statement in (
        f"""INSERT INTO ticket (customer_id, source, key, kind, priority, status, opened_at) {series}
            SELECT i, 'bench', 't' || i, CASE i % 2 WHEN 0 THEN 'bug' ELSE 'question' END,
            CASE i % 3 WHEN 0 THEN 'urgent' ELSE 'normal' END, 'open', {old} FROM n WHERE i % 5 = 0""",
        f"INSERT INTO contact_role (contact_id, role, is_primary) {series} SELECT i, 'decision_maker', {true} FROM n",
        f"""INSERT INTO meeting (id, customer_id, source, key, kind, starts_at, is_told) {series}
            SELECT i, i, 'bench', 'm' || i, 'ebr', {old}, {true} FROM n WHERE i % 2 = 0""",
        f"INSERT INTO meeting_attendee (meeting_id, contact_id) {series} SELECT i, i FROM n WHERE i % 2 = 0",
        f"""INSERT INTO survey_answer (customer_id, contact_id, kind, score, at, source, key) {series}
            SELECT i, i, 'nps', i % 11, {old}, 'bench', 's' || i FROM n WHERE i % 4 = 0""",
        f"""INSERT INTO note (customer_id, at, text, source, key) {series}
            SELECT i, {old}, 'Talked.', 'bench', 'n' || i FROM n WHERE i % 3 = 0""",
    ):
        connection.execute(text(statement), given)


def _bool(connection: Connection, value: bool) -> str:
    if connection.dialect.name == "sqlite":
        return "1" if value else "0"
    return "true" if value else "false"


def _days_before(connection: Connection, day: str, days: str) -> str:
    if connection.dialect.name == "sqlite":
        return f"date({day}, '-' || ({days}) || ' days')"
    return f"(date {day} - CAST({days} AS integer))" if day.startswith("'") else f"({day} - CAST({days} AS integer))"


def _instant(connection: Connection, day: str, hour: int) -> str:
    """The instant at which a day's hour begins, in UTC."""
    if connection.dialect.name == "sqlite":
        return f"({day} || ' {hour:02}:00:00.000000')"
    return f"(CAST({day} AS date) + interval '{hour} hours') AT TIME ZONE 'UTC'"
