"""Rows of a JSON Lines file: one object per line, its keys the columns. A line that is no object is reported and the next
ones are read. `attributes`, `limits`, `owner` and `properties` may be nested objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from bot.errors import ImportRefused
from bot.intake.csv_rows import OnBroken, RawRow
from bot.intake.lines import BrokenRecord, Lines

KEPT_HEADERS = 1000
NESTED = {"attributes": "attributes.", "limits": "limits.", "owner": "owner.", "owners": "owner.", "properties": ""}


class JsonRows:
    """An open JSON Lines file. Raises: ImportRefused when it is one JSON array."""

    header: tuple[str, ...] | None = None
    delimiter = ""

    def __init__(self, path: Path, encoding: str) -> None:
        self._lines = Lines(path, encoding)
        self._headers: dict[tuple[str, ...], tuple[str, ...]] = {}
        first = self._lines.first_line()
        refusal = ""
        if not first:
            refusal = "The file is empty"
        elif first.lstrip("\ufeff \t").startswith("["):
            refusal = "The file is one JSON array"
        if refusal:
            self.close()
            raise ImportRefused(refusal, where=path.name, hint="write one JSON object per line")
        self._lines.step_back_to(first)

    @property
    def bytes_done(self) -> int:
        return self._lines.bytes_done

    def close(self) -> None:
        self._lines.close()

    def rows(self, on_broken: OnBroken) -> Iterator[RawRow]:
        """Every line that is an object; all others go to `on_broken`."""
        lines = self._lines
        while True:
            lines.begin_record()
            try:
                text = next(lines)
            except StopIteration:
                return
            except BrokenRecord as error:
                on_broken(lines.number, "", error.message, error.hint)
                continue
            if text.isspace():
                continue
            found = self._read(text, on_broken)
            if found is not None:
                yield RawRow(lines.number, *found)

    def _read(self, text: str, on_broken: OnBroken) -> tuple[tuple[str, ...], list[Any]] | None:
        if not self._lines.is_readable or "\\u0000" in text:
            on_broken(self._lines.number, "", "The line holds a NUL or bytes that are no text in this encoding", "")
            return None
        try:
            value = orjson.loads(text.lstrip("\ufeff"))
        except orjson.JSONDecodeError as error:
            on_broken(self._lines.number, text, f"The line is no JSON ({error.msg})", "write one JSON object per line")
            return None
        if not isinstance(value, dict):
            on_broken(self._lines.number, text, "The line is no JSON object", 'write {"customer": "…", …}')
            return None
        flat = _flattened(value)
        names = tuple(flat)
        if len(self._headers) > KEPT_HEADERS:
            self._headers.clear()
        return self._headers.setdefault(names, names), list(flat.values())


def _flattened(value: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, cell in value.items():
        prefix = NESTED.get(name)
        if prefix is not None and isinstance(cell, dict):
            flat.update({f"{prefix}{inner}": inside for inner, inside in cell.items()})
        else:
            flat[name] = cell
    return flat
