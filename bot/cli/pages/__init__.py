"""The pages of docs/ that are generated from the code, so that they cannot lie; a test fails when a committed page differs.
`journeybot docs` (hidden) and `just docs` write them."""

from __future__ import annotations

from bot.cli.pages.command_reference import command_reference
from bot.cli.pages.import_reference import import_reference
from bot.cli.pages.playbook_reference import playbook_reference


def generated_pages() -> dict[str, str]:
    """File name in docs/ → text."""
    return {
        "playbook-reference.md": playbook_reference(),
        "cli.md": command_reference(),
        "import.md": import_reference(),
    }
