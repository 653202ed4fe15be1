"""Finds what is to be imported: the files of a path, what each holds (by its name, a map, or --kind), how it is to be read.
Everything that could refuse a file is looked at here, before the first row of any file is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.errors import ImportRefused, UsageError
from bot.intake.columns import SHEETS, Kind
from bot.intake.csv_rows import CsvRows
from bot.intake.date_order import Orders, gather, settle
from bot.intake.dates import Order
from bot.intake.encodings import Reading, survey
from bot.intake.json_rows import JsonRows
from bot.intake.maps import FileMap, ImportMap
from bot.intake.report import Tally
from bot.intake.rows import RowParser, date_places, named_columns, unknown_columns
from bot.intake.values import CellError, nearest

CSV_ENDINGS = (".csv", ".tsv", ".txt")
JSON_ENDINGS = (".jsonl", ".ndjson")
SEPARATORS = re.compile(r"[-_. ]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file as one kind, ready to be read. `orders`: how its dates are read; `remarks`: what was found on the way."""

    path: Path
    kind: Kind
    file_map: FileMap | None
    reading: Reading
    orders: Orders
    delimiter: str
    remarks: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.name

    def open(self) -> CsvRows | JsonRows:
        return open_rows(self.path, self.reading, self.kind, self.file_map)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The files to import, in the order of import, and a sentence for each that was passed over."""

    sources: tuple[Source, ...]
    warnings: tuple[str, ...]


def find_sources(
    paths: Sequence[Path], *, import_map: ImportMap | None, kind: Kind | None, order: Order | None, now: datetime
) -> Found:
    """Raises: ImportRefused for a path that is not there, a file whose kind is unknown, a header without a required
    column, dates that can be read in two ways."""
    warnings: list[str] = []
    chosen: list[tuple[Path, Kind, FileMap | None]] = []
    for path in paths:
        for file in _files(path):
            chosen.extend(_what_it_holds(file, import_map, kind, path.is_dir(), warnings))
    if not chosen:
        known = ", ".join(f"{kind.value}.csv" for kind in Kind)
        raise ImportRefused(
            "There is nothing to import", where=", ".join(map(str, paths)), hint=f"known files: {known}"
        )
    places = {kind: place for place, kind in enumerate(Kind)}
    chosen.sort(key=lambda item: (places[item[1]], item[0].name))
    readings = {path: survey(path) for path in {path for path, _, _ in chosen}}
    sources = tuple(_prepared(*item, readings[item[0]], order, now) for item in chosen)
    return Found(sources=sources, warnings=tuple(warnings))


def open_rows(path: Path, reading: Reading, kind: Kind, file_map: FileMap | None) -> CsvRows | JsonRows:
    if path.suffix.casefold() in JSON_ENDINGS:
        return JsonRows(path, reading.encoding)
    theirs = {name.casefold() for name in file_map.their_columns()} if file_map else set()
    return CsvRows(path, reading.encoding, theirs | set(SHEETS[kind].columns))


def kind_of(path: Path) -> Kind | None:
    """The kind that a file's name tells: `events`, `2026-01-events` and `events_2026-01` are events."""
    words = SEPARATORS.split(path.stem.casefold())
    return next((Kind(word) for word in (words[0], words[-1]) if word in set(Kind)), None)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        endings = (*CSV_ENDINGS[:2], *JSON_ENDINGS)
        return sorted(file for file in path.iterdir() if file.is_file() and file.suffix.casefold() in endings)
    if not path.is_file():
        raise UsageError(
            "There is no such file or folder", where=str(path), hint="give a CSV, JSON Lines or a folder of them"
        )
    return [path]


def _what_it_holds(
    path: Path, import_map: ImportMap | None, kind: Kind | None, in_folder: bool, warnings: list[str]
) -> list[tuple[Path, Kind, FileMap | None]]:
    mapped = _mapped(path, import_map.files if import_map else {})
    if mapped:
        return [(path, entry.kind, entry) for entry in mapped]
    found = kind or kind_of(path)
    if found is not None:
        return [(path, found, None)]
    meant = nearest(path.stem.casefold(), [kind.value for kind in Kind])
    if in_folder and meant is None:
        warnings.append(f"{path.name} was passed over: its name is no kind of file we know")
        return []
    hint = (
        f"did you mean {meant}{path.suffix}?" if meant else f"call it one of: {', '.join(kind.value for kind in Kind)}"
    )
    raise ImportRefused(
        "The file's name does not tell what it holds", where=path.name, hint=f"{hint}; or say --kind or --map"
    )


