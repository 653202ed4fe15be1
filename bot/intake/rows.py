"""Turns raw rows into records: the map applied, every cell read by its column's type, required columns there. A row that
cannot be read is rejected with its reason. Between the readers of files and the writers of each kind; knows no database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from bot.intake.columns import EXTRA, SHEETS, Column, Kind, Shape, our_name
from bot.intake.csv_rows import RawRow
from bot.intake.dates import DayReader, MomentReader, Order, latest_fact
from bot.intake.maps import FileMap, Test
from bot.intake.report import Tally
from bot.intake.values import CellError, nearest, read_attribute, read_number, read_text

Read = Callable[[Any], Any]
#: (place in the row, the values that hold)
Tests = Sequence[tuple[int, frozenset[str]]]


class Record(NamedTuple):
    """A row that was read. `values`: our columns that the file has, None where the cell is empty; extras are called
    attributes.<name>. A NamedTuple, because one is made per row."""

    line: int
    values: dict[str, Any]


class Cell(NamedTuple):
    """One thing to read in each row: our column, the place in the row, how to read it."""

    ours: str
    place: int
    read: Read


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to read under one header. `tests`: (place, values that hold); `filled`: places that must not be empty."""

    cells: tuple[Cell, ...]
    constants: Mapping[str, Any] = field(default_factory=dict)
    choices: tuple[tuple[str, tuple[tuple[Tests, Any], ...]], ...] = ()
    tests: Tests = ()
    filled: tuple[int, ...] = ()

    def takes(self, cells: Sequence[Any]) -> bool:
        """Whether the map wants this row at all."""
        return _holds(self.tests, cells) and all(str(cells[place] or "").strip() for place in self.filled)


class RowParser:
    """Reads the rows of one file as one kind."""

    def __init__(
        self,
        kind: Kind,
        tally: Tally,
        *,
        now: datetime,
        zone: str,
        file_map: FileMap | None = None,
        orders: Mapping[str, Order | None] | None = None,
    ) -> None:
        self._kind = kind
        self._sheet = SHEETS[kind]
        self._tally = tally
        self._now = now
        self._zone = zone
        self._map = file_map
        self._orders = orders or {}
        self._moments: dict[str, MomentReader] = {}
        self._required = tuple(name for name, column in self._sheet.columns.items() if column.required)
        self._header: tuple[str, ...] | None = None
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._plan = Plan(cells=())

    def read(self, row: RawRow) -> Record | None:
        """The record, or None when the map does not want the row or it was rejected."""
        if row.header is not self._header:
            self._plan = self._plans.get(row.header) or self._planned(row.header)
            self._header = row.header
        plan = self._plan
        if (plan.tests or plan.filled) and not plan.takes(row.cells):
            return None
        self._tally.rows += 1
        values = dict(plan.constants)
        cells = row.cells
        for ours, place, read in plan.cells:
            cell = cells[place]
            is_text = cell.__class__ is str
            if is_text:
                cell = cell.strip()
            if cell is None or cell == "":
                values.setdefault(ours, None)
                continue
            if is_text and read is read_text:  # most cells; not calling saves a tenth of a row's time
                values[ours] = cell
                continue
            try:
                values[ours] = read(cell)
            except CellError as error:
                if not self._may_keep(row.line, ours, cell, error):
                    return None
        if plan.choices:
            self._choose(plan, cells, values)
        for name in self._required:
            if values.get(name) is None:
                self._tally.reject(row.line, name, "", f"`{name}` is empty", "every row needs one")
                return None
        return Record(row.line, values)

    def finish(self) -> None:
        """Say what was assumed about the file as a whole."""
        if any(reader.saw_local for reader in self._moments.values()):
            self._tally.warn(f"times without a zone are read as {self._zone} (--zone changes it)")

    def check_header(self, header: tuple[str, ...]) -> None:
        """Plan a header ahead. Raises: CellError when a constant or choice of the map cannot be read."""
        self._planned(header)

    def _may_keep(self, line: int, ours: str, cell: Any, error: CellError) -> bool:
        note = self._tally.flaw if error.keeps_row else self._tally.reject
        note(line, ours.removeprefix(EXTRA), cell, error.message, error.hint, rule=error.rule)
        return error.keeps_row

    def _choose(self, plan: Plan, cells: Sequence[Any], values: dict[str, Any]) -> None:
        for ours, choices in plan.choices:
            values[ours] = next((value for tests, value in choices if _holds(tests, cells)), None)

    def _planned(self, header: tuple[str, ...]) -> Plan:
        if len(self._plans) > 1000:  # JSON Lines may have other keys in every line
            self._plans.clear()
        names = named_columns(self._kind, self._map, header)
        cells = tuple(Cell(ours, place, self._mapped(ours)) for ours, place in names)
        places = {name: place for place, name in enumerate(header)}
        plan = Plan(cells=cells) if self._map is None else self._with_map(self._map, cells, places)
        self._plans[header] = plan
        return plan

    def _with_map(self, file_map: FileMap, cells: tuple[Cell, ...], places: Mapping[str, int]) -> Plan:
        return Plan(
            cells=cells,
            constants={ours: self._reader(ours)(value) for ours, value in file_map.constants.items()},
            choices=tuple(
                (ours, tuple((_placed(choice.when, places), self._reader(ours)(choice.value)) for choice in choices))
                for ours, choices in file_map.choose.items()
            ),
            tests=_placed(file_map.when, places),
            filled=tuple(places[name] for name in file_map.filled if name in places),
        )

    def _mapped(self, ours: str) -> Read:
        read = self._reader(ours)
        table = self._map.values.get(ours) if self._map else None
        if not table:
            return read
        return lambda cell: read(table.get(cell, cell) if isinstance(cell, str) else cell)

    def _reader(self, ours: str) -> Read:
        column = self._sheet.columns.get(ours)
        if column is None:
            return {"limits": read_number, "owner": read_text}.get(ours.partition(".")[0], read_attribute)
        if column.shape is Shape.PLAIN:
            return column.read
        latest = latest_fact(self._now) if column.shape in (Shape.FACT_DAY, Shape.MOMENT) else None
        order = self._orders.get(ours)
        if column.shape in (Shape.DAY, Shape.FACT_DAY):
            return DayReader(order, latest)
        return self._moments.setdefault(ours, MomentReader(order, self._zone, latest))


