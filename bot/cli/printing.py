"""How commands print: one JSON document for programs, tables for people (with colours and a frame on a terminal, plain columns
in a pipe). Texts of customers never reach the terminal with control characters in them."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import orjson
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

NOTHING = "–"


def print_json(value: Any) -> None:
    """One document; instants are ISO 8601 in UTC."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
    sys.stdout.write(orjson.dumps(value, default=_plain, option=options).decode() + "\n")


def print_line(text: str = "", *, style: str = "") -> None:
    """One line of prose. Markup in it is text, and long lines are left to the terminal."""
    Console(highlight=False, soft_wrap=True).print(Text(shown(text), style=style))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str = "") -> None:
    """A framed table on a terminal; in a pipe, aligned columns under a line of names, one row a line."""
    cells = [[cell(value) for value in row] for row in rows]
    console = Console(highlight=False)
    if not console.is_terminal:
        _print_columns(columns, cells)
        return
    table = Table(title=title or None, title_justify="left", header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in cells:
        table.add_row(*(Text(text) for text in row))
    console.print(table)


def print_cut(shown_rows: int, limit: int) -> None:
    """That a list may go on, where it was cut."""
    if shown_rows >= limit:
        print_line(f"At most {limit} are shown; --limit shows more.")


def cell(value: Any) -> str:
    """One value as people read it."""
    return shown(_words(value))


def _words(value: Any) -> str:
    match value:
        case None | "" | [] | ():
            text = NOTHING
        case bool():
            text = "yes" if value else "no"
        case Enum():
            text = str(value.value)
        case datetime():
            text = f"{value:%Y-%m-%d %H:%M}"
        case float():
            text = f"{value:,.10g}"
        case list() | tuple():
            text = ", ".join(_words(item) for item in value)
        case dict():
            text = NOTHING if not value else ", ".join(f"{name}={_words(inner)}" for name, inner in value.items())
        case _:
            text = str(value)
    return text


def shown(text: str) -> str:
    """The text without control characters and direction overrides, by which a name could repaint the terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if char in "\n\t" else "�" if _is_unsafe(char) else char for char in text)


def _is_unsafe(char: str) -> bool:
    return (
        unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
        or "\u202a" <= char <= "\u202e"
        or "\u2066" <= char <= "\u2069"
    )


def _print_columns(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [list(columns), *rows]
    widths = [max(cell_len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        padded = (text + " " * (width - cell_len(text)) for text, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
