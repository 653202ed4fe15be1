"""What bench_detect is measured against: the numbers behind the shipped metrics, features, scorecard and signals as one careful
engineer would ask them once a day: each table read once and grouped, all verdicts in one wide row per customer. It knows
neither zones nor silent feeds, keeps no history and no evidence, and opens nothing: the floor, not a rival."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Connection, text

USAGE = """
CREATE TEMP TABLE hand_usage AS SELECT customer_id,
  sum(CASE WHEN event = 'login' AND day > :d14 THEN 1 ELSE 0 END) AS login14,
  sum(CASE WHEN event = 'login' AND day > :d28 THEN 1 ELSE 0 END) AS login28,
  sum(CASE WHEN event = 'reservation_saved' AND day > :d28 THEN 1 ELSE 0 END) AS reservations,
  sum(CASE WHEN event = 'reservation_saved' AND day > :d14 THEN 1 ELSE 0 END) AS reservations14,
  sum(CASE WHEN event = 'reservation_saved' AND day = :d1 THEN 1 ELSE 0 END) AS yesterday,
  sum(CASE WHEN event = 'scouts_sent' AND day > :d28 THEN 1 ELSE 0 END) AS scouts,
  sum(CASE WHEN event = 'scouts_sent' THEN total ELSE 0 END) AS scouts60,
  sum(CASE WHEN event = 'shift_published' AND day > :d28 THEN total ELSE 0 END) AS shifts,
  sum(CASE WHEN event = 'reminder_sent' AND day > :d28 THEN total ELSE 0 END) AS reminders,
  sum(CASE WHEN event = 'report_viewed' AND day > :d28 THEN total ELSE 0 END) AS reports
FROM daily_usage WHERE day > :d60 GROUP BY customer_id"""
LOGINS = """
CREATE TEMP TABLE hand_logins AS SELECT customer_id, count(DISTINCT contact_id) AS users7
FROM event WHERE name = 'login' AND at >= :d7 GROUP BY customer_id"""
VIEWS = """
CREATE TEMP TABLE hand_views AS SELECT customer_id, count(*) AS views
FROM event WHERE name = 'content_viewed' AND at >= :d60 GROUP BY customer_id"""
TICKETS = """
CREATE TEMP TABLE hand_tickets AS SELECT customer_id,
  sum(CASE WHEN opened_at > :d30 THEN 1 ELSE 0 END) AS tickets30,
  sum(CASE WHEN opened_at > :d30 AND kind = 'bug' THEN 1 ELSE 0 END) AS bugs30,
  sum(CASE WHEN status = 'open' AND opened_at < :d14 THEN 1 ELSE 0 END) AS old,
  sum(CASE WHEN status = 'open' AND opened_at < :d3 AND priority IN ('high', 'urgent') THEN 1 ELSE 0 END) AS late,
  sum(CASE WHEN status = 'open' AND opened_at < :d30 AND kind = 'bug' AND priority IN ('high', 'urgent')
    THEN 1 ELSE 0 END) AS old_bugs
FROM ticket GROUP BY customer_id"""
MEETINGS = """
CREATE TEMP TABLE hand_meetings AS SELECT m.customer_id, count(*) AS met FROM meeting m
JOIN meeting_attendee a ON a.meeting_id = m.id JOIN contact_role r ON r.contact_id = a.contact_id AND r.role = 'decision_maker'
WHERE m.starts_at > :d90 GROUP BY m.customer_id"""
NOTES = "CREATE TEMP TABLE hand_notes AS SELECT customer_id, max(at) AS noted FROM note GROUP BY customer_id"
ANSWERS = (
    "CREATE TEMP TABLE hand_answers AS SELECT customer_id, avg(score) AS nps FROM survey_answer GROUP BY customer_id"
)
INDEXES = tuple(
    f"CREATE INDEX hand_{name}_id ON hand_{name} (customer_id)"
    for name in ("usage", "logins", "views", "tickets", "meetings", "notes", "answers")
)
SCORES = """
CREATE TEMP TABLE hand_scores AS SELECT c.id AS customer_id, c.stage, c.touch, c.tier, c.arr, c.renewal_date,
  coalesce(l.users7, 0) * 1.0 / c.licenses_purchased AS login_rate, c.licenses_active * 1.0 / c.licenses_purchased AS use,
  CASE WHEN u.reservations >= 16 THEN 2 WHEN u.reservations >= 8 THEN 1 ELSE 0 END AS f1,
  CASE WHEN u.scouts >= 6 THEN 2 WHEN u.scouts >= 2 THEN 1 ELSE 0 END AS f2,
  CASE WHEN u.shifts >= 4 THEN 2 WHEN u.shifts >= 1 THEN 1 ELSE 0 END AS f3,
  CASE WHEN u.reminders >= 20 THEN 2 WHEN u.reminders >= 5 THEN 1 ELSE 0 END AS f4,
  CASE WHEN u.reports >= 4 THEN 2 WHEN u.reports >= 1 THEN 1 ELSE 0 END AS f5,
  60 * (CASE WHEN m.met >= 1 THEN 1 ELSE 0 END) + 40 * (CASE WHEN n.noted > :d30 THEN 1 ELSE 0 END) AS engagement,
  10 * coalesce(u.login14, 0) AS habit, 10 * a.nps AS roi, u.scouts60, u.reservations14, u.yesterday,
  u.login28, v.views, c.started_on, c.stage_since,
  t.tickets30, t.bugs30, t.old, t.late, t.old_bugs, m.met, n.noted
