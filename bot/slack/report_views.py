"""A report as a Slack message and as a mail: one line of figures per row, as many as a person reads. Pure; report_words.py says what
is told, scheduled_reports.py when and to whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.channels.slack import Card
from bot.slack.blocks import SECTION_TEXT, Block, context, escaped, header, length, section
from bot.slack.report_words import LAYOUTS, SHARES, figure_phrase, report_phrase, report_title

Rows = Sequence[Mapping[str, Any]]
MOST_ROWS = 25
MOST_NAMES = 5
LONGEST_NAME = 60


def told_rows(name: str, rows: Rows) -> Rows:
    """Those that are told at all."""
    only = LAYOUTS[name].only
    return [row for row in rows if only is None or row[only]]


def draw_report(name: str, rows: Rows, locale: str, *, day: str, of_one: bool) -> Card:
    """`day` stands in the title; the text is the notification."""
    title = f"{report_title(name, locale, of_one=of_one)} · {day}"
    return Card(blocks=list(_blocks(name, rows, title, locale)), text=title)


def write_report(name: str, rows: Rows, locale: str, *, day: str, of_one: bool) -> tuple[str, str]:
    """Subject and plain text of the mail."""
    lines = [line for one in _lines(name, rows, locale) for line in one]
    text = "\n".join([*lines, "", _end(name, locale)])
    plain = text.replace("*", "").replace("`", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return f"{report_title(name, locale, of_one=of_one)} · {day}", plain


def _blocks(name: str, rows: Rows, title: str, locale: str) -> Iterator[Block]:
    yield header(title)
    gathered = ""
    for lines in _lines(name, rows, locale):
        piece = "\n".join(lines)
        if gathered and length(gathered) + length(piece) + 1 > SECTION_TEXT:
            yield section(gathered)
            gathered = ""
        gathered = f"{gathered}\n{piece}" if gathered else piece
    yield section(gathered)
    yield context([_end(name, locale)])


def _end(name: str, locale: str) -> str:
    return report_phrase("end", locale, name=name)


def _lines(name: str, rows: Rows, locale: str) -> Iterator[list[str]]:
    """Per row its line, and who is named below it."""
    told = told_rows(name, rows)
    for row in told[:MOST_ROWS]:
        yield [_line(name, row, locale), *_below(name, row)]
    if len(told) > MOST_ROWS:
        yield [report_phrase("more_lines", locale, count=str(len(told) - MOST_ROWS))]


def _line(name: str, row: Mapping[str, Any], locale: str) -> str:
    layout = LAYOUTS[name]
    names = [_name(column, row[column], locale) for column in layout.names]
    whose = " · ".join(found for found in names if found)
    figures = " · ".join(
        f"{figure_phrase(name, column, locale)} {_figure(column, row[column])}" for column in layout.figures
    )
    return f"*{whose}*: {figures}"


def _name(column: str, value: Any, locale: str) -> str:
    if value is None:
        return report_phrase("nobody", locale) if column == "csm" else ""
    return report_phrase("all", locale) if value == "all" else escaped(str(value), LONGEST_NAME)


def _figure(column: str, value: Any) -> str:
    if value is None:
        return "–"
    if column in SHARES:
        return f"{value:.0%}"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.1f}"
    return f"{value:,.0f}" if isinstance(value, int | float) else escaped(str(value), LONGEST_NAME)


def _below(name: str, row: Mapping[str, Any]) -> list[str]:
    below = LAYOUTS[name].below
    found = row[below[0]] if below else []
    if below is None or not found:
        return []
    names = [escaped(str(each[below[1]]), LONGEST_NAME) for each in found[:MOST_NAMES]]
    return [f"    ↳ {', '.join(names)}{' …' if len(found) > MOST_NAMES else ''}"]
