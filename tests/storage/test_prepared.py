"""A statement that is put into the driver's words once says the same every time it runs, but for what is asked then."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import bindparam, func, literal, select, update

from bot.pipeline.scopes import CUSTOMER
from storage.columns import UtcDateTime
from storage.database import Database
from storage.dialects import days_between
from storage.prepared import Prepared
from tests.cast import customer

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def stages(database: Database) -> dict[str, str | None]:
    with database.read() as connection:
        return {row.key: row.stage for row in connection.execute(select(CUSTOMER.c.key, CUSTOMER.c.stage))}


def test_lists_are_bound_also_below_an_element_that_compiles_its_parts_itself(database: Database) -> None:
    for key in ("a", "b", "c"):
        customer(database, key, NOON, started_on=date(2027, 1, 1), stage="old")
    other = CUSTOMER.alias()
    first = select(func.min(other.c.started_on)).where(other.c.key.in_(["a", "b"])).scalar_subquery()
    passed = days_between(literal(date(2027, 1, 11)), first) == 10
    statement = Prepared(update(CUSTOMER).where(CUSTOMER.c.key.in_(["a", "b"]), passed).values(stage="new"))
    with database.write() as connection:
        assert [statement.run(connection) for _ in range(2)] == [2, 2]
    assert stages(database) == {"a": "new", "b": "new", "c": "old"}


def test_the_members_of_a_list_are_converted_as_a_single_value_is(database: Database) -> None:
    for hours in (0, 1, 2):
        customer(database, f"at_{hours}", NOON + timedelta(hours=hours))
    moments = CUSTOMER.c.created_at.in_([NOON, NOON + timedelta(hours=2)])
    statement = Prepared(update(CUSTOMER).where(moments).values(stage="found"))
    with database.write() as connection:
        assert statement.run(connection) == 2
    assert stages(database) == {"at_0": "found", "at_1": None, "at_2": "found"}


def test_what_depends_on_the_time_is_asked_whenever_it_runs(database: Database) -> None:
    customer(database, "a", NOON)
    now = [NOON - timedelta(days=1)]
    before = bindparam(None, callable_=lambda: now[0], type_=UtcDateTime())
    statement = Prepared(update(CUSTOMER).where(CUSTOMER.c.created_at <= before).values(stage="seen"))
    with database.write() as connection:
        assert statement.run(connection) == 0
        now[0] = NOON
        assert statement.run(connection) == 1
