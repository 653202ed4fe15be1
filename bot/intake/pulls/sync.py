"""`journeybot sync`: fetches what changed at each source since the last run and stores it as an import would, page by page, each in
one transaction with its watermark. A source that fails keeps what was stored and never stops the others; nothing is doubled,
because the pages after the watermark are read again and rows are known by their keys. Before detect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Table, select

from bot.errors import JourneybotError
from bot.intake.columns import Kind
from bot.intake.csv_rows import RawRow
from bot.intake.directory import Directory
from bot.intake.importer import WRITERS
from bot.intake.job import IMPORT, Job
from bot.intake.pulls.base import Mark, Pull, Puller, PullSource, Row, SourceFailed, SourceType, plain
from bot.intake.pulls.vanished import Keys
from bot.intake.pulls.write_back import StatesOf, write_back
from bot.intake.report import FileReport, Tally
from bot.intake.rows import Record, RowParser
from bot.intake.seen import SeenKeys
from bot.intake.strangers import Strangers
from bot.logs import fault_of
from storage.database import Database
from storage.sync import SyncState
from storage.upserts import hold_alone, upsert_rows

STATE: Table = SyncState.__table__  # type: ignore[attr-defined]
STATE_COLUMNS = ("source", "pull", "watermark", "began_at", "whole_at", "rows", "changed", "rejected", "failure")

#: The name under which what a source was told is kept beside its pulls.
WRITE_BACK = "write_back"

log = structlog.get_logger("journeybot.sync")

OpenPuller = Callable[[PullSource], Puller]


@dataclass(slots=True, kw_only=True)
class PullReport:
    """What one pull did. `failure`: why it did not come to its end; `gone`: rows that the source has no longer."""

    source: str
    pull: str
    rows: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    gone: int = 0
    written_back: int = 0
    failure: str = ""
    file: FileReport | None = field(default=None)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What all pulls of a run share."""

    database: Database
    now: datetime
    zone: str
    fresh: bool = False  #: forget the watermarks and read everything again
    believes_gone: bool = False  #: a person says that so many rows really are gone


def open_puller(source: PullSource, environment: Mapping[str, str]) -> Puller:
    """The vendor's package is imported only where a source is of its type. Raises: SourceFailed."""
    try:
        match source.type:
            case SourceType.SQL:
                from bot.intake.pulls.sql import SqlPuller

                url = environment.get(source.url_from)
                if not url:
                    hint = f"set {source.url_from} in the environment or in .env"
                    raise SourceFailed(f"{source.url_from} is not set", where=source.name, hint=hint)
                return SqlPuller(source.name, url)
            case SourceType.SALESFORCE:
                from bot.intake.pulls.salesforce import SalesforcePuller

                return SalesforcePuller(source.name, environment)
            case SourceType.HUBSPOT:
                from bot.intake.pulls.hubspot import HubSpotPuller

                return HubSpotPuller(source.name, environment)
    except ModuleNotFoundError as error:
        raise SourceFailed(
            f"the package for {source.type} is not installed ({error.name})",
            where=source.name,
            hint="pip install 'journeybot[crm]'",
        ) from error


def sync_sources(
    setting: Setting, sources: Iterable[PullSource], open_source: OpenPuller, states_of: StatesOf
) -> list[PullReport]:
    """Every pull of every source, in the order in which kinds depend on one another; then what each source is told."""
    reports = []
    for source in sources:
        try:
            puller = open_source(source)
        except SourceFailed as failure:
            reports += [_unopened(setting, source, pull, failure) for pull in _ordered(source.pulls)]
            continue
        with closing(puller):
            reports += [_pull(setting, source, pull, puller) for pull in _ordered(source.pulls)]
            if source.write_back:
                reports.append(_write_back(setting, source, puller, states_of))
    return reports


def _write_back(setting: Setting, source: PullSource, puller: Puller, states_of: StatesOf) -> PullReport:
    report = PullReport(source=source.name, pull=WRITE_BACK)
    try:
        report.written_back, refused = write_back(setting.database, source, puller, states_of, setting.now)
        if refused:
            key, why = refused[0]
            report.failure = f"{len(refused)} customer(s) were not taken, the first {key}: {why}"
    except SourceFailed as failure:
        report.failure = str(failure)
    with setting.database.write() as connection:
        _keep(connection, setting, report, None, is_whole=not report.failure)
    return report


def _ordered(pulls: Sequence[Pull]) -> list[Pull]:
    places = {kind: place for place, kind in enumerate(Kind)}
    return sorted(pulls, key=lambda pull: places[pull.file_map.kind])


def _unopened(setting: Setting, source: PullSource, pull: Pull, failure: SourceFailed) -> PullReport:
    report = PullReport(source=source.name, pull=pull.name, failure=str(failure))
    with setting.database.write() as connection:
        _keep(connection, setting, report, _state(connection, source, pull)[0], is_whole=False)
    return report


