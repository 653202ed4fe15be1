"""Settles in which order a file writes its day/month dates, once, before a row is imported: 15/03/2026 anywhere in a column
proves it. Where nothing proves it the person is asked (--day-first, --month-first); never guessed row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.errors import ImportRefused
from bot.intake.csv_rows import RawRow
from bot.intake.dates import Order, day_month_parts

#: (our column, its place in the row) of the date columns under this header.
Places = Sequence[tuple[str, int]]


@dataclass(slots=True, kw_only=True)
class Evidence:
    """Lines (0: none) on which a column's dates prove an order, or can be read in two ways."""

    day_first: int = 0
    month_first: int = 0
    open: int = 0
    open_value: str = ""

    def add(self, line: int, cell: object) -> None:
        parts = day_month_parts(cell)
        if parts is None:
            return
        first, second = parts
        if first > 12 >= second:
            self.day_first = self.day_first or line
        elif second > 12 >= first:
            self.month_first = self.month_first or line
        elif first != second and not self.open:
            self.open, self.open_value = line, str(cell)

    @property
    def proven(self) -> Order | None:
        if bool(self.day_first) == bool(self.month_first):
            return None
        return Order.DAY_FIRST if self.day_first else Order.MONTH_FIRST

    @property
    def is_contradictory(self) -> bool:
        return bool(self.day_first and self.month_first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """The order per column (None: ambiguous dates of that column are problems of their rows), and what to warn of."""

    by_column: Mapping[str, Order | None]
    warnings: tuple[str, ...] = ()


def gather(rows: Iterable[RawRow], places_of: Callable[[tuple[str, ...]], Places]) -> dict[str, Evidence]:
    """Read all rows for what their date columns prove."""
    found: dict[str, Evidence] = {}
    header: tuple[str, ...] = ()
    places: Places = ()
    for row in rows:
        if row.header is not header:
            header, places = row.header, places_of(row.header)
            for name, _ in places:
                found.setdefault(name, Evidence())
        for name, place in places:
            cell = row.cells[place]
            if cell:
                found[name].add(row.line, cell)
    return found


def settle(found: Mapping[str, Evidence], file: str) -> Orders:
    """Raises: ImportRefused when the order of a column cannot be known."""
    proven = {evidence.proven for evidence in found.values()} - {None}
    of_file = next(iter(proven)) if len(proven) == 1 else None
    orders: dict[str, Order | None] = {}
    warnings = []
    for name, evidence in found.items():
        orders[name] = evidence.proven
        if evidence.is_contradictory:
            warnings.append(
                f"column {name} writes both day first (line {evidence.day_first}) and month first (line {evidence.month_first}); "
                "only its unambiguous dates are read"
            )
        elif evidence.proven is None and evidence.open:
            orders[name] = of_file
            if of_file is None:
                raise _ambiguous(name, evidence, file)
    warnings.extend(f"dates of column {name} are read {order.value}" for name, order in orders.items() if order)
    return Orders(by_column=orders, warnings=tuple(warnings))


def _ambiguous(name: str, evidence: Evidence, file: str) -> ImportRefused:
    return ImportRefused(
        f"`{evidence.open_value}` in column {name} can be read in two ways, and no date of the file tells which",
        where=f"{file}:{evidence.open}",
        hint="say --day-first or --month-first, or write dates like 2026-03-05",
    )
