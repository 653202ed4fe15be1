"""A mark says in which tables facts changed, so that only those look again who read one of them; and whatever of the facts that
conditions read a transaction writes must be among what it marks, or somebody would be forgotten."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import Connection, Engine, Select, event, insert

from bot.authoring.workspace import load_workspace
from bot.demo.run import DemoPlan, run_demo
from bot.pipeline.derived import Hearers, tell
from bot.pipeline.detect import detect, settle
from bot.pipeline.news import Asked
from bot.pipeline.published import ground_on
from bot.pipeline.scopes import CUSTOMER, Ground
from bot.rules.conditions import LocalDays, parse_condition
from storage.database import Database
from storage.facts import Note, Ticket
from storage.health import SignalEpisode
from storage.marks import CHANGE, mark_changed, mark_customers
from tests.cast import customer

NOON = datetime(2027, 3, 1, 3, 0, tzinfo=UTC)
STARTER = Path(__file__).parents[2]
NOTE, TICKET, EPISODE = Note.__table__, Ticket.__table__, SignalEpisode.__table__  # type: ignore[attr-defined]


def ground() -> Ground:
    workspace = load_workspace({})
    return ground_on(LocalDays.at(NOON, "UTC"), workspace.settings, workspace.company)


@pytest.mark.parametrize(
    ("condition", "tables"),
    [
        ("arr > 100", {"customer"}),
        ('days_since_event("login") > 7', {"customer", "daily_usage", "feed"}),
        ('tickets(status="open") >= 1', {"customer", "ticket"}),
        ('signal("churn")', {"customer", "signal_episode"}),
        ('open_handoffs(kind="risk") >= 1', {"customer", "handoff"}),
    ],
)
def test_the_tables_of_a_condition_are_found_in_its_own_sql(condition: str, tables: set[str]) -> None:
    assert ground().tables_of([parse_condition(condition)]) <= tables
    assert ground().tables_of([parse_condition(condition)]) >= tables - {"feed"}


def test_the_walk_a_condition_is_asked_of_is_no_fact_but_another_walk_is() -> None:
    found = ground()
    of_walk = found.scope(walk=True)
    assert "enrollment" not in found.tables_of([parse_condition('event.signal == "churn"')], of_walk)
    assert "enrollment" in found.tables_of([parse_condition('outcome("child") == "done"')], of_walk)


def test_only_who_reads_what_changed_looks_again(database: Database) -> None:
    for key in ("a", "b"):
        customer(database, key, NOON)
    with database.write() as connection:
        settle(connection, detect(connection, NOON, "UTC"))
        ids = dict(connection.execute(CUSTOMER.select().with_only_columns(CUSTOMER.c.key, CUSTOMER.c.id)).all())
        mark_customers(connection, [ids["a"]], NOTE)
        mark_changed(connection, [ids["b"]], TICKET)
        news, marks = detect(connection, NOON, "UTC"), ground()
        marks.token = news.token
        assert news.about == {"note", "ticket"}

        def asked(*tables: str) -> list[str] | None:
            about = Asked(tables=frozenset(tables), conditions=(), moves_with_time=False)
            found = news.whom_to_ask(about, CUSTOMER.c.id, marks.marks())
            if found is None:
                return None
            return sorted(connection.scalars(CUSTOMER.select().with_only_columns(CUSTOMER.c.key).where(found[1]())))

        assert asked("ticket", "customer") == ["b"]
        assert asked("note", "ticket") == ["a", "b"]
        assert asked("meeting") is None


def test_a_mark_that_names_no_table_is_news_to_everybody(database: Database) -> None:
    found = customer(database, "a", NOON)
    with database.write() as connection:
        settle(connection, detect(connection, NOON, "UTC"))
        mark_changed(connection, [found])
        news = detect(connection, NOON, "UTC")
    assert news.touches(frozenset({"meeting"}))
    assert news.touches(None)


def test_one_mark_a_customer_and_table_waits_however_often_it_is_told(database: Database) -> None:
    found = customer(database, "a", NOON)
    with database.write() as connection:
        settle(connection, detect(connection, NOON, "UTC"))
        for _ in range(3):
            mark_customers(connection, [found, found], NOTE, TICKET)
        assert sorted(connection.scalars(CHANGE.select().with_only_columns(CHANGE.c.about))) == ["note", "ticket"]


def test_a_result_is_told_once_and_not_to_whom_everything_is_news(database: Database) -> None:
    first, second = customer(database, "a", NOON), customer(database, "b", NOON)
    with database.write() as connection:
        connection.execute(CHANGE.delete())
        marks = ground()
        marks.token = "now"
        connection.execute(insert(CHANGE).values(customer_id=second, taken_by="now", about=""))

        def everybody() -> Select[Any]:
            return CUSTOMER.select().with_only_columns(CUSTOMER.c.id)

        assert tell(connection, marks, everybody, Hearers.LATER, (EPISODE,), "x") == 1
        assert tell(connection, marks, everybody, Hearers.LATER, (EPISODE,), "x") == 0
        told = connection.execute(CHANGE.select().with_only_columns(CHANGE.c.customer_id, CHANGE.c.about)).all()
    assert sorted(tuple(row) for row in told) == sorted([(first, "signal_episode"), (second, "")])


#: Facts of customers that conditions read, and which of their columns say so (none: all). What is derived is told by derive; what
#: becomes of a walk's own mails, by deliver.
FACTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("contact", "daily_usage", "note", "stage_change", "subscription", "survey_answer", "ticket"), ()),
    **dict.fromkeys(("curriculum_assignment", "plan_objective", "success_plan"), ()),
    "event": ("name", "at", "properties"),
    "handoff": ("state", "outcome", "kind", "flagged_at"),
    "meeting": ("kind", "starts_at"),
}


@dataclass
class Watch:
    """Every fact that a transaction writes and every mark it makes or takes, row by row, told by triggers of each connection."""

    written: set[tuple[str, int]] = field(default_factory=set)
    marked: set[tuple[str, int]] = field(default_factory=set)
    checked: int = 0
    forgotten: list[tuple[str, int]] = field(default_factory=list)

    def commit(self, connection: Connection) -> None:
        """Whoever is marked at all is marked for everything written, be it by a mark that waits since before."""
        if self.marked:
            raw: Any = connection.connection.dbapi_connection
            self.marked.update(raw.execute("SELECT about, customer_id FROM customer_change").fetchall())
        of = {
            customer_id: {name for name, other in self.marked if other == customer_id} for _, customer_id in self.marked
        }
        for name, customer_id in self.written:
            if customer_id in of and "" not in of[customer_id]:
                self.checked += 1
                self.forgotten += [] if name in of[customer_id] else [(name, customer_id)]
        self.written.clear()
        self.marked.clear()

    def connected(self, connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        known = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        has_triggers = raw.execute("SELECT 1 FROM sqlite_temp_master WHERE type = 'trigger'").fetchone()
        if has_triggers or not known >= {"customer_change", *FACTS}:
            return
        raw.create_function("wrote", 2, lambda name, found: self.written.add((name, found)))
        raw.create_function("marked", 2, lambda name, found: self.marked.add((name, found)))
        for name, columns in FACTS.items():
            changed = f"UPDATE OF {', '.join(columns)}" if columns else "UPDATE"
            for what, row in (("INSERT", "NEW"), (changed, "NEW"), ("DELETE", "OLD")):
                told = f"SELECT wrote('{name}', {row}.customer_id)"
                raw.execute(
                    f"CREATE TEMP TRIGGER {name}_{what.split()[0]} AFTER {what} ON main.{name} BEGIN {told}; END"
                )
        for what in ("INSERT", "UPDATE"):
            told = "SELECT marked(NEW.about, NEW.customer_id)"
            raw.execute(f"CREATE TEMP TRIGGER mark_{what} AFTER {what} ON main.customer_change BEGIN {told}; END")


@pytest.mark.xdist_group("demo run")
def test_whatever_of_a_customers_facts_is_written_is_among_what_is_marked(tmp_path: Path) -> None:
    watch = Watch()
    event.listen(Engine, "engine_connect", watch.connected)
    event.listen(Engine, "commit", watch.commit)
    try:
        run_demo(DemoPlan(starter=STARTER, folder=tmp_path / "x", customers=24, days=10), Console(file=io.StringIO()))
    finally:
        event.remove(Engine, "engine_connect", watch.connected)
        event.remove(Engine, "commit", watch.commit)
    assert watch.checked > 300
    assert Counter(name for name, _ in watch.forgotten) == {}
