"""Runs migrations on the connection that storage.upgrade (or the writer in __main__.py) hands over; Alembic executes this
file. It never opens a connection and never commits: the caller holds the lock and the transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import DateTime
from sqlmodel.sql.sqltypes import AutoString

from storage.columns import UtcDateTime
from storage.tables import metadata

#: Tables in the same database that belong to the queue (design/libraries.md).
FOREIGN_PREFIX = "procrastinate_"


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Plain SQLAlchemy types, so that an old migration does not change with our own types."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return repr(DateTime(timezone=True)).join(("sa.", ""))
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()" if item.length is None else f"sa.String(length={item.length})"
    return False


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    return not (kind == "table" and name is not None and name.startswith(FOREIGN_PREFIX))


def run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transactional_ddl=True,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render_item,
        include_name=include_name,
        compare_type=True,
    )
    context.run_migrations()


run()
