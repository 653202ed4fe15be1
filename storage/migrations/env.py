"""Runs migrations on the connection that storage.upgrade (or the writer in __main__.py) hands over; Alembic executes this
file. It never opens a connection and never commits: the caller holds the lock and the transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON
from sqlmodel.sql.sqltypes import AutoString

from storage.columns import BigKey, UtcDateTime
from storage.tables import metadata

#: Tables in the same database that belong to the queue (design/libraries.md).
FOREIGN_PREFIX = "procrastinate_"


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Plain SQLAlchemy types, so that an old migration does not change with our own; the template names the long ones."""
    if kind != "type":
        return False
    if item == BigKey:
        return "BIG_KEY"
    if isinstance(item, JSON):
        return "DOCUMENT"
    if isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return "sa.String()" if isinstance(item, AutoString) and item.length is None else False


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    return not (kind == "table" and name is not None and name.startswith(FOREIGN_PREFIX))


def run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transactional_ddl=True,
        render_as_batch=context.config.attributes.get("writes_batches", False),
        render_item=render_item,
        include_name=include_name,
        compare_type=True,
    )
    context.run_migrations()


run()
