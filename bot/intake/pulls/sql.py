"""Pulls from any database that SQLAlchemy reaches, by a query that people wrote: `:watermark` in it is where we stand. Reads only,
streams, and refuses a query whose rows do not come in the order of their watermark, because resuming would lose some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from bot.intake.pulls.base import Mark, Pull, Row, SourceFailed

PAGE = 2_000
PARAMETER = "watermark"


class SqlPuller:
    """An open database of somebody else's."""

    def __init__(self, source: str, url: str) -> None:
        self._source = source
        self._engine = _engine(source, url)

    def pages(self, pull: Pull, since: Mark | None) -> Iterator[Sequence[Row]]:
        asks = f":{PARAMETER}" in pull.query
        if pull.watermark and not asks:
            raise self._failed(pull, "names a `watermark` that its query does not use", "add: WHERE … >= :watermark")
        values = {PARAMETER: since.value if since else None} if asks else {}
        newest: Any = None
        try:
            with self._engine.connect() as connection:
                _read_only(connection)
                rows = connection.execution_options(yield_per=PAGE).execute(text(pull.query), values).mappings()
                for page in rows.partitions(PAGE):
                    found = [dict(row) for row in page]
                    if pull.watermark:
                        newest = self._in_order(pull, found, newest)
                    yield found
        except SQLAlchemyError as error:
            raise self._failed(pull, _sentence(error), "try the query in your own client") from error

    def keys(self, pull: Pull, key: str) -> Iterator[Sequence[str]] | None:
        """Where everything is read each time, the rows themselves are the list; a query with a watermark cannot tell."""
        return None

    def write_back(self, pull: Pull, key: str, rows: Sequence[tuple[str, Row]]) -> list[tuple[str, str]]:
        raise SourceFailed("We only read from a database", where=self._source)

    def close(self) -> None:
        self._engine.dispose()

    def _in_order(self, pull: Pull, rows: Sequence[Row], newest: Any) -> Any:
        for row in rows:
            if pull.watermark not in row:
                raise self._failed(pull, f"has no column `{pull.watermark}`", "select the watermark too")
            mark = row[pull.watermark]
            if mark is None or (newest is not None and mark < newest):
                raise self._failed(
                    pull, f"is not in the order of `{pull.watermark}`", f"end it with ORDER BY {pull.watermark}"
                )
            newest = mark
        return newest

    def _failed(self, pull: Pull, sentence: str, hint: str) -> SourceFailed:
        return SourceFailed(f"the query {sentence}", where=f"{self._source}/{pull.name}", hint=hint)


def _engine(source: str, url: str) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        return create_engine(parsed, pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        # Never the URL itself: it may hold a password.
        raise SourceFailed(
            f"the URL cannot be used ({type(error).__name__})",
            where=source,
            hint="write it like postgresql://user:password@host/database, and install the driver it needs",
        ) from None


def _read_only(connection: Connection) -> None:
    match connection.dialect.name:
        case "postgresql":
            connection.execute(text("SET TRANSACTION READ ONLY"))
        case "sqlite":
            connection.execute(text("PRAGMA query_only=ON"))
        case _:
            pass  # the account that the URL names decides what may be written


def _sentence(error: SQLAlchemyError) -> str:
    reason = str(getattr(error, "orig", None) or error).strip().splitlines()
    return f"failed: {reason[0] if reason else type(error).__name__}"
