"""Imports files: finds and checks them all, then stores each in batches of one transaction, in the order in which kinds depend
on one another. Exact and repeatable: a batch is stored whole or not at all, and importing again changes nothing. Before detect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from bot.errors import UsageError
from bot.intake.columns import Kind
from bot.intake.csv_rows import CsvRows, RawRow
from bot.intake.dates import Order
from bot.intake.derive import derived_batch
from bot.intake.directory import Directory
from bot.intake.early_rows import EarlyRows, waiting_kinds
from bot.intake.events import BUILT_IN, ROLLED_UP
from bot.intake.files import Source, find_sources
from bot.intake.job import IMPORT, Job, Writer
from bot.intake.json_rows import JsonRows
from bot.intake.maps import ImportMap, load_map
from bot.intake.report import FileReport, ImportReport, Progress, Tally
from bot.intake.rows import Record, RowParser
from bot.intake.seen import SeenKeys
from bot.intake.values import nearest
from bot.intake.writers.contacts import write_contacts
from bot.intake.writers.csms import note_missing, write_csms
from bot.intake.writers.customers import write_customers
from bot.intake.writers.events import write_events
from bot.intake.writers.meetings import write_meetings
from bot.intake.writers.notes import write_notes
from bot.intake.writers.subscriptions import write_subscriptions
from bot.intake.writers.suppressions import write_suppressions
from bot.intake.writers.surveys import write_surveys
from bot.intake.writers.tickets import write_tickets
from bot.intake.writers.usage import write_usage
from bot.rules.zones import is_zone
from storage.database import Database
from storage.tracking import IMPORTED, count_calls
from storage.upserts import hold_alone

BATCH_ROWS = 5_000
DEFAULT_SOURCE = "import"

WRITERS: Mapping[Kind, Writer] = {
    Kind.CSMS: write_csms,
    Kind.CUSTOMERS: write_customers,
    Kind.CONTACTS: write_contacts,
    Kind.SUPPRESSIONS: write_suppressions,
    Kind.SUBSCRIPTIONS: write_subscriptions,
    Kind.EVENTS: write_events,
    Kind.USAGE: write_usage,
    Kind.TICKETS: write_tickets,
    Kind.SURVEYS: write_surveys,
    Kind.MEETINGS: write_meetings,
    Kind.NOTES: write_notes,
}

OnProgress = Callable[[Progress], None]


def import_paths(
    database: Database,
    paths: Sequence[Path],
    *,
    now: datetime,
    map_name: str | None = None,
    dry_run: bool = False,
    source: str | None = None,
    day_first: bool | None = None,
    default_zone: str = "UTC",
    progress: OnProgress | None = None,
    kind: str | None = None,
    is_complete: bool = False,
) -> ImportReport:
    """Import files and folders. `map_name`: a map's file, or the name of a shipped one. `source`: whose word the rows are (S17;
    default: the map's, else `import`). `is_complete`: csms files name everybody, so whoever is missing has left. `day_first`: how
    03/04/2026 is read, where no date of the file proves it. A dry run does everything in one transaction and takes it back.
    Raises: ImportRefused (nothing was stored), UsageError."""
    import_map = load_map(map_name) if map_name else None
    speaker = _checked_source(source or (import_map.source if import_map else "") or DEFAULT_SOURCE)
    if not is_zone(default_zone):
        raise UsageError(f"`{default_zone}` is no time zone", hint="write it like Asia/Tokyo")
    order = None if day_first is None else Order.DAY_FIRST if day_first else Order.MONTH_FIRST
    found = find_sources(paths, import_map=import_map, kind=_checked_kind(kind), order=order, now=now)
    if is_complete and not any(file.kind is Kind.CSMS for file in found.sources):
        raise UsageError(
            "No file of our people is among these", where="--complete", hint="name csms.csv, or leave it out"
        )
    run = _Run(database, speaker, now, default_zone, progress, is_complete=is_complete)
    with run.one_transaction() if dry_run else run.many_transactions():
        files = [report for file in found.sources for report in run.import_file(file)]
        files.extend(run.attach())
        files.extend(run.derive(import_map))
    return ImportReport(files=tuple(files), is_dry_run=dry_run, warnings=found.warnings)


class _DryRunOver(Exception):
    """Takes a dry run's transaction back."""


