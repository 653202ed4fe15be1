"""Reads and writes publications: the files of a deployment, playbook versions, the running state of playbooks.
Written by deploy only; every pass reads what the latest deployment says, never the files on disk (S34)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select

from storage.bulk import insert_new_rows, insert_rows
from storage.journeys import DeployedFile, Deployment, FileText, Playbook, PlaybookVersion

DEPLOYMENT: Table = Deployment.__table__  # type: ignore[attr-defined]
DEPLOYED_FILE: Table = DeployedFile.__table__  # type: ignore[attr-defined]
FILE_TEXT: Table = FileText.__table__  # type: ignore[attr-defined]
VERSION: Table = PlaybookVersion.__table__  # type: ignore[attr-defined]
PLAYBOOK: Table = Playbook.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookRow:
    """A playbook as it runs now."""

    name: str
    state: str
    version_id: int
    live_since: datetime | None
    last_moment: datetime | None
    needs_sweep: bool
    fault: str | None
    fault_at: datetime | None


def digest_of(text: str) -> str:
    """sha256 of a file's text, 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


_LATEST = select(func.max(DEPLOYMENT.c.id))


def latest_deployment(connection: Connection) -> int | None:
    found: int | None = connection.scalar(_LATEST)
    return found


def deployed_at(connection: Connection, deployment_id: int) -> datetime:
    found: datetime = connection.execute(select(DEPLOYMENT.c.at).where(DEPLOYMENT.c.id == deployment_id)).scalar_one()
    return found


def deployment_digest(connection: Connection, deployment_id: int) -> str:
    return str(connection.execute(select(DEPLOYMENT.c.digest).where(DEPLOYMENT.c.id == deployment_id)).scalar_one())


def deployed_files(connection: Connection, deployment_id: int) -> dict[str, str]:
    """Path → text of everything a deployment published."""
    statement = (
        select(DEPLOYED_FILE.c.path, FILE_TEXT.c.text)
        .join(FILE_TEXT, FILE_TEXT.c.digest == DEPLOYED_FILE.c.digest)
        .where(DEPLOYED_FILE.c.deployment_id == deployment_id)
        .order_by(DEPLOYED_FILE.c.path)
    )
    return {path: text for path, text in connection.execute(statement)}


def workspace_digest(files: Mapping[str, str]) -> str:
    """One digest for the whole workspace: the same files give the same digest."""
    whole = "\n".join(f"{path} {digest_of(text)}" for path, text in sorted(files.items()))
    return digest_of(whole)


def store_deployment(connection: Connection, files: Mapping[str, str], at: datetime) -> int:
    """Publish the files; returns the deployment's id."""
    digests = {path: digest_of(text) for path, text in files.items()}
    insert_new_rows(connection, FILE_TEXT, ("digest", "text"), [(digests[path], files[path]) for path in sorted(files)])
    result = connection.execute(DEPLOYMENT.insert().values(at=at, digest=workspace_digest(files)))
    (deployment_id,) = result.inserted_primary_key or (0,)
    rows = [(deployment_id, path, digests[path]) for path in sorted(files)]
    insert_rows(connection, DEPLOYED_FILE, ("deployment_id", "path", "digest"), rows)
    return int(deployment_id)


def store_version(
    connection: Connection, playbook: str, digest: str, definition: Mapping[str, Any], at: datetime
) -> tuple[int, bool]:
    """The version with this digest, and whether it is new. The same content is the same version."""
    found = connection.scalar(select(VERSION.c.id).where(VERSION.c.playbook == playbook, VERSION.c.digest == digest))
    if found is not None:
        return int(found), False
    number = connection.scalar(
        select(func.coalesce(func.max(VERSION.c.number), 0)).where(VERSION.c.playbook == playbook)
    )
    result = connection.execute(
        VERSION.insert().values(
            playbook=playbook, number=(number or 0) + 1, digest=digest, definition=dict(definition), created_at=at
        )
    )
    (version_id,) = result.inserted_primary_key or (0,)
    return int(version_id), True


def version_definitions(connection: Connection, ids: list[int]) -> dict[int, dict[str, Any]]:
    """Version id → the checked playbook as JSON."""
    statement = select(VERSION.c.id, VERSION.c.definition).where(VERSION.c.id.in_(ids))
    return {version_id: definition for version_id, definition in connection.execute(statement)}


def playbook_rows(connection: Connection) -> list[PlaybookRow]:
    return [PlaybookRow(**row._mapping) for row in connection.execute(_ROWS)]


_ROWS = select(
    PLAYBOOK.c.name,
    PLAYBOOK.c.state,
    PLAYBOOK.c.version_id,
    PLAYBOOK.c.live_since,
    PLAYBOOK.c.last_moment,
    PLAYBOOK.c.needs_sweep,
    PLAYBOOK.c.fault,
    PLAYBOOK.c.fault_at,
).order_by(PLAYBOOK.c.name)


def put_playbook(connection: Connection, name: str, values: Mapping[str, Any]) -> None:
    """Insert or update the running state of one playbook."""
    changed = connection.execute(PLAYBOOK.update().where(PLAYBOOK.c.name == name).values(**values))
    if not changed.rowcount:
        connection.execute(PLAYBOOK.insert().values(name=name, **values))