FROM customer c LEFT JOIN hand_usage u ON u.customer_id = c.id LEFT JOIN hand_logins l ON l.customer_id = c.id
LEFT JOIN hand_views v ON v.customer_id = c.id
LEFT JOIN hand_tickets t ON t.customer_id = c.id LEFT JOIN hand_meetings m ON m.customer_id = c.id
LEFT JOIN hand_notes n ON n.customer_id = c.id LEFT JOIN hand_answers a ON a.customer_id = c.id"""
VERDICTS = """
CREATE TEMP TABLE hand_verdicts AS SELECT customer_id, login_rate, f1, f2, f3, f4, f5, habit,
  (25 * 100 * use + 25 * engagement + 30 * 10 * (f1 + f2 + f3 + f4 + f5) + 20 * coalesce(roi, 0))
    / (CASE WHEN roi IS NULL THEN 80 ELSE 100 END) AS health,
  stage = 'onboarding' AND coalesce(scouts60, 0) = 0 AS stuck,
  stage = 'onboarding' AND coalesce(yesterday, 0) = 0 AND reservations14 >= 8 AS missed,
  stage = 'onboarding' AND started_on <= :d14 AND started_on >= :d30 AND coalesce(scouts60, 0) < 4 AS behind,
  stage = 'adoption' AND stage_since <= :d30 AND login28 >= 8 AND f1 + f2 + f3 + f4 + f5 <= 4
    AS struggle,
  stage = 'adoption' AND touch <> 'high' AND coalesce(views, 0) = 0 AS reads_nothing,
  stage = 'adoption' AND touch = 'high' AND coalesce(met, 0) = 0 AS unmet,
  touch = 'high' AND noted < :d7 AS unrecorded, renewal_date <= :in90 AS renewal,
  tickets30 >= 6 AS many, old >= 1 AS old, late >= 1 AS late, bugs30 >= 4 AS bugs, old_bugs >= 1 AS old_bugs,
  use >= 0.9 AS full_up, use < 0.3 AS idle, tier = 'free' AND arr = 0 AS free
FROM hand_scores"""
TABLES = ("usage", "logins", "views", "tickets", "meetings", "notes", "answers", "scores", "verdicts")


def by_hand(connection: Connection, today: date, customers: int) -> None:
    """Everything once for everybody. Raises: AssertionError when somebody was left out."""
    days = {f"d{days}": _bound(connection, today - timedelta(days=days)) for days in (1, 3, 7, 14, 28, 30, 60, 90)}
    days["in90"] = _bound(connection, today + timedelta(days=90))
    for statement in (USAGE, LOGINS, VIEWS, TICKETS, MEETINGS, NOTES, ANSWERS, *INDEXES, SCORES, VERDICTS):
        named = {name: value for name, value in days.items() if f":{name} " in f"{statement} ".replace(")", " ")}
        connection.execute(text(statement), named)
    assert connection.scalar(text("SELECT count(*) FROM hand_verdicts")) == customers
    for table in TABLES:
        connection.execute(text(f"DROP TABLE hand_{table}"))


def _bound(connection: Connection, day: date) -> object:
    return day.isoformat() if connection.dialect.name == "sqlite" else day