class _Run:
    """One call of import_paths."""

    def __init__(
        self,
        database: Database,
        source: str,
        now: datetime,
        zone: str,
        progress: OnProgress | None,
        *,
        is_complete: bool,
    ) -> None:
        self._database = database
        self._source = source
        self._now = now
        self._zone = zone
        self._progress = progress
        self._is_complete = is_complete
        self._only: Connection | None = None

    @contextmanager
    def many_transactions(self) -> Iterator[None]:
        yield

    @contextmanager
    def one_transaction(self) -> Iterator[None]:
        try:
            with self._database.write() as connection:
                self._only = connection
                yield
                raise _DryRunOver
        except _DryRunOver:
            self._only = None

    def import_file(self, file: Source) -> Iterator[FileReport]:
        """Before the file's own rows come those of its kind that waited for a customer: what the file says now is newer."""
        yield from self.attach(file.kind)
        tally = Tally(file=file.name, kind=file.kind.value)
        for remark in file.remarks:
            tally.warn(remark)
        parser = RowParser(
            file.kind, tally, now=self._now, zone=self._zone, file_map=file.file_map, orders=file.orders.by_column
        )
        rows = file.open()
        job, early = self._job(tally), EarlyRows(self._source, file.kind, self._now)
        tally.on_stranger = early.note
        try:
            for records in _batches(rows, parser, tally):
                self._store(file.kind, records, job, early)
                self._tell(file, rows, tally)
            if file.kind is Kind.CSMS:
                with self._transaction() as connection:
                    note_missing(connection, job, is_complete=self._is_complete)
        finally:
            rows.close()
            job.seen.close()
        parser.finish()
        self._count(file.kind, tally)
        tally.waiting = early.kept
        yield tally.finish(encoding=file.reading.encoding, delimiter=file.delimiter)

    def attach(self, only: Kind | None = None) -> Iterator[FileReport]:
        """Rows that were kept aside and whose customer is there now, one report for each kind (`only`: of this one) and source."""
        with self._transaction() as connection:
            waiting = [found for found in waiting_kinds(connection) if only is None or found[1] is only]
        for source, kind in waiting:
            tally, early = (
                Tally(file=f"(kept aside: {kind.value})", kind=kind.value),
                EarlyRows(source, kind, self._now),
            )
            tally.on_stranger = early.note
            while self._attach_page(early, self._job(tally, source)):
                pass
            if tally.rows:
                tally.waiting = early.kept
                yield tally.finish(encoding="", delimiter="")

    def _attach_page(self, early: EarlyRows, job: Job) -> bool:
        try:
            with self._transaction() as connection:
                hold_alone(connection, IMPORT)
                records = early.take(connection)
                job.tally.rows += len(records)
                if records:
                    WRITERS[early.kind](connection, records, job)
                    early.keep(connection, records)
        finally:
            job.seen.close()
        return bool(records)

    def _count(self, kind: Kind, tally: Tally) -> None:
        """For `doctor`: nobody reads the report of a nightly import."""
        if tally.bad_columns:
            numbers = {f"{IMPORTED}{kind.value}.{column}": number for column, number in tally.bad_columns.items()}
            with self._transaction() as connection:
                count_calls(connection, numbers, self._now)

    def derive(self, import_map: ImportMap | None) -> Iterator[FileReport]:
        """The derived columns of customers, as one more file."""
        if import_map is None or not import_map.derive:
            return
        tally = Tally(file=f"(derived: {', '.join(import_map.derive)})", kind=Kind.CUSTOMERS.value)
        job = self._job(tally)
        today, after = self._now.date(), 0
        try:
            while True:
                with self._transaction() as connection:
                    hold_alone(connection, IMPORT)
                    records, after = derived_batch(connection, self._source, import_map.derive, today, after)
                    if not records:
                        break
                    tally.rows += len(records)
                    write_customers(connection, records, job)
        finally:
            job.seen.close()
        yield tally.finish(encoding="", delimiter="")

    def _job(self, tally: Tally, source: str | None = None) -> Job:
        source = source or self._source
        directory = Directory(source, self._zone)
        return Job(source=source, now=self._now, zone=self._zone, tally=tally, directory=directory, seen=SeenKeys())

    def _store(self, kind: Kind, records: Sequence[Record], job: Job, early: EarlyRows) -> None:
        with self._transaction() as connection:
            # Two imports at once would both find a customer missing; on PostgreSQL they take turns, batch by batch.
            hold_alone(connection, IMPORT)
            if records:
                WRITERS[kind](connection, records, job)
                early.keep(connection, records)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if self._only is not None:
            yield self._only
            return
        with self._database.write() as connection:
            yield connection

    def _tell(self, file: Source, rows: CsvRows | JsonRows, tally: Tally) -> None:
        if self._progress is not None:
            size = file.reading.size
            done = min(rows.bytes_done, size)
            self._progress(Progress(file=file.name, bytes_done=done, bytes_total=size, rows=tally.rows))


def _batches(rows: CsvRows | JsonRows, parser: RowParser, tally: Tally) -> Iterator[list[Record]]:
    """The records of a file, a few thousand at a time; the last batch may be empty."""

    def on_broken(line: int, value: str, message: str, hint: str) -> None:
        tally.rows += 1
        tally.reject(line, "", value, message, hint)

    records: list[Record] = []
    row: RawRow
    for row in rows.rows(on_broken):
        record = parser.read(row)
        if record is not None:
            records.append(record)
            if len(records) >= BATCH_ROWS:
                yield records
                records = []
    yield records


def _checked_source(source: str) -> str:
    if source in (ROLLED_UP, BUILT_IN):
        raise UsageError(f"`{source}` is the machine's own source", hint="choose another name for --source")
    return source


def _checked_kind(kind: str | None) -> Kind | None:
    if kind is None:
        return None
    if kind not in set(Kind):
        meant = nearest(kind, list(Kind))
        hint = f"did you mean {meant}?" if meant else f"there are: {', '.join(Kind)}"
        raise UsageError(f"`{kind}` is no kind of file", hint=hint)
    return Kind(kind)
