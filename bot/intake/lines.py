"""Hands out a file's lines one at a time, bounded: no line and no record can fill the memory. Knows the number of every
line, and can step back to the line after a record's first, so that one stray quotation mark never swallows the rest.
Comes before csv_rows.py and json_rows.py; decides nothing about cells."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path
from typing import cast

MAX_LINE_CHARACTERS = 1 << 20
MAX_RECORD_CHARACTERS = 1 << 20
#: What cannot be stored: NUL (PostgreSQL refuses it) and bytes that the encoding does not know (kept as lone surrogates).
UNREADABLE = re.compile("[\0\ud800-\udfff]")


class BrokenRecord(Exception):
    """The record that was being read cannot be; `message` and `hint` are for people."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Lines:
    """The lines of a file. `number` is that of the line handed out last; `is_readable` turns False when a line of the
    current record holds something that cannot be stored."""

    def __init__(self, path: Path, encoding: str) -> None:
        # newline="": the csv module must see CR and LF itself, or quoted newlines would change.
        self._file = path.open(encoding=encoding, errors="surrogateescape", newline="")
        self._again: deque[str] = deque()
        self._record: list[str] = []
        self._record_size = 0
        self.number = 0
        self.is_readable = True

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._file.readline(MAX_LINE_CHARACTERS)
        if not line:
            if self._record:
                raise _unclosed()
            raise StopIteration
        self.number += 1
        if len(line) >= MAX_LINE_CHARACTERS and line[-1] not in "\r\n":
            self._skip_line()
            raise BrokenRecord("The line is longer than a million characters", "is this file cut into lines?")
        if "\0" in line or not (line.isascii() or UNREADABLE.search(line) is None):
            self.is_readable = False
        self._record.append(line)
        self._record_size += len(line)
        if self._record_size > MAX_RECORD_CHARACTERS:
            raise _unclosed()
        return line

    def first_line(self) -> str:
        """The first line that is not blank (empty: there is none)."""
        for line in self:
            self.begin_record()
            if line.strip("\ufeff \t\r\n"):
                return line
        return ""

    def begin_record(self) -> None:
        self._record.clear()
        self._record_size = 0
        self.is_readable = True

    def step_back(self) -> None:
        """Go back to the line after the current record's first."""
        self._again.extendleft(reversed(self._record[1:]))
        self.number -= max(0, len(self._record) - 1)
        self.begin_record()

    def step_back_to(self, line: str) -> None:
        """Hand out `line`, the one handed out last, once more."""
        self._again.appendleft(line)
        self.number -= 1
        self.begin_record()

    @property
    def bytes_done(self) -> int:
        return cast(int, self._file.buffer.raw.tell())  # type: ignore[attr-defined]

    def close(self) -> None:
        self._file.close()

    def _skip_line(self) -> None:
        while rest := self._file.readline(MAX_LINE_CHARACTERS):
            if rest[-1] in "\r\n":
                return


def _unclosed() -> BrokenRecord:
    return BrokenRecord(
        'A quotation mark (") opens in this row and is never closed', 'double it ("") where it is part of the text'
    )
