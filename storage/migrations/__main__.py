"""Writes the next migration: `python -m storage.migrations "add the colour of a customer"` (`just migration`), by comparing
the tables with a new SQLite database at the newest revision. Read what it wrote before you commit it. `--first` writes
0001 again from nothing: only until the first release."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from storage.database import Database
from storage.upgrade import MIGRATIONS, head, upgrade

FIRST_MESSAGE = "The first tables"


def write_migration(message: str, *, is_first: bool) -> list[Path]:
    """Returns the files it wrote."""
    versions = MIGRATIONS / "versions"
    before = set(versions.glob("*.py"))
    if is_first:
        if [path for path in before if not path.name.startswith("0001_")]:
            raise SystemExit("there are later migrations: 0001 can no longer be written again")
        for path in before:
            path.unlink()
        before = set()
    number = "0001" if is_first else f"{int(head()) + 1:04}"
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")[:40]
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/compare.db")
        if not is_first:
            upgrade(database)
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("file_template", f"%%(rev)s_{slug}")
        with database.engine.connect() as connection:
            config.attributes["connection"] = connection
            command.revision(config, message, autogenerate=True, rev_id=number)
        database.dispose()
    return sorted(set(versions.glob("*.py")) - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("message", nargs="?", default=FIRST_MESSAGE)
    parser.add_argument("--first", action="store_true", help="write 0001 again")
    given = parser.parse_args()
    written = write_migration(given.message, is_first=given.first)
    for step in (["check", "--fix", "--quiet"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *step, *map(str, written)], check=True)


if __name__ == "__main__":
    main()