def _mapped(path: Path, files: Mapping[str, tuple[FileMap, ...]]) -> tuple[FileMap, ...]:
    """The entries of the map for this file: by its stem, also with a date before or after it."""
    stem = path.stem.casefold()
    for name, entries in files.items():
        rest = stem.replace(name.casefold(), "", 1)
        if name.casefold() in stem and not re.search("[a-z]", rest):
            return entries
    return ()


def _prepared(
    path: Path, kind: Kind, file_map: FileMap | None, reading: Reading, order: Order | None, now: datetime
) -> Source:
    rows = open_rows(path, reading, kind, file_map)
    try:
        remarks = [f"the file {reading.warning}"] if reading.warning else []
        if rows.header is not None:
            remarks.extend(_check_header(path, kind, file_map, rows.header))
            _check_map(path, kind, file_map, rows.header, now)
        if rows.delimiter not in ("comma", ""):
            remarks.append(f"cells are separated by: {rows.delimiter}")
        orders = _orders(path, kind, file_map, rows, reading, order)
    finally:
        rows.close()
    return Source(
        path=path,
        kind=kind,
        file_map=file_map,
        reading=reading,
        orders=orders,
        delimiter=rows.delimiter,
        remarks=(*remarks, *orders.warnings),
    )


def _check_header(path: Path, kind: Kind, file_map: FileMap | None, header: tuple[str, ...]) -> list[str]:
    """What to warn of. Raises: ImportRefused."""
    where = f"{path.name}:1"
    doubled = next((name for name in header if name and header.count(name) > 1), None)
    if doubled:
        raise ImportRefused(
            f"The column `{doubled}` stands twice in the header", where=where, hint="rename or remove one"
        )
    for name in file_map.their_columns() if file_map else ():
        if name not in header:
            meant = nearest(name, header)
            hint = f"did you mean {meant}?" if meant else f"the file has: {', '.join(header[:20])}"
            raise ImportRefused(f"The map names a column `{name}` that the file does not have", where=where, hint=hint)
    given = {ours for ours, _ in named_columns(kind, file_map, header)}
    if file_map:
        given |= {*file_map.constants, *file_map.choose}
    _check_required(kind, header, given, where)
    return [] if file_map else _remarks_on_unknown(kind, header)


def _check_required(kind: Kind, header: tuple[str, ...], given: set[str], where: str) -> None:
    sheet = SHEETS[kind]
    missing = [name for name, column in sheet.columns.items() if column.required and name not in given]
    if sheet.customer_or_subscription and not given & {"customer", "subscription"}:
        missing.insert(0, "customer")
    if kind is Kind.CONTACTS and not given & {"contact", "email"}:
        missing.append("contact")
    if missing:
        meant = nearest(missing[0], header)
        hint = (
            f"is it `{meant}`? Rename it, or name it in a map (--map)"
            if meant
            else "rename a column, or name it in a map (--map)"
        )
        names = ", ".join(f"`{name}`" for name in missing)
        raise ImportRefused(f"{kind.value} need the column(s) {names}", where=where, hint=hint)


def _remarks_on_unknown(kind: Kind, header: tuple[str, ...]) -> list[str]:
    sheet = SHEETS[kind]
    becomes = "kept as properties" if kind is Kind.EVENTS else "kept as attributes"
    remarks = []
    ignored = []
    for name, meant in unknown_columns(kind, header):
        if meant:
            remarks.append(
                f"column `{name}` is unknown and {becomes if sheet.extras else 'ignored'}; did you mean `{meant}`?"
            )
        elif not sheet.extras:
            ignored.append(f"`{name}`")
    if ignored:
        remarks.append(f"unknown columns are ignored: {', '.join(ignored[:20])}")
    return remarks


def _check_map(path: Path, kind: Kind, file_map: FileMap | None, header: tuple[str, ...], now: datetime) -> None:
    tally = Tally(file=path.name, kind=kind.value)
    try:
        RowParser(kind, tally, now=now, zone="UTC", file_map=file_map).check_header(header)
    except CellError as error:
        raise ImportRefused(f"The map gives a value that does not fit: {error.message}", hint=error.hint) from None


def _orders(
    path: Path, kind: Kind, file_map: FileMap | None, rows: CsvRows | JsonRows, reading: Reading, order: Order | None
) -> Orders:
    if order is not None:
        dates = [name for name, column in SHEETS[kind].columns.items() if column.is_date]
        return Orders(by_column=dict.fromkeys(dates, order))
    if not reading.has_day_month_forms:
        return Orders(by_column={})
    found = gather(rows.rows(lambda *_: None), lambda header: date_places(kind, file_map, header))
    return settle(found, path.name)
