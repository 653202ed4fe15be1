"""`docs` (hidden): writes the generated pages; a test fails while a committed one differs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.pages import generated_pages
from bot.cli.printing import print_line


def docs(folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where docs/ is.")] = Path("docs")) -> None:
    """Write the generated pages of docs/.

    Example: `journeybot docs`
    """
    for name, text in generated_pages().items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print_line(f"wrote {path}")
