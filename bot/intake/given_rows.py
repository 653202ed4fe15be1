"""Stores rows that are in memory already, as the importer would those of a file: the same columns, the same reading of cells, the
same writers. For playbook tests, whose facts stand in a YAML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bot.intake.columns import SHEETS, Kind
from bot.intake.csv_rows import RawRow
from bot.intake.directory import Directory
from bot.intake.importer import WRITERS
from bot.intake.job import Job
from bot.intake.report import FileReport, Tally
from bot.intake.rows import RowParser, unknown_columns
from bot.intake.seen import SeenKeys

GivenRow = tuple[int, Mapping[str, Any]]


def take_rows(
    connection: Connection, kind: Kind, rows: Sequence[GivenRow], *, file: str, now: datetime, zone: str, source: str
) -> FileReport:
    """`rows`: the line of the file in which each stands, and its cells by column. What could not be read is in the report."""
    tally = Tally(file=file, kind=kind.value)
    parser = RowParser(kind, tally, now=now, zone=zone)
    records = []
    for line, cells in rows:
        header = tuple(cells)
        _name_unknown(kind, header, line, tally)
        record = parser.read(RawRow(line, header, list(cells.values())))
        if record is not None:
            records.append(record)
    job = Job(source=source, now=now, zone=zone, tally=tally, directory=Directory(source, zone), seen=SeenKeys())
    try:
        if records:
            WRITERS[kind](connection, records, job)
    finally:
        job.seen.close()
    return tally.finish(encoding="", delimiter="")


def _name_unknown(kind: Kind, header: tuple[str, ...], line: int, tally: Tally) -> None:
    """A column that this kind has not; where others become attributes, only what looks like a slip would be one."""
    if SHEETS[kind].extras:
        return
    for name, meant in unknown_columns(kind, header):
        hint = f"did you mean {meant}?" if meant else f"there are: {', '.join(SHEETS[kind].columns)}"
        tally.flaw(line, name, "", f"{kind.value} have no column `{name}`", hint)
