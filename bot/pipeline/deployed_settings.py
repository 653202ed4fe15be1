"""The settings of workspace.yml as they are deployed now, read again only when somebody deployed. Lighter than everything that is
published (published.py), for what only needs these: cards and the rules of who may act. Threads may share it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from bot.authoring import SETTINGS
from bot.authoring.company import read_company
from bot.authoring.workspace_file import WorkspaceSettings, load_workspace_settings
from bot.pipeline.news import local_days
from bot.pipeline.published import ground_on
from bot.pipeline.scopes import Ground
from storage.deployments import deployed_files, latest_deployment


class DeployedSettings:
    """Call it with a connection. Before the first deployment: the defaults."""

    def __init__(self) -> None:
        self._known: tuple[int | None, WorkspaceSettings] = (None, WorkspaceSettings())
        self._grounds: dict[tuple[str, ...], Ground] = {}

    def ground(self, connection: Connection, now: datetime) -> Ground:
        """What conditions stand on at that time, with every condition put together once; the company's files are read when a
        deployment's ground is first asked for."""
        settings = self(connection)
        days = local_days(connection, now, settings.timezone)
        zones = (days.default_zone, *days.zones)
        found = self._grounds.get(zones)
        if found is None or found.settings is not settings:
            deployment, _ = self._known
            files = {} if deployment is None else deployed_files(connection, deployment)
            found = self._grounds[zones] = ground_on(days, settings, read_company(files)[0])
        found.days.move_to(now)
        return found

    def __call__(self, connection: Connection) -> WorkspaceSettings:
        deployment = latest_deployment(connection)
        known, settings = self._known
        if deployment is not None and deployment != known:
            text = deployed_files(connection, deployment).get(SETTINGS, "")
            settings = load_workspace_settings(text, SETTINGS)[0] or WorkspaceSettings()
            self._known = (deployment, settings)
        return settings
