"""The parts of a condition with their values as one JSON document, made by the database: the evidence of a signal. Beside
dialects.py, which has the single values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Float, Numeric, String, cast, literal
from sqlalchemy import Integer as WholeNumber
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from storage.columns import Document

FIELDS = ("text", "value", "holds", "bound")


class leaf_document(FunctionElement[Any]):  # noqa: N801 (reads as an SQL function)
    """leaf_document(text, value, holds, bound, text, …): a list of one object per leaf."""

    type = Document
    inherit_cache = True


def evidence_of(leaves: Iterable[tuple[str, ColumnElement[Any], ColumnElement[Any], ColumnElement[Any] | None]]) -> Any:
    """Each leaf as (text, value, verdict, what it was compared with)."""
    parts: list[ColumnElement[Any]] = []
    for text, value, holds, bound in leaves:
        other = cast(literal(None, String()), String()) if bound is None else plain_value(bound)
        parts += [cast(literal(text, String()), String()), plain_value(value), holds, other]
    return leaf_document(*parts)


def plain_value(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """As JSON knows it: a number, a yes or no, or a text."""
    if isinstance(value.type, Boolean):
        return value
    return cast(value, Float) if isinstance(value.type, Float | Numeric | WholeNumber) else cast(value, String)


@compiles(leaf_document, "sqlite")
def _leaf_document_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_array({', '.join(_objects(element, compiler, 'json_object', **kw))})"


@compiles(leaf_document, "postgresql")
def _leaf_document_postgresql(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"jsonb_build_array({', '.join(_objects(element, compiler, 'jsonb_build_object', **kw))})"


def _objects(element: Any, compiler: SQLCompiler, build: str, **kw: Any) -> list[str]:
    clauses = list(element.clauses)
    objects = []
    for start in range(0, len(clauses), len(FIELDS)):
        pairs = []
        for name, clause in zip(FIELDS, clauses[start : start + len(FIELDS)], strict=True):
            value = compiler.process(clause, **kw)
            if build == "json_object" and isinstance(clause.type, Boolean):
                value = f"json(CASE WHEN ({value}) IS NULL THEN 'null' WHEN {value} THEN 'true' ELSE 'false' END)"
            pairs.append(f"'{name}', {value}")
        objects.append(f"{build}({', '.join(pairs)})")
    return objects
