"""The auditor behind `journeybot doctor`: whether the promises of design/delivery.md hold in this database, what waits for a
person, and what in the set-up will bite. Set-based, read-only; a healthy installation has no complaint of severity error."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, inspect

from bot.insight.complaints import ORDER, Complaint, run_checks
from bot.insight.doctor_guards import guard_checks
from bot.insight.doctor_incoming import incoming_complaints
from bot.insight.doctor_mails import mail_checks
from bot.insight.doctor_people import people_checks, unknown_zones
from bot.insight.doctor_running import running_complaints
from bot.insight.doctor_sending import sending_complaints
from bot.insight.doctor_setup import setup_complaints
from bot.insight.doctor_sync import sync_complaints
from bot.insight.doctor_tracking import tracking_complaints
from bot.insight.doctor_walks import handoff_checks, walk_checks
from bot.insight.doctor_webhooks import webhook_complaints
from bot.pipeline.published import Published
from bot.pipeline.send_guard import OPEN_GUARD, SendGuard
from bot.settings import Settings
from storage.database import Database
from storage.tables import metadata

__all__ = ["Complaint", "examine"]

MOST_BROKEN = 5


def examine(
    database: Database,
    published: Published | None,
    now: datetime,
    settings: Settings,
    guard: SendGuard = OPEN_GUARD,
) -> list[Complaint]:
    """Everything that is wrong, the worst first. `published`: None before the first deployment."""
    with database.read() as connection:
        behind = _schema(connection)
        if behind:
            return behind  # the other questions would fail on what is missing
        found = [
            *_integrity(connection, database),
            *run_checks(connection, mail_checks(connection, published, now)),
            *run_checks(connection, guard_checks(now)),
            *run_checks(connection, walk_checks(connection, published, now)),
            *run_checks(connection, handoff_checks(now)),
            *run_checks(connection, people_checks()),
            *unknown_zones(connection),
            *running_complaints(connection, now),
            *sending_complaints(connection, guard),
            *incoming_complaints(connection, database, now),
            *tracking_complaints(connection, now),
            *sync_complaints(connection, now),
            *webhook_complaints(connection, now, has_secret=settings.webhook_secret is not None),
            *setup_complaints(connection, published, now, settings),
        ]
    return sorted(found, key=lambda complaint: (ORDER[complaint.severity], complaint.name))


def _schema(connection: Connection) -> list[Complaint]:
    """Tables or columns that this program expects and the database lacks."""
    inspector = inspect(connection)
    present = set(inspector.get_table_names())
    missing = [name for name in metadata.tables if name not in present]
    for name, table in metadata.tables.items():
        if name in present:
            columns = {column["name"] for column in inspector.get_columns(name)}
            missing += [f"{name}.{column.name}" for column in table.columns if column.name not in columns]
    if not missing:
        return []
    return [
        Complaint(
            name="schema_behind",
            severity="error",
            sentence=f"The database lacks {len(missing)} table(s) or column(s) of this version",
            hint="run `journeybot db upgrade`",
            count=len(missing),
            examples=tuple(missing[:MOST_BROKEN]),
        )
    ]


def _integrity(connection: Connection, database: Database) -> list[Complaint]:
    """SQLite checks its own file and references; PostgreSQL enforces both, unless an index or a constraint was left invalid, and
    counts the pages whose checksums failed."""
    if not database.is_sqlite:
        return _integrity_of_postgresql(connection)
    pages = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check") if row[0] != "ok"]
    strays = [f"{row[0]} → {row[2]}" for row in connection.exec_driver_sql("PRAGMA foreign_key_check")]
    found = []
    if pages:
        found.append(_broken("database_damaged", "The database file is damaged", pages))
    if strays:
        found.append(_broken("reference_broken", "Rows refer to rows that do not exist", strays))
    return found


INVALID = """
SELECT 'index ' || indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE NOT (indisvalid AND indisready) AND relnamespace = current_schema()::regnamespace
UNION ALL
SELECT 'constraint ' || conname::text FROM pg_constraint
WHERE NOT convalidated AND connamespace = current_schema()::regnamespace
"""
CHECKSUMS = "SELECT coalesce(checksum_failures, 0) FROM pg_stat_database WHERE datname = current_database()"


def _integrity_of_postgresql(connection: Connection) -> list[Complaint]:
    """From the catalogue, so it costs nothing; `pg_amcheck` reads the pages themselves."""
    found = []
    if failures := int(connection.exec_driver_sql(CHECKSUMS).scalar() or 0):
        found.append(
            _broken("database_damaged", "Pages of the database are damaged", [f"{failures} failed checksum(s)"])
        )
    if invalid := [str(row[0]) for row in connection.exec_driver_sql(INVALID)]:
        sentence = "Indexes or constraints are invalid, so what they forbid may have happened"
        hint = "REINDEX the index, VALIDATE the constraint, and look at doctor again"
        shown = tuple(invalid[:MOST_BROKEN])
        found.append(
            Complaint(
                name="index_invalid", severity="error", sentence=sentence, hint=hint, count=len(invalid), examples=shown
            )
        )
    return found


def _broken(name: str, sentence: str, examples: list[str]) -> Complaint:
    hint = "stop journeybot, keep a copy of the file, and restore the last backup"
    shown = tuple(examples[:MOST_BROKEN])
    return Complaint(name=name, severity="error", sentence=sentence, hint=hint, count=len(examples), examples=shown)
