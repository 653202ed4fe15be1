"""Migrations make exactly the tables of the models, once, however many processes start together."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, make_url, text

from storage.database import Database
from storage.tables import metadata
from storage.upgrade import MIGRATIONS, SchemaError, current, head, is_current, upgrade

# Neither SQLAlchemy nor Alembic can read back an index over an expression on SQLite; test_…_same_schema covers them.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Skipped unsupported reflection of expression-based index:sqlalchemy.exc.SAWarning",
    "ignore:autogenerate skipping metadata-specified expression-based index:UserWarning",
)
SQLITE_SCHEMA = (
    """SELECT m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk FROM sqlite_master m, pragma_table_info(m.name) c
       WHERE m.name NOT LIKE 'sqlite_%'""",
    """SELECT name, upper(sql) LIKE '%AUTOINCREMENT%' FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'""",
    """SELECT m.name, f."from", f."table", f."to", f.on_delete FROM sqlite_master m, pragma_foreign_key_list(m.name) f""",
    """SELECT name, tbl_name, replace(sql, char(10), ' ') FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL""",
    """SELECT m.name, l."unique", i.seqno, i.name
       FROM sqlite_master m, pragma_index_list(m.name) l, pragma_index_info(l.name) i WHERE l.origin = 'u'""",
)
POSTGRESQL_SCHEMA = (
    """SELECT table_name, column_name, data_type, udt_name, is_nullable, column_default, is_identity
       FROM information_schema.columns WHERE table_schema = 'public'""",
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
       WHERE connamespace = 'public'::regnamespace""",
    """SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'""",
)
_numbers = itertools.count()


@pytest.fixture
def empty_postgresql_url(postgresql_url: str) -> Iterator[str]:
    name = f"journeybot_empty_{os.getpid()}_{next(_numbers)}"
    admin = create_engine(make_url(postgresql_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("empty_postgresql_url")
    return url


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    """A database without any table."""
    database = Database(empty_url)
    yield database
    database.dispose()


def test_a_new_database_has_no_revision_and_an_upgraded_one_is_current(empty: Database) -> None:
    assert current(empty) is None
    assert not is_current(empty)
    upgrade(empty)
    assert current(empty) == head()
    assert is_current(empty)


def test_migrations_leave_nothing_for_alembic_to_change(empty: Database) -> None:
    upgrade(empty)
    with empty.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
        assert compare_metadata(context, metadata) == []


def test_migrations_and_models_make_the_same_schema(empty: Database) -> None:
    """Partial and expression indexes, foreign keys, defaults and nullability included."""
    upgrade(empty)
    with empty.write() as connection:
        migrated = _schema(connection)
        metadata.drop_all(connection)
        assert _schema(connection) == []
        metadata.create_all(connection)
        assert migrated == _schema(connection)
    assert len(migrated) > len(metadata.tables)


def test_upgrading_again_changes_nothing(empty: Database) -> None:
    upgrade(empty)
    with empty.write() as connection:
        connection.execute(text("INSERT INTO csm (key, name) VALUES ('k', 'K')"))
    upgrade(empty)
    with empty.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM csm")).scalar_one() == 1


def test_foreign_keys_are_enforced_again_after_an_upgrade(sqlite_database_url: str) -> None:
    database = Database(sqlite_database_url)
    upgrade(database)
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    database.dispose()


def test_processes_that_start_together_upgrade_once(empty: Database, empty_url: str) -> None:
    program = (
        "import sys; from storage.database import Database; from storage.upgrade import upgrade, is_current\n"
        "database = Database(sys.argv[1]); print('ready', flush=True); sys.stdin.readline()\n"
        "upgrade(database); print(is_current(database), flush=True)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, empty_url], text=True, stdin=-1, stdout=-1, stderr=-1)
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]
    assert [said for said, _ in answers] == ["True\n"] * 3, answers
    assert is_current(empty)


def test_a_database_of_a_newer_program_is_left_alone(empty: Database) -> None:
    upgrade(empty)
    with empty.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="9999") as caught:
        upgrade(empty)
    assert "newer journeybot" in caught.value.hint
    assert current(empty) == "9999"


def test_tables_of_somebody_else_are_left_alone(empty: Database) -> None:
    with empty.write() as connection:
        connection.execute(text("CREATE TABLE customer (id INTEGER)"))
    with pytest.raises(SchemaError, match="`customer`"):
        upgrade(empty)
    with empty.read() as connection:
        assert inspect(connection).get_table_names() == ["customer"]


def test_a_migration_that_fails_leaves_no_trace(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    import storage.upgrade

    def explode(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE half (id INTEGER)"))
        raise ZeroDivisionError

    monkeypatch.setattr(storage.upgrade, "run_migrations", explode)
    with pytest.raises(ZeroDivisionError):
        upgrade(empty)
    with empty.read() as connection:
        assert inspect(connection).get_table_names() == []


def test_revisions_are_one_line_of_numbered_files() -> None:
    names = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    assert names == [f"{number:04}" for number in range(1, len(names) + 1)]
    assert head() == names[-1]


def _schema(connection: Connection) -> list[tuple[str, ...]]:
    """Every table, column, constraint and index as the database itself tells it."""
    statements = SQLITE_SCHEMA if connection.dialect.name == "sqlite" else POSTGRESQL_SCHEMA
    rows = {tuple(map(str, row)) for statement in statements for row in connection.execute(text(statement))}
    return sorted(row for row in rows if "alembic_version" not in row)