def named_columns(kind: Kind, file_map: FileMap | None, header: tuple[str, ...]) -> list[tuple[str, int]]:
    """Our columns that a header gives, each with its place in the row."""
    sheet = SHEETS[kind]
    places = {name: place for place, name in enumerate(header) if name}
    found: dict[str, int] = {}
    taken: set[str] = set()
    if file_map is not None:
        found = {ours: places[theirs] for ours, theirs in file_map.columns.items() if theirs in places}
        taken = file_map.their_columns()
        if not file_map.keeps_rest:
            return list(found.items())
    for theirs, place in places.items():
        ours = our_name(theirs, sheet)
        if theirs not in taken and ours not in found and (sheet.extras or not ours.startswith(EXTRA)):
            found[ours] = place
    return list(found.items())


def date_places(kind: Kind, file_map: FileMap | None, header: tuple[str, ...]) -> list[tuple[str, int]]:
    """The date columns of a header, each with its place in the row."""
    columns: Mapping[str, Column] = SHEETS[kind].columns
    named = named_columns(kind, file_map, header)
    return [(ours, place) for ours, place in named if ours in columns and columns[ours].is_date]


def unknown_columns(kind: Kind, header: tuple[str, ...]) -> list[tuple[str, str | None]]:
    """Columns we do not know, each with the one that was perhaps meant."""
    sheet = SHEETS[kind]
    names = [(name, our_name(name, sheet)) for name in header if name]
    given = {ours for _, ours in names}
    missing = [name for name in sheet.columns if name not in given]
    return [(name, nearest(ours.removeprefix(EXTRA), missing)) for name, ours in names if ours.startswith(EXTRA)]


def _placed(tests: Test, places: Mapping[str, int]) -> Tests:
    return [(places[name], values) for name, values in tests.items() if name in places]


def _holds(tests: Tests, cells: Sequence[Any]) -> bool:
    return all(str(cells[place]).strip().casefold() in values for place, values in tests)
