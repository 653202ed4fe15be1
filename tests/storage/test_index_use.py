"""SQLite uses an index only where the words of a statement allow it; these are the statements of every tick and batch, which
would else read whole tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, Table, select, text

from bot.rules.catalogue import NOTICED, VIEWED
from storage.database import Database
from storage.dialects import among
from storage.enrollments import ENROLLMENT
from storage.facts import ABOUT_CONTENT, UNHEARD, UNTOLD, DailyUsage, Event, Meeting
from storage.given import is_given
from storage.journeys import EnrollmentStatus
from storage.outbox import UNABSORBED, DeliveryEvent
from storage.outbox_moves import OVERTAKEN
from storage.tables import metadata

EVENT: Table = Event.__table__  # type: ignore[attr-defined]
MEETING: Table = Meeting.__table__  # type: ignore[attr-defined]
USAGE: Table = DailyUsage.__table__  # type: ignore[attr-defined]
DELIVERY_EVENT: Table = DeliveryEvent.__table__  # type: ignore[attr-defined]

STATEMENTS = {
    "walks by their keys": select(ENROLLMENT.c.id, ENROLLMENT.c.step).where(among(ENROLLMENT.c.id, [1, 2, 3])),
    "walks of customers": select(ENROLLMENT.c.step).where(among(ENROLLMENT.c.customer_id, [1, 2, 3])),
    "new events": select(EVENT.c.name).where(UNHEARD),
    "what is about content": select(EVENT.c.customer_id).where(ABOUT_CONTENT),
    "views of content lately": select(EVENT.c.customer_id).where(
        ABOUT_CONTENT, EVENT.c.name == "content_viewed", EVENT.c.at > text("'2027'")
    ),
    "meetings whose time has come": select(MEETING.c.kind).where(UNTOLD, MEETING.c.starts_at <= text("'2027'")),
    "active walks that are due": select(ENROLLMENT.c.id).where(
        ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value, ENROLLMENT.c.due_at <= text("'2027'")
    ),
    **{f"mails overtaken by time: {name}": statement for name, statement in OVERTAKEN.items()},
    "new delivery events": select(DELIVERY_EVENT.c.kind).where(UNABSORBED),
}


def test_the_index_of_content_holds_what_conditions_call_content() -> None:
    assert all(f"'{name}'" in str(ABOUT_CONTENT) for name in (VIEWED, NOTICED))


@pytest.mark.parametrize("name", STATEMENTS)
def test_what_is_asked_all_the_time_reads_no_whole_table(name: str, tmp_path: Path) -> None:
    statement: Select[Any] = STATEMENTS[name]
    database = Database(f"sqlite:///{tmp_path}/plans.db")
    with database.write() as connection:
        metadata.create_all(connection)
        compiled: Any = statement.compile(connection, compile_kwargs={"render_postcompile": True})
        nothing = (None,) * len(compiled.positiontup or ())  # a plan does not ask for values
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", nothing).all()
    database.dispose()
    steps = [row.detail for row in plan]
    assert any("INDEX" in step or "INTEGER PRIMARY KEY" in step for step in steps if "json_each" not in step), steps


def test_rows_are_looked_up_by_all_columns_of_their_key(tmp_path: Path) -> None:
    """Not by the customer alone: an import would read a customer's whole history for the totals of one day."""
    key = [USAGE.c.customer_id, USAGE.c.event, USAGE.c.day]
    database = Database(f"sqlite:///{tmp_path}/plans.db")
    with database.write() as connection:
        metadata.create_all(connection)
        asked = select(USAGE.c.count).where(is_given(connection, key, [(1, "login", "2027-04-01")]))
        compiled: Any = asked.compile(connection)
        nothing = (None,) * len(compiled.positiontup or ())
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", nothing).all()
    database.dispose()
    assert any("(customer_id=? AND event=? AND day=?)" in row.detail for row in plan), plan


def test_only_our_own_words_are_written_into_a_statement() -> None:
    compiled = select(ENROLLMENT.c.id).where(ENROLLMENT.c.status.in_(["ended", "' OR 1=1 --"])).compile()
    assert "IN ('ended', :" in str(compiled)
    assert list(compiled.params.values()) == ["' OR 1=1 --"]
