"""Publishes a checked workspace as one version: stores its files, gives each playbook its version, takes people inside
along where that is safe, and notes who matched a newly live playbook already (semantics.md S4, S34, S36). All or nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Table, and_, case, literal, select, true, update

from bot.authoring.workspace import Workspace, without_tests
from bot.errors import Finding, WorkspaceError
from bot.pipeline.derive import derive_new
from bot.pipeline.news import EVERYBODY, local_days, no_news
from bot.pipeline.occasions import by_condition, by_signal
from bot.pipeline.opening import close_occasions, first_category, record_existing
from bot.pipeline.operate import pause, resume
from bot.pipeline.published import Publications, Published, Version
from bot.rules.playbook import Playbook, canonical_json, playbook_digest
from bot.rules.program import Program
from storage.accounts import Pause
from storage.columns import UtcDateTime
from storage.deployments import (
    VERSION,
    PlaybookRow,
    deployment_digest,
    latest_deployment,
    playbook_rows,
    put_playbook,
    store_deployment,
    store_version,
    version_definitions,
    workspace_digest,
)
from storage.enrollments import ENROLLMENT
from storage.journal import Verdict
from storage.journal_entries import DECISION, Entry, write_entries
from storage.journeys import EnrollmentStatus, Occasion
from storage.outbox_moves import MESSAGE

OCCASION: Table = Occasion.__table__  # type: ignore[attr-defined]
PAUSE: Table = Pause.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookChange:
    """What a deployment did to one playbook. `followed` and `stayed` count the people inside an older version."""

    playbook: str
    state: str
    version: int
    is_new_version: bool
    followed: int = 0
    stayed: int = 0
    existing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployReport:
    """`is_changed` is false when the very same workspace was published already."""

    deployment_id: int
    is_changed: bool
    playbooks: tuple[PlaybookChange, ...] = ()
    warnings: tuple[Finding, ...] = ()


def deploy(connection: Connection, files: Mapping[str, str], workspace: Workspace, now: datetime) -> DeployReport:
    """Publish. Raises: WorkspaceError when the check found errors, or a playbook was renamed without `was:`."""
    if workspace.errors:
        raise WorkspaceError(workspace.errors)
    files = without_tests(files)
    warnings = tuple(found for found in workspace.findings if found.severity == "warning")
    standing = latest_deployment(connection)
    if standing is not None and deployment_digest(connection, standing) == workspace_digest(files):
        return DeployReport(deployment_id=standing, is_changed=False, warnings=warnings)
    before = {row.name: row for row in playbook_rows(connection)}
    _refuse_silent_renames(connection, before, workspace)
    deployment_id = store_deployment(connection, files, now)
    changes = []
    for name in sorted(workspace.playbooks):
        playbook = workspace.playbook(name)
        old = _renamed(connection, playbook, before) or before.get(name)
        changes.append(_publish(connection, playbook, old, now))
    for name, row in before.items():
        if name not in workspace.playbooks and row.state != "retired" and not _was_renamed(name, workspace):
            put_playbook(connection, name, {"state": "retired"})
    published = Publications().load(connection)
    assert published is not None
    derive_new(connection, published, no_news(connection, now, published.settings.timezone))
    existing = _look_at_newly_live(connection, published, before, now)
    write_entries(connection, [_entry(change, now) for change in changes if change.is_new_version])
    final = tuple(_with_existing(change, existing.get(change.playbook, 0)) for change in changes)
    return DeployReport(deployment_id=deployment_id, is_changed=True, playbooks=final, warnings=warnings)


def _publish(connection: Connection, playbook: Playbook, old: PlaybookRow | None, now: datetime) -> PlaybookChange:
    """Store the version and the running state; take along who may follow."""
    definition = json.loads(canonical_json(playbook))
    version_id, is_new = store_version(connection, playbook.name, playbook_digest(playbook), definition, now)
    was_live = old is not None and old.live_since is not None and old.state not in ("draft", "retired")
    goes_live = playbook.state == "live" and not was_live
    values: dict[str, object] = {"state": playbook.state, "version_id": version_id}
    if goes_live:
        values |= {"live_since": now, "last_moment": now}
    if old is None:
        values |= {"needs_sweep": False}
    put_playbook(connection, playbook.name, values)
    _pause_or_resume(connection, playbook, old, now)
    followed, stayed = _take_along(connection, playbook, version_id, now)
    number = connection.execute(select(VERSION.c.number).where(VERSION.c.id == version_id)).scalar_one()
    return PlaybookChange(
        playbook=playbook.name,
        state=playbook.state,
        version=number,
        is_new_version=is_new,
        followed=followed,
        stayed=stayed,
    )


def _take_along(connection: Connection, playbook: Playbook, version_id: int, now: datetime) -> tuple[int, int]:
    """People inside follow where their step still exists and no step they passed changed its kind; else they stay. Who
    follows is looked at now: a wait may be shorter, a goal new."""
    inside = (
        ENROLLMENT.c.playbook == playbook.name,
        ENROLLMENT.c.status == EnrollmentStatus.ACTIVE.value,
        ENROLLMENT.c.version_id != version_id,
    )
    old_ids = list(connection.scalars(select(ENROLLMENT.c.version_id).where(*inside).distinct()))
    if not old_ids:
        return 0, 0
    followed = 0
    nodes = Program.of(playbook).nodes
    if playbook.versions == "follow":
        for old_id, definition in version_definitions(connection, old_ids).items():
            old_nodes = Program.of(Playbook.model_validate(definition)).nodes
            kept = [
                found for found in old_nodes if found in nodes and nodes[found].step.kind == old_nodes[found].step.kind
            ]
            changed = [found for found in old_nodes if found in nodes and found not in kept]
            passed_changed = (
                select(DECISION.c.id)
                .where(DECISION.c.enrollment_id == ENROLLMENT.c.id, DECISION.c.step.in_(changed))
                .exists()
            )
            statement = update(ENROLLMENT).where(
                *inside, ENROLLMENT.c.version_id == old_id, ENROLLMENT.c.step.in_(kept), ~passed_changed
            )
            looked_at = case((ENROLLMENT.c.has_arrived, literal(now, UtcDateTime)), else_=ENROLLMENT.c.due_at)
            values = {"version_id": version_id, "priority": playbook.priority, "due_at": looked_at}
            followed += connection.execute(statement.values(values)).rowcount
    stayed = len(list(connection.scalars(select(ENROLLMENT.c.id).where(*inside))))
    return followed, stayed


def _pause_or_resume(connection: Connection, playbook: Playbook, old: PlaybookRow | None, now: datetime) -> None:
    """`state: paused` stands still like a pause by hand; going back to live ends it."""
    was_paused = old is not None and old.state == "paused"
    if playbook.state == "paused" and not was_paused:
        pause(connection, "playbook", playbook.name, now)
    elif was_paused and playbook.state != "paused":
        resume(connection, "playbook", playbook.name, now, {playbook.name: playbook.on_resume})


def _look_at_newly_live(
    connection: Connection, published: Published, before: Mapping[str, PlaybookRow], now: datetime
) -> dict[str, int]:
    """Who matches already: stands there as existing, or (`existing: enter`, dates) is looked at by the next tick."""
    ground = published.ground(local_days(connection, now, published.settings.timezone))
    noted: dict[str, int] = {}
    for row in published.live:
        version = published.versions[row.version_id]
        old = before.get(row.name)
        if not _looks_anew(connection, version, old):
            continue
        enter = version.playbook.enter
        if enter.trigger == "when" and enter.existing == "skip":
            category = first_category(version, published)
            close_occasions(connection, version, ground, category, EVERYBODY, true)
            openings = by_condition(version, ground, category, true())
            record_existing(connection, version, openings)
            noted[row.name] = _count_existing(connection, row.name)
        elif enter.trigger == "signal" and enter.existing == "skip":
            record_existing(connection, version, by_signal(version, ground, true()))
            noted[row.name] = _count_existing(connection, row.name)
        elif enter.trigger not in ("on", "after") or _goes_live(old):
            # An event is offered once: a changed playbook does not hear again what it heard before.
            put_playbook(connection, row.name, {"needs_sweep": True})
    return noted


def _looks_anew(connection: Connection, version: Version, old: PlaybookRow | None) -> bool:
    """Whether the playbook went live just now, or asks for other people than before."""
    if old is None or _goes_live(old):
        return True
    if old.version_id == version.id:
        return False
    former = Playbook.model_validate(version_definitions(connection, [old.version_id])[old.version_id])
    return former.enter != version.playbook.enter or former.walks != version.playbook.walks


def _goes_live(old: PlaybookRow | None) -> bool:
    return old is None or old.state not in ("live", "paused")


def _count_existing(connection: Connection, name: str) -> int:
    found = select(OCCASION.c.id).where(
        OCCASION.c.playbook == name, OCCASION.c.verdict == "existing", OCCASION.c.is_open
    )
    return len(list(connection.scalars(found)))


def _renamed(connection: Connection, playbook: Playbook, before: Mapping[str, PlaybookRow]) -> PlaybookRow | None:
    """`was: old` carries walks, occasions and mails over to the new name (S36)."""
    old = before.get(playbook.was or "")
    if old is None or playbook.name in before:
        return None
    for table in (OCCASION, ENROLLMENT, MESSAGE, DECISION, VERSION):
        connection.execute(update(table).where(table.c.playbook == old.name).values(playbook=playbook.name))
    row = {
        "state": old.state,
        "version_id": old.version_id,
        "live_since": old.live_since,
        "last_moment": old.last_moment,
    }
    put_playbook(connection, playbook.name, row)
    put_playbook(connection, old.name, {"state": "retired"})
    paused = and_(PAUSE.c.kind == "playbook", PAUSE.c.key == old.name)
    connection.execute(update(PAUSE).where(paused).values(key=playbook.name))
    return old


def _was_renamed(name: str, workspace: Workspace) -> bool:
    return any(workspace.playbook(other).was == name for other in workspace.playbooks)


def _refuse_silent_renames(connection: Connection, before: Mapping[str, PlaybookRow], workspace: Workspace) -> None:
    """A vanished playbook and a new one with the same step ids are one playbook; without `was:` everybody would walk again."""
    gone = [row for name, row in before.items() if name not in workspace.playbooks and row.state == "live"]
    if not gone:
        return
    definitions = version_definitions(connection, [row.version_id for row in gone])
    steps = {tuple(Program.of(Playbook.model_validate(definitions[row.version_id])).order): row.name for row in gone}
    findings = []
    for name in sorted(set(workspace.playbooks) - set(before)):
        playbook = workspace.playbook(name)
        old = steps.get(tuple(Program.of(playbook).order))
        if old is not None and playbook.was != old:
            findings.append(
                Finding(
                    file=f"playbooks/journeys/{name}.yml",
                    line=1,
                    path="was",
                    rule="renamed",
                    severity="error",
                    message=f"`{name}` looks like `{old}` under a new name, and everybody would walk it again",
                    hint=f"add `was: {old}` (or change a step id, if it is another playbook)",
                )
            )
    if findings:
        raise WorkspaceError(findings)


def _entry(change: PlaybookChange, now: datetime) -> Entry:
    details = {"version": change.version, "state": change.state, "followed": change.followed, "stayed": change.stayed}
    return Entry(at=now, verdict=Verdict.OPERATED, reason="deployed", playbook=change.playbook, details=details)


def _with_existing(change: PlaybookChange, existing: int) -> PlaybookChange:
    return replace(change, existing=existing)
