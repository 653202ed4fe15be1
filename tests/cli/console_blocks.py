"""The console blocks of a page: commands after `$ `, and under each the output it shows, where `...` stands for what is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands_of(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Each command with the lines shown under it."""
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.splitlines()
            yield command, shown


def pattern_of(shown: list[str]) -> str:
    """`...` alone on a line stands for any lines, inside of one for any text."""
    parts = []
    for line in shown:
        inside = ".*?".join(re.escape(text) for text in line.removeprefix("... ").split("..."))
        any_text = ".*?" if line.startswith("... ") else ""
        parts.append(r"(?:.*\n)*?" if line == "..." else any_text + inside + r"\n")
    return "".join(parts)