def _pull(setting: Setting, source: PullSource, pull: Pull, puller: Puller) -> PullReport:
    """Failures are kept and told; faults of ours too, so that one odd row never stops the other pulls."""
    run = _Run(setting, source, pull)
    try:
        run.retry()
        for page in puller.pages(pull, run.mark):
            run.store(page)
        run.end(puller)
    except JourneybotError as failure:
        run.fail(str(failure))
    except Exception as error:  # noqa: BLE001  told in the report, by doctor and in the log; the other pulls go on
        log.error("pull_fault", source=source.name, pull=pull.name, fault=fault_of(error))
        run.fail(f"a fault of journeybot ({type(error).__name__}); the log says where")
    finally:
        run.job.seen.close()
    return run.report


class _Run:
    """One run of one pull."""

    def __init__(self, setting: Setting, source: PullSource, pull: Pull) -> None:
        self._setting = setting
        self._source, self._pull = source, pull
        self.report = PullReport(source=source.name, pull=pull.name)
        self._tally = Tally(file=f"{source.name}/{pull.name}", kind=pull.file_map.kind.value)
        self._parser = RowParser(
            pull.file_map.kind, self._tally, now=setting.now, zone=setting.zone, file_map=pull.file_map
        )
        directory = Directory(source.name, setting.zone)
        self.job = Job(
            source=source.name,
            now=setting.now,
            zone=setting.zone,
            tally=self._tally,
            directory=directory,
            seen=SeenKeys(),
        )
        self._headers: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._line = 0
        self._keys = Keys(source.name, pull, setting.now)
        self._strangers = Strangers(source.name, pull.name, pull.file_map.kind, setting.now)
        self._tally.on_stranger = self._strangers.note
        with setting.database.read() as connection:
            self.mark, self._whole_at = _state(connection, source, pull)
        if setting.fresh or not pull.watermark:
            self.mark = None

    def store(self, page: Sequence[Row]) -> None:
        """The page and how far it brings us, in one transaction."""
        read = self._read(page)
        records = [record for record, _ in read.values()]
        with self._setting.database.write() as connection:
            hold_alone(connection, IMPORT)
            if records:
                WRITERS[self._pull.file_map.kind](connection, records, self.job)
                self._keys.see(connection, records)
            if page and self._pull.watermark:
                self._strangers.keep(connection, read)
                self.mark = Mark(value=page[-1][self._pull.watermark])
            self._count()
            _keep(connection, self._setting, self.report, self.mark, whole_at=self._whole_at)

    def retry(self) -> None:
        """Rows of former runs whose customer has come. A newer row of the same key in this run is no repeat of them."""
        while True:
            seen = SeenKeys()
            with closing(seen), self._setting.database.write() as connection:
                hold_alone(connection, IMPORT)
                page = self._strangers.ready(connection)
                if not page:
                    return
                read = self._read(list(page.values()))
                records = [record for record, _ in read.values()]
                WRITERS[self._pull.file_map.kind](connection, records, replace(self.job, seen=seen))
                self._strangers.forget(connection, page.keys())
                self._strangers.keep(connection, read)
                self._count()

    def _read(self, page: Sequence[Row]) -> dict[int, tuple[Record, Row]]:
        """Line → the record and what it was read from."""
        found: dict[int, tuple[Record, Row]] = {}
        for row in page:
            self._line += 1
            header = self._headers.setdefault(tuple(row), tuple(row))
            values = [plain(value) for value in row.values()]
            record = self._parser.read(RawRow(self._line, header, values))
            if record is not None:
                found[self._line] = (record, dict(zip(header, values, strict=True)))
        return found

    def end(self, puller: Puller) -> None:
        """All pages are stored: what the source has no longer can be told now."""
        self._parser.finish()
        listing = self._keys.listing(puller, self._whole_at)
        for keys in listing or ():
            with self._setting.database.write() as connection:
                self._keys.see_listed(connection, keys)
        with self._setting.database.write() as connection:
            hold_alone(connection, IMPORT)
            if listing is not None:
                self.report.gone = self._keys.mark_gone(connection, believe=self._setting.believes_gone)
            self._count()
            _keep(connection, self._setting, self.report, self.mark, is_whole=True)
        self.report.file = self._tally.finish(encoding="", delimiter="")

    def fail(self, sentence: str) -> None:
        self.report.failure = sentence
        self._count()
        self.report.file = self._tally.finish(encoding="", delimiter="")
        with self._setting.database.write() as connection:
            _keep(connection, self._setting, self.report, self.mark, whole_at=self._whole_at)

    def _count(self) -> None:
        for name in ("rows", "changed", "unchanged", "rejected"):
            setattr(self.report, name, getattr(self._tally, name))


def _state(connection: Connection, source: PullSource, pull: Pull) -> tuple[Mark | None, datetime | None]:
    row = connection.execute(
        select(STATE.c.watermark, STATE.c.whole_at).where(STATE.c.source == source.name, STATE.c.pull == pull.name)
    ).one_or_none()
    return (Mark.of(row.watermark), row.whole_at) if row else (None, None)


def _keep(
    connection: Connection,
    setting: Setting,
    report: PullReport,
    mark: Mark | None,
    *,
    is_whole: bool = False,
    whole_at: datetime | None = None,
) -> None:
    row = (
        *(report.source, report.pull, mark.as_dict() if mark else {}, setting.now),
        *(setting.now if is_whole else whole_at, report.rows, report.changed, report.rejected, report.failure),
    )
    upsert_rows(connection, STATE, STATE_COLUMNS, [row], dict.fromkeys(STATE_COLUMNS[2:], "set"))
