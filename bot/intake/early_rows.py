"""Rows of files that name a customer or a subscription nobody has brought yet: rejected in the report, and kept aside as they were
read, so that the import which brings the customer attaches them, whichever file that is. Beside the importer, in its transactions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Table, select

from bot.intake.columns import Kind
from bot.intake.rows import Record
from bot.intake.strangers import Strangers
from storage.sync import SyncStranger

STRANGER: Table = SyncStranger.__table__  # type: ignore[attr-defined]
#: Where a pull of `journeybot sync` has its name.
FILES = "files:"
MOMENT, DAY = "$moment", "$day"


@dataclass(slots=True)
class EarlyRows:
    """Those of one source and kind."""

    source: str
    kind: Kind
    now: datetime
    kept: int = 0
    _noted: set[int] = field(default_factory=set)
    _strangers: Strangers = field(init=False)

    def __post_init__(self) -> None:
        self._strangers = Strangers(self.source, f"{FILES}{self.kind.value}", self.kind, self.now)

    def note(self, line: int, what: str, key: str) -> None:
        """For Tally.on_stranger."""
        self._noted.add(line)
        self._strangers.note(line, what, key)

    def keep(self, connection: Connection, records: Sequence[Record]) -> None:
        """After a batch was stored. A row that waits already is replaced by this word about the same thing."""
        if not self._noted:
            return
        page = {record.line: (record, _packed(record)) for record in records if record.line in self._noted}
        self._noted = set()
        self.kept += self._strangers.keep(connection, page)

    def take(self, connection: Connection) -> list[Record]:
        """A page of those whose customer or subscription is there now; they do not wait any more."""
        page = self._strangers.ready(connection)
        self._strangers.forget(connection, page.keys())
        return [_unpacked(line, row) for line, row in enumerate(page.values(), 1)]


_WAITING = select(STRANGER.c.source, STRANGER.c.pull).where(STRANGER.c.pull.startswith(FILES)).distinct()


def waiting_kinds(connection: Connection) -> Iterator[tuple[str, Kind]]:
    """Source and kind of whatever waits, in the order of import."""
    waiting = {(row.source, row.pull.removeprefix(FILES)) for row in connection.execute(_WAITING)}
    if not waiting:
        return
    for kind in Kind:
        yield from ((source, kind) for source, name in sorted(waiting) if name == kind.value)


def _packed(record: Record) -> dict[str, Any]:
    """As JSON holds it."""
    return {name: _plain(value) for name, value in record.values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return {MOMENT: value.isoformat()}
    return {DAY: value.isoformat()} if isinstance(value, date) else value


def _unpacked(line: int, row: Mapping[str, Any]) -> Record:
    return Record(line, {name: _read(value) for name, value in row.items()})


def _read(value: Any) -> Any:
    match value:
        case {"$moment": text}:
            return datetime.fromisoformat(text)
        case {"$day": text}:
            return date.fromisoformat(text)
        case _:
            return value
