"""Rows of a CSV file: finds the delimiter from the header, checks the header, and streams the rows with the line on which
each begins. A row that is not a row (ragged, unreadable, an unclosed quote) is reported and the next ones are read."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bot.errors import ImportRefused
from bot.intake.lines import BrokenRecord, Lines

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
HEADER_CHARACTERS = 64 * 1024

#: line, value, message, hint
OnBroken = Callable[[int, str, str, str], None]


class RawRow(NamedTuple):
    """`line` is where the row begins; `header` is the same object as long as the columns are the same. A NamedTuple,
    because one is made per row and it costs a fifth of a frozen dataclass."""

    line: int
    header: tuple[str, ...]
    cells: list[Any]


class CsvRows:
    """An open CSV file. Raises: ImportRefused for an empty file or a header that cannot be."""

    def __init__(self, path: Path, encoding: str, known: Collection[str]) -> None:
        self._path = path
        self._lines = Lines(path, encoding)
        first = self._lines.first_line()
        if not first.strip(",;| \t\r\n\ufeff"):
            self.close()
            raise ImportRefused("The file is empty", where=path.name, hint="its first line must name the columns")
        self.separator = first[4] if first.casefold().startswith("sep=") and len(first) > 4 else ""
        if not self.separator:
            self._lines.step_back_to(first)
            self.separator = sniff_delimiter(first, known)
        self._reader = csv.reader(self._lines, delimiter=self.separator)
        self.header = self._read_header()

    @property
    def delimiter(self) -> str:
        return DELIMITERS.get(self.separator, self.separator)

    @property
    def bytes_done(self) -> int:
        return self._lines.bytes_done

    def close(self) -> None:
        self._lines.close()

    def rows(self, on_broken: OnBroken) -> Iterator[RawRow]:
        """Every row that has the header's number of cells; all others go to `on_broken`."""
        lines, reader, header = self._lines, self._reader, self.header
        width = len(header)
        while True:
            lines.begin_record()
            line = lines.number + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (BrokenRecord, csv.Error) as error:
                on_broken(line, "", *_advice(error))
                lines.step_back()
                reader = csv.reader(lines, delimiter=self.separator)
                continue
            if not any(cells):
                continue
            if len(cells) == width and lines.is_readable:
                yield RawRow(line, header, cells)
            else:
                self._examine(line, cells, on_broken)
                if len(cells) > width and lines.is_readable and not any(cells[width:]):
                    yield RawRow(line, header, cells[:width])

    def _examine(self, line: int, cells: list[str], on_broken: OnBroken) -> None:
        width, text = len(self.header), self.separator.join(cells)
        if not self._lines.is_readable:
            on_broken(line, _printable(text), "The row holds a NUL or bytes that are no text in this encoding", "")
        elif len(cells) > width and any(cells[width:]):
            hint = f"quote a cell that contains a {self.delimiter}"
            on_broken(line, text, f"The row has {len(cells)} cells, the header has {width}", hint)
        elif len(cells) < width:
            hint = "was the file cut off? An empty cell still needs its delimiter"
            on_broken(line, text, f"The row has {len(cells)} cell(s), the header has {width}", hint)

    def _read_header(self) -> tuple[str, ...]:
        try:
            cells = next(self._reader)
        except (BrokenRecord, csv.Error, StopIteration) as error:
            self.close()
            sentence, hint = _advice(error)
            raise ImportRefused(f"The header cannot be read: {sentence}", where=self._path.name, hint=hint) from None
        header = tuple(cell.strip().lstrip("\ufeff") for cell in cells)
        if not self._lines.is_readable:
            self.close()
            raise ImportRefused("The header is no text", where=self._path.name, hint="is this a CSV file?")
        return header


def _advice(error: Exception) -> tuple[str, str]:
    if isinstance(error, BrokenRecord):
        return error.message, error.hint
    return f"The row is no CSV ({error})", 'is a quotation mark (") not closed or not doubled?'


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "\\0")


def sniff_delimiter(first_line: str, known: Collection[str]) -> str:
    """The delimiter with which the header names most known columns, and then most columns."""

    def worth(delimiter: str) -> tuple[int, int]:
        try:
            names = next(csv.reader([first_line[:HEADER_CHARACTERS]], delimiter=delimiter))
        except (csv.Error, StopIteration):
            return 0, 0
        return sum(name.strip().casefold() in known for name in names), len(names)

    return max(DELIMITERS, key=worth)
