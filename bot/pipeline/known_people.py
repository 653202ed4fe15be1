"""What the data says about people, for `check`: roles of contacts, persons and teams of ours. Reads a database that is there
and up to date, and never makes or changes one: `check` works before the first import, too."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Table, make_url, select, text
from sqlalchemy.exc import OperationalError

from bot.authoring import SETTINGS
from bot.authoring.people_findings import NOBODY_ASKED, KnownPeople
from bot.errors import Finding
from storage.accounts import Csm
from storage.database import Database
from storage.upgrade import is_current

CSM: Table = Csm.__table__  # type: ignore[attr-defined]
#: By skips through the index: there are a handful of roles, and perhaps a million contacts.
ROLES = text(
    """WITH RECURSIVE found(role) AS (
        SELECT min(role) FROM contact_role
        UNION ALL
        SELECT (SELECT min(role) FROM contact_role WHERE role > found.role) FROM found WHERE found.role IS NOT NULL)
    SELECT role FROM found WHERE role IS NOT NULL"""
)


def known_people(connection: Connection) -> KnownPeople:
    rows = connection.execute(select(CSM.c.key, CSM.c.team)).all()
    return KnownPeople(
        roles=frozenset(connection.scalars(ROLES)),
        persons=frozenset(row.key for row in rows),
        teams=frozenset(row.team for row in rows if row.team),
    )


def ask_for_people(database_url: str) -> tuple[KnownPeople, list[Finding]]:
    """Whom the database knows, if there is one; a warning when it cannot be asked."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return NOBODY_ASKED, []
    database = Database(database_url)
    try:
        if not is_current(database):
            return NOBODY_ASKED, []
        with database.read() as connection:
            return known_people(connection), []
    except OperationalError:
        return NOBODY_ASKED, [_unreachable(url.render_as_string(hide_password=True))]
    finally:
        database.dispose()


def _unreachable(label: str) -> Finding:
    return Finding(
        file=SETTINGS,
        line=1,
        path="",
        rule="database",
        severity="warning",
        message=f"The database cannot be asked which roles and people there are ({label})",
        hint="`journeybot doctor` says what is wrong with it; everything else was checked",
    )
