"""Draws docs/demo.svg, the README's picture of a run: `python -m tests.pictures` (`just picture`). The numbers are those of a
real `journeybot demo`; each table is cut to its first rows, so that the picture stays one screen. Never edit the SVG by hand."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from bot.cli.starter import find_starter
from bot.demo.run import DemoPlan, run_demo
from bot.demo.story import print_summary
from bot.demo.summary import DemoSummary

DOCS = Path(__file__).parents[1] / "docs"
COLUMNS = 100
ROWS = 5
BOLD = "\x1b[1m"
PANEL_EDGES = ("│", "╮", "╯")
FOLDER = Path("journeybot-demo")
OUTBOX = Path(".journeybot") / "outbox"
#: Pictures in a README may load nothing, so the reader's own fonts must do.
REMOTE_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"


def run() -> DemoSummary:
    """A complete run in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        plan = DemoPlan(starter=find_starter(), folder=Path(folder) / FOLDER)
        return run_demo(plan, Console(stderr=True))


def printed(summary: DemoSummary) -> list[str]:
    """What the demo prints at its end, line by line, with its colours."""
    text = StringIO()
    console = Console(width=COLUMNS, file=text, force_terminal=True, color_system="truecolor", legacy_windows=False)
    print_summary(console, replace(summary, stories=summary.stories[:1], folder=FOLDER, outbox=FOLDER / OUTBOX))
    return text.getvalue().splitlines()


def cut(lines: list[str]) -> list[str]:
    """The first rows under each heading; panels are kept whole."""
    kept: list[str] = []
    rows = 0
    for line in lines:
        rows = 0 if line.startswith(BOLD) or line[-1:] in PANEL_EDGES else rows + 1
        if rows <= ROWS:
            kept.append(line)
        elif rows == ROWS + 1:
            kept.append("…")
    return kept


def draw(lines: list[str]) -> str:
    """A terminal window."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text("$ journeybot demo", style="bold"))
    for line in lines:
        console.print(Text.from_ansi(line))
    svg = console.export_svg(title="journeybot demo", theme=MONOKAI, unique_id="journeybot-demo")
    plain = REMOTE_FONTS.sub("", svg).replace("Fira Code, monospace", FONTS)
    return "\n".join(line.rstrip() for line in plain.splitlines()) + "\n"


def main() -> None:
    path = DOCS / "demo.svg"
    path.write_text(draw(cut(printed(run()))), encoding="utf-8")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
