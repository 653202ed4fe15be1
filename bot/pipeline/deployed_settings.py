"""The settings of workspace.yml as they are deployed now, read again only when somebody deployed. Lighter than everything that is
published (published.py), for what only needs these: cards and the rules of who may act. Threads may share it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from bot.authoring import SETTINGS
from bot.authoring.workspace_file import WorkspaceSettings, load_workspace_settings
from bot.pipeline.news import local_days
from bot.pipeline.scopes import Ground
from storage.deployments import deployed_files, latest_deployment


class DeployedSettings:
    """Call it with a connection. Before the first deployment: the defaults."""

    def __init__(self) -> None:
        self._known: tuple[int | None, WorkspaceSettings] = (None, WorkspaceSettings())

        self._grounds: dict[tuple[str, ...], Ground] = {}

    def ground(self, connection: Connection, now: datetime) -> Ground:
        """What conditions stand on at that time, under these settings alone; with every condition put together once."""
        settings = self(connection)
        days = local_days(connection, now, settings.timezone)
        zones = (days.default_zone, *days.zones)
        found = self._grounds.get(zones)
        if found is None or found.settings is not settings:
            found = self._grounds[zones] = Ground(days=days, settings=settings)
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
