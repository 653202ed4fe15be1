"""Facts by name as one JSON document, made by the database: what a score was worked out from. Beside leaf_documents.py, which
has the parts of a condition with their verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Boolean, ColumnElement, String, cast, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from storage.columns import Document
from storage.leaf_documents import plain_value


class fact_document(FunctionElement[Any]):  # noqa: N801 (reads as an SQL function)
    """fact_document(name, value, name, value, …): an object."""

    type = Document
    inherit_cache = True


def document_of(facts: Mapping[str, ColumnElement[Any]]) -> Any:
    """Numbers stay numbers, yes and no are true and false, documents stay what they are, everything else is a text."""
    parts: list[ColumnElement[Any]] = []
    for name, value in facts.items():
        parts += [
            cast(literal(name, String()), String()),
            value if isinstance(value.type, JSON) else plain_value(value),
        ]
    return fact_document(*parts)


@compiles(fact_document, "sqlite")
def _fact_document_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    parts = []
    for place, clause in enumerate(element.clauses):
        text = compiler.process(clause, **kw)
        kind = clause.type if place % 2 == 1 else None
        if isinstance(kind, Boolean):
            text = f"json(CASE ({text}) WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END)"
        parts.append(f"json({text})" if isinstance(kind, JSON) else text)
    return f"json_object({', '.join(parts)})"


@compiles(fact_document, "postgresql")
def _fact_document_postgresql(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"jsonb_build_object({', '.join(compiler.process(clause, **kw) for clause in element.clauses)})"
