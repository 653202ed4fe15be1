"""What is published, compiled once: settings, templates, and each playbook version with its program and conditions.
Every pass works from this and never from files. Made from the latest deployment; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, text

from bot.authoring.company import Company
from bot.authoring.templates import Templates
from bot.authoring.workspace import Workspace, published_workspace
from bot.authoring.workspace_file import WorkspaceSettings
from bot.pipeline.scopes import Ground
from bot.rules.business_days import BusinessCalendar, is_in_region, parse_open_days, parse_regional_freeze
from bot.rules.conditions import Condition, LocalDays, parse_condition
from bot.rules.playbook import Exit, Playbook
from bot.rules.program import Program
from bot.rules.stages import expected_days
from bot.webhooks.unsubscribe import NO_LINKS, MailLinks
from storage.deployments import PlaybookRow, deployed_files, latest_deployment, playbook_rows, version_definitions


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """One ending before the end: the goal or an exit."""

    condition: Condition
    outcome: str
    keep_handoffs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A playbook version ready to walk: goal first, then its own exits, then the workspace's (S12)."""

    id: int
    playbook: Playbook
    program: Program
    leaves: tuple[Leave, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The latest deployment, with all versions that anybody walks, and how readers of its mails reach us (`links`)."""

    deployment_id: int
    workspace: Workspace
    playbooks: tuple[PlaybookRow, ...]
    versions: Mapping[int, Version]
    links: MailLinks = NO_LINKS
    grounds: dict[tuple[str, ...], Ground] = field(default_factory=dict, compare=False, repr=False)
    #: What is worked out once for as long as the deployment stands, by whatever it depends on.
    terms: dict[tuple[object, ...], Any] = field(default_factory=dict, compare=False, repr=False)

    def ground(self, days: LocalDays) -> Ground:
        """What conditions stand on at that time. It is kept from tick to tick, with every condition put together once."""
        zones = (days.default_zone, *days.zones)
        found = self.grounds.get(zones)
        if found is None:
            found = self.grounds[zones] = ground_on(days, self.settings, self.company)
        found.days.move_to(days.now)
        return found

    @property
    def settings(self) -> WorkspaceSettings:
        return self.workspace.settings

    @property
    def company(self) -> Company:
        """The company-wide definitions: metrics, features, signals."""
        return self.workspace.company

    @property
    def templates(self) -> Templates:
        return self.workspace.templates

    @property
    def on_resume(self) -> dict[str, str]:
        """Playbook → what the end of a pause does to its due times."""
        return {row.name: self.versions[row.version_id].playbook.on_resume for row in self.playbooks}

    @property
    def live(self) -> tuple[PlaybookRow, ...]:
        """Playbooks that let people in, most important first."""
        acting = (row for row in self.playbooks if row.state in ("live", "paused"))
        return tuple(sorted(acting, key=lambda row: (-self.versions[row.version_id].playbook.priority, row.name)))


def ground_on(days: LocalDays, settings: WorkspaceSettings, company: Company) -> Ground:
    """A ground with all that conditions ask of the workspace."""
    return Ground(
        days=days,
        settings=settings,
        metrics=frozenset(company.metrics),
        stages=expected_days(company.stages),
        catalogue=company.catalogue,
        products=company.products,
    )


class Publications:
    """Loads what is published and keeps what was compiled for as long as the same deployment stands."""

    def __init__(self, links: MailLinks = NO_LINKS) -> None:
        self._links = links
        self._deployment_id: int | None = None
        self._workspace: Workspace | None = None
        self._versions: dict[int, Version] = {}
        self._grounds: dict[tuple[str, ...], Ground] = {}
        self._terms: dict[tuple[object, ...], Any] = {}

    def load(self, connection: Connection) -> Published | None:
        """What to act on now; None before the first deployment."""
        deployment_id = latest_deployment(connection)
        if deployment_id is None:
            return None
        if deployment_id != self._deployment_id or self._workspace is None:
            self._workspace = published_workspace(deployed_files(connection, deployment_id))
            self._deployment_id, self._versions, self._grounds, self._terms = deployment_id, {}, {}, {}
        rows = tuple(playbook_rows(connection))
        wanted = {row.version_id for row in rows} | walked_versions(connection)
        missing = sorted(wanted - self._versions.keys())
        for version_id, definition in version_definitions(connection, missing).items() if missing else ():
            playbook = Playbook.model_validate(definition)
            self._versions[version_id] = compile_version(version_id, playbook, self._workspace.settings)
        versions = {version_id: self._versions[version_id] for version_id in wanted}
        return Published(
            deployment_id=deployment_id,
            workspace=self._workspace,
            playbooks=rows,
            versions=versions,
            links=self._links,
            grounds=self._grounds,
            terms=self._terms,
        )


def compile_version(version_id: int, playbook: Playbook, settings: WorkspaceSettings) -> Version:
    """The program and the parsed conditions of a playbook under the workspace's settings."""
    exits: tuple[Exit, ...] = playbook.exit + (tuple(settings.exit) if playbook.exit_on_churn else ())
    goal = playbook.goal or _closing_of(playbook.enter.signal)
    leaves = [Leave(condition=parse_condition(goal), outcome="goal")] if goal else []
    leaves += [
        Leave(condition=parse_condition(found.when), outcome=found.outcome, keep_handoffs=found.keep_handoffs)
        for found in exits
    ]
    return Version(id=version_id, playbook=playbook, program=Program.of(playbook), leaves=tuple(leaves))


def _closing_of(signals: tuple[str, ...]) -> str:
    """The signal by which a walk entered is closed; nobody who entered by hand leaves by it."""
    return " or ".join(f'(event.signal == "{name}" and not signal("{name}"))' for name in signals)


def calendar_for(settings: WorkspaceSettings, region: str | None, open_days: str | None = None) -> BusinessCalendar:
    """The business days that count for somebody in this region (S18)."""
    return _calendar(settings.calendar.holidays, settings.calendar.freeze, region or "", open_days or "")


@lru_cache(maxsize=512)
def _calendar(holidays: tuple[str, ...], freeze: tuple[str, ...], region: str, open_days: str) -> BusinessCalendar:
    days = {"open_days": parse_open_days(open_days)} if open_days else {}
    ranges = [parse_regional_freeze(text) for text in freeze]
    ours = tuple(dates for place, dates in ranges if is_in_region(region, place))
    return BusinessCalendar(holidays=holidays, region=region, freeze=ours, **days)


WALKED = text(
    """WITH RECURSIVE walked(id) AS (
        SELECT min(version_id) FROM enrollment WHERE status = 'active'
        UNION ALL
        SELECT (SELECT min(version_id) FROM enrollment WHERE status = 'active' AND version_id > walked.id)
        FROM walked WHERE walked.id IS NOT NULL)
    SELECT id FROM walked WHERE id IS NOT NULL"""
)


def walked_versions(connection: Connection) -> set[int]:
    """Versions that active walks stand on, by skips through the index rather than a scan of all walks."""
    return set(connection.scalars(WALKED).all())
