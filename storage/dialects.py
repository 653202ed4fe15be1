"""SQL that differs between SQLite and PostgreSQL, each as one function element with a compiler per dialect: dates in
local time, JSON look-ups with the type the question asks for. Conditions and passes build on these and stay portable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Connection, Date, Float, Integer, String, bindparam, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from storage.columns import Document, KeyList, UtcDateTime


@contextmanager
def by_index(connection: Connection) -> Iterator[None]:
    """Rows are looked up by index until the end of the block. PostgreSQL plans a statement that fills an empty table and looks
    up its rows there by a scan, for so small a table, and then scans all that it has written for each row: 100,000 took
    four minutes instead of three seconds. SQLite has no such choice."""
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    yield
    connection.exec_driver_sql("SET LOCAL enable_seqscan = on")  # a rollback resets it too


class days_between(FunctionElement[int]):  # noqa: N801 (reads as an SQL function)
    """days_between(later, earlier): whole days between two dates."""

    type = Integer()
    inherit_cache = True


class add_days(FunctionElement[Any]):  # noqa: N801
    """add_days(date, n): the date n days later (n may be negative)."""

    type = Date()
    inherit_cache = True


class local_date(FunctionElement[Any]):  # noqa: N801
    """local_date(instant, offset_minutes): the calendar day of an instant at that offset from UTC."""

    type = Date()
    inherit_cache = True


class add_seconds(FunctionElement[Any]):  # noqa: N801
    """add_seconds(instant, seconds): the instant that much later."""

    type = UtcDateTime()
    inherit_cache = True


class json_text(FunctionElement[str]):  # noqa: N801
    """json_text(document, key): the value as text; None where absent, null or a list or object."""

    type = String()
    inherit_cache = True


class json_number(FunctionElement[float]):  # noqa: N801
    """json_number(document, key): the value as a number, also where it is written as text; None where it is none."""

    type = Float()
    inherit_cache = True


class json_bool(FunctionElement[bool]):  # noqa: N801
    """json_bool(document, key): true, 'true', 'yes', '1' → true; the opposites → false; everything else None."""

    type = Boolean()
    inherit_cache = True


class json_date(FunctionElement[Any]):  # noqa: N801
    """json_date(document, key): an ISO date written as text; None where it is none."""

    type = Date()
    inherit_cache = True


class json_pair(FunctionElement[Any]):  # noqa: N801
    """json_pair(key, value): a document of one key and a text."""

    type = Document
    inherit_cache = True


class json_list_has(FunctionElement[bool]):  # noqa: N801
    """json_list_has(list document, text): whether the list holds the text."""

    type = Boolean()
    inherit_cache = True


class larger_of(FunctionElement[Any]):  # noqa: N801
    """larger_of(a, b): the larger of two values that are not empty."""

    inherit_cache = True

    def __init__(self, *clauses: Any) -> None:
        super().__init__(*clauses)
        self.type = next(iter(self.clauses)).type


class weekday_of(FunctionElement[int]):  # noqa: N801
    """weekday_of(date): 0 for Monday … 6 for Sunday."""

    type = Integer()
    inherit_cache = True


#: A number written as text. Bounded, because PostgreSQL refuses a whole statement for one number that no float holds.
NUMBER = r"^ *[-+]?[0-9]{1,18}(\.[0-9]{1,18})? *$"
#: A real calendar day, for the same reason: one 31 February would stop everybody.
LEAP_YEAR = r"([0-9]{2}(0[48]|[2468][048]|[13579][26])|([2468][048]|0[48]|[13579][26])00)"
ISO_DATE = (
    r"^(?!0000)([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    rf"|02-(0[1-9]|1[0-9]|2[0-8]))|{LEAP_YEAR}-02-29)"
)
LONGEST_NUMBER = 300
TRUE_WORDS = "('true', 'yes', '1')"
FALSE_WORDS = "('false', 'no', '0')"


def _parts(element: Any, compiler: SQLCompiler, **kw: Any) -> list[str]:
    return [compiler.process(clause, **kw) for clause in element.clauses]


@compiles(days_between, "sqlite")
def _days_between_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    later, earlier = _parts(element, compiler, **kw)
    return f"CAST(julianday({later}) - julianday({earlier}) AS INTEGER)"


@compiles(days_between, "postgresql")
def _days_between_postgresql(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    later, earlier = _parts(element, compiler, **kw)
    return f"(CAST({later} AS DATE) - CAST({earlier} AS DATE))"


@compiles(add_days, "sqlite")
def _add_days_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    day, count = _parts(element, compiler, **kw)
    return f"date({day}, CAST({count} AS INTEGER) || ' days')"


@compiles(add_days, "postgresql")
def _add_days_postgresql(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    day, count = _parts(element, compiler, **kw)
    return f"(CAST({day} AS DATE) + CAST({count} AS INTEGER))"


@compiles(local_date, "sqlite")
def _local_date_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    instant, offset = _parts(element, compiler, **kw)
    return f"date({instant}, ({offset}) || ' minutes')"


@compiles(local_date, "postgresql")
def _local_date_postgresql(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    instant, offset = _parts(element, compiler, **kw)
    return f"CAST((({instant}) AT TIME ZONE 'UTC') + make_interval(mins => CAST({offset} AS INTEGER)) AS DATE)"


@compiles(add_seconds, "sqlite")
def _add_seconds_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    instant, seconds = _parts(element, compiler, **kw)
    # %f has milliseconds only: pad to the constant width in which instants are stored.
    return f"(strftime('%Y-%m-%d %H:%M:%f', {instant}, CAST({seconds} AS TEXT) || ' seconds') || '000')"


@compiles(add_seconds, "postgresql")
def _add_seconds_postgresql(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    instant, seconds = _parts(element, compiler, **kw)
    return f"(({instant}) + make_interval(secs => CAST({seconds} AS DOUBLE PRECISION)))"


def _path(key: str) -> str:
    # SQLite needs the key quoted inside the path; a quote in a key would end it, so conditions refuse such names.
    return f"'$.\"' || {key} || '\"'"


@compiles(json_text, "sqlite")
def _json_text_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    document, key = _parts(element, compiler, **kw)
    kind = f"json_type({document}, {_path(key)})"
    return (
        f"(CASE {kind} WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'array' THEN NULL WHEN 'object' THEN NULL "
        f"ELSE CAST(json_extract({document}, {_path(key)}) AS TEXT) END)"
    )


@compiles(json_text, "postgresql")
def _json_text_postgresql(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    document, key = _parts(element, compiler, **kw)
    return (
        f"(CASE WHEN jsonb_typeof({document} -> CAST({key} AS TEXT)) IN ('array', 'object') THEN NULL "
        f"ELSE {document} ->> CAST({key} AS TEXT) END)"
    )


@compiles(json_number, "sqlite")
def _json_number_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    document, key = _parts(element, compiler, **kw)
    value = f"json_extract({document}, {_path(key)})"
    kind = f"json_type({document}, {_path(key)})"
    digits = f"ltrim(trim({value}), '+-')"
    sign_length = f"length(trim({value})) - length({digits})"
    is_number = (
        f"{digits} NOT GLOB '*[^0-9.]*' AND {digits} GLOB '[0-9]*' AND {digits} GLOB '*[0-9]' "
        f"AND {digits} NOT GLOB '*.*.*' AND {sign_length} <= 1 AND instr({digits} || '.', '.') <= 19 "
        f"AND length({digits}) - instr({digits} || '.', '.') <= 18"
    )
    return (
        f"(CASE WHEN {kind} IN ('integer', 'real') AND abs({value}) < 1e290 THEN CAST({value} AS REAL) "
        f"WHEN {kind} = 'text' AND {is_number} THEN CAST(trim({value}) AS REAL) END)"
    )


@compiles(json_number, "postgresql")
def _json_number_postgresql(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    document, key = _parts(element, compiler, **kw)
    value = f"({document} ->> CAST({key} AS TEXT))"
    kind = f"jsonb_typeof({document} -> CAST({key} AS TEXT))"
    return (
        f"(CASE WHEN {kind} = 'number' AND length({value}) < {LONGEST_NUMBER} THEN CAST({value} AS DOUBLE PRECISION) "
        f"WHEN {kind} = 'string' AND {value} ~ '{NUMBER}' THEN CAST({value} AS DOUBLE PRECISION) END)"
    )


@compiles(json_bool, "sqlite")
def _json_bool_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return _bool_case(_json_text_sqlite(element, compiler, **kw), true="1", false="0")


@compiles(json_bool, "postgresql")
def _json_bool_postgresql(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return _bool_case(_json_text_postgresql(element, compiler, **kw), true="TRUE", false="FALSE")


def _bool_case(value: str, *, true: str, false: str) -> str:
    return (
        f"(CASE WHEN lower({value}) IN {TRUE_WORDS} THEN {true} WHEN lower({value}) IN {FALSE_WORDS} THEN {false} END)"
    )


@compiles(json_date, "sqlite")
def _json_date_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    day = f"substr({_json_text_sqlite(element, compiler, **kw)}, 1, 10)"
    shape = "[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]"
    # Counting days turns 31 February into 3 March; a real day comes back as it went in.
    return f"(CASE WHEN {day} GLOB '{shape}' AND {day} >= '0001' AND date({day}, '+0 days') = {day} THEN {day} END)"


@compiles(json_date, "postgresql")
def _json_date_postgresql(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    value = _json_text_postgresql(element, compiler, **kw)
    return f"(CASE WHEN {value} ~ '{ISO_DATE}' THEN CAST(substr({value}, 1, 10) AS DATE) END)"


@compiles(json_list_has, "sqlite")
def _json_list_has_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    document, item = _parts(element, compiler, **kw)
    return f"EXISTS (SELECT 1 FROM json_each({document}) WHERE json_each.value = {item})"


@compiles(json_list_has, "postgresql")
def _json_list_has_postgresql(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    document, item = _parts(element, compiler, **kw)
    return f"jsonb_exists({document}, CAST({item} AS TEXT))"


@compiles(json_pair, "sqlite")
def _json_pair_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    key, value = _parts(element, compiler, **kw)
    return f"json_object({key}, {value})"


@compiles(json_pair, "postgresql")
def _json_pair_postgresql(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    key, value = _parts(element, compiler, **kw)
    return f"jsonb_build_object(CAST({key} AS TEXT), {value})"


@compiles(larger_of, "sqlite")
def _larger_of_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"max({', '.join(_parts(element, compiler, **kw))})"


@compiles(larger_of, "postgresql")
def _larger_of_postgresql(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"greatest({', '.join(_parts(element, compiler, **kw))})"


@compiles(weekday_of, "sqlite")
def _weekday_of_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    (day,) = _parts(element, compiler, **kw)
    return f"((CAST(strftime('%w', {day}) AS INTEGER) + 6) % 7)"


@compiles(weekday_of, "postgresql")
def _weekday_of_postgresql(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    (day,) = _parts(element, compiler, **kw)
    return f"(CAST(extract(isodow FROM {day}) AS INTEGER) - 1)"


class is_among(FunctionElement[bool]):  # noqa: N801
    """is_among(column, key_list(ids)): membership in a list of keys of any length."""

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """Bare. As a truth value SQLAlchemy would write `… = 1` on SQLite, which then reads the whole table."""
        return self


def among(column: ColumnElement[Any], ids: Iterable[int | None]) -> ColumnElement[bool]:
    """Whether a key column is one of these keys: one bound value, whatever their number."""
    return is_among(column, literal([found for found in ids if found is not None], KeyList()))


def among_given(column: ColumnElement[Any], name: str = "keys") -> ColumnElement[bool]:
    """`among` for a statement that is put together once: the keys are bound under that name whenever it runs."""
    return is_among(column, bindparam(name, type_=KeyList()))


@compiles(is_among, "sqlite")
def _is_among_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    column, keys = _parts(element, compiler, **kw)
    return f"{column} IN (SELECT value FROM json_each({keys}))"


@compiles(is_among, "postgresql")
def _is_among_postgresql(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    column, keys = _parts(element, compiler, **kw)
    return f"{column} = ANY(CAST({keys} AS BIGINT[]))"
