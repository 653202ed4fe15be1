"""Column types that behave the same on SQLite and PostgreSQL: aware-UTC instants, JSON documents, big keys.
Tables use these and nothing dialect-specific; SQL functions that differ per dialect live in dialects.py."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    String,
    TextClause,
    literal_column,
    text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType
from sqlmodel import SQLModel

#: Tables are written and read by statements, so that pydantic's validators of their rows are seldom needed.
SQLModel.model_config["defer_build"] = True

#: Constraint names are fixed so that migrations can name them on both databases.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

BigKey = BigInteger().with_variant(Integer, "sqlite")
Document = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

SQLITE_INSTANT = "%Y-%m-%d %H:%M:%S.%f"


class _SqliteInstant(sqlite.DATETIME):
    """SQLite's DATETIME column, whose text UtcDateTime writes and reads itself: three times as fast."""

    def bind_processor(self, dialect: Dialect) -> None:
        return None

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        return None


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Refuses naive values; stored as timestamptz on PostgreSQL and as UTC text of constant width on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant needs a time zone: {value!r}")
        return sqlite_instant(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return instant_of_sqlite(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(_SqliteInstant())  # type: ignore[no-untyped-call]
        return dialect.type_descriptor(DateTime(timezone=True))


class KeyList(TypeDecorator[list[int]]):
    """Many keys as one bound value, so that a statement's text is the same for any number of them."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String() if dialect.name == "sqlite" else _WrittenArray())

    def process_bind_param(self, value: Iterable[int] | None, dialect: Dialect) -> Any:
        """As the database writes a list: a driver that writes one key after the other takes ten times as long."""
        written = orjson.dumps(list(value or ())).decode()
        return written if dialect.name == "sqlite" else f"{{{written[1:-1]}}}"


class _WrittenArray(UserDefinedType[str]):
    """PostgreSQL's list of numbers, bound as the text it reads."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "BIGINT[]"


class StateText(TypeDecorator[str]):
    """One of a few words. What a column is compared with is written into the statement, not bound: an index of the rows in one
    state serves it on both databases however the statement is kept, and SQLite need not plan it anew whenever it runs, as it
    does where an index asks what a bound value is."""

    impl = String
    cache_ok = True

    def __init__(self, states: type[StrEnum]) -> None:
        super().__init__()
        self.states = states

    class comparator_factory(TypeDecorator.Comparator[str]):  # noqa: N801 (SQLAlchemy's name)
        def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
            assert isinstance(self.type, StateText)
            states = self.type.states
            return super().operate(op, *(_written(each, states) for each in other), **kwargs)


def partial_index(name: str, *columns: str | TextClause, where: str, unique: bool = False) -> Index:
    """An index of the rows of which that holds, on both databases. A statement uses it where it says the same, in the same words."""
    return Index(name, *columns, unique=unique, postgresql_where=text(where), sqlite_where=text(where))


def state_column(first: StrEnum) -> Column[str]:
    """A column that holds one of the states of that kind; a row that is not told another begins with this one."""
    return Column(StateText(type(first)), nullable=False, default=first)


def _written(other: Any, states: type[StrEnum]) -> Any:
    """Only our own words; whatever else it is compared with stays bound."""
    if isinstance(other, str):
        return literal_column(f"'{states(other).value}'") if other in tuple(states) else other
    if isinstance(other, list | tuple | set | frozenset):
        return [_written(each, states) for each in other]
    return other


@lru_cache(maxsize=4096)
def sqlite_instant(value: datetime) -> str:
    """The text in which SQLite holds an instant, for driver-level writes."""
    return value.astimezone(UTC).isoformat(" ", "microseconds")[:26]  # eight times as fast as strftime


@lru_cache(maxsize=4096)
def instant_of_sqlite(text: str) -> datetime:
    """The instant of such a text. One batch mostly reads the same few instants over and over."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
